//! The differentiable forward pass: float or fake-quantized, training or evaluation.

use burn::tensor::activation::relu;
use burn::tensor::module::{conv_transpose2d, conv2d, interpolate, max_pool2d};
use burn::tensor::ops::{
    ConvOptions, ConvTransposeOptions, InterpolateMode, InterpolateOptions, MaxPoolOptions,
};
use burn::tensor::{Device, Tensor, TensorData};
use datasets::sampler::Batch;

use crate::config::QuantizeMode;
use crate::fake_quant::{self, QuantPlan};
use crate::fxq_compat;
use crate::ops;
use crate::topology::{LayerSpec, Operation, Topology, Walk, walk};
use crate::unet::{NORM_EPSILON, UNet, Unit};

/// Where batch norm takes its statistics from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The batch; the running statistics are to be updated.
    Training,
    /// The running statistics; also in training, once they are frozen.
    Evaluation,
}

/// Mean and unbiased variance of one layer's batch.
#[derive(Clone, Debug)]
pub struct BatchStatistics {
    /// Mean per channel.
    pub mean: Tensor<1>,
    /// Variance per channel; absent in `fixed` mode, where it is frozen.
    pub variance: Option<Tensor<1>>,
}

/// Result of [`forward`].
pub struct Forward {
    /// Logits `[n, outputs, h, w]`.
    pub logits: Tensor<4>,
    /// One entry per layer in the training phase.
    pub statistics: Vec<Option<BatchStatistics>>,
    /// Real-valued outputs per layer before quantization, if they were asked for.
    pub outputs: Vec<Tensor<4>>,
}

/// What [`forward`] computes.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    /// Shapes and wiring.
    pub topology: &'a Topology,
    /// Fake quantization, or none.
    pub plan: Option<&'a QuantPlan>,
    /// Training or evaluation.
    pub phase: Phase,
    /// Keep each layer's output (after ReLU, before quantization).
    pub keep_outputs: bool,
}

/// The images of a batch as the input of [`forward`].
pub fn input(batch: &Batch, topology: &Topology, device: &Device) -> Tensor<4> {
    let shape = [batch.n, topology.input_channels, batch.height, batch.width];
    Tensor::from_data(TensorData::new(batch.images.clone(), shape), device)
}

/// Runs the network.
///
/// # Shapes
/// `x` `[n, channels, h, w]` with h and w multiples of 2^depth; already quantized if there is a
/// plan.
pub fn forward(net: &UNet, pass: Pass<'_>, x: Tensor<4>) -> Forward {
    let specs = pass.topology.layers();
    let statistics = vec![None; specs.len()];
    let mut walker = Walker { net, pass, specs, statistics, outputs: Vec::new() };
    let logits = walk(pass.topology, &mut walker, x);
    Forward { logits, statistics: walker.statistics, outputs: walker.outputs }
}

struct Walker<'a> {
    net: &'a UNet,
    pass: Pass<'a>,
    specs: Vec<LayerSpec>,
    statistics: Vec<Option<BatchStatistics>>,
    outputs: Vec<Tensor<4>>,
}

impl Walk for Walker<'_> {
    type Value = Tensor<4>;

    fn layer(&mut self, layer_idx: usize, x: Tensor<4>) -> Tensor<4> {
        let unit = &self.net.units[layer_idx];
        let weight = self.weight(layer_idx, unit);
        let operation = self.specs[layer_idx].operation;
        let sum = convolve(operation, x, weight);
        if operation == Operation::Head {
            return sum + channels(unit.beta.val());
        }
        let normal = match self.pass.plan.map(|plan| plan.mode) {
            Some(QuantizeMode::Fixed) => self.shift(layer_idx, unit, sum),
            Some(QuantizeMode::Scaled | QuantizeMode::FxqCompat) | None => {
                self.normalize(layer_idx, unit, sum)
            }
        };
        if self.pass.keep_outputs {
            self.outputs.push(relu(normal.clone()));
        }
        match self.pass.plan {
            None => relu(normal),
            Some(plan) if self.stays_float(layer_idx, plan) => relu(normal),
            Some(plan) => {
                let owner = &self.net.units[self.specs[layer_idx].step_owner];
                let bits = plan.bits[layer_idx].activation;
                fake_quant::activations(normal, owner.activation_step.val(), bits, plan.mode)
            }
        }
    }

    fn max_pool(&mut self, _name: String, x: Tensor<4>) -> Tensor<4> {
        max_pool2d(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2]))
    }

    fn upsample(&mut self, _name: String, x: Tensor<4>) -> Tensor<4> {
        let [_, _, h, w] = x.dims();
        let options = InterpolateOptions::new(InterpolateMode::Nearest);
        interpolate(x, options.with_output_size([2 * h, 2 * w]))
    }

    fn concat(&mut self, _name: String, upsampled: Tensor<4>, skip: Tensor<4>) -> Tensor<4> {
        Tensor::cat(vec![upsampled, skip], 1)
    }
}

