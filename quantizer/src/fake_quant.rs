//! Fake quantization with learned step sizes (LSQ: Esser et al. 2020) for 1 to 8 bits.
//!
//! Steps are learned as log2. Host functions here define the codes; training, integer evaluation
//! and lowering all use them.

use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::config::{QuantizeConfig, QuantizeMode};
use crate::error::QuantizerError;
use crate::ops;
use crate::topology::{LayerSpec, Operation};
use crate::unet::host;

/// Bits of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerBits {
    /// W of the layer's weights.
    pub weight: u8,
    /// A of the layer's output (unused in the head).
    pub activation: u8,
}

/// How a network is quantized: bits by layer, mode, and the step of the input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantPlan {
    /// One entry per layer of the topology.
    pub bits: Vec<LayerBits>,
    /// `scaled` or `fixed`.
    pub mode: QuantizeMode,
    /// Real value of one code of the input, which is signed 8 bits.
    pub input_step: f32,
}

/// Integer range of a quantizer: codes −`negative`..=`positive`; one-bit weights have no zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Q_N of the paper.
    pub negative: u32,
    /// Q_P of the paper.
    pub positive: u32,
    /// True for one-bit weights, whose codes are −1 and +1.
    pub binary: bool,
}

impl Range {
    /// Weights of W bits: the full two's complement range, ±1 for one bit.
    pub fn weight(bits: u8) -> Self {
        if bits == 1 {
            return Self {
                negative: 1,
                positive: 1,
                binary: true,
            };
        }
        let half = 1 << (bits - 1);
        Self {
            negative: half,
            positive: half - 1,
            binary: false,
        }
    }

    /// Unsigned activations of A bits.
    pub fn activation(bits: u8) -> Self {
        Self {
            negative: 0,
            positive: (1 << bits) - 1,
            binary: false,
        }
    }

    /// The signed 8-bit network input.
    pub fn input() -> Self {
        Self {
            negative: 128,
            positive: 127,
            binary: false,
        }
    }

    /// Code of a value: round half to even of value / step, clamped; one bit takes the sign.
    #[inline]
    pub fn code(&self, value: f32, step: f32) -> f32 {
        if self.binary {
            return if value >= 0.0 { 1.0 } else { -1.0 };
        }
        let (low, high) = (-(self.negative as f32), self.positive as f32);
        (value / step).clamp(low, high).round_ties_even()
    }

    /// Gradient scale 1/√(n·Q_P), section 2.2 of the paper; `n` values share the step.
    pub fn gradient_scale(&self, n: usize) -> f32 {
        1.0 / (n as f32 * self.positive.max(1) as f32).sqrt()
    }
}

