//! 1×1 convolution to 16-bit logits, then threshold or argmax.

use super::{ConvData, Source, Target};
use crate::arithmetic::{LOGIT_MAX, LOGIT_MIN, requantize};

/// How a head chooses the class of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadKind {
    /// One logit; class 1 where `logit >= threshold`.
    Threshold {
        /// In units of the logit.
        threshold: i16,
    },
    /// Class of the largest logit; ties go to the lowest class.
    Argmax,
}

/// The decision and the number of logits it looks at.
#[derive(Clone, Copy, Debug)]
pub struct Decision {
    /// Threshold or argmax.
    pub kind: HeadKind,
    /// Number of logits, 1 for a threshold.
    pub n_classes: usize,
}

/// The class of every pixel from `requantize(Σ_c w[class][c] · in[c][y][x])`.
///
/// # Shapes
/// Input `[C, H, W]`, weights `[classes, C]`, output `[1, H, W]`.
///
/// # Panics
/// If the layer was not validated.
pub fn head(
    data: &impl ConvData,
    decision: Decision,
    shift: u8,
    input: Source,
    mut output: Target,
) {
    for y in 0..output.spec.height {
        for x in 0..output.spec.width {
            let logits = (0..decision.n_classes).map(|class| {
                let acc = (0..input.spec.channels)
                    .map(|c| data.weight(class * input.spec.channels + c) * input.at(c, y, x))
                    .sum();
                requantize(acc, data.params(class), shift, LOGIT_MIN, LOGIT_MAX)
            });
            output.set(0, y, x, decide(decision.kind, logits));
        }
    }
}

/// The class chosen from the logits in class order.
pub fn decide(kind: HeadKind, logits: impl Iterator<Item = i32>) -> i32 {
    let mut best = (0, i32::MIN);
    for (class, logit) in logits.enumerate() {
        match kind {
            HeadKind::Threshold { threshold } => return i32::from(logit >= i32::from(threshold)),
            HeadKind::Argmax if logit > best.1 => best = (class as i32, logit),
            HeadKind::Argmax => {}
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threshold_is_inclusive_and_argmax_prefers_the_lowest_class() {
        let kind = HeadKind::Threshold { threshold: -3 };
        assert_eq!(decide(kind, [-3].into_iter()), 1);
        assert_eq!(decide(kind, [-4].into_iter()), 0);
        assert_eq!(decide(HeadKind::Argmax, [5, 7, 7].into_iter()), 1);
        assert_eq!(decide(HeadKind::Argmax, [LOGIT_MIN, LOGIT_MIN].into_iter()), 0);
    }
}
