//! 1×1 convolution to 16-bit logits, then threshold or argmax.

use network::arithmetic::{LOGIT_MAX, LOGIT_MIN};
use network::{ChannelParams, HeadKind, TensorSpec};
use pulp::{Arch, Simd, WithSimd};

use super::dense::Dense;
use super::planes::{CHUNK, Planes};
use super::requantize::{Clamped, Rule};
use super::sums::{new_sums, sum_chunk};

/// A head with its weights arranged for speed.
pub(crate) struct Head {
    dense: Dense,
    channels: Vec<ChannelParams>,
    shift: u8,
    kind: HeadKind,
}

impl Head {
    /// Arranges the weights of a validated layer.
    pub(crate) fn new(layer: &network::Head, input: &TensorSpec) -> Head {
        let n_taps = input.channels;
        let n_classes = layer.requantize.channels.len();
        let weight = |class: usize, c: usize| layer.weights[class * n_taps + c];
        Head {
            dense: Dense::new([n_classes, n_taps], input, weight),
            channels: layer.requantize.channels.clone(),
            shift: layer.requantize.shift,
            kind: layer.kind,
        }
    }

    /// The class of every pixel, and how many logits were clamped.
    ///
    /// # Shapes
    /// Input `[C, H, W]`, output `[1, H, W]`.
    pub(crate) fn run(
        &self,
        input: (&TensorSpec, &[u8]),
        output: &TensorSpec,
    ) -> (Vec<u8>, Clamped) {
        Arch::new().dispatch(Run { layer: self, input, output })
    }
}

struct Run<'a> {
    layer: &'a Head,
    input: (&'a TensorSpec, &'a [u8]),
    output: &'a TensorSpec,
}

impl WithSimd for Run<'_> {
    type Output = (Vec<u8>, Clamped);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let Run { layer, input: (spec, bytes), output } = self;
        // without padding positions are pixels, so a chunk is a run of the output
        let planes = Planes::new(spec, bytes, 0);
        let window = planes.window(spec.channels, 1);
        let mut out = vec![0u8; output.len()];
        let mut sums = new_sums();
        let mut clamped = Clamped::default();
        for (chunk, classes) in out.chunks_mut(CHUNK).enumerate() {
            let mut decision = Decision::new();
            for block in &layer.dense.blocks {
                sum_chunk(block, &planes, &window, chunk * CHUNK, &mut sums);
                for o in 0..block.count {
                    let class = block.first + o;
                    let (params, shift) = (layer.channels[class], layer.shift);
                    let rule = Rule { params, shift, low: LOGIT_MIN, high: LOGIT_MAX };
                    let logits = &mut decision.logits[..classes.len()];
                    clamped = clamped.plus(rule.row_wide(&sums[o][..classes.len()], logits));
                    decision.take(layer.kind, class, classes);
                }
            }
        }
        (out, clamped)
    }
}

/// The choice among the logits seen so far, for a chunk of pixels.
struct Decision {
    logits: [i32; CHUNK],
    best: [i32; CHUNK],
}

impl Decision {
    fn new() -> Decision {
        Decision { logits: [0; CHUNK], best: [i32::MIN; CHUNK] }
    }

    /// Takes in the logits of one more class; a tie leaves the lower class.
    #[inline(always)]
    fn take(&mut self, kind: HeadKind, class: usize, classes: &mut [u8]) {
        let pixels = classes.iter_mut().zip(&self.logits).zip(&mut self.best);
        match kind {
            HeadKind::Threshold { threshold } => {
                pixels.for_each(|((c, logit), _)| *c = u8::from(*logit >= i32::from(threshold)));
            }
            HeadKind::Argmax => pixels.for_each(|((c, logit), best)| {
                if *logit > *best {
                    (*c, *best) = (class as u8, *logit);
                }
            }),
        }
    }
}
