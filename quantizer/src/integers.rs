//! Codes and (M, B, S) of every weighted layer: where floats end.
//!
//! `y = clamp((acc·M + B) >> S)` with M = round(m·2^S) and B = round(b·2^S) + 2^(S−1), where
//! y/step ≈ m·acc + b in real numbers.

use network::{ChannelParams, Requantize};

use crate::config::QuantizeMode;
use crate::error::QuantizerError;
use crate::fake_quant::{QuantPlan, Range, step_size};
use crate::topology::{LayerSpec, Operation, Topology, Walk, walk};
use crate::unet::{NORM_EPSILON, UnitValues};

/// The integers of one weighted layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerIntegers {
    /// Weight codes in OIHW order.
    pub weights: Vec<i8>,
    /// M, B and S.
    pub requantize: Requantize,
    /// Real value of one output code; for the head, of one unit of the logit.
    pub output_step: f64,
}

/// Real-valued requantization of one channel: y/step = m·acc + b.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Output codes per unit of the accumulator.
    pub m: f64,
    /// Output codes at accumulator zero.
    pub b: f64,
    /// Largest magnitude of the accumulator, from the weights and the input's range.
    pub acc_bound: f64,
}

/// The integers of every weighted layer, in run order.
///
/// # Errors
/// If a layer cannot be expressed with a 16-bit M, a 32-bit B and a shift of 0..=31.
pub fn layer_integers(
    topology: &Topology,
    plan: &QuantPlan,
    values: &[UnitValues],
) -> Result<Vec<LayerIntegers>, QuantizerError> {
    let specs = topology.layers();
    if plan.mode == QuantizeMode::FxqCompat {
        let expected = "mode scaled or fixed".into();
        let found = "fxq-compat, whose level sets exist in float only".into();
        return Err(QuantizerError::Lowering { layer: specs[0].name.clone(), expected, found });
    }
    let inputs = input_steps(topology, &specs);
    let step_of = |owner: usize| f64::from(step_size(values[owner].activation_step, plan.mode));
    let mut layers = Vec::with_capacity(specs.len());
    for (idx, spec) in specs.iter().enumerate() {
        let (input_step, input_max) = match inputs[idx] {
            None => (f64::from(plan.input_step), 128.0),
            Some(owner) => {
                (step_of(owner), f64::from(Range::activation(plan.bits[owner].activation).positive))
            }
        };
        let context = Context { spec, plan, layer_idx: idx, input_step, input_max };
        layers.push(context.integers(&values[idx], step_of(spec.step_owner))?);
    }
    Ok(layers)
}

/// Weight codes and the real steps they stand for, one step per output channel.
pub fn weight_codes(
    spec: &LayerSpec,
    bits: u8,
    mode: QuantizeMode,
    values: &UnitValues,
) -> (Vec<i8>, Vec<f32>) {
    let range = Range::weight(bits);
    let n_out = spec.out_channels;
    let per_channel = values.weight.len() / n_out;
    let step = |c: usize| match mode {
        QuantizeMode::Fixed => step_size(values.weight_step[0], mode),
        _ => step_size(values.weight_step[c], mode),
    };
    let fold = mode == QuantizeMode::Fixed && spec.operation != Operation::Head;
    let steps: Vec<f32> = (0..n_out).map(step).collect();
    let code = |(i, &w): (usize, &f32)| {
        let channel = i / per_channel;
        // The same f32 operations as the differentiable graph, so that the codes are equal.
        let w = if fold { w * gain(values, channel) } else { w };
        range.code(w, steps[channel]) as i8
    };
    (values.weight.iter().enumerate().map(code).collect(), steps)
}

/// γ/√(variance + ε) of one channel.
pub fn gain(values: &UnitValues, channel: usize) -> f32 {
    values.gamma[channel] / (values.variance[channel] + NORM_EPSILON as f32).sqrt()
}

/// M, B and S for real-valued affine maps, clamped to outputs `low..=high`.
///
/// # Errors
/// If no shift fits, or in `fixed` mode if m is not a power of two in 2^−31..=1.
pub fn requantize(
    layer: &str,
    mode: QuantizeMode,
    channels: &[Affine],
    low: f64,
    high: f64,
) -> Result<Requantize, QuantizerError> {
    let shift = match mode {
        QuantizeMode::Fixed => fixed_shift(layer, channels)?,
        _ => (0..=network::arithmetic::MAX_SHIFT)
            .rev()
            .find(|&s| channels.iter().all(|c| fits(c, s, low, high)))
            .ok_or_else(|| unfit(layer, "multipliers within 16 bits", channels))?,
    };
    if !channels.iter().all(|c| fits(c, shift, low, high)) {
        return Err(unfit(layer, "M within 16 and B within 32 bits", channels));
    }
    let params = |c: &Affine| {
        let (multiplier, bias) = integers(c, shift, low, high);
        ChannelParams { multiplier: multiplier as i16, bias: bias as i32 }
    };
    Ok(Requantize { channels: channels.iter().map(params).collect(), shift })
}

