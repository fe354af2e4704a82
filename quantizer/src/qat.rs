//! First values for fine-tuning: bits, input step, and minimum-error steps from data.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use datasets::sampler::Batch;

use crate::config::{QuantizeConfig, QuantizeMode};
use crate::error::QuantizerError;
use crate::fake_quant::{QuantPlan, Range, min_mse_step, step_size};
use crate::forward::{Pass, Phase, forward};
use crate::integers::gain;
use crate::topology::{Operation, Topology};
use crate::unet::{UNet, UnitValues, host};

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

/// Step of the network input from a batch of training patches.
pub fn input_step(batch: &Batch, mode: QuantizeMode) -> f32 {
    step_size(min_mse_step(&thinned(&batch.images), Range::input(), mode), mode)
}

/// The float network with steps fitted to its weights and to its activations on `batch`.
///
/// In `fixed` mode the running means are moved behind the folded gain.
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
    let plain = device.clone().inner();
    let shape = [batch.n, topology.input_channels, batch.height, batch.width];
    let x = Tensor::<4>::from_data(TensorData::new(batch.images.clone(), shape), &plain);
    let pass = Pass { topology, plan: None, phase: Phase::Evaluation, keep_outputs: true };
    let outputs = forward(&float.valid(), pass, x).outputs;
    let mut samples: Vec<Vec<f32>> = vec![Vec::new(); specs.len()];
    for (idx, output) in outputs.into_iter().enumerate() {
        samples[specs[idx].step_owner].extend(thinned(&host(output)));
    }
    let mut values = float.values();
    for (idx, spec) in specs.iter().enumerate() {
        let unit = &mut values[idx];
        weight_steps(unit, plan.bits[idx].weight, plan.mode, spec.operation);
        if !samples[idx].is_empty() {
            let range = Range::activation(plan.bits[idx].activation);
            unit.activation_step = min_mse_step(&samples[idx], range, plan.mode);
        }
    }
    Ok((UNet::from_values(topology, &values, device), plan))
}

fn weight_steps(unit: &mut UnitValues, bits: u8, mode: QuantizeMode, operation: Operation) {
    let range = Range::weight(bits);
    let n_out = unit.gamma.len();
    let per_channel = unit.weight.len() / n_out;
    match mode {
        QuantizeMode::Scaled => {
            let rows = unit.weight.chunks(per_channel);
            unit.weight_step = rows.map(|row| min_mse_step(row, range, mode)).collect();
        }
        QuantizeMode::Fixed => {
            let mut folded = unit.weight.clone();
            if operation != Operation::Head {
                for (i, weight) in folded.iter_mut().enumerate() {
                    *weight *= gain(unit, i / per_channel);
                }
                for channel in 0..n_out {
                    unit.mean[channel] *= gain(unit, channel);
                }
            }
            unit.weight_step = vec![min_mse_step(&folded, range, mode); n_out];
        }
    }
}

/// At most [`MAX_SAMPLES`] values, evenly spread.
fn thinned(values: &[f32]) -> Vec<f32> {
    let stride = values.len().div_ceil(MAX_SAMPLES).max(1);
    // An odd stride visits every column of images with an even width.
    values.iter().step_by(stride | 1).copied().collect()
}
