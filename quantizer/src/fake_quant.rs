//! Fake quantization with learned step sizes (LSQ: Esser et al. 2020) for 1 to 8 bits.
//!
//! Steps are learned as log2. Host functions here define the codes; training, integer evaluation
//! and lowering all use them.

use burn::tensor::activation::relu;
use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::config::{QuantizeConfig, QuantizeMode};
use crate::error::QuantizerError;
use crate::fxq_compat;
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
            return Self { negative: 1, positive: 1, binary: true };
        }
        let half = 1 << (bits - 1);
        Self { negative: half, positive: half - 1, binary: false }
    }

    /// Unsigned activations of A bits.
    pub fn activation(bits: u8) -> Self {
        Self { negative: 0, positive: (1 << bits) - 1, binary: false }
    }

    /// The signed 8-bit network input.
    pub fn input() -> Self {
        Self { negative: 128, positive: 127, binary: false }
    }

    /// Code of a value: round half to even of value / step, clamped; one bit takes the sign.
    #[inline(always)]
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
    /// True if the input is rounded to signed 8 bits; `fxq-compat` leaves it as it is.
    pub fn rounds_input(&self) -> bool {
        self.mode != QuantizeMode::FxqCompat
    }

    /// Learning rate of a layer's weights as a multiple of the base rate.
    ///
    /// A code changes only when a weight crosses half a step, so coarse weights must move further;
    /// with one bit the only threshold is zero. Found by experiment.
    pub fn weight_rate(&self, layer_idx: usize) -> f64 {
        match self.bits[layer_idx].weight {
            _ if self.mode == QuantizeMode::FxqCompat => 1.0,
            1 => 40.0,
            2 => 4.0,
            3 => 2.0,
            _ => 1.0,
        }
    }

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
                let known = specs.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
                return Err(QuantizerError::UnknownLayer { name: name.clone(), known });
            }
        }
        let mut bits: Vec<_> =
            specs.iter().enumerate().map(|(i, s)| own_bits(config, i, s)).collect();
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
        Ok(Self { bits, mode: config.mode, input_step })
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
        QuantizeMode::Scaled | QuantizeMode::FxqCompat => log2.exp2(),
        QuantizeMode::Fixed => log2.round_ties_even().exp2(),
    }
}

/// The step tensor of a log2 parameter: values from [`step_size`], gradient of 2^p with the
/// rounding of `fixed` mode passed straight through, scaled by LSQ's gradient scale.
pub fn step_tensor(log2: Tensor<1>, mode: QuantizeMode, gradient_scale: f32) -> Tensor<1> {
    let device = log2.device().inner();
    let values: Vec<f32> = host(log2.clone().inner()).iter().map(|&p| step_size(p, mode)).collect();
    let n = values.len();
    let constant = |v: Vec<f32>| {
        let plain = Tensor::<1>::from_data(TensorData::new(v, [n]), &device);
        if log2.device().is_autodiff() { Tensor::from_inner(plain) } else { plain }
    };
    // ds/dp = s·ln 2; p·c − detach(p·c) is exactly zero and carries the gradient.
    let slope = values.iter().map(|s| s * std::f32::consts::LN_2 * gradient_scale).collect();
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
    let (shared, log2_step) = match mode {
        QuantizeMode::FxqCompat => return fxq_compat::levels(weight, 0, bits),
        QuantizeMode::Scaled => (n_in * ky * kx, log2_step),
        QuantizeMode::Fixed => (n_out * n_in * ky * kx, log2_step.narrow(0, 0, 1)),
    };
    let step = step_tensor(log2_step, mode, range.gradient_scale(shared));
    ops::lsq(weight, step, range)
}