impl Walker<'_> {
    fn stays_float(&self, layer_idx: usize, plan: &QuantPlan) -> bool {
        plan.mode == QuantizeMode::FxqCompat && fxq_compat::is_float(&self.specs[layer_idx])
    }

    fn weight(&self, layer_idx: usize, unit: &Unit) -> Tensor<4> {
        let weight = unit.weight.val();
        let Some(plan) = self.pass.plan else {
            return weight;
        };
        if self.stays_float(layer_idx, plan) {
            return weight;
        }
        let bits = plan.bits[layer_idx].weight;
        let is_head = self.specs[layer_idx].operation == Operation::Head;
        // In `fixed` mode the batch-norm gain goes into the weights before they are quantized.
        let weight = match plan.mode {
            QuantizeMode::Fixed if !is_head => weight * fixed_gain(unit).reshape([-1, 1, 1, 1]),
            _ => weight,
        };
        fake_quant::weights(weight, unit.weight_step.val(), bits, plan.mode)
    }

    fn normalize(&mut self, layer_idx: usize, unit: &Unit, x: Tensor<4>) -> Tensor<4> {
        if self.pass.phase == Phase::Evaluation {
            let gain = fixed_gain(unit);
            let offset = unit.beta.val() - unit.mean.val() * gain.clone();
            return x * channels(gain) + channels(offset);
        }
        let [n, _, h, w] = x.dims();
        let count = (n * h * w) as f64;
        let result = ops::batch_norm(x, unit.gamma.val(), unit.beta.val());
        let variance = result.variance * (count / (count - 1.0).max(1.0));
        let found = BatchStatistics { mean: result.mean, variance: Some(variance) };
        self.statistics[layer_idx] = Some(found);
        result.output
    }

    /// `fixed` mode: the gain is in the weights already, only the mean is normalised.
    fn shift(&mut self, layer_idx: usize, unit: &Unit, x: Tensor<4>) -> Tensor<4> {
        if self.pass.phase == Phase::Evaluation {
            return x + channels(unit.beta.val() - unit.mean.val());
        }
        let mean = x.clone().mean_dims(&[0, 2, 3]);
        let flat = mean.clone().detach().reshape([-1]);
        self.statistics[layer_idx] = Some(BatchStatistics { mean: flat, variance: None });
        x - mean + channels(unit.beta.val())
    }
}

/// γ/√(running variance + ε).
pub fn fixed_gain(unit: &Unit) -> Tensor<1> {
    unit.gamma.val() / (unit.variance.val() + NORM_EPSILON).sqrt()
}

/// A convolution of the given kind, without bias.
pub fn convolve(operation: Operation, x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    match operation {
        Operation::Conv3x3 => ops::conv3x3(x, weight),
        Operation::Head => conv2d(x, weight, None, ConvOptions::new([1, 1], [0, 0], [1, 1], 1)),
        Operation::Up2x2 => {
            let options = ConvTransposeOptions::new([2, 2], [0, 0], [0, 0], [1, 1], 1);
            conv_transpose2d(x, weight.swap_dims(0, 1), None, options)
        }
    }
}

fn channels(vector: Tensor<1>) -> Tensor<4> {
    vector.reshape([1, -1, 1, 1])
}
