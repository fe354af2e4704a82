//! 2×2 transposed convolution with stride 2.
//!
//! Each input pixel makes a block of 2×2 output values and no other pixel does, so the four
//! phases of two neighbouring pixels are summed together over the input channels.

use network::kernels::ConvData;

use super::weights::codes;
use super::{Decode, LayerData, Rescale, Signed, Source, Target, Unsigned};

/// Input pixels of one inner step.
const PIXELS: usize = 2;
/// Phases of an output block: 2·row + column.
const PHASES: usize = 4;
/// Input channels whose weights are kept on the stack; a layer with more unpacks for every tile.
const BUFFER: usize = 256;

type Sums = [[i32; PHASES]; PIXELS];

/// As [`network::kernels::conv_transpose2d`].
///
/// # Shapes
/// Input `[C, H, W]`, weights `[O, C, 2, 2]`, output `[O, 2H, 2W]`.
pub fn conv_transpose2d(data: &LayerData, shift: u8, input: Source, output: Target) {
    if input.spec.signed {
        run::<Signed>(data, shift, input, output);
    } else {
        run::<Unsigned>(data, shift, input, output);
    }
}

fn run<D: Decode>(data: &LayerData, shift: u8, input: Source, output: Target) {
    let n_inputs = input.spec.channels;
    let mut buffer = [[0i8; PHASES]; BUFFER];
    let planes = output.data.chunks_exact_mut(output.spec.plane().max(1));
    for (o, plane) in planes.enumerate() {
        let rescale = Rescale::new(data.params(o), shift, &output.spec);
        let mut all = codes(data.weights, o * n_inputs * PHASES);
        for phases in buffer.iter_mut().take(n_inputs) {
            *phases = core::array::from_fn(|_| all.next_code());
        }
        for (y, rows) in plane.chunks_exact_mut((4 * input.spec.width).max(1)).enumerate() {
            let (top, bottom) = rows.split_at_mut_checked(2 * input.spec.width).unwrap_or_default();
            let blocks = top.chunks_mut(2 * PIXELS).zip(bottom.chunks_mut(2 * PIXELS));
            for (tile, (top, bottom)) in blocks.enumerate() {
                let at = y * input.spec.width + PIXELS * tile;
                let sums = if n_inputs <= BUFFER {
                    sum::<D>(buffer.iter().copied(), &input, at)
                } else {
                    let mut all = codes(data.weights, o * n_inputs * PHASES);
                    let phases = || Some(core::array::from_fn(|_| all.next_code()));
                    sum::<D>(core::iter::from_fn(phases), &input, at)
                };
                store([top, bottom], &sums, &rescale);
            }
        }
    }
}

/// The sums of both pixels' blocks; `at` is the first pixel's place in its plane.
#[inline(always)]
fn sum<D: Decode>(weights: impl Iterator<Item = [i8; PHASES]>, input: &Source, at: usize) -> Sums {
    let mut sums: Sums = [[0; PHASES]; PIXELS];
    let planes = input.data.chunks_exact(input.spec.plane().max(1));
    for (plane, phases) in planes.zip(weights) {
        // past the end of a row lies a pixel whose block is not stored
        let pixels = [at, at + 1].map(|i| plane.get(i).copied().unwrap_or(0));
        for (sums, pixel) in sums.iter_mut().zip(pixels) {
            for (sum, weight) in sums.iter_mut().zip(phases) {
                *sum = sum.wrapping_add(i32::from(weight) * D::decode(pixel));
            }
        }
    }
    sums
}

/// Writes the blocks' upper and lower rows; at the end of a row only the first block.
#[inline(always)]
fn store(rows: [&mut [u8]; 2], sums: &Sums, rescale: &Rescale) {
    for (row, bytes) in rows.into_iter().enumerate() {
        for (bytes, sums) in bytes.chunks_exact_mut(2).zip(sums) {
            for (byte, sum) in bytes.iter_mut().zip(sums.iter().skip(2 * row)) {
                *byte = rescale.byte(*sum);
            }
        }
    }
}
