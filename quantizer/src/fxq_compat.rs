//! The level sets of "U-Net Fixed-Point Quantization for Medical Image Segmentation" (Askari Hemmat
//! et al. 2019) as its published code computes them: a baseline, evaluated in float only.
//!
//! Values are sign and magnitude in Qi.f without a scale. "Q0.4" weights have 33 levels, ±1
//! included, and wrap beyond 1 (1.25 becomes 0.25); "Q6.0" activations have 127 signed levels and
//! truncate. So "W4/A6" takes 6 and 7 bits in two's complement, and nothing here can be lowered to
//! a `.qunet`. The first block and the last convolution stay float, as do biases and batch norm.
//! Two things are ours: batch norm comes before ReLU, and upsampling is as the model says.

use burn::tensor::Tensor;

use crate::topology::{LayerSpec, Operation};

/// True for the layers that stay float: the first block and the last convolution.
pub fn is_float(spec: &LayerSpec) -> bool {
    spec.operation == Operation::Head || spec.name.starts_with("enc0.")
}

/// The level of one value with `integer_bits` and `fraction_bits` of magnitude.
pub fn level(value: f32, integer_bits: u8, fraction_bits: u8) -> f32 {
    let magnitude = value.abs();
    let (whole, fraction) = (magnitude.floor(), magnitude.fract());
    let sign = if value < 0.0 { -1.0 } else { 1.0 };
    sign * (round_clamp(whole, integer_bits) + round_clamp(fraction, fraction_bits))
}

/// The published `round_clamp`: round(clamp(v, 0, 2^n − 1)·2^n)/2^n.
fn round_clamp(value: f32, bits: u8) -> f32 {
    let scale = f32::from(bits).exp2();
    (value.clamp(0.0, scale - 1.0) * scale).round_ties_even() / scale
}

/// [`level`] of every value; the gradient passes straight through.
pub fn levels(x: Tensor<4>, integer_bits: u8, fraction_bits: u8) -> Tensor<4> {
    let plain = x.clone().detach();
    let magnitude = plain.clone().abs();
    let whole = magnitude.clone().floor();
    let fraction = magnitude - whole.clone();
    let part = |v: Tensor<4>, bits: u8| {
        let scale = f32::from(bits).exp2();
        v.clamp(0.0, scale - 1.0).mul_scalar(scale).round().div_scalar(scale)
    };
    let rounded = part(whole, integer_bits) + part(fraction, fraction_bits);
    rounded * plain.sign() + (x.clone() - x.detach())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::unet::host;

    #[test]
    fn the_published_levels() {
        // Q0.4: 33 levels from −1 to 1; 1.25 wraps to 0.25; 0.97·16 = 15.52 rounds to 16.
        for (value, expected) in
            [(1.25, 0.25), (-1.25, -0.25), (0.97, 1.0), (0.03, 0.0), (0.04, 0.0625)]
        {
            assert_eq!(level(value, 0, 4), expected, "{value}");
        }
        let set: BTreeSet<i32> =
            (-3000..=3000).map(|v| (level(v as f32 / 1000.0, 0, 4) * 16.0) as i32).collect();
        assert_eq!(set.into_iter().collect::<Vec<_>>(), (-16..=16).collect::<Vec<_>>());
        // Q6.0: truncation, saturation at 63, 127 signed levels.
        for (value, expected) in [(5.99, 5.0), (-5.99, -5.0), (70.0, 63.0), (0.5, 0.0)] {
            assert_eq!(level(value, 6, 0), expected, "{value}");
        }
        let set: BTreeSet<i32> = (-200..=200).map(|v| level(v as f32, 6, 0) as i32).collect();
        assert_eq!(set.len(), 127);
    }

    #[test]
    fn tensors_take_the_same_levels_and_pass_gradients() {
        let device = Device::flex().autodiff();
        let values: Vec<f32> = (-40..=40).map(|v| v as f32 * 0.0437).collect();
        let n = values.len();
        for (integer_bits, fraction_bits) in [(0, 4), (6, 0), (2, 3)] {
            let data = TensorData::new(values.clone(), [1, 1, 1, n]);
            let x = Tensor::<4>::from_data(data, &device).require_grad();
            let y = levels(x.clone(), integer_bits, fraction_bits);
            let gradients = y.clone().sum().backward();
            let expected: Vec<f32> =
                values.iter().map(|v| level(*v, integer_bits, fraction_bits)).collect();
            let found = host(y);
            for (f, e) in found.iter().zip(&expected) {
                assert!((f - e).abs() < 1e-6, "Q{integer_bits}.{fraction_bits}: {f}, not {e}");
            }
            assert_eq!(host(x.grad(&gradients).unwrap()), vec![1.0; n]);
        }
    }
}