/// Fake-quantized activations, after ReLU or fused with it: the range starts at zero.
pub fn activations(x: Tensor<4>, log2_step: Tensor<1>, bits: u8, mode: QuantizeMode) -> Tensor<4> {
    if mode == QuantizeMode::FxqCompat {
        return fxq_compat::levels(relu(x), bits, 0);
    }
    let range = Range::activation(bits);
    let n = x.dims().iter().skip(1).product();
    ops::lsq(x, step_tensor(log2_step, mode, range.gradient_scale(n)), range)
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
        QuantizeMode::Scaled | QuantizeMode::FxqCompat => {
            (0..=96).map(|k| top - k as f32 / 16.0).collect()
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LayerOverride, ModelConfig};
    use crate::topology::Topology;
    use burn::tensor::Device;

    /// x, upstream gradient, and by hand from eq. 3 and 5 of the paper: dy/dx and dy/ds.
    struct Case {
        x: f32,
        dx: f32,
        ds: f32,
    }

    fn check(range: Range, step: f32, cases: &[Case]) {
        let device = Device::flex().autodiff();
        let values: Vec<f32> = cases.iter().map(|c| c.x).collect();
        let shape = [1, 1, 1, values.len()];
        for (i, case) in cases.iter().enumerate() {
            let x = Tensor::<4>::from_data(TensorData::new(values.clone(), shape), &device);
            let (x, log2) = (x.require_grad(), Tensor::<1>::from_floats([step.log2()], &device));
            let log2 = log2.require_grad();
            let s = step_tensor(log2.clone(), QuantizeMode::Scaled, range.gradient_scale(4));
            let y = ops::lsq(x.clone(), s, range).narrow(3, i, 1).sum();
            let gradients = y.backward();
            let dx = host(x.grad(&gradients).unwrap());
            let dp = host(log2.grad(&gradients).unwrap())[0];
            assert!((dx[i] - case.dx).abs() < 1e-6, "dy/dx at {}: {}", case.x, dx[i]);
            // dp = ds · ds/dp · 1/√(n·Q_P), with ds/dp = s·ln 2 and n = 4.
            let scale = 1.0 / (4.0 * range.positive as f32).sqrt();
            let expected = case.ds * step * 2.0f32.ln() * scale;
            assert!((dp - expected).abs() < 1e-6, "d/dp at {}: {dp}, not {expected}", case.x);
        }
    }

    #[test]
    fn unsigned_gradients_follow_the_paper() {
        // A = 2: codes 0..3, s = 0.5.
        let cases = [
            Case { x: -0.3, dx: 0.0, ds: 0.0 },      // below: −Q_N = 0
            Case { x: 0.3, dx: 1.0, ds: 1.0 - 0.6 }, // v = 0.6 → 1
            Case { x: 0.6, dx: 1.0, ds: 1.0 - 1.2 }, // v = 1.2 → 1
            Case { x: 1.4, dx: 1.0, ds: 3.0 - 2.8 }, // v = 2.8 → 3
            Case { x: 1.7, dx: 0.0, ds: 3.0 },       // above: Q_P
        ];
        check(Range::activation(2), 0.5, &cases);
    }

    #[test]
    fn signed_gradients_follow_the_paper() {
        // W = 3: codes −4..3, s = 0.25.
        let cases = [
            Case { x: -1.2, dx: 0.0, ds: -4.0 },       // v = −4.8
            Case { x: -0.4, dx: 1.0, ds: -2.0 + 1.6 }, // v = −1.6 → −2
            Case { x: 0.7, dx: 1.0, ds: 3.0 - 2.8 },   // v = 2.8 → 3
            Case { x: 0.8, dx: 0.0, ds: 3.0 },         // v = 3.2
        ];
        check(Range::weight(3), 0.25, &cases);
    }

    #[test]
    fn one_bit_weights_are_signs_times_the_step() {
        let cases = [
            Case { x: -0.1, dx: 1.0, ds: -1.0 },
            Case { x: 0.0, dx: 1.0, ds: 1.0 },
            Case { x: 5.0, dx: 1.0, ds: 1.0 },
        ];
        check(Range::weight(1), 0.25, &cases);
    }

    #[test]
    fn every_code_is_reached_and_fits_the_network() {
        for bits in 1..=8u8 {
            let range = Range::weight(bits);
            let codes: std::collections::BTreeSet<i32> =
                (-300..=300).map(|v| range.code(v as f32, 1.0) as i32).collect();
            assert_eq!(codes.len(), 1 << bits, "W = {bits}");
            assert!(codes.iter().all(|&c| network::arithmetic::is_weight(c, bits)), "W = {bits}");
        }
    }

    #[test]
    fn fixed_mode_steps_are_powers_of_two() {
        let device = Device::flex();
        let log2 = Tensor::<1>::from_floats([-3.4, 0.6, 2.0], &device);
        let step = host(step_tensor(log2, QuantizeMode::Fixed, 1.0));
        assert_eq!(step, [0.125, 2.0, 4.0]);
    }

    #[test]
    fn minimum_error_step_of_a_grid_is_its_spacing() {
        let values: Vec<f32> = (-8..8).map(|k| k as f32 * 0.25).collect();
        let log2 = min_mse_step(&values, Range::weight(4), QuantizeMode::Fixed);
        assert_eq!(log2, -2.0);
        let values: Vec<f32> = (0..64).map(|k| k as f32 * 0.125).collect();
        let log2 = min_mse_step(&values, Range::activation(6), QuantizeMode::Scaled);
        assert!((log2 + 3.0).abs() < 1e-6, "{log2}");
    }

    #[test]
    fn overrides_apply_and_tied_layers_must_agree() {
        let topology = Topology::new(&ModelConfig { depth: 1, ..Default::default() }, 1, 2);
        let specs = topology.layers();
        let mut config = QuantizeConfig::default();
        let a = |bits| LayerOverride { weight_bits: None, activation_bits: Some(bits) };
        config.layers.insert("bottom.conv2".into(), a(3));
        let plan = QuantPlan::new(&config, &specs, 0.1).unwrap();
        let bits_of = |name: &str| plan.bits[specs.iter().position(|s| s.name == name).unwrap()];
        assert_eq!(bits_of("enc0.conv2").activation, 3, "tied with bottom.conv2");
        assert_eq!(bits_of("enc0.conv1"), LayerBits { weight: 8, activation: 6 });
        assert_eq!(bits_of("bottom.conv1"), LayerBits { weight: 4, activation: 6 });
        config.layers.insert("enc0.conv2".into(), a(5));
        let message = QuantPlan::new(&config, &specs, 0.1).unwrap_err().to_string();
        assert!(message.contains("enc0.conv2 and bottom.conv2"), "{message}");
        config.layers.insert("enc9.conv2".into(), a(5));
        let message = QuantPlan::new(&config, &specs, 0.1).unwrap_err().to_string();
        assert!(message.starts_with("quantize.layers.enc9.conv2: no such layer"), "{message}");
    }
}
