//! 3×3 convolution and its gradients on zero-padded, flattened images.
//!
//! With rows of `stride` = w + 2 values laid end to end, the output at flat position p is
//! Σ w[c][ky][kx]·x[c][p + ky·stride + kx]; the two positions per row that straddle the border are
//! computed and dropped. One long row needs no edge cases and keeps the vectors full.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Vectors of positions that one block computes.
const V: usize = 3;
/// Values that any block may read beyond the last position.
const SLACK: usize = 4 * 16 * V;
/// Positions of a chunk of the weight gradient; the chunk of one channel stays in L1.
const CHUNK: usize = 2048;

/// Sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Images.
    pub n: usize,
    /// Channels read.
    pub n_in: usize,
    /// Channels written.
    pub n_out: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    fn stride(&self) -> usize {
        self.width + 2
    }

    fn plane(&self) -> usize {
        self.height * self.width
    }

    /// Flat positions that hold the output and the straddling pairs between rows.
    fn positions(&self) -> usize {
        self.height * self.stride()
    }

    /// Values of one padded, flattened channel.
    fn padded(&self) -> usize {
        (self.height + 2) * self.stride() + SLACK
    }
}

/// Output `[n, out, h, w]` of input `[n, in, h, w]` and weights `[out, in, 3, 3]`.
pub fn forward(x: &[f32], weight: &[f32], shape: Shape) -> Vec<f32> {
    let lanes = Block::channels_of_this_machine();
    let packed = pack(weight, shape, lanes, |tap| tap);
    convolve(x, &packed, shape)
}

/// Gradient `[n, in, h, w]` of the input, from that of the output.
pub fn input_gradient(gradient: &[f32], weight: &[f32], shape: Shape) -> Vec<f32> {
    // The same convolution with in and out exchanged and the taps turned by 180 degrees.
    let mut swapped = vec![0.0; weight.len()];
    for out in 0..shape.n_out {
        for input in 0..shape.n_in {
            let taps = &weight[(out * shape.n_in + input) * 9..][..9];
            swapped[(input * shape.n_out + out) * 9..][..9].copy_from_slice(taps);
        }
    }
    let turned = Shape { n_in: shape.n_out, n_out: shape.n_in, ..shape };
    let packed = pack(&swapped, turned, Block::channels_of_this_machine(), |tap| 8 - tap);
    convolve(gradient, &packed, turned)
}

/// Gradient `[out, in, 3, 3]` of the weights, from input and the output's gradient.
pub fn weight_gradient(x: &[f32], gradient: &[f32], shape: Shape) -> Vec<f32> {
    let (image_in, image_out) = (shape.n_in * shape.plane(), shape.n_out * shape.plane());
    let of_image = |image: usize| {
        let x = pad(&x[image * image_in..][..image_in], shape, shape.n_in, 1);
        let gradient = pad(&gradient[image * image_out..][..image_out], shape, shape.n_out, 0);
        let mut sum = vec![0.0; shape.n_out * shape.n_in * 9];
        let kernel = WeightGradient { x: &x, gradient: &gradient, shape, sum: &mut sum };
        Arch::new().dispatch(kernel);
        sum
    };
    let parts: Vec<Vec<f32>> = (0..shape.n).into_par_iter().map(of_image).collect();
    let mut total = vec![0.0; shape.n_out * shape.n_in * 9];
    for part in parts {
        total.iter_mut().zip(part).for_each(|(t, p)| *t += p);
    }
    total
}

fn convolve(x: &[f32], packed: &[f32], shape: Shape) -> Vec<f32> {
    let (image_in, image_out) = (shape.n_in * shape.plane(), shape.n_out * shape.plane());
    let mut output = vec![0.0; shape.n * image_out];
    let images = output.par_chunks_mut(image_out).zip(x.par_chunks(image_in));
    images.for_each(|(output, x)| {
        let padded = pad(x, shape, shape.n_in, 1);
        Arch::new().dispatch(Block { x: &padded, packed, shape, output });
    });
    output
}

/// Weights as `[out / lanes][in][tap][lanes]`, missing output channels zero.
fn pack(weight: &[f32], shape: Shape, lanes: usize, tap_of: impl Fn(usize) -> usize) -> Vec<f32> {
    let n_blocks = shape.n_out.div_ceil(lanes);
    let mut packed = vec![0.0; n_blocks * shape.n_in * 9 * lanes];
    for out in 0..shape.n_out {
        for input in 0..shape.n_in {
            for tap in 0..9 {
                let at = ((out / lanes * shape.n_in + input) * 9 + tap) * lanes + out % lanes;
                packed[at] = weight[(out * shape.n_in + input) * 9 + tap_of(tap)];
            }
        }
    }
    packed
}

/// Channels with rows of `stride` values; `border` zero rows and columns before the image.
fn pad(image: &[f32], shape: Shape, n_channels: usize, border: usize) -> Vec<f32> {
    let (stride, padded) = (shape.stride(), shape.padded());
    let mut out = vec![0.0; n_channels * padded];
    for (plane, target) in image.chunks_exact(shape.plane()).zip(out.chunks_exact_mut(padded)) {
        for (y, row) in plane.chunks_exact(shape.width).enumerate() {
            target[(y + border) * stride + border..][..shape.width].copy_from_slice(row);
        }
    }
    out
}

struct Block<'a> {
    x: &'a [f32],
    packed: &'a [f32],
    shape: Shape,
    output: &'a mut [f32],
}

