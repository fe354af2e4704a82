//! First values for fine-tuning: bits, input step, minimum-error steps from data, and offsets and
//! statistics that undo what quantization shifts.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use datasets::sampler::{Batch, PatchSampler};

use crate::config::{QuantizeConfig, QuantizeMode};
use crate::error::QuantizerError;
use crate::fake_quant::{QuantPlan, Range, min_mse_step, step_size};
use crate::forward::{Pass, Phase, forward, input};
use crate::integers::gain;
use crate::topology::{LayerSpec, Operation, Topology};
use crate::unet::{NORM_EPSILON, UNet, UnitValues, host};

/// Most values looked at for one step.
const MAX_SAMPLES: usize = 1 << 15;

/// Code of an input value: round half away from zero of x / step, clamped to signed 8 bits.
pub fn input_code(x: f32, step: f32) -> i8 {
    // A cast from float saturates and takes NaN to zero.
    (x / step).round().clamp(-128.0, 127.0) as i8
}

/// Replaces a batch's values by those that the quantized input can hold.
pub fn quantize_batch(batch: &mut Batch, step: f32) {
    batch.images.iter_mut().for_each(|x| *x = f32::from(input_code(*x, step)) * step);
}

/// Batches that [`calibration`] joins.
const CALIBRATION_BATCHES: u64 = 2;
/// First of their numbers, far from those of training.
const CALIBRATION_START: u64 = u64::MAX >> 32;

/// Patches on which steps and offsets are fitted; training does not see their draw.
pub fn calibration(sampler: &PatchSampler<'_>) -> Batch {
    let mut joined = sampler.batch(CALIBRATION_START);
    for index in 1..CALIBRATION_BATCHES {
        let batch = sampler.batch(CALIBRATION_START + index);
        joined.n += batch.n;
        joined.images.extend(batch.images);
        joined.masks.extend(batch.masks);
    }
    joined
}

/// Step of the network input from a batch of training patches.
pub fn input_step(batch: &Batch, mode: QuantizeMode) -> f32 {
    step_size(min_mse_step(&thinned(&batch.images), Range::input(), mode), mode)
}

/// The float network with steps fitted to its weights and to its activations on `batch`, and with
/// offsets and statistics corrected for what quantization changes in the mean.
///
/// In `fixed` mode the running means are moved behind the folded gain. In `fxq-compat` mode there
/// are no steps, and nothing is changed.
///
/// # Errors
/// If the configuration does not fit the network.
pub fn start(
    config: &QuantizeConfig,
    topology: &Topology,
    float: &UNet,
    batch: &Batch,
    device: &Device,
) -> Result<(UNet, QuantPlan), QuantizerError> {
    let specs = topology.layers();
    let plan = QuantPlan::new(config, &specs, input_step(batch, config.mode))?;
    if plan.mode == QuantizeMode::FxqCompat {
        return Ok((UNet::from_values(topology, &float.values(), device), plan));
    }
    let plain = device.clone().inner();
    let x = input(batch, topology, &plain);
    let pass = Pass { topology, plan: None, phase: Phase::Evaluation, keep_outputs: true };
    let outputs = forward(&float.valid(), pass, x).outputs;
    let mut values = float.values();
    fit_steps(&mut values, &specs, &plan, outputs);
    if plan.mode == QuantizeMode::Fixed {
        values.iter_mut().zip(&specs).for_each(|(unit, spec)| move_mean(unit, spec.operation));
    }
    let start = UNet::from_values(topology, &values, &plain);
    correct_shift(&float.valid(), &start, topology, &plan, batch, &mut values);
    Ok((UNet::from_values(topology, &values, device), plan))
}

/// A network in training, with steps fitted anew on `batch` where `plan` asks for other bits than
/// `wide` (progressive quantization: Zhuang et al. 2018, section 3.2).
///
/// Parameters keep their ids, so that the optimisers go on.
pub fn narrow(
    mut net: UNet,
    topology: &Topology,
    wide: &QuantPlan,
    plan: &QuantPlan,
    batch: &Batch,
) -> UNet {
    let still = net.valid();
    let x = input(batch, topology, &still.units[0].weight.device());
    let pass = Pass { topology, plan: Some(wide), phase: Phase::Training, keep_outputs: true };
    let outputs = forward(&still, pass, x).outputs;
    let mut values = still.values();
    fit_steps(&mut values, &topology.layers(), plan, outputs);
    let steps = |old: Tensor<1>, found: Vec<f32>| {
        let found = TensorData::new(found, old.dims());
        Tensor::from_data(found, &old.device()).require_grad()
    };
    for (idx, (unit, found)) in net.units.iter_mut().zip(values).enumerate() {
        if wide.bits[idx].weight != plan.bits[idx].weight {
            unit.weight_step = unit.weight_step.clone().map(|old| steps(old, found.weight_step));
        }
        if wide.bits[idx].activation != plan.bits[idx].activation {
            let found = vec![found.activation_step];
            unit.activation_step = unit.activation_step.clone().map(|old| steps(old, found));
        }
    }
    net
}

