//! 2×2 transposed convolution with stride 2: four 1×1 convolutions whose outputs interleave.

use network::{ChannelParams, TensorSpec};
use pulp::{Arch, Simd, WithSimd};

use super::dense::{BLOCK, Dense};
use super::planes::{CHUNK, Planes};
use super::requantize::{Clamped, Rule};
use super::sums::{new_sums, sum_chunk};

/// A transposed convolution with its weights arranged for speed.
pub(crate) struct ConvTranspose2d {
    dense: Dense,
    channels: Vec<ChannelParams>,
    shift: u8,
}

/// Phases (2×2) of one output channel; a block of sums holds whole channels.
const N_PHASES: usize = 4;
const _: () = assert!(BLOCK.is_multiple_of(N_PHASES));

impl ConvTranspose2d {
    /// Arranges the weights of a validated layer: sum `4·o + phase` is phase (i, j) of channel o.
    pub(crate) fn new(layer: &network::ConvTranspose2d, input: &TensorSpec) -> ConvTranspose2d {
        let n_taps = input.channels;
        let n_channels = layer.requantize.channels.len();
        let weight = |sum: usize, c: usize| {
            layer.weights[(sum / N_PHASES * n_taps + c) * N_PHASES + sum % N_PHASES]
        };
        ConvTranspose2d {
            dense: Dense::new([n_channels * N_PHASES, n_taps], input, weight),
            channels: layer.requantize.channels.clone(),
            shift: layer.requantize.shift,
        }
    }

    /// The bytes of the output tensor, and what the clamp changed.
    ///
    /// # Shapes
    /// Input `[C, H, W]`, output `[O, 2H, 2W]`.
    pub(crate) fn run(
        &self,
        input: (&TensorSpec, &[u8]),
        output: &TensorSpec,
    ) -> (Vec<u8>, Clamped) {
        Arch::new().dispatch(Run { layer: self, input, output })
    }
}

struct Run<'a> {
    layer: &'a ConvTranspose2d,
    input: (&'a TensorSpec, &'a [u8]),
    output: &'a TensorSpec,
}

impl WithSimd for Run<'_> {
    type Output = (Vec<u8>, Clamped);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let Run { layer, input: (spec, bytes), output } = self;
        let planes = Planes::new(spec, bytes, 0);
        let window = planes.window(spec.channels, 1);
        let mut out = vec![0u8; output.len()];
        let mut sums = new_sums();
        let mut clamped = Clamped::default();
        let mut phases = [[0u8; CHUNK]; 2];
        for block in &layer.dense.blocks {
            for start in (0..planes.n_positions()).step_by(CHUNK) {
                sum_chunk(block, &planes, &window, start, &mut sums);
                for pair in (0..block.count).step_by(2) {
                    let channel = (block.first + pair) / N_PHASES;
                    let i = (block.first + pair) % N_PHASES / 2;
                    let rule = Rule::new(layer.channels[channel], layer.shift, output);
                    for s in planes.segments(start) {
                        for j in 0..2 {
                            let sums = &sums[pair + j][s.offset..][..s.len];
                            clamped = clamped.plus(rule.row(sums, &mut phases[j][..s.len]));
                        }
                        let y = channel * output.height + 2 * s.y + i;
                        let row = &mut out[y * output.width + 2 * s.x..][..2 * s.len];
                        for (x, two) in row.chunks_exact_mut(2).enumerate() {
                            two.copy_from_slice(&[phases[0][x], phases[1][x]]);
                        }
                    }
                }
            }
        }
        (out, clamped)
    }
}
