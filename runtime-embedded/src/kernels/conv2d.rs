//! k×k convolution, stride 1, same padding.
//!
//! A kernel is cut into blocks of 3×3 taps, filled up with zeros (of one tap if k = 1). The
//! blocks of two output channels are unpacked once into a buffer on the stack and then slide over
//! the image, each step computing four pixels of both channels.

use core::num::NonZeroUsize;

use network::kernels::ConvData;

use super::taps::{LANES, PIXELS, Paired, Sums, Taps, Wide};
use super::weights::{Codes, codes};
use super::{Decode, LayerData, Rescale, Signed, Source, Target, Unsigned, non_zero};

/// Blocks of 3×3 taps kept on the stack: 128 input channels of a 3×3 convolution. A layer with
/// more unpacks them again for every step, one input channel at a time.
const BLOCKS: usize = 128;

/// T×T taps of both channels.
type Block<X, const T: usize> = [[<X as Taps>::Tap; T]; T];

/// As [`network::kernels::conv2d`].
///
/// # Shapes
/// Input `[C, H, W]`, weights `[O, C, k, k]`, output `[O, H, W]`.
pub fn conv2d(data: &LayerData, kernel: usize, shift: u8, input: Source, output: Target) {
    let magnitude = input.spec.max_value().max(-input.spec.min_value());
    let paired = Paired::n_products(data.weights.bits, magnitude) / 9;
    let layer = Layer { data, kernel, shift, interval: non_zero(paired) };
    // T, the span of a row that a step reads (T + PIXELS − 1), and blocks of the buffer
    match (kernel, paired) {
        (1, _) => run::<Wide, 1, 4, { 9 * BLOCKS }>(layer, input, output),
        (_, 0) => run::<Wide, 3, 6, BLOCKS>(layer, input, output),
        _ => run::<Paired, 3, 6, BLOCKS>(layer, input, output),
    }
}

/// What a convolution is besides its tensors.
#[derive(Clone, Copy)]
struct Layer<'d, 'm> {
    data: &'d LayerData<'m>,
    kernel: usize,
    shift: u8,
    /// Blocks after which paired sums must be taken apart.
    interval: NonZeroUsize,
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
    signed: bool,
    interval: NonZeroUsize,
}

fn run<X: Taps, const T: usize, const SPAN: usize, const N: usize>(
    layer: Layer,
    input: Source,
    output: Target,
) {
    let Layer { data, kernel, shift, interval } = layer;
    let n_side = kernel.div_ceil(T);
    let fits = input.spec.channels * n_side * n_side <= N;
    let shape = Shape {
        kernel,
        n_side,
        n_channels: non_zero(if fits { input.spec.channels } else { 1 }),
        height: input.spec.height,
        width: input.spec.width,
        plane: non_zero(input.spec.plane()),
        signed: input.spec.signed,
        interval,
    };
    let per_output = input.spec.channels * kernel * kernel;
    let mut buffer: [Block<X, T>; N] = [[[X::NO_TAP; T]; T]; N];
    let pairs = output.data.chunks_mut(non_zero(LANES * shape.plane.get()).get());
    for (pair, planes) in pairs.enumerate() {
        let outputs = [LANES * pair, LANES * pair + 1];
        let rescale = outputs.map(|o| Rescale::new(data.params(o), shift, &output.spec));
        let lanes = || outputs.map(|o| codes(data.weights, o * per_output));
        if fits {
            unpack::<X, T>(&mut lanes(), shape, &mut buffer);
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
                    window::<X, T, SPAN>(&mut sums, &buffer, shape, input.data, at);
                } else {
                    window_unpacking::<X, T, SPAN>(
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
fn unpack<X: Taps, const T: usize>(
    lanes: &mut [Codes; LANES],
    shape: Shape,
    buffer: &mut [Block<X, T>],
) {
    for channel in 0..shape.n_channels.get() {
        for i in 0..shape.kernel {
            for j in 0..shape.kernel {
                let taps = X::tap([lanes[0].next_code(), lanes[1].next_code()]);
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
fn window_unpacking<X: Taps, const T: usize, const SPAN: usize>(
    sums: &mut Sums,
    buffer: &mut [Block<X, T>],
    mut lanes: [Codes; LANES],
    shape: Shape,
    input: &[u8],
    at: [usize; 2],
) {
    for plane in input.chunks_exact(shape.plane.get()) {
        unpack::<X, T>(&mut lanes, shape, buffer);
        window::<X, T, SPAN>(sums, buffer, shape, plane, at);
    }
}

/// Adds the products of the window of output `[y, x]`, one place of a block after the other.
fn window<X: Taps, const T: usize, const SPAN: usize>(
    sums: &mut Sums,
    buffer: &[Block<X, T>],
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
            let is_inside = at[1].checked_add(SPAN).is_some_and(|end| end <= shape.width);
            let add = match (is_inside, shape.signed) {
                (true, false) => add_blocks::<Unsigned, X, T, SPAN, true>,
                (true, true) => add_blocks::<Signed, X, T, SPAN, true>,
                (false, false) => add_blocks::<Unsigned, X, T, SPAN, false>,
                (false, true) => add_blocks::<Signed, X, T, SPAN, false>,
            };
            add(sums, blocks, shape, input, at);
        }
    }
}

/// Adds the products of one block of every channel, whose first tap is at `[top, left]`; INSIDE
/// if all columns that it reads are in the image.
#[inline(never)]
fn add_blocks<D: Decode, X: Taps, const T: usize, const SPAN: usize, const INSIDE: bool>(
    sums: &mut Sums,
    blocks: &[Block<X, T>],
    shape: Shape,
    input: &[u8],
    [top, left]: [usize; 2],
) {
    // where each row begins in its plane; outside the image at a place that no slice has
    let rows: [usize; T] = core::array::from_fn(|i| match top.wrapping_add(i) {
        row if row < shape.height => row * shape.width,
        _ => usize::MAX / 2,
    });
    let columns: [usize; SPAN] = core::array::from_fn(|i| left.wrapping_add(i));
    let mask = columns.map(|column| if column < shape.width { 0xFF } else { 0 });
    let mut plane = input;
    for blocks in blocks.chunks(shape.interval.get()) {
        let mut partial = X::NOTHING;
        for block in blocks {
            for (row, taps) in rows.iter().zip(block) {
                // past the ends of a row lie other pixels, which the mask removes
                let start = row.wrapping_add(left);
                let pixels = plane.get(start..).and_then(|p| p.first_chunk::<SPAN>());
                if INSIDE {
                    if let Some(pixels) = pixels {
                        add_row::<D, X, T, SPAN>(&mut partial, taps, pixels);
                    }
                } else {
                    let pixels = match pixels {
                        Some(pixels) => core::array::from_fn(|i| pixels[i] & mask[i]),
                        None => pixels_at_the_end(plane, *row, left, shape.width),
                    };
                    add_row::<D, X, T, SPAN>(&mut partial, taps, &pixels);
                }
            }
            plane = plane.get(shape.plane.get()..).unwrap_or_default();
        }
        X::finish(&partial, sums);
    }
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
fn add_row<D: Decode, X: Taps, const T: usize, const SPAN: usize>(
    partial: &mut X::Partial,
    taps: &[X::Tap; T],
    pixels: &[u8; SPAN],
) {
    for (tap, weights) in taps.iter().enumerate() {
        for pixel in 0..PIXELS {
            X::multiply(partial, *weights, pixel, D::decode(pixels[tap + pixel]));
        }
    }
}