impl Block<'_> {
    fn channels_of_this_machine() -> usize {
        struct Lanes;
        impl WithSimd for Lanes {
            type Output = usize;
            #[inline(always)]
            fn with_simd<S: Simd>(self, _simd: S) -> usize {
                channels::<S>()
            }
        }
        Arch::new().dispatch(Lanes)
    }

    #[inline(always)]
    fn run<S: Simd, const C: usize>(self, simd: S) {
        let (shape, length) = (self.shape, V * S::F32_LANES);
        let mut scratch = vec![0.0; C * shape.positions().next_multiple_of(length)];
        let row = scratch.len() / C;
        for block in 0..shape.n_out.div_ceil(C) {
            let weights = &self.packed[block * shape.n_in * 9 * C..][..shape.n_in * 9 * C];
            for start in (0..shape.positions()).step_by(length) {
                let sums = accumulate::<S, C>(simd, self.x, weights, shape, start);
                for (channel, sums) in sums.iter().enumerate() {
                    let target = &mut scratch[channel * row + start..][..length];
                    S::as_mut_simd_f32s(target).0.copy_from_slice(sums);
                }
            }
            for channel in block * C..(block * C + C).min(shape.n_out) {
                let plane = &mut self.output[channel * shape.plane()..][..shape.plane()];
                let flat = &scratch[(channel - block * C) * row..][..row];
                for (y, target) in plane.chunks_exact_mut(shape.width).enumerate() {
                    target.copy_from_slice(&flat[y * shape.stride()..][..shape.width]);
                }
            }
        }
    }
}

impl WithSimd for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match channels::<S>() {
            8 => self.run::<S, 8>(simd),
            _ => self.run::<S, 4>(simd),
        }
    }
}

/// Output channels of a block: as many as the registers hold together with V vectors.
#[inline(always)]
fn channels<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 8 } else { 4 }
}

/// The sums of C output channels at V vectors of positions from `start`.
#[inline(always)]
fn accumulate<S: Simd, const C: usize>(
    simd: S,
    x: &[f32],
    weights: &[f32],
    shape: Shape,
    start: usize,
) -> [[S::f32s; V]; C] {
    let (stride, padded, length) = (shape.stride(), shape.padded(), V * S::F32_LANES);
    let mut sums = [[simd.splat_f32s(0.0); V]; C];
    for (input, taps) in weights.chunks_exact(9 * C).enumerate() {
        let window = &x[input * padded + start..][..2 * stride + 2 + length];
        for (tap, weights) in taps.chunks_exact(C).enumerate() {
            let offset = tap / 3 * stride + tap % 3;
            let (values, _) = S::as_simd_f32s(&window[offset..offset + length]);
            let values: [S::f32s; V] = [values[0], values[1], values[2]];
            for (sum, &weight) in sums.iter_mut().zip(weights) {
                let weight = simd.splat_f32s(weight);
                for v in 0..V {
                    sum[v] = simd.mul_add_e_f32s(weight, values[v], sum[v]);
                }
            }
        }
    }
    sums
}

struct WeightGradient<'a> {
    x: &'a [f32],
    gradient: &'a [f32],
    shape: Shape,
    sum: &'a mut [f32],
}

impl WeightGradient<'_> {
    #[inline(always)]
    fn run<S: Simd, const C: usize>(self, simd: S) {
        let (shape, padded) = (self.shape, self.shape.padded());
        let positions = shape.positions().next_multiple_of(S::F32_LANES);
        for start in (0..positions).step_by(CHUNK) {
            let length = CHUNK.min(positions - start);
            for input in 0..shape.n_in {
                let x = &self.x[input * padded + start..][..length + 2 * shape.stride() + 2];
                for first in (0..shape.n_out).step_by(C) {
                    // The last block repeats a channel instead of leaving the array.
                    let out: [usize; C] = std::array::from_fn(|c| (first + c).min(shape.n_out - 1));
                    let rows = out.map(|c| &self.gradient[c * padded + start..][..length]);
                    let taps = correlate::<S, C>(simd, x, rows, shape.stride());
                    for (c, taps) in taps.iter().enumerate().take(shape.n_out - first) {
                        let at = ((first + c) * shape.n_in + input) * 9;
                        self.sum[at..at + 9].iter_mut().zip(taps).for_each(|(s, t)| *s += t);
                    }
                }
            }
        }
    }
}

impl WithSimd for WeightGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match channels::<S>() {
            8 => self.run::<S, 3>(simd),
            _ => self.run::<S, 1>(simd),
        }
    }
}

/// Σ_p g[c][p]·x[p + ky·stride + kx] for C channels and nine taps.
#[inline(always)]
fn correlate<S: Simd, const C: usize>(
    simd: S,
    x: &[f32],
    rows: [&[f32]; C],
    stride: usize,
) -> [[f32; 9]; C] {
    let length = rows[0].len();
    let mut sums = [[simd.splat_f32s(0.0); 9]; C];
    let shifted: [&[S::f32s]; 9] =
        std::array::from_fn(|tap| S::as_simd_f32s(&x[tap / 3 * stride + tap % 3..][..length]).0);
    let rows = rows.map(|row| S::as_simd_f32s(row).0);
    let n_vectors = rows[0].len();
    let shifted = shifted.map(|x| &x[..n_vectors]);
    let rows = rows.map(|row| &row[..n_vectors]);
    for p in 0..n_vectors {
        let g: [S::f32s; C] = std::array::from_fn(|c| rows[c][p]);
        for tap in 0..9 {
            let value = shifted[tap][p];
            for c in 0..C {
                sums[c][tap] = simd.mul_add_e_f32s(g[c], value, sums[c][tap]);
            }
        }
    }
    // Loops, not `map`: its closures would be compiled without the vector instructions.
    let mut totals = [[0.0; 9]; C];
    for c in 0..C {
        for tap in 0..9 {
            totals[c][tap] = simd.reduce_sum_f32s(sums[c][tap]);
        }
    }
    totals
}