/// Minimum-error steps of all weights, and of all activations from each layer's `outputs`.
fn fit_steps(
    values: &mut [UnitValues],
    specs: &[LayerSpec],
    plan: &QuantPlan,
    outputs: Vec<Tensor<4>>,
) {
    let mut samples: Vec<Vec<f32>> = vec![Vec::new(); specs.len()];
    for (idx, output) in outputs.into_iter().enumerate() {
        samples[specs[idx].step_owner].extend(thinned(&host(output)));
    }
    for (idx, spec) in specs.iter().enumerate() {
        let unit = &mut values[idx];
        unit.weight_step = weight_steps(unit, plan.bits[idx].weight, plan.mode, spec.operation);
        if !samples[idx].is_empty() {
            let range = Range::activation(plan.bits[idx].activation);
            unit.activation_step = min_mse_step(&samples[idx], range, plan.mode);
        }
    }
}

/// Moves means, variances and the head's offset by what quantization changes in them on `batch`.
///
/// Both networks normalise by the batch's own statistics, so that each layer sees inputs whose
/// shift is corrected already; the difference between the two, on the same patches, is added to the
/// running statistics (bias correction: Nagel et al. 2019, section 4.2, from data).
fn correct_shift(
    float: &UNet,
    start: &UNet,
    topology: &Topology,
    plan: &QuantPlan,
    batch: &Batch,
    values: &mut [UnitValues],
) {
    let device = float.units[0].weight.device();
    let run = |net: &UNet, plan: Option<&QuantPlan>, batch: &Batch| {
        let pass = Pass { topology, plan, phase: Phase::Training, keep_outputs: false };
        forward(net, pass, input(batch, topology, &device))
    };
    let mut rounded = batch.clone();
    quantize_batch(&mut rounded, plan.input_step);
    let (before, after) = (run(float, None, batch), run(start, Some(plan), &rounded));
    for (idx, pair) in before.statistics.into_iter().zip(after.statistics).enumerate() {
        let (Some(before), Some(after)) = pair else { continue };
        let unit = &mut values[idx];
        // in `fixed` mode the statistics are those behind the gain
        let scale = |channel| match plan.mode {
            QuantizeMode::Fixed => gain(unit, channel),
            _ => 1.0,
        };
        let (means, new_means) = (host(before.mean), host(after.mean));
        let shift = |channel: usize| new_means[channel] - means[channel] * scale(channel);
        let shifts: Vec<f32> = (0..means.len()).map(shift).collect();
        unit.mean.iter_mut().zip(shifts).for_each(|(mean, shift)| *mean += shift);
        if let (Some(before), Some(after)) = (before.variance, after.variance) {
            for (channel, (old, new)) in host(before).into_iter().zip(host(after)).enumerate() {
                let epsilon = NORM_EPSILON as f32;
                unit.variance[channel] *= (new + epsilon) / (old + epsilon);
            }
        }
    }
    let means = |logits: Tensor<4>| host(logits.mean_dims(&[0, 2, 3]));
    let shifts = means(before.logits).into_iter().zip(means(after.logits));
    if let Some(head) = values.last_mut() {
        head.beta.iter_mut().zip(shifts).for_each(|(beta, (old, new))| *beta += old - new);
    }
}

fn weight_steps(unit: &UnitValues, bits: u8, mode: QuantizeMode, operation: Operation) -> Vec<f32> {
    let range = Range::weight(bits);
    let n_out = unit.gamma.len();
    let per_channel = unit.weight.len() / n_out;
    match mode {
        QuantizeMode::Scaled | QuantizeMode::FxqCompat => {
            let rows = unit.weight.chunks(per_channel);
            rows.map(|row| min_mse_step(row, range, mode)).collect()
        }
        QuantizeMode::Fixed => {
            let mut folded = unit.weight.clone();
            if operation != Operation::Head {
                for (i, weight) in folded.iter_mut().enumerate() {
                    *weight *= gain(unit, i / per_channel);
                }
            }
            vec![min_mse_step(&folded, range, mode); n_out]
        }
    }
}

/// In `fixed` mode the running mean is that behind the gain, which is folded into the weights.
fn move_mean(unit: &mut UnitValues, operation: Operation) {
    if operation != Operation::Head {
        for channel in 0..unit.mean.len() {
            unit.mean[channel] *= gain(unit, channel);
        }
    }
}

/// At most [`MAX_SAMPLES`] values, evenly spread.
fn thinned(values: &[f32]) -> Vec<f32> {
    let stride = values.len().div_ceil(MAX_SAMPLES).max(1);
    // An odd stride visits every column of images with an even width.
    values.iter().step_by(stride | 1).copied().collect()
}
