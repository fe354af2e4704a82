//! k×k convolution, stride 1, same padding.
//!
//! A kernel is cut into blocks of 3×3 taps, filled up with zeros (of one tap if k = 1). The
//! blocks of two output channels are unpacked once into a buffer on the stack and then slide over
//! the image, each step computing four pixels of both channels.

use core::num::NonZeroUsize;

use network::kernels::ConvData;

use super::weights::{Codes, codes};
use super::{Decode, LayerData, Rescale, Signed, Source, Target, Unsigned, non_zero};

/// Pixels of one step.
const PIXELS: usize = 4;
/// Output channels computed together.
const LANES: usize = 2;
/// Blocks of 3×3 taps kept on the stack: 128 input channels of a 3×3 convolution. A layer with
/// more unpacks them again for every step, one input channel at a time.
const BLOCKS: usize = 128;

/// T×T taps of both channels.
type Block<const T: usize> = [[[i8; LANES]; T]; T];
type Sums = [[i32; PIXELS]; LANES];

/// As [`network::kernels::conv2d`].
///
/// # Shapes
/// Input `[C, H, W]`, weights `[O, C, k, k]`, output `[O, H, W]`.
pub fn conv2d(data: &LayerData, kernel: usize, shift: u8, input: Source, output: Target) {
    // T, the span of a row that a step reads (T + PIXELS − 1), and blocks of the buffer
    match (kernel, input.spec.signed) {
        (1, false) => run::<Unsigned, 1, 4, { 9 * BLOCKS }>(data, kernel, shift, input, output),
        (1, true) => run::<Signed, 1, 4, { 9 * BLOCKS }>(data, kernel, shift, input, output),
        (_, false) => run::<Unsigned, 3, 6, BLOCKS>(data, kernel, shift, input, output),
        (_, true) => run::<Signed, 3, 6, BLOCKS>(data, kernel, shift, input, output),
    }
}

/// How the blocks cover a kernel, and the image that they slide over.
#[derive(Clone, Copy)]
struct Shape {
    kernel: usize,
    /// Blocks side by side.
    n_side: usize,
    /// Input channels whose blocks lie in the buffer: for each place of a block, all channels.
    n_channels: NonZeroUsize,
    height: usize,
    width: usize,
    plane: NonZeroUsize,
}

fn run<D: Decode, const T: usize, const SPAN: usize, const N: usize>(
    data: &LayerData,
    kernel: usize,
    shift: u8,
    input: Source,
    output: Target,
) {
    let n_side = kernel.div_ceil(T);
    let fits = input.spec.channels * n_side * n_side <= N;
    let shape = Shape {
        kernel,
        n_side,
        n_channels: non_zero(if fits { input.spec.channels } else { 1 }),
        height: input.spec.height,
        width: input.spec.width,
        plane: non_zero(input.spec.plane()),
    };
    let per_output = input.spec.channels * kernel * kernel;
    let mut buffer: [Block<T>; N] = [[[[0; LANES]; T]; T]; N];
    let pairs = output.data.chunks_mut(non_zero(LANES * shape.plane.get()).get());
    for (pair, planes) in pairs.enumerate() {
        let outputs = [LANES * pair, LANES * pair + 1];
        let rescale = outputs.map(|o| Rescale::new(data.params(o), shift, &output.spec));
        let lanes = || outputs.map(|o| codes(data.weights, o * per_output));
        if fits {
            unpack(&mut lanes(), shape, &mut buffer);
        }
        let (first, second) = planes.split_at_mut_checked(shape.plane.get()).unwrap_or_default();
        let width = non_zero(shape.width).get();
        let mut second = second.chunks_exact_mut(width);
        for (y, first) in first.chunks_exact_mut(width).enumerate() {
            let mut second = second.next().unwrap_or_default().chunks_mut(PIXELS);
            for (tile, first) in first.chunks_mut(PIXELS).enumerate() {
                let at = [y, PIXELS * tile];
                let mut sums = [[0; PIXELS]; LANES];
                if fits {
                    window::<D, T, SPAN>(&mut sums, &buffer, shape, input.data, at);
                } else {
                    window_unpacking::<D, T, SPAN>(
                        &mut sums,
                        &mut buffer,
                        lanes(),
                        shape,
                        input.data,
                        at,
                    );
                }
                store(first, &sums[0], &rescale[0]);
                store(second.next().unwrap_or_default(), &sums[1], &rescale[1]);
            }
        }
    }
}

/// Fills the blocks of `shape.n_channels` input channels with the next codes of both lanes.
fn unpack<const T: usize>(lanes: &mut [Codes; LANES], shape: Shape, buffer: &mut [Block<T>]) {
    for channel in 0..shape.n_channels.get() {
        for i in 0..shape.kernel {
            for j in 0..shape.kernel {
                let taps = [lanes[0].next_code(), lanes[1].next_code()];
                let place = i / T * shape.n_side + j / T;
                if let Some(block) = buffer.get_mut(place * shape.n_channels.get() + channel) {
                    block[i % T][j % T] = taps;
                }
            }
        }
    }
}

