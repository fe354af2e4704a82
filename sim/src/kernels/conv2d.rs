//! k×k convolution, stride 1, same padding.

use network::{ChannelParams, TensorSpec};
use pulp::{Arch, Simd, WithSimd};

use super::dense::Dense;
use super::planes::{CHUNK, Planes};
use super::requantize::{Clamped, Rule};
use super::sums::{new_sums, sum_chunk};

/// A convolution with its weights arranged for speed.
pub(crate) struct Conv2d {
    kernel: usize,
    dense: Dense,
    channels: Vec<ChannelParams>,
    shift: u8,
}

impl Conv2d {
    /// Arranges the weights of a validated layer.
    pub(crate) fn new(layer: &network::Conv2d, input: &TensorSpec) -> Conv2d {
        let n_taps = input.channels * layer.kernel * layer.kernel;
        let n_channels = layer.requantize.channels.len();
        let weight = |o: usize, tap: usize| layer.weights[o * n_taps + tap];
        Conv2d {
            kernel: layer.kernel,
            dense: Dense::new([n_channels, n_taps], input, weight),
            channels: layer.requantize.channels.clone(),
            shift: layer.requantize.shift,
        }
    }

    /// The bytes of the output tensor, and what the clamp changed.
    ///
    /// # Shapes
    /// Input `[C, H, W]`, output `[O, H, W]`.
    pub(crate) fn run(
        &self,
        input: (&TensorSpec, &[u8]),
        output: &TensorSpec,
    ) -> (Vec<u8>, Clamped) {
        Arch::new().dispatch(Run { layer: self, input, output })
    }
}

struct Run<'a> {
    layer: &'a Conv2d,
    input: (&'a TensorSpec, &'a [u8]),
    output: &'a TensorSpec,
}

impl WithSimd for Run<'_> {
    type Output = (Vec<u8>, Clamped);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let Run { layer, input: (spec, bytes), output } = self;
        let planes = Planes::new(spec, bytes, layer.kernel / 2);
        let window = planes.window(spec.channels, layer.kernel);
        let mut out = vec![0u8; output.len()];
        let mut sums = new_sums();
        let mut clamped = Clamped::default();
        for block in &layer.dense.blocks {
            for start in (0..planes.n_positions()).step_by(CHUNK) {
                sum_chunk(block, &planes, &window, start, &mut sums);
                for o in 0..block.count {
                    let channel = block.first + o;
                    let rule = Rule::new(layer.channels[channel], layer.shift, output);
                    let plane = &mut out[channel * output.plane()..][..output.plane()];
                    for s in planes.segments(start) {
                        let row = &mut plane[s.y * output.width + s.x..][..s.len];
                        clamped = clamped.plus(rule.row(&sums[o][s.offset..][..s.len], row));
                    }
                }
            }
        }
        (out, clamped)
    }
}
