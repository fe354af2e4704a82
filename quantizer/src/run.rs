//! The jobs of a run folder: float training, and quantization down to `model.qunet`.
//!
//! | file | written by |
//! |---|---|
//! | `float.bpk`, `float.json` | [`train_float`] |
//! | `control.bpk`, `control.json` | [`crate::train_control`] |
//! | `model.qunet`, `quantize.json`, `quantize.bpk` | [`quantize`] |
//! | `fxq-compat.json`, `fxq-compat.bpk` | [`quantize_compat`] |
//! | `metrics-*.jsonl`, `checkpoints/` | all |

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use datasets::{Augment, Dataset, Preprocess};
use serde::{Deserialize, Serialize};

use crate::config::{ModelConfig, QuantizeConfig, TrainConfig};
use crate::device::Backend;
use crate::error::QuantizerError;
use crate::evaluate::{Predictor, Validation, agreement, logit};
use crate::fake_quant::QuantPlan;
use crate::integers::layer_integers;
use crate::lower::{Label, lower};
use crate::progress::{ProgressEvent, write_atomically};
use crate::qat;
use crate::recipe::{
    comparison_tiles, float_recipe, n_parameters, quantize_recipe, sampler, validation_samples,
};
use crate::run_files::{read_json, read_net, save_net_atomically, write_json};
use crate::topology::Topology;
use crate::train::{Best, Fit, Recipe, Resume, fit};
use crate::unet::UNet;

/// The sections `[model]`, `[train]`, `[augment]` and `[quantize]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Configs {
    /// `[model]`.
    pub model: ModelConfig,
    /// `[train]`.
    pub train: TrainConfig,
    /// `[augment]`.
    #[serde(default)]
    pub augment: Augment,
    /// `[quantize]`.
    pub quantize: QuantizeConfig,
}

/// Result of [`train_float`]; also the file `float.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FloatReport {
    /// Shapes and wiring.
    pub topology: Topology,
    /// Pooled Dice on the validation samples at `threshold`.
    pub validation_dice: f64,
    /// Foreground probability from which a pixel counts (two classes only).
    pub threshold: f64,
    /// Steps after which the kept network was reached.
    pub best_step: usize,
    /// Parameters of inference: weights, and one offset per channel (batch norm folded).
    pub n_parameters: usize,
    /// Bytes of those parameters in float32.
    pub float_bytes: usize,
    /// Backend that trained it.
    pub backend: Backend,
    /// CRC-32 of the kept weights; a model's metadata carries that of the network it was made from.
    #[serde(default)]
    pub weights_crc32: u32,
}

/// Result of [`quantize`]; also the file `quantize.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantizeReport {
    /// Pooled validation Dice of the fake-quantized network at `threshold`.
    pub validation_dice: f64,
    /// Foreground probability from which a pixel counts (two classes only).
    pub threshold: f64,
    /// Steps after which the kept network was reached.
    pub best_step: usize,
    /// Bits by layer, mode and input step.
    pub plan: QuantPlan,
    /// The integer network.
    pub model: PathBuf,
    /// Its bytes.
    pub quantized_bytes: usize,
    /// Bytes of the float parameters.
    pub float_bytes: usize,
    /// Output pixels compared between the forms of the network.
    pub compared_pixels: usize,
    /// Pixels where the fake-quant evaluation and the integer network differ; 0 is the goal.
    pub fake_quant_mismatches: usize,
    /// Pixels where the differentiable fake-quant graph and the integer network differ.
    pub training_graph_differences: usize,
}

/// Trains a float network and keeps the best by validation Dice.
///
/// # Errors
/// On illegal settings or data, a diverging loss, or files that cannot be read or written.
pub fn train_float(
    data: &Dataset,
    configs: &Configs,
    run_dir: &Path,
    resume: Resume,
    progress: &mut dyn FnMut(ProgressEvent),
) -> Result<FloatReport, QuantizerError> {
    let topology = checked_topology(data, configs)?;
    let device = configs.train.backend.device()?.autodiff();
    let net = UNet::new(&topology, configs.train.seed, &device);
    let task = FloatTask { data, configs, topology: &topology, run_dir };
    let recipe = float_recipe(&topology, configs);
    let (best, validation) = fit_float(task, &recipe, net, resume, progress)?;
    let n_parameters = n_parameters(&topology);
    let report = FloatReport {
        topology: topology.clone(),
        validation_dice: validation.dice,
        threshold: validation.threshold,
        best_step: best.step,
        n_parameters,
        float_bytes: 4 * n_parameters,
        backend: configs.train.backend,
        weights_crc32: weights_crc32(&best.net),
    };
    save_net_atomically(&best.net, &run_dir.join("float.bpk"))?;
    write_json(&run_dir.join("float.json"), &report)?;
    Ok(report)
}

