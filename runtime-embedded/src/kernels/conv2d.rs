//! k×k convolution, stride 1, same padding.
//!
//! The weights of two output channels are unpacked once into a buffer on the stack and then
//! slide over the image. Kernel rows are filled with zeros to a multiple of [`run`]'s taps: one
//! inner step multiplies one or three taps with four pixels for both channels.

use network::kernels::ConvData;

use super::weights::{Codes, codes};
use super::{Decode, LayerData, Rescale, Signed, Source, Target, Unsigned};

/// Pixels of one inner step.
const PIXELS: usize = 4;
/// Output channels computed together.
const LANES: usize = 2;
/// Taps of both channels kept on the stack: 128 input channels of a 3×3 convolution. A layer
/// with more unpacks them again for every tile, one input channel at a time.
const BUFFER: usize = 1152;

/// One tap of both channels.
type Pair = [i8; LANES];
type Sums = [[i32; PIXELS]; LANES];

/// As [`network::kernels::conv2d`].
///
/// # Shapes
/// Input `[C, H, W]`, weights `[O, C, k, k]`, output `[O, H, W]`.
pub fn conv2d(data: &LayerData, kernel: usize, shift: u8, input: Source, output: Target) {
    match (kernel, input.spec.signed) {
        (1, false) => run::<Unsigned, 1, 4>(data, kernel, shift, input, output),
        (1, true) => run::<Signed, 1, 4>(data, kernel, shift, input, output),
        (_, false) => run::<Unsigned, 3, 6>(data, kernel, shift, input, output),
        (_, true) => run::<Signed, 3, 6>(data, kernel, shift, input, output),
    }
}

/// Shape of the unpacked weights.
#[derive(Clone, Copy)]
struct Shape {
    kernel: usize,
    /// Taps of one kernel row, filled up.
    row: usize,
    /// Taps of one input channel, filled up.
    channel: usize,
    /// Columns of the image.
    width: usize,
}

/// SPAN is the number of pixels that an inner step reads: TAPS + PIXELS − 1.
fn run<D: Decode, const TAPS: usize, const SPAN: usize>(
    data: &LayerData,
    kernel: usize,
    shift: u8,
    input: Source,
    output: Target,
) {
    let row = kernel.next_multiple_of(TAPS).max(1);
    let channel = (kernel * row).max(1);
    let width = input.spec.width.max(1);
    let shape = Shape {
        kernel,
        row,
        channel,
        width,
    };
    let per_output = input.spec.channels * kernel * kernel;
    let mut buffer = [[0; LANES]; BUFFER];
    let fits = input.spec.channels * channel <= BUFFER;
    let plane = output.spec.plane().max(1);
    for (pair, planes) in output.data.chunks_mut(LANES * plane).enumerate() {
        let outputs = [LANES * pair, LANES * pair + 1];
        let rescale = outputs.map(|o| Rescale::new(data.params(o), shift, &output.spec));
        let lanes = || outputs.map(|o| codes(data.weights, o * per_output));
        if fits {
            unpack(&mut lanes(), shape, buffer.chunks_exact_mut(channel));
        }
        let (first, second) = planes.split_at_mut_checked(plane).unwrap_or_default();
        let mut second = second.chunks_exact_mut(width);
        for (y, first) in first.chunks_exact_mut(width).enumerate() {
            let mut second = second.next().unwrap_or_default().chunks_mut(PIXELS);
            for (tile, first) in first.chunks_mut(PIXELS).enumerate() {
                let at = [y, PIXELS * tile];
                let sums = if fits {
                    window::<D, TAPS, SPAN>(&buffer, shape, &input, at)
                } else {
                    window_unpacking::<D, TAPS, SPAN>(&mut buffer, lanes(), shape, &input, at)
                };
                store(first, &sums[0], &rescale[0]);
                store(second.next().unwrap_or_default(), &sums[1], &rescale[1]);
            }
        }
    }
}

