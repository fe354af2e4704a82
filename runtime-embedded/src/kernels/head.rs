//! 1×1 convolution to 16-bit logits, then threshold or argmax.

use network::arithmetic::{LOGIT_MAX, LOGIT_MIN};
use network::kernels::{ConvData, Decision, HeadKind};
use network::requantize;

use super::weights::codes;
use super::{Decode, LayerData, Signed, Source, Target, Unsigned};

/// Pixels decided together, so that a code is unpacked once for all of them.
const PIXELS: usize = 16;

/// As [`network::kernels::head`].
///
/// # Shapes
/// Input `[C, H, W]`, weights `[classes, C]`, output `[1, H, W]`.
pub fn head(data: &LayerData, decision: Decision, shift: u8, input: Source, output: Target) {
    if input.spec.signed {
        run::<Signed>(data, decision, shift, input, output);
    } else {
        run::<Unsigned>(data, decision, shift, input, output);
    }
}

fn run<D: Decode>(data: &LayerData, decision: Decision, shift: u8, input: Source, output: Target) {
    for (tile, bytes) in output.data.chunks_mut(PIXELS).enumerate() {
        let mut all = codes(data.weights, 0);
        let mut largest = [i32::MIN; PIXELS];
        for class in 0..decision.n_classes {
            let mut sums = [0i32; PIXELS];
            for plane in input.data.chunks_exact(input.spec.plane().max(1)) {
                let weight = i32::from(all.next_code());
                let pixels = plane.get(PIXELS * tile..).unwrap_or_default();
                for (sum, pixel) in sums.iter_mut().zip(pixels) {
                    *sum = sum.wrapping_add(weight * D::decode(*pixel));
                }
            }
            let params = data.params(class);
            for ((byte, sum), largest) in bytes.iter_mut().zip(sums).zip(&mut largest) {
                let logit = requantize(sum, params, shift, LOGIT_MIN, LOGIT_MAX);
                match decision.kind {
                    HeadKind::Threshold { threshold } => {
                        *byte = u8::from(logit >= i32::from(threshold));
                    }
                    HeadKind::Argmax if logit > *largest => {
                        (*byte, *largest) = (class as u8, logit)
                    }
                    HeadKind::Argmax => {}
                }
            }
        }
    }
}
