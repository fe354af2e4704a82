//! The two jobs of a run folder: float training, and quantization down to `model.qunet`.
//!
//! | file | written by |
//! |---|---|
//! | `float.bpk`, `float.json` | [`train_float`] |
//! | `model.qunet`, `quantize.json`, `quantize.bpk` | [`quantize`] |
//! | `metrics-*.jsonl`, `checkpoints/` | both |

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use datasets::{Dataset, Image, Mask, Preprocess, Sample};
use serde::{Deserialize, Serialize};

use crate::checkpoint::{load_net, save_net};
use crate::config::{ModelConfig, QuantizeConfig, TrainConfig};
use crate::device::Backend;
use crate::error::{QuantizerError, io_error};
use crate::evaluate::{Predictor, agreement, logit};
use crate::fake_quant::QuantPlan;
use crate::integers::layer_integers;
use crate::lower::{Label, lower};
use crate::progress::{ProgressEvent, write_atomically};
use crate::qat;
use crate::recipe::{
    comparison_tiles, float_recipe, n_parameters, quantize_recipe, sampler, validation_samples,
};
use crate::topology::Topology;
use crate::train::{Fit, Resume, fit};
use crate::unet::UNet;

/// The sections `[model]`, `[train]` and `[quantize]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Configs {
    /// `[model]`.
    pub model: ModelConfig,
    /// `[train]`.
    pub train: TrainConfig,
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
    let plain = configs.train.backend.device()?;
    let device = plain.clone().autodiff();
    let recipe = float_recipe(&topology, configs);
    let sampler = sampler(data, &recipe);
    let chosen = validation_samples(data, configs);
    let scene = Scene { topology: &topology, plan: None, device: &plain };
    let best = fit(
        Fit {
            recipe: &recipe,
            run_dir,
            device: &device,
            resume,
            batch: &|step| sampler.batch(step as u64),
            validate: &mut |net| Ok(scene.predictor(net).validate(&chosen).dice),
            progress,
        },
        UNet::new(&topology, configs.train.seed, &device),
    )?;
    let validation = scene.predictor(&best.net).validate(&data.validation);
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
    let topology = checked_topology(data, configs)?;
    let plain = configs.train.backend.device()?;
    let device = plain.clone().autodiff();
    let float_report = float_report(run_dir)?;
    if float_report.topology != topology {
        let expected =
            format!("the [model] of this run's float training, {:?}", float_report.topology);
        let found = format!("{topology:?}");
        return Err(QuantizerError::Config { key: "model".into(), expected, found });
    }
    let float = load_net(UNet::new(&topology, 0, &device), &run_dir.join("float.bpk"))?;
    let mut recipe = quantize_recipe(&topology, configs);
    let sampler = sampler(data, &recipe);
    let calibration = sampler.batch(u64::MAX >> 32);
    let (first, plan) = qat::start(&configs.quantize, &topology, &float, &calibration, &device)?;
    recipe.plan = Some(plan.clone());
    let chosen = validation_samples(data, configs);
    let scene = Scene { topology: &topology, plan: Some(&plan), device: &plain };
    let best = fit(
        Fit {
            recipe: &recipe,
            run_dir,
            device: &device,
            resume,
            batch: &|step| {
                let mut batch = sampler.batch(step as u64);
                qat::quantize_batch(&mut batch, plan.input_step);
                batch
            },
            validate: &mut |net| Ok(scene.predictor(net).validate(&chosen).dice),
            progress,
        },
        first,
    )?;
    let predictor = scene.predictor(&best.net);
    let validation = predictor.validate(&data.validation);
    let values = best.net.values();
    let label = Label {
        name: run_dir.file_name().map_or("model".into(), |n| n.to_string_lossy().into_owned()),
        metadata: metadata(
            data,
            configs,
            preprocess,
            plan.input_step,
            validation.threshold,
            float_report.weights_crc32,
        ),
        threshold_logit: logit(validation.threshold),
    };
    let network = lower(&topology, &plan, &values, &label)?;
    let integers = layer_integers(&topology, &plan, &values)?;
    let tiles = comparison_tiles(data, &topology);
    let agreement = agreement(&predictor, &plan, &integers, &network, &tiles)?;
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
        float_bytes: float_report.float_bytes,
        compared_pixels: agreement.pixels,
        fake_quant_mismatches: agreement.fake_quant_mismatches,
        training_graph_differences: agreement.training_graph_differences,
    };
    write_json(&run_dir.join("quantize.json"), &report)?;
    Ok(report)
}