fn fixed_shift(layer: &str, channels: &[Affine]) -> Result<u8, QuantizerError> {
    let m = channels.first().map_or(1.0, |c| c.m);
    let shift = -m.abs().log2();
    let one_power = channels.iter().all(|c| c.m.abs() == m.abs()) && shift.fract() == 0.0;
    if one_power && (0.0..=31.0).contains(&shift) {
        return Ok(shift as u8);
    }
    let expected = "output step / (weight step · input step) = 2^0 .. 2^31";
    Err(unfit(layer, expected, channels))
}

fn integers(c: &Affine, shift: u8, low: f64, high: f64) -> (f64, f64) {
    let scale = (f64::from(shift)).exp2();
    let half = if shift == 0 { 0.0 } else { scale / 2.0 };
    // Beyond these bounds every accumulator saturates, so a larger b changes nothing.
    let reach = c.m.abs() * c.acc_bound + 2.0;
    let b = c.b.clamp(low - reach, high + reach);
    ((c.m * scale).round(), (b * scale).round() + half)
}

fn fits(c: &Affine, shift: u8, low: f64, high: f64) -> bool {
    let (multiplier, bias) = integers(c, shift, low, high);
    multiplier.abs() <= f64::from(i16::MAX)
        && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&bias)
}

fn unfit(layer: &str, expected: &str, channels: &[Affine]) -> QuantizerError {
    let largest =
        |f: fn(&Affine) -> f64| channels.iter().map(f).fold(0.0f64, |a, v| a.max(v.abs()));
    let found = format!("|m| up to {:e}, |b| up to {:e}", largest(|c| c.m), largest(|c| c.b));
    QuantizerError::Lowering { layer: layer.into(), expected: expected.into(), found }
}

struct Context<'a> {
    spec: &'a LayerSpec,
    plan: &'a QuantPlan,
    layer_idx: usize,
    input_step: f64,
    input_max: f64,
}

impl Context<'_> {
    fn integers(&self, values: &UnitValues, step: f64) -> Result<LayerIntegers, QuantizerError> {
        let (spec, mode) = (self.spec, self.plan.mode);
        let bits = self.plan.bits[self.layer_idx];
        let (weights, steps) = weight_codes(spec, bits.weight, mode, values);
        let per_channel = weights.len() / spec.out_channels;
        let bound = |c: usize| {
            let row = &weights[c * per_channel..][..per_channel];
            row.iter().map(|&w| f64::from(w).abs()).sum::<f64>() * self.input_max
        };
        let real = |c: usize| self.real_affine(values, f64::from(steps[c]), c);
        let is_head = spec.operation == Operation::Head;
        let (output_step, low, high) = if is_head {
            let reach = |c| {
                let (slope, offset): (f64, f64) = real(c);
                slope.abs() * bound(c) + offset.abs()
            };
            let largest = (0..spec.out_channels).map(reach).fold(0.0, f64::max);
            let finest = f64::from(steps[0]) * self.input_step;
            (logit_step(largest, mode, finest), -32768.0, 32767.0)
        } else {
            (step, 0.0, f64::from(Range::activation(bits.activation).positive))
        };
        let affine = |c| {
            let (slope, offset) = real(c);
            Affine { m: slope / output_step, b: offset / output_step, acc_bound: bound(c) }
        };
        let channels: Vec<Affine> = (0..spec.out_channels).map(affine).collect();
        let requantize = requantize(&spec.name, mode, &channels, low, high)?;
        Ok(LayerIntegers { weights, requantize, output_step })
    }

    /// Real output = slope·acc + offset, before ReLU.
    fn real_affine(&self, values: &UnitValues, weight_step: f64, channel: usize) -> (f64, f64) {
        let beta = f64::from(values.beta[channel]);
        let mean = f64::from(values.mean[channel]);
        let unit = weight_step * self.input_step;
        match (self.spec.operation, self.plan.mode) {
            (Operation::Head, _) => (unit, beta),
            // The gain is in the weights; `mean` is that of the folded convolution.
            (_, QuantizeMode::Fixed) => (unit, beta - mean),
            (_, QuantizeMode::Scaled | QuantizeMode::FxqCompat) => {
                let variance = f64::from(values.variance[channel]) + NORM_EPSILON;
                let gain = f64::from(values.gamma[channel]) / variance.sqrt();
                (unit * gain, beta - mean * gain)
            }
        }
    }
}

/// Smallest power of two by which the largest logit stays within 16 bits, but not below 2^−12.
fn logit_step(largest: f64, mode: QuantizeMode, finest: f64) -> f64 {
    let needed = (largest / f64::from(i16::MAX)).log2().ceil().max(-12.0).exp2();
    match mode {
        QuantizeMode::Fixed => needed.max(finest),
        _ => needed,
    }
}

