//! From the configuration and the data to what the training loop takes.

use datasets::sampler::{PatchSampler, SamplerOptions};
use datasets::{Dataset, Image, Sample};

use crate::progress::Stage;
use crate::run::Configs;
use crate::topology::{LayerSpec, Topology};
use crate::train::Recipe;

/// Most input values that the comparison with the integer network looks at.
const AGREEMENT_PIXELS: usize = 1 << 18;

/// What float training does.
pub fn float_recipe(topology: &Topology, configs: &Configs) -> Recipe {
    let train = &configs.train;
    Recipe {
        stage: Stage::Float,
        topology: topology.clone(),
        plan: None,
        earlier: Vec::new(),
        steps: train.steps,
        warmup_steps: train.warmup_steps,
        learning_rate: train.learning_rate,
        step_learning_rate: 0.0,
        dice_weight: train.dice_weight,
        cross_entropy_weight: train.cross_entropy_weight,
        batch: train.batch,
        patch: train.patch_size(&configs.model),
        foreground: train.foreground,
        intensity_jitter: train.intensity_jitter,
        augment: configs.augment,
        distillation: 0.0,
        freeze_norm_at: train.steps,
        norm_batches: 0,
        seed: train.seed,
        checkpoint_every: train.checkpoint_every,
        validation_every: train.validation_every,
    }
}

/// What fine-tuning does; the plan is filled in when the steps are known.
pub fn quantize_recipe(topology: &Topology, configs: &Configs) -> Recipe {
    let quantize = &configs.quantize;
    Recipe {
        stage: Stage::Quantize,
        step_learning_rate: quantize.step_learning_rate,
        distillation: quantize.distillation,
        freeze_norm_at: (quantize.steps as f64 * quantize.freeze_norm).round() as usize,
        ..control_recipe(topology, configs)
    }
}

/// Training the float network on with the steps, rate and patches of fine-tuning.
pub fn control_recipe(topology: &Topology, configs: &Configs) -> Recipe {
    let quantize = &configs.quantize;
    Recipe {
        stage: Stage::Control,
        steps: quantize.steps,
        learning_rate: quantize.learning_rate,
        freeze_norm_at: quantize.steps,
        norm_batches: quantize.norm_batches,
        seed: quantize.seed,
        ..float_recipe(topology, configs)
    }
}

/// The patches of a recipe.
pub fn sampler<'a>(data: &'a Dataset, recipe: &Recipe) -> PatchSampler<'a> {
    let options = SamplerOptions {
        height: recipe.patch.0,
        width: recipe.patch.1,
        batch: recipe.batch,
        seed: recipe.seed,
        foreground: recipe.foreground,
        intensity_jitter: recipe.intensity_jitter,
        augment: recipe.augment,
    };
    PatchSampler::new(&data.train, options)
}

/// Evenly spread samples to validate on while training.
pub fn validation_samples(data: &Dataset, configs: &Configs) -> Vec<Sample> {
    let limit = match configs.train.validation_images {
        0 => data.validation.len(),
        limit => limit,
    };
    let stride = data.validation.len().div_ceil(limit).max(1);
    data.validation.iter().step_by(stride).cloned().collect()
}

/// Tiles from the middle of validation and test images.
pub fn comparison_tiles(data: &Dataset, topology: &Topology) -> Vec<Image> {
    let (h, w) = (topology.model.height, topology.model.width);
    let n = (AGREEMENT_PIXELS / (h * w)).clamp(2, 32);
    let samples: Vec<&Sample> = data.validation.iter().chain(&data.test).collect();
    let stride = samples.len().div_ceil(n).max(1);
    samples.iter().step_by(stride).map(|sample| sample.image.middle(h, w)).collect()
}

/// Parameters of inference: weights, and one offset per channel (batch norm folded).
pub fn n_parameters(topology: &Topology) -> usize {
    let count =
        |spec: &LayerSpec| spec.weight_shape().iter().product::<usize>() + spec.out_channels;
    topology.layers().iter().map(count).sum()
}