impl QuantPlan {
    /// Bits by layer from the configuration.
    ///
    /// # Errors
    /// If an override names an unknown layer or concatenated tensors ask for different bits.
    pub fn new(
        config: &QuantizeConfig,
        specs: &[LayerSpec],
        input_step: f32,
    ) -> Result<Self, QuantizerError> {
        for name in config.layers.keys() {
            if !specs.iter().any(|spec| spec.name == *name) {
                let known = specs
                    .iter()
                    .map(|s| s.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ");
                return Err(QuantizerError::UnknownLayer {
                    name: name.clone(),
                    known,
                });
            }
        }
        let mut bits: Vec<_> = specs
            .iter()
            .enumerate()
            .map(|(i, s)| own_bits(config, i, s))
            .collect();
        for (idx, spec) in specs.iter().enumerate().filter(|(i, s)| s.step_owner != *i) {
            let owner = spec.step_owner;
            let asked = |i: usize| config.layers.get(&specs[i].name)?.activation_bits;
            match (asked(owner), asked(idx)) {
                (Some(first_bits), Some(second_bits)) if first_bits != second_bits => {
                    let (first, second) = (specs[owner].name.clone(), spec.name.clone());
                    return Err(QuantizerError::TiedBits {
                        first,
                        second,
                        first_bits,
                        second_bits,
                    });
                }
                (None, Some(shared)) => bits[owner].activation = shared,
                _ => {}
            }
            bits[idx].activation = bits[owner].activation;
        }
        Ok(Self {
            bits,
            mode: config.mode,
            input_step,
        })
    }
}

fn own_bits(config: &QuantizeConfig, layer_idx: usize, spec: &LayerSpec) -> LayerBits {
    let own = config.layers.get(&spec.name).copied().unwrap_or_default();
    let default = match spec.operation {
        Operation::Head => config.head_weight_bits,
        _ if layer_idx == 0 => config.first_weight_bits,
        _ => config.weight_bits,
    };
    LayerBits {
        weight: own.weight_bits.unwrap_or(default),
        activation: own.activation_bits.unwrap_or(config.activation_bits),
    }
}

/// Step size from its log2; in `fixed` mode the nearest power of two.
pub fn step_size(log2: f32, mode: QuantizeMode) -> f32 {
    match mode {
        QuantizeMode::Scaled => log2.exp2(),
        QuantizeMode::Fixed => log2.round_ties_even().exp2(),
    }
}

/// The step tensor of a log2 parameter: values from [`step_size`], gradient of 2^p with the
/// rounding of `fixed` mode passed straight through, scaled by LSQ's gradient scale.
pub fn step_tensor(log2: Tensor<1>, mode: QuantizeMode, gradient_scale: f32) -> Tensor<1> {
    let device = log2.device().inner();
    let values: Vec<f32> = host(log2.clone().inner())
        .iter()
        .map(|&p| step_size(p, mode))
        .collect();
    let n = values.len();
    let constant = |v: Vec<f32>| {
        let plain = Tensor::<1>::from_data(TensorData::new(v, [n]), &device);
        if log2.device().is_autodiff() {
            Tensor::from_inner(plain)
        } else {
            plain
        }
    };
    // ds/dp = s·ln 2; p·c − detach(p·c) is exactly zero and carries the gradient.
    let slope = values
        .iter()
        .map(|s| s * std::f32::consts::LN_2 * gradient_scale)
        .collect();
    let linear = log2.clone() * constant(slope);
    (linear.clone() - linear.detach()) + constant(values)
}

/// Fake-quantized weights.
///
/// # Shapes
/// `weight` `[out, in, ky, kx]`, `log2_step` `[out]` (`fixed` mode uses its first entry).
pub fn weights(weight: Tensor<4>, log2_step: Tensor<1>, bits: u8, mode: QuantizeMode) -> Tensor<4> {
    let range = Range::weight(bits);
    let [n_out, n_in, ky, kx] = weight.dims();
    let shared = match mode {
        QuantizeMode::Scaled => n_in * ky * kx,
        QuantizeMode::Fixed => n_out * n_in * ky * kx,
    };
    let log2_step = match mode {
        QuantizeMode::Scaled => log2_step,
        QuantizeMode::Fixed => log2_step.narrow(0, 0, 1),
    };
    let step = step_tensor(log2_step, mode, range.gradient_scale(shared));
    ops::lsq(weight, step, range)
}

/// Fake-quantized activations, after ReLU or fused with it: the range starts at zero.
pub fn activations(x: Tensor<4>, log2_step: Tensor<1>, bits: u8, mode: QuantizeMode) -> Tensor<4> {
    let range = Range::activation(bits);
    let n = x.dims().iter().skip(1).product();
    ops::lsq(
        x,
        step_tensor(log2_step, mode, range.gradient_scale(n)),
        range,
    )
}

/// log2 of the step that makes the mean squared error over `values` smallest.
///
/// Searches 2^(k/16) below the step that covers the largest value, `fixed` mode only whole powers.
pub fn min_mse_step(values: &[f32], range: Range, mode: QuantizeMode) -> f32 {
    let largest = values.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return 0.0;
    }
    if range.binary && mode == QuantizeMode::Scaled {
        let mean = values.iter().map(|v| f64::from(v.abs())).sum::<f64>() / values.len() as f64;
        return (mean as f32).log2();
    }
    let top = (largest / range.positive as f32).log2();
    let candidates: Vec<f32> = match mode {
        QuantizeMode::Scaled => (0..=96).map(|k| top - k as f32 / 16.0).collect(),
        QuantizeMode::Fixed => (0..=8).map(|k| top.ceil() - k as f32).collect(),
    };
    let error = |log2: f32| {
        let step = step_size(log2, mode);
        let square = |v: &f32| f64::from(range.code(*v, step) * step - v).powi(2);
        values.iter().map(square).sum::<f64>()
    };
    let mut best = (f64::INFINITY, top);
    for log2 in candidates {
        let found = error(log2);
        if found < best.0 {
            best = (found, log2);
        }
    }
    best.1
}