/// Fills channel after channel with the next codes of both lanes.
fn unpack<'b>(
    lanes: &mut [Codes; LANES],
    shape: Shape,
    channels: impl Iterator<Item = &'b mut [Pair]>,
) {
    for channel in channels {
        for row in channel.chunks_exact_mut(shape.row) {
            for pair in row.iter_mut().take(shape.kernel) {
                *pair = [lanes[0].next_code(), lanes[1].next_code()];
            }
        }
    }
}

fn store(tile: &mut [u8], sums: &[i32; PIXELS], rescale: &Rescale) {
    for (byte, sum) in tile.iter_mut().zip(sums) {
        *byte = rescale.byte(*sum);
    }
}

/// The sums of the tile of output values at `[y, x]`.
#[inline(always)]
fn window<D: Decode, const TAPS: usize, const SPAN: usize>(
    weights: &[Pair],
    shape: Shape,
    input: &Source,
    at: [usize; 2],
) -> Sums {
    let mut sums = [[0; PIXELS]; LANES];
    let planes = input.data.chunks_exact(input.spec.plane().max(1));
    for (plane, weights) in planes.zip(weights.chunks_exact(shape.channel)) {
        add_channel::<D, TAPS, SPAN>(&mut sums, weights, shape, plane, at);
    }
    sums
}

/// As [`window`], for weights that do not fit the buffer.
#[inline(never)]
fn window_unpacking<D: Decode, const TAPS: usize, const SPAN: usize>(
    buffer: &mut [Pair; BUFFER],
    mut lanes: [Codes; LANES],
    shape: Shape,
    input: &Source,
    at: [usize; 2],
) -> Sums {
    let mut sums = [[0; PIXELS]; LANES];
    for plane in input.data.chunks_exact(input.spec.plane().max(1)) {
        let weights = buffer.get_mut(..shape.channel).unwrap_or_default();
        unpack(&mut lanes, shape, core::iter::once(&mut *weights));
        add_channel::<D, TAPS, SPAN>(&mut sums, weights, shape, plane, at);
    }
    sums
}

/// Adds the products of one input channel.
#[inline(always)]
fn add_channel<D: Decode, const TAPS: usize, const SPAN: usize>(
    sums: &mut Sums,
    weights: &[Pair],
    shape: Shape,
    plane: &[u8],
    [y, x]: [usize; 2],
) {
    let pad = shape.kernel / 2;
    let start = x.wrapping_sub(pad);
    // rows above the image are skipped on both sides; below it the zip ends
    let rows = plane
        .get(y.saturating_sub(pad) * shape.width..)
        .unwrap_or_default();
    let weights = weights
        .get(pad.saturating_sub(y) * shape.row..)
        .unwrap_or_default();
    let rows = rows.chunks_exact(shape.width);
    for (pixels, taps) in rows.zip(weights.chunks_exact(shape.row)) {
        let mut start = start;
        for taps in taps.chunks_exact(TAPS) {
            let (Some(taps), pixels) = (taps.first_chunk::<TAPS>(), span::<SPAN>(pixels, start))
            else {
                continue;
            };
            for tap in 0..TAPS {
                for pixel in 0..PIXELS {
                    let value = D::decode(pixels[tap + pixel]);
                    for lane in 0..LANES {
                        let product = i32::from(taps[tap][lane]) * value;
                        sums[lane][pixel] = sums[lane][pixel].wrapping_add(product);
                    }
                }
            }
            start = start.wrapping_add(TAPS);
        }
    }
}

/// SPAN pixels of a row from `start` on, which may lie left of it (wrapped); zero outside.
#[inline(always)]
fn span<const SPAN: usize>(row: &[u8], start: usize) -> [u8; SPAN] {
    match row.get(start..).and_then(|row| row.first_chunk::<SPAN>()) {
        Some(pixels) => *pixels,
        None => span_at_edge(row, start),
    }
}

#[inline(never)]
fn span_at_edge<const SPAN: usize>(row: &[u8], start: usize) -> [u8; SPAN] {
    core::array::from_fn(|i| row.get(start.wrapping_add(i)).copied().unwrap_or(0))
}