#[inline(always)]
fn store(tile: &mut [u8], sums: &[i32; PIXELS], rescale: &Rescale) {
    for (byte, sum) in tile.iter_mut().zip(sums) {
        *byte = rescale.byte(*sum);
    }
}

/// As [`window`], for weights that do not fit the buffer.
#[inline(never)]
fn window_unpacking<D: Decode, const T: usize, const SPAN: usize>(
    sums: &mut Sums,
    buffer: &mut [Block<T>],
    mut lanes: [Codes; LANES],
    shape: Shape,
    input: &[u8],
    at: [usize; 2],
) {
    for plane in input.chunks_exact(shape.plane.get()) {
        unpack(&mut lanes, shape, buffer);
        window::<D, T, SPAN>(sums, buffer, shape, plane, at);
    }
}

/// Adds the products of the window of output `[y, x]`, one place of a block after the other.
fn window<D: Decode, const T: usize, const SPAN: usize>(
    sums: &mut Sums,
    buffer: &[Block<T>],
    shape: Shape,
    input: &[u8],
    [y, x]: [usize; 2],
) {
    // rows above and columns left of the image wrap to numbers that are too large
    let (top, left) = (y.wrapping_sub(shape.kernel / 2), x.wrapping_sub(shape.kernel / 2));
    let mut places = buffer.chunks_exact(shape.n_channels.get());
    for i in 0..shape.n_side {
        for j in 0..shape.n_side {
            let blocks = places.next().unwrap_or_default();
            let at = [top.wrapping_add(T * i), left.wrapping_add(T * j)];
            if at[1].checked_add(SPAN).is_some_and(|end| end <= shape.width) {
                add_blocks::<D, T, SPAN, true>(sums, blocks, shape, input, at);
            } else {
                add_blocks::<D, T, SPAN, false>(sums, blocks, shape, input, at);
            }
        }
    }
}

/// Adds the products of one block of every channel, whose first tap is at `[top, left]`; INSIDE
/// if all columns that it reads are in the image.
#[inline(never)]
fn add_blocks<D: Decode, const T: usize, const SPAN: usize, const INSIDE: bool>(
    total: &mut Sums,
    blocks: &[Block<T>],
    shape: Shape,
    input: &[u8],
    [top, left]: [usize; 2],
) {
    let mut sums = *total;
    // where each row begins in its plane; outside the image at a place that no slice has
    let rows: [usize; T] = core::array::from_fn(|i| match top.wrapping_add(i) {
        row if row < shape.height => row * shape.width,
        _ => usize::MAX / 2,
    });
    let columns: [usize; SPAN] = core::array::from_fn(|i| left.wrapping_add(i));
    let mask = columns.map(|column| if column < shape.width { 0xFF } else { 0 });
    let mut plane = input;
    for block in blocks {
        for (row, taps) in rows.iter().zip(block) {
            // past the ends of a row lie other pixels, which the mask removes
            let start = row.wrapping_add(left);
            let pixels = plane.get(start..).and_then(|p| p.first_chunk::<SPAN>());
            if INSIDE {
                if let Some(pixels) = pixels {
                    add_row::<D, T, SPAN>(&mut sums, taps, pixels);
                }
            } else {
                let pixels = match pixels {
                    Some(pixels) => core::array::from_fn(|i| pixels[i] & mask[i]),
                    None => pixels_at_the_end(plane, *row, left, shape.width),
                };
                add_row::<D, T, SPAN>(&mut sums, taps, &pixels);
            }
        }
        plane = plane.get(shape.plane.get()..).unwrap_or_default();
    }
    *total = sums;
}

/// Pixels of a row of the first or last plane, beside which lies nothing; zeros for no row.
#[inline(never)]
fn pixels_at_the_end<const SPAN: usize>(
    plane: &[u8],
    row: usize,
    left: usize,
    width: usize,
) -> [u8; SPAN] {
    let pixels = plane.get(row..row.wrapping_add(width)).unwrap_or_default();
    core::array::from_fn(|i| pixels.get(left.wrapping_add(i)).copied().unwrap_or(0))
}

#[inline(always)]
fn add_row<D: Decode, const T: usize, const SPAN: usize>(
    sums: &mut Sums,
    taps: &[[i8; LANES]; T],
    pixels: &[u8; SPAN],
) {
    for (tap, weights) in taps.iter().enumerate() {
        for lane in 0..LANES {
            for pixel in 0..PIXELS {
                let product = i32::from(weights[lane]) * D::decode(pixels[tap + pixel]);
                sums[lane][pixel] = sums[lane][pixel].wrapping_add(product);
            }
        }
    }
}
