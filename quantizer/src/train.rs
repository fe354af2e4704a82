//! The training loop, shared by float training and quantized fine-tuning.

use std::sync::mpsc::Receiver;

use burn::module::{Module, ParamId};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};
use datasets::Augment;
use datasets::sampler::Batch;
use serde::{Deserialize, Serialize};

use crate::checkpoint;
use crate::error::QuantizerError;
use crate::fake_quant::QuantPlan;
use crate::forward::{BatchStatistics, Pass, Phase, forward, input};
use crate::loss::{LossWeights, distillation, loss, target};
use crate::norm::{estimate, replace_running, update_running};
use crate::prefetch;
use crate::progress::{MetricsFile, ProgressEvent, Stage};
use crate::qat::narrow;
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
    /// Plans of earlier phases, each as long as the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<QuantPlan>,
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
    /// Deformation and change of intensity of a patch.
    pub augment: Augment,
    /// Share of the loss that compares with the teacher.
    pub distillation: f64,
    /// Step from which the statistics of batch norm are frozen.
    pub freeze_norm_at: usize,
    /// Batches from which the statistics of batch norm are estimated anew before a network is
    /// validated and before they are frozen; 0 takes the running averages.
    #[serde(default)]
    pub norm_batches: usize,
    /// Seed of the patches.
    pub seed: u64,
    /// Steps between checkpoints.
    pub checkpoint_every: usize,
    /// Steps between validations.
    pub validation_every: usize,
}

impl Recipe {
    /// Fake quantization in a step, counted from 0.
    pub fn plan_in(&self, step: usize) -> Option<&QuantPlan> {
        let phase = step * (self.earlier.len() + 1) / self.steps.max(1);
        self.earlier.get(phase).or(self.plan.as_ref())
    }
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
    pub batch: &'a (dyn Fn(usize) -> Batch + Sync),
    /// The network whose answers `recipe.distillation` compares with, without gradients.
    pub teacher: Option<&'a UNet>,
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
    let store = checkpoint::Store::new(fit.run_dir, fit.recipe)?;
    let mut state = match fit.resume {
        Resume::Fresh => {
            store.discard()?;
            State::new(first)
        }
        Resume::Continue => store.newest(fit.device)?.unwrap_or_else(|| State::new(first)),
    };
    let (steps, batch) = (state.step..fit.recipe.steps, fit.batch);
    // without steps, as in quantization without training, nothing is estimated
    let n_batches = if steps.is_empty() { 0 } else { fit.recipe.norm_batches };
    let norm_batches = (0..n_batches).map(|i| batch(NORM_START + i)).collect();
    let mut scene = Scene { fit, store, norm_batches };
    // fine-tuning may keep what it starts from, if no step betters it and it has the last bits
    let may_stay = scene.fit.recipe.stage != Stage::Float && scene.fit.recipe.earlier.is_empty();
    if may_stay && state.best.is_none() {
        scene.validate(&mut state)?;
    }
    std::thread::scope(|scope| {
        let batches = prefetch::start(scope, steps, batch);
        scene.run(&mut state, &batches)
    })?;
    match state.best {
        Some(best) => Ok(best),
        None => {
            let net = state.net.valid();
            Ok(Best { dice: (scene.fit.validate)(&net)?, step: state.step, net })
        }
    }
}

/// Number of the first batch for statistics, far from those of training.
const NORM_START: usize = (u32::MAX >> 1) as usize;

/// What does not change from step to step.
struct Scene<'a> {
    fit: Fit<'a>,
    store: checkpoint::Store,
    norm_batches: Vec<Batch>,
}