/// What a float network is trained on.
pub(crate) struct FloatTask<'a> {
    pub data: &'a Dataset,
    pub configs: &'a Configs,
    pub topology: &'a Topology,
    pub run_dir: &'a Path,
}

/// Trains a float network from `net` on; the best on the chosen validation samples, and how it
/// does on all of them.
pub(crate) fn fit_float(
    task: FloatTask,
    recipe: &Recipe,
    net: UNet,
    resume: Resume,
    progress: &mut dyn FnMut(ProgressEvent),
) -> Result<(Best, Validation), QuantizerError> {
    let FloatTask { data, configs, topology, run_dir } = task;
    let plain = configs.train.backend.device()?;
    let device = plain.clone().autodiff();
    let sampler = sampler(data, recipe);
    let chosen = validation_samples(data, configs);
    let best = fit(
        Fit {
            recipe,
            run_dir,
            device: &device,
            resume,
            batch: &|step| sampler.batch(step as u64),
            teacher: None,
            validate: &mut |net| Ok(Predictor::float(net, topology, &plain).validate(&chosen).dice),
            progress,
        },
        net,
    )?;
    let validation = Predictor::float(&best.net, topology, &plain).validate(&data.validation);
    Ok((best, validation))
}

/// Result of quantizing in mode `fxq-compat`; also the file `fxq-compat.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompatReport {
    /// Pooled validation Dice of the fake-quantized network at `threshold`.
    pub validation_dice: f64,
    /// Foreground probability from which a pixel counts (two classes only).
    pub threshold: f64,
    /// Steps after which the kept network was reached.
    pub best_step: usize,
    /// Bits by layer: of the fraction of weights, of the whole part of activations.
    pub plan: QuantPlan,
}

/// Fine-tunes the run's float network with quantization in the loop and writes `model.qunet`.
///
/// # Errors
/// As [`train_float`]; also if there is no float network yet, or a layer does not fit integers.
pub fn quantize(
    data: &Dataset,
    configs: &Configs,
    preprocess: &Preprocess,
    run_dir: &Path,
    resume: Resume,
    progress: &mut dyn FnMut(ProgressEvent),
) -> Result<QuantizeReport, QuantizerError> {
    let tuned = fine_tune(data, configs, run_dir, resume, progress)?;
    let FineTuned { topology, plan, best, device, float } = &tuned;
    let predictor = Predictor { net: &best.net, topology, plan: Some(plan), device };
    let validation = predictor.validate(&data.validation);
    let values = best.net.values();
    let crc32 = float.weights_crc32;
    let label = Label {
        name: model_name(run_dir),
        metadata: metadata(
            &data.class_names,
            configs,
            preprocess,
            plan.input_step,
            validation.threshold,
            crc32,
        ),
        threshold_logit: logit(validation.threshold),
    };
    let network = lower(topology, plan, &values, &label)?;
    let integers = layer_integers(topology, plan, &values)?;
    let tiles = comparison_tiles(data, topology);
    let agreement = agreement(&predictor, plan, &integers, &network, &tiles)?;
    let bytes = network.to_bytes()?;
    let model = run_dir.join("model.qunet");
    save_net_atomically(&best.net, &run_dir.join("quantize.bpk"))?;
    write_atomically(&model, &bytes)?;
    let report = QuantizeReport {
        validation_dice: validation.dice,
        threshold: validation.threshold,
        best_step: best.step,
        plan: plan.clone(),
        model,
        quantized_bytes: bytes.len(),
        float_bytes: float.float_bytes,
        compared_pixels: agreement.pixels,
        fake_quant_mismatches: agreement.fake_quant_mismatches,
        training_graph_differences: agreement.training_graph_differences,
    };
    write_json(&run_dir.join("quantize.json"), &report)?;
    Ok(report)
}

/// Fine-tunes the run's float network with the level sets of `fxq-compat`, which no integer file can
/// hold: the result is evaluated in float, see [`crate::compat_masks`].
///
/// # Errors
/// As [`quantize`], but nothing is lowered.
pub fn quantize_compat(
    data: &Dataset,
    configs: &Configs,
    run_dir: &Path,
    resume: Resume,
    progress: &mut dyn FnMut(ProgressEvent),
) -> Result<CompatReport, QuantizerError> {
    let tuned = fine_tune(data, configs, run_dir, resume, progress)?;
    let FineTuned { topology, plan, best, device, .. } = &tuned;
    let predictor = Predictor { net: &best.net, topology, plan: Some(plan), device };
    let validation = predictor.validate(&data.validation);
    let report = CompatReport {
        validation_dice: validation.dice,
        threshold: validation.threshold,
        best_step: best.step,
        plan: plan.clone(),
    };
    save_net_atomically(&best.net, &run_dir.join("fxq-compat.bpk"))?;
    write_json(&run_dir.join("fxq-compat.json"), &report)?;
    Ok(report)
}

/// The best fake-quantized network and what it came from.
struct FineTuned {
    topology: Topology,
    plan: QuantPlan,
    best: Best,
    device: Device,
    float: FloatReport,
}