/// For each layer the layer that owns its input's step, or nothing for the network's input.
fn input_steps(topology: &Topology, specs: &[LayerSpec]) -> Vec<Option<usize>> {
    struct Steps<'a> {
        specs: &'a [LayerSpec],
        inputs: Vec<Option<usize>>,
    }
    impl Walk for Steps<'_> {
        type Value = Option<usize>;
        fn layer(&mut self, layer_idx: usize, x: Self::Value) -> Self::Value {
            self.inputs[layer_idx] = x;
            Some(self.specs[layer_idx].step_owner)
        }
        fn max_pool(&mut self, _name: String, x: Self::Value) -> Self::Value {
            x
        }
        fn upsample(&mut self, _name: String, x: Self::Value) -> Self::Value {
            x
        }
        fn concat(&mut self, name: String, up: Self::Value, skip: Self::Value) -> Self::Value {
            assert_eq!(up, skip, "{name}: both inputs share one step by construction");
            skip
        }
    }
    let mut walker = Steps { specs, inputs: vec![None; specs.len()] };
    walk(topology, &mut walker, None);
    walker.inputs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// f64 formula of the layer, independent of shifts: clamp(round(m·acc + b)).
    fn real(c: &Affine, acc: i64, high: f64) -> f64 {
        (c.m * acc as f64 + c.b + 0.5).floor().clamp(0.0, high)
    }

    fn integer(r: &Requantize, channel: usize, acc: i64, high: i64) -> i64 {
        let p = r.channels[channel];
        let wide = i128::from(acc) * i128::from(p.multiplier) + i128::from(p.bias);
        ((wide >> r.shift) as i64).clamp(0, high)
    }

    #[test]
    fn one_channel_by_hand() {
        // m = 1/3: the largest S with round(2^S/3) <= 32767 is 16 (21845); b = 2 → 2·2^16 + 2^15.
        let c = Affine { m: 1.0 / 3.0, b: 2.0, acc_bound: 1000.0 };
        let r = requantize("l", QuantizeMode::Scaled, &[c], 0.0, 255.0).unwrap();
        assert_eq!(r.shift, 16);
        let expected = ChannelParams { multiplier: 21845, bias: 2 * 65536 + 32768 };
        assert_eq!(r.channels, [expected]);
        // 30/3 + 2 = 12; 31/3 + 2 = 12.33 → 12; 32/3 + 2 = 12.67 → 13.
        let found: Vec<i64> = [30, 31, 32].map(|acc| integer(&r, 0, acc, 255)).into();
        assert_eq!(found, [12, 12, 13]);
    }

    #[test]
    fn integers_follow_the_real_formula_within_one_code() {
        for (m, b) in [(0.013, -3.2), (-0.0007, 40.0), (3.7, 0.4), (1e-7, 12.0), (0.5, -1e9)] {
            let c = Affine { m, b, acc_bound: 60000.0 };
            let other = Affine { m: m * 0.11, b: b * 0.3 + 1.0, acc_bound: 60000.0 };
            let channels = [c, other];
            let r = requantize("l", QuantizeMode::Scaled, &channels, 0.0, 63.0).unwrap();
            let mut exact = 0;
            for (idx, channel) in channels.iter().enumerate() {
                for acc in (-60000..=60000).step_by(7) {
                    let (found, expected) =
                        (integer(&r, idx, acc, 63) as f64, real(channel, acc, 63.0));
                    assert!(
                        (found - expected).abs() <= 1.0,
                        "m {m} b {b} acc {acc}: {found} {expected}"
                    );
                    exact += usize::from(found == expected);
                }
            }
            assert!(exact > 2 * 17142 * 99 / 100, "m {m} b {b}: only {exact} equal");
        }
    }

    #[test]
    fn fixed_mode_is_one_shift() {
        let c = Affine { m: 0.125, b: -1.5, acc_bound: 1000.0 };
        let r = requantize("l", QuantizeMode::Fixed, &[c, c], 0.0, 15.0).unwrap();
        assert_eq!(r.shift, 3);
        // b·2^3 = −12, plus the half 4.
        assert_eq!(r.channels, [ChannelParams { multiplier: 1, bias: -8 }; 2]);
        let odd = Affine { m: 0.3, ..c };
        let error = requantize("enc0.conv1", QuantizeMode::Fixed, &[odd], 0.0, 15.0).unwrap_err();
        assert!(
            error.to_string().starts_with("lowering enc0.conv1: expected output step"),
            "{error}"
        );
    }

    #[test]
    fn dead_channels_keep_their_offset() {
        let dead = Affine { m: 0.0, b: 5.2, acc_bound: 100.0 };
        let r = requantize("l", QuantizeMode::Scaled, &[dead], 0.0, 63.0).unwrap();
        assert_eq!(integer(&r, 0, 77, 63), 5);
    }
}
