//! The training loop, shared by float training and quantized fine-tuning.

use burn::module::{Module, ParamId};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor, TensorData};
use datasets::sampler::Batch;
use serde::{Deserialize, Serialize};

use crate::checkpoint;
use crate::error::QuantizerError;
use crate::fake_quant::QuantPlan;
use crate::forward::{Pass, Phase, forward, update_running};
use crate::loss::{LossWeights, loss, target};
use crate::progress::{MetricsFile, ProgressEvent, Stage};
use crate::topology::Topology;
use crate::unet::{UNet, host};

/// Everything that fixes the outcome of a stage, besides data and first weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// `float` or `quantize`.
    pub stage: Stage,
    /// Shapes and wiring.
    pub topology: Topology,
    /// Fake quantization, or none.
    pub plan: Option<QuantPlan>,
    /// Optimiser steps.
    pub steps: usize,
    /// Steps of linear warm-up.
    pub warmup_steps: usize,
    /// Peak learning rate of weights and batch norm.
    pub learning_rate: f64,
    /// Peak learning rate of the log2 steps.
    pub step_learning_rate: f64,
    /// Weight of the Dice loss.
    pub dice_weight: f64,
    /// Weight of the cross-entropy.
    pub cross_entropy_weight: f64,
    /// Patches a step.
    pub batch: usize,
    /// Rows and columns of a patch.
    pub patch: (usize, usize),
    /// Fraction of patches laid around a foreground pixel.
    pub foreground: f32,
    /// Half width of the random change of contrast and brightness.
    pub intensity_jitter: f32,
    /// Seed of the patches.
    pub seed: u64,
    /// Steps between checkpoints.
    pub checkpoint_every: usize,
    /// Steps between validations.
    pub validation_every: usize,
}

/// Where a run starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// From the beginning; an earlier run's checkpoints are discarded.
    Fresh,
    /// From the newest checkpoint, or from the beginning if there is none.
    Continue,
}

/// The best network so far by validation Dice.
#[derive(Clone, Debug)]
pub struct Best {
    /// Validation Dice.
    pub dice: f64,
    /// Steps after which it was reached.
    pub step: usize,
    /// The network.
    pub net: UNet,
}

/// What changes from step to step; a checkpoint holds all of it.
pub struct State {
    /// Steps done.
    pub step: usize,
    /// The network being trained.
    pub net: UNet,
    /// Adam over weights and batch norm.
    pub optimizer: ModuleOptimizer,
    /// Adam over the log2 steps.
    pub step_optimizer: ModuleOptimizer,
    /// Best validated network.
    pub best: Option<Best>,
}

impl State {
    /// The state before the first step.
    pub fn new(net: UNet) -> Self {
        Self { step: 0, net, optimizer: adam(), step_optimizer: adam(), best: None }
    }
}

/// A fresh Adam (Kingma and Ba 2015).
pub fn adam() -> ModuleOptimizer {
    AdamConfig::new().with_epsilon(1e-8).init()
}

/// What a stage needs from its caller.
pub struct Fit<'a> {
    /// What to do.
    pub recipe: &'a Recipe,
    /// Folder of the run.
    pub run_dir: &'a std::path::Path,
    /// Device with gradients.
    pub device: &'a Device,
    /// Where to start.
    pub resume: Resume,
    /// The batch of a step; depends on nothing but the step, so that a resumed run sees the same.
    pub batch: &'a dyn Fn(usize) -> Batch,
    /// Validation Dice of a network without gradients.
    pub validate: &'a mut dyn FnMut(&UNet) -> Result<f64, QuantizerError>,
    /// Called after every step.
    pub progress: &'a mut dyn FnMut(ProgressEvent),
}