impl Scene<'_> {
    fn run(&mut self, state: &mut State, batches: &Receiver<Batch>) -> Result<(), QuantizerError> {
        let recipe = self.fit.recipe;
        let mut metrics = MetricsFile::open(self.fit.run_dir, recipe.stage, state.step)?;
        // the thread behind `batches` sends one for each step that is left
        for batch in batches {
            self.prepare(state);
            let rate = learning_rate(recipe, state.step);
            let loss = self.step(state, &batch, rate)?;
            let last = state.step == recipe.steps;
            let narrowed = recipe.plan_in(state.step - 1) == recipe.plan.as_ref();
            let due = last || state.step.is_multiple_of(recipe.validation_every);
            let validation_dice = match narrowed && due {
                true => Some(self.validate(state)?),
                false => None,
            };
            let event = ProgressEvent {
                stage: recipe.stage,
                step: state.step,
                steps: recipe.steps,
                loss,
                learning_rate: rate * recipe.learning_rate,
                validation_dice,
            };
            metrics.append(&event)?;
            if last || state.step.is_multiple_of(recipe.checkpoint_every) {
                metrics.flush()?;
                self.store.save(state)?;
            }
            (self.fit.progress)(event);
        }
        Ok(())
    }

    /// What comes before a step: fewer bits, and frozen statistics.
    fn prepare(&self, state: &mut State) {
        let recipe = self.fit.recipe;
        let before = recipe.plan_in(state.step.saturating_sub(1));
        let plan = recipe.plan_in(state.step);
        if let Some((wide, plan)) = before.zip(plan).filter(|(wide, plan)| wide != plan) {
            let batch = (self.fit.batch)(NORM_START);
            state.net = narrow(state.net.clone(), &recipe.topology, wide, plan, &batch);
        }
        if state.step == recipe.freeze_norm_at {
            let statistics = self.statistics(&state.net.valid(), plan);
            state.net = replace_running(state.net.clone(), statistics);
        }
    }

    /// Validation Dice of the network as it is; keeps it if it is the best.
    fn validate(&mut self, state: &mut State) -> Result<f64, QuantizerError> {
        let mut net = state.net.valid();
        if (1..=self.fit.recipe.freeze_norm_at).contains(&state.step) {
            let statistics = self.statistics(&net, self.fit.recipe.plan.as_ref());
            net = replace_running(net, statistics);
        }
        let dice = (self.fit.validate)(&net)?;
        if state.best.as_ref().is_none_or(|best| dice >= best.dice) {
            state.best = Some(Best { dice, step: state.step, net });
        }
        Ok(dice)
    }

    /// Statistics of batch norm over many batches, of a network without gradients.
    fn statistics(&self, net: &UNet, plan: Option<&QuantPlan>) -> Vec<Option<BatchStatistics>> {
        estimate(net, &self.fit.recipe.topology, plan, &self.norm_batches)
    }

    /// One optimiser step; `rate` scales the peak learning rates.
    fn step(&self, state: &mut State, batch: &Batch, rate: f64) -> Result<f32, QuantizerError> {
        let recipe = self.fit.recipe;
        let phase = match state.step < recipe.freeze_norm_at {
            true => Phase::Training,
            false => Phase::Evaluation,
        };
        let (topology, plan) = (&recipe.topology, recipe.plan_in(state.step));
        let x = input(batch, topology, self.fit.device);
        let result = forward(&state.net, Pass { topology, plan, phase, keep_outputs: false }, x);
        let loss = self.loss(result.logits, batch);
        let value = host(loss.clone())[0];
        if !value.is_finite() {
            return Err(QuantizerError::Diverged { step: state.step, loss: value });
        }
        let mut gradients = loss.backward();
        let mut net = state.net.clone();
        for (factor, ids) in weight_groups(&state.net, plan) {
            let part = GradientsParams::from_params(&mut gradients, &state.net, &ids);
            net = state.optimizer.step(recipe.learning_rate * rate * factor, net, part);
        }
        if plan.is_some() {
            let ids = step_ids(&state.net);
            let part = GradientsParams::from_params(&mut gradients, &state.net, &ids);
            net = state.step_optimizer.step(recipe.step_learning_rate * rate, net, part);
        }
        state.net = update_running(net, result.statistics);
        state.step += 1;
        Ok(value)
    }

    /// The loss against the truth and, for its share, against the teacher.
    fn loss(&self, logits: Tensor<4>, batch: &Batch) -> Tensor<1> {
        let Recipe { topology, dice_weight, cross_entropy_weight, distillation: share, .. } =
            self.fit.recipe;
        let shape = [batch.n, batch.height, batch.width];
        let truth = target(&batch.masks, shape, topology.n_outputs, self.fit.device);
        let weights = LossWeights { dice: *dice_weight, cross_entropy: *cross_entropy_weight };
        let from_truth = loss(logits.clone(), truth, weights);
        let Some(teacher) = self.fit.teacher.filter(|_| *share > 0.0) else {
            return from_truth;
        };
        let x = input(batch, topology, &self.fit.device.clone().inner());
        let phase = Phase::Evaluation;
        let pass = Pass { topology, plan: None, phase, keep_outputs: false };
        let answers = Tensor::from_inner(forward(teacher, pass, x).logits);
        from_truth * (1.0 - share) + distillation(logits, answers) * *share
    }
}

/// Parameters that share a learning rate: its factor, and their ids.
fn weight_groups(net: &UNet, plan: Option<&QuantPlan>) -> Vec<(f64, Vec<ParamId>)> {
    let mut groups = vec![(1.0, Vec::new())];
    for (idx, unit) in net.units.iter().enumerate() {
        groups[0].1.extend([unit.gamma.id, unit.beta.id]);
        let factor = plan.map_or(1.0, |plan| plan.weight_rate(idx));
        match groups.iter_mut().find(|(known, _)| *known == factor) {
            Some((_, ids)) => ids.push(unit.weight.id),
            None => groups.push((factor, vec![unit.weight.id])),
        }
    }
    groups
}

fn step_ids(net: &UNet) -> Vec<ParamId> {
    net.units.iter().flat_map(|u| [u.weight_step.id, u.activation_step.id]).collect()
}

/// Fraction of the peak learning rate: linear warm-up, then half a cosine down to 1%.
pub fn learning_rate(recipe: &Recipe, step: usize) -> f64 {
    let warmup = recipe.warmup_steps.min(recipe.steps / 4);
    if step < warmup {
        return (step + 1) as f64 / (warmup + 1) as f64;
    }
    let done = (step - warmup) as f64 / (recipe.steps - warmup).max(1) as f64;
    0.01 + 0.99 * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
}
