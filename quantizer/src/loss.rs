//! Soft Dice plus cross-entropy on logits.

use burn::tensor::activation::{log_softmax, sigmoid};
use burn::tensor::{Device, Tensor, TensorData};

/// Added to numerator and denominator of the soft Dice, in pixels.
const DICE_SMOOTHING: f64 = 1.0;

/// Weights of the two parts of the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossWeights {
    /// Weight of 1 − Dice (Milletari et al. 2016, with plain sums in the denominator).
    pub dice: f64,
    /// Weight of the mean cross-entropy.
    pub cross_entropy: f64,
}

/// The loss of a batch.
///
/// # Shapes
/// `logits` `[n, outputs, h, w]`; `target` the same, one-hot, or foreground for a single output.
pub fn loss(logits: Tensor<4>, target: Tensor<4>, weights: LossWeights) -> Tensor<1> {
    let [_, n_outputs, _, _] = logits.dims();
    if n_outputs == 1 {
        let dice = 1.0 - soft_dice(sigmoid(logits.clone()), target.clone()).mean();
        return dice * weights.dice + binary_cross_entropy(logits, target) * weights.cross_entropy;
    }
    let log_probability = log_softmax(logits, 1);
    let entropy = -(log_probability.clone() * target.clone()).sum_dim(1).mean();
    let per_class = soft_dice(log_probability.exp(), target);
    // Class 0 is the background: its Dice says nothing about the small structures.
    let dice = 1.0 - per_class.narrow(1, 1, n_outputs - 1).mean();
    dice * weights.dice + entropy * weights.cross_entropy
}

/// Cross-entropy against another network's probabilities (Hinton et al. 2015, temperature 1).
///
/// # Shapes
/// Both `[n, outputs, h, w]`; nothing flows back into `teacher`.
pub fn distillation(logits: Tensor<4>, teacher: Tensor<4>) -> Tensor<1> {
    let [_, n_outputs, _, _] = logits.dims();
    if n_outputs == 1 {
        return binary_cross_entropy(logits, sigmoid(teacher.detach()));
    }
    let probability = log_softmax(teacher.detach(), 1).exp();
    -(log_softmax(logits, 1) * probability).sum_dim(1).mean()
}

/// Masks as the loss takes them, on the device.
///
/// # Shapes
/// `masks` n·h·w class indices; result `[n, outputs, h, w]`.
pub fn target(masks: &[u8], shape: [usize; 3], n_outputs: usize, device: &Device) -> Tensor<4> {
    let [n, h, w] = shape;
    let plane = h * w;
    let mut data = vec![0.0f32; n * n_outputs * plane];
    for (pixel, &class) in masks.iter().enumerate() {
        let (image, offset) = (pixel / plane, pixel % plane);
        let channel = if n_outputs == 1 { 0 } else { usize::from(class) };
        let value = if n_outputs == 1 { f32::from(u8::from(class > 0)) } else { 1.0 };
        data[(image * n_outputs + channel) * plane + offset] = value;
    }
    Tensor::from_data(TensorData::new(data, [n, n_outputs, h, w]), device)
}

/// Dice over the whole batch per class, `[1, outputs, 1, 1]`.
fn soft_dice(probability: Tensor<4>, target: Tensor<4>) -> Tensor<4> {
    let sum = |t: Tensor<4>| t.sum_dims(&[0, 2, 3]);
    let both = sum(probability.clone() * target.clone());
    (both * 2.0 + DICE_SMOOTHING) / (sum(probability) + sum(target) + DICE_SMOOTHING)
}

/// mean of max(z, 0) − z·t + ln(1 + e^−|z|).
fn binary_cross_entropy(logits: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    let positive = logits.clone().clamp_min(0.0);
    let tail = (logits.clone().abs().neg().exp() + 1.0).log();
    (positive - logits * target + tail).mean()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unet::host;

    #[test]
    fn two_pixels_by_hand() {
        let device = Device::flex();
        // z = 0 on both pixels, truth 1 and 0: p = ½, Dice = (2·½ + 1)/(1 + 1 + 1) = 2/3, BCE = ln 2.
        let logits = Tensor::<4>::zeros([1, 1, 1, 2], &device);
        let target = target(&[1, 0], [1, 1, 2], 1, &device);
        let value = |dice, cross_entropy| {
            host(loss(logits.clone(), target.clone(), LossWeights { dice, cross_entropy }))[0]
        };
        assert!((value(1.0, 0.0) - 1.0 / 3.0).abs() < 1e-6);
        assert!((value(0.0, 1.0) - 2.0f32.ln()).abs() < 1e-6);
    }

    #[test]
    fn distillation_is_least_where_the_networks_agree() {
        let device = Device::flex();
        let logits = |z: [f32; 2]| Tensor::<4>::from_floats([[[[z[0]]], [[z[1]]]]], &device);
        // teacher (0, ln 3): p = (1/4, 3/4); student (0, 0): cross-entropy ln 2.
        let teacher = logits([0.0, 3.0f32.ln()]);
        let found = host(distillation(logits([0.0, 0.0]), teacher.clone()))[0];
        assert!((found - 2.0f32.ln()).abs() < 1e-6, "{found}");
        let entropy = 0.25 * 4.0f32.ln() + 0.75 * (4.0f32 / 3.0).ln();
        let found = host(distillation(teacher.clone(), teacher))[0];
        assert!((found - entropy).abs() < 1e-6, "{found}");
        // one output: teacher ln 3 (p = 3/4), student 0: ln 2.
        let one = |z: f32| Tensor::<4>::from_floats([[[[z]]]], &device);
        let found = host(distillation(one(0.0), one(3.0f32.ln())))[0];
        assert!((found - 2.0f32.ln()).abs() < 1e-6, "{found}");
    }

    #[test]
    fn three_classes_by_hand() {
        let device = Device::flex();
        // equal logits: p = 1/3 each; truth classes 1 and 2; cross-entropy ln 3;
        // Dice of classes 1 and 2: (2·1/3 + 1)/(2/3 + 1 + 1) = 5/8.
        let logits = Tensor::<4>::zeros([1, 3, 1, 2], &device);
        let target = target(&[1, 2], [1, 1, 2], 3, &device);
        let value = |dice, cross_entropy| {
            host(loss(logits.clone(), target.clone(), LossWeights { dice, cross_entropy }))[0]
        };
        assert!((value(1.0, 0.0) - 3.0 / 8.0).abs() < 1e-6);
        assert!((value(0.0, 1.0) - 3.0f32.ln()).abs() < 1e-6);
    }
}