/// Trains from `first` (or the newest checkpoint) and returns the best validated network.
///
/// # Errors
/// If the loss is not finite, or a file of the run folder cannot be read or written.
pub fn fit(fit: Fit<'_>, first: UNet) -> Result<Best, QuantizerError> {
    let Fit { recipe, run_dir, device, resume, batch: batch_of, validate, progress } = fit;
    let store = checkpoint::Store::new(run_dir, recipe)?;
    let mut state = match resume {
        Resume::Fresh => {
            store.discard()?;
            State::new(first)
        }
        Resume::Continue => store.newest(device)?.unwrap_or_else(|| State::new(first)),
    };
    let mut metrics = MetricsFile::open(run_dir, recipe.stage, state.step)?;
    while state.step < recipe.steps {
        let batch = batch_of(state.step);
        let learning_rate = learning_rate(recipe, state.step);
        let loss = step(&mut state, recipe, &batch, learning_rate, device)?;
        let last = state.step == recipe.steps;
        let mut validation_dice = None;
        if last || state.step.is_multiple_of(recipe.validation_every) {
            let dice = validate(&state.net.valid())?;
            validation_dice = Some(dice);
            if state.best.as_ref().is_none_or(|best| dice >= best.dice) {
                state.best = Some(Best { dice, step: state.step, net: state.net.valid() });
            }
        }
        let event = ProgressEvent {
            stage: recipe.stage,
            step: state.step,
            steps: recipe.steps,
            loss,
            learning_rate: learning_rate * recipe.learning_rate,
            validation_dice,
        };
        metrics.append(&event)?;
        if last || state.step.is_multiple_of(recipe.checkpoint_every) {
            metrics.flush()?;
            store.save(&state)?;
        }
        progress(event);
    }
    match state.best {
        Some(best) => Ok(best),
        None => {
            let net = state.net.valid();
            Ok(Best { dice: validate(&net)?, step: state.step, net })
        }
    }
}

/// One optimiser step; `rate` scales the peak learning rates.
fn step(
    state: &mut State,
    recipe: &Recipe,
    batch: &Batch,
    rate: f64,
    device: &Device,
) -> Result<f32, QuantizerError> {
    let (n, height, width) = (batch.n, batch.height, batch.width);
    let shape = [n, recipe.topology.input_channels, height, width];
    let x = Tensor::<4>::from_data(TensorData::new(batch.images.clone(), shape), device);
    let truth = target(&batch.masks, [n, height, width], recipe.topology.n_outputs, device);
    let pass = Pass {
        topology: &recipe.topology,
        plan: recipe.plan.as_ref(),
        phase: Phase::Training,
        keep_outputs: false,
    };
    let result = forward(&state.net, pass, x);
    let weights =
        LossWeights { dice: recipe.dice_weight, cross_entropy: recipe.cross_entropy_weight };
    let loss = loss(result.logits, truth, weights);
    let value = host(loss.clone())[0];
    if !value.is_finite() {
        return Err(QuantizerError::Diverged { step: state.step, loss: value });
    }
    let mut gradients = loss.backward();
    let (weight_ids, step_ids) = parameter_ids(&state.net);
    let by_weight = GradientsParams::from_params(&mut gradients, &state.net, &weight_ids);
    let by_step = GradientsParams::from_params(&mut gradients, &state.net, &step_ids);
    let mut net = state.net.clone();
    net = state.optimizer.step(recipe.learning_rate * rate, net, by_weight);
    if recipe.plan.is_some() {
        net = state.step_optimizer.step(recipe.step_learning_rate * rate, net, by_step);
    }
    state.net = update_running(net, result.statistics);
    state.step += 1;
    Ok(value)
}

/// Ids of the weights and batch norm, and of the quantizers' steps.
fn parameter_ids(net: &UNet) -> (Vec<ParamId>, Vec<ParamId>) {
    let weights = |u: &crate::unet::Unit| [u.weight.id, u.gamma.id, u.beta.id];
    let steps = |u: &crate::unet::Unit| [u.weight_step.id, u.activation_step.id];
    (net.units.iter().flat_map(weights).collect(), net.units.iter().flat_map(steps).collect())
}

/// Fraction of the peak learning rate: linear warm-up, then half a cosine down to 1%.
fn learning_rate(recipe: &Recipe, step: usize) -> f64 {
    let warmup = recipe.warmup_steps.min(recipe.steps / 4);
    if step < warmup {
        return (step + 1) as f64 / (warmup + 1) as f64;
    }
    let done = (step - warmup) as f64 / (recipe.steps - warmup).max(1) as f64;
    0.01 + 0.99 * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
}