fn fine_tune(
    data: &Dataset,
    configs: &Configs,
    run_dir: &Path,
    resume: Resume,
    progress: &mut dyn FnMut(ProgressEvent),
) -> Result<FineTuned, QuantizerError> {
    let (topology, float) = float_of_run(data, configs, run_dir)?;
    let plain = configs.train.backend.device()?;
    let device = plain.clone().autodiff();
    let net = read_net(run_dir, "float.bpk", &topology, &device)?;
    let mut recipe = quantize_recipe(&topology, configs);
    let sampler = sampler(data, &recipe);
    let calibration = qat::calibration(&sampler);
    let earlier = configs.quantize.earlier();
    let widest = earlier.first().unwrap_or(&configs.quantize);
    let (first, QuantPlan { input_step, .. }) =
        qat::start(widest, &topology, &net, &calibration, &device)?;
    let plan_of = |config: &QuantizeConfig| QuantPlan::new(config, &topology.layers(), input_step);
    recipe.earlier = earlier.iter().map(plan_of).collect::<Result<_, _>>()?;
    let plan = plan_of(&configs.quantize)?;
    recipe.plan = Some(plan.clone());
    let chosen = validation_samples(data, configs);
    let teacher = net.valid();
    let rounds_input = plan.rounds_input();
    let best = fit(
        Fit {
            recipe: &recipe,
            run_dir,
            device: &device,
            resume,
            batch: &|step| {
                let mut batch = sampler.batch(step as u64);
                if rounds_input {
                    qat::quantize_batch(&mut batch, plan.input_step);
                }
                batch
            },
            teacher: Some(&teacher),
            validate: &mut |net| {
                let (topology, plan) = (&topology, Some(&plan));
                Ok(Predictor { net, topology, plan, device: &plain }.validate(&chosen).dice)
            },
            progress,
        },
        first,
    )?;
    Ok(FineTuned { topology, plan, best, device: plain, float })
}

/// Topology and report of the run's float training, which must be that of the configuration.
pub(crate) fn float_of_run(
    data: &Dataset,
    configs: &Configs,
    run_dir: &Path,
) -> Result<(Topology, FloatReport), QuantizerError> {
    let topology = checked_topology(data, configs)?;
    let report = float_report(run_dir)?;
    if report.topology != topology {
        let expected = format!("the [model] of this run's float training, {:?}", report.topology);
        let found = format!("{topology:?}");
        return Err(QuantizerError::Config { key: "model".into(), expected, found });
    }
    Ok((topology, report))
}

/// The report of the run's float training.
///
/// # Errors
/// If the run has none.
pub fn float_report(run_dir: &Path) -> Result<FloatReport, QuantizerError> {
    read_json(&run_dir.join("float.json"), "the result of `qunet train`")
}

fn checked_topology(data: &Dataset, configs: &Configs) -> Result<Topology, QuantizerError> {
    configs.model.validate()?;
    configs.train.validate(&configs.model)?;
    configs.quantize.validate()?;
    configs.augment.validate()?;
    for (stage, samples) in [("train", &data.train), ("validation", &data.validation)] {
        if samples.is_empty() {
            let expected = "at least one sample".to_owned();
            return Err(QuantizerError::Data { stage, expected, found: "none".into() });
        }
    }
    let channels = data.train[0].image.channels;
    let all = data.train.iter().chain(&data.validation);
    if let Some(other) = all.into_iter().find(|s| s.image.channels != channels) {
        let found = format!("{} in {}", other.image.channels, other.name);
        let expected = format!("{channels} channels as in {}", data.train[0].name);
        return Err(QuantizerError::Data { stage: "train", expected, found });
    }
    let topology = Topology::new(&configs.model, channels, data.n_classes);
    // a misspelt layer is told before hours of float training
    QuantPlan::new(&configs.quantize, &topology.layers(), 1.0)?;
    Ok(topology)
}

/// Name of a model: that of its run folder.
pub(crate) fn model_name(run_dir: &Path) -> String {
    run_dir.file_name().map_or("model".into(), |name| name.to_string_lossy().into_owned())
}

pub(crate) fn metadata(
    class_names: &[String],
    configs: &Configs,
    preprocess: &Preprocess,
    input_step: f32,
    threshold: f64,
    float_crc32: u32,
) -> String {
    serde_json::json!({
        "preprocess": preprocess,
        "input_step": input_step,
        "classes": class_names,
        "threshold": threshold,
        "quantize": configs.quantize,
        "seed": configs.train.seed,
        "float_crc32": float_crc32,
    })
    .to_string()
}

fn weights_crc32(net: &UNet) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for unit in net.values() {
        for value in [unit.weight, unit.gamma, unit.beta, unit.mean, unit.variance].concat() {
            hasher.update(&value.to_le_bytes());
        }
    }
    hasher.finalize()
}