/// Masks of the run's float network, by the same tiles as the integer network's.
///
/// # Errors
/// If the run has no float network.
pub fn float_masks(
    run_dir: &Path,
    samples: &[Sample],
    overlap: usize,
) -> Result<Vec<Mask>, QuantizerError> {
    let report = float_report(run_dir)?;
    let device = report.backend.device()?;
    let topology = &report.topology;
    let net = load_net(UNet::new(topology, 0, &device), &run_dir.join("float.bpk"))?;
    let predictor = Predictor { net: &net, topology, plan: None, device: &device };
    let images: Vec<&Image> = samples.iter().map(|s| &s.image).collect();
    Ok(predictor.segment(&images, overlap, report.threshold))
}

/// The report of the run's float training.
///
/// # Errors
/// If the run has none.
pub fn float_report(run_dir: &Path) -> Result<FloatReport, QuantizerError> {
    read_json(&run_dir.join("float.json"), "the result of `qunet train`")
}

/// What a [`Predictor`] needs besides the network.
struct Scene<'a> {
    topology: &'a Topology,
    plan: Option<&'a QuantPlan>,
    device: &'a Device,
}

impl Scene<'_> {
    fn predictor<'b>(&'b self, net: &'b UNet) -> Predictor<'b> {
        Predictor { net, topology: self.topology, plan: self.plan, device: self.device }
    }
}

fn checked_topology(data: &Dataset, configs: &Configs) -> Result<Topology, QuantizerError> {
    configs.model.validate()?;
    configs.train.validate(&configs.model)?;
    configs.quantize.validate()?;
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
    Ok(Topology::new(&configs.model, channels, data.n_classes))
}

fn metadata(
    data: &Dataset,
    configs: &Configs,
    preprocess: &Preprocess,
    input_step: f32,
    threshold: f64,
    float_crc32: u32,
) -> String {
    serde_json::json!({
        "preprocess": preprocess,
        "input_step": input_step,
        "classes": data.class_names,
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

fn save_net_atomically(net: &UNet, path: &Path) -> Result<(), QuantizerError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".writing");
    let beside = PathBuf::from(beside);
    let written = save_net(net, &beside)
        .and_then(|()| std::fs::rename(&beside, path).map_err(io_error(path)));
    if written.is_err() {
        // Nothing more can be done about a half-written file that cannot be removed either.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), QuantizerError> {
    let text = serde_json::to_vec_pretty(value).map_err(std::io::Error::from);
    write_atomically(path, &text.map_err(io_error(path))?)
}

/// Masks of the run's fake-quantized network, as the differentiable graph computes them.
///
/// # Errors
/// If the run was not quantized.
pub fn fake_quant_masks(
    run_dir: &Path,
    samples: &[Sample],
    overlap: usize,
) -> Result<Vec<Mask>, QuantizerError> {
    let float = float_report(run_dir)?;
    let report: QuantizeReport =
        read_json(&run_dir.join("quantize.json"), "the result of `qunet quantize`")?;
    let device = float.backend.device()?;
    let topology = &float.topology;
    let net = load_net(UNet::new(topology, 0, &device), &run_dir.join("quantize.bpk"))?;
    let predictor = Predictor { net: &net, topology, plan: Some(&report.plan), device: &device };
    let images: Vec<&Image> = samples.iter().map(|s| &s.image).collect();
    Ok(predictor.segment(&images, overlap, report.threshold))
}

fn read_json<T: serde::de::DeserializeOwned>(
    path: &Path,
    expected: &str,
) -> Result<T, QuantizerError> {
    let wrong = |found: String| QuantizerError::RunFile {
        path: path.to_path_buf(),
        expected: expected.to_owned(),
        found,
    };
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => wrong("no such file".into()),
        _ => io_error(path)(error),
    })?;
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}
