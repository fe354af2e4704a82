//! Reads the folder of a run or of a sweep.

use std::path::{Path, PathBuf};

use network::{Mode, Network};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::curves::read_curves;
use crate::error::ReportError;
use crate::layers::usual_bits;
use crate::trial::{DataSource, Dice, FloatNetwork, Report, Trial};

/// `result.json` of a trial; fields that a version does not write are absent.
#[derive(Deserialize)]
struct ResultFile {
    name: Option<String>,
    #[serde(default)]
    dataset: String,
    #[serde(default)]
    foreground: String,
    mode: String,
    weight_bits: u8,
    activation_bits: u8,
    seed: Option<u64>,
    float_dice: f64,
    control_dice: Option<f64>,
    dice: f64,
    drop_low: Option<f64>,
    drop_high: Option<f64>,
    trivial_dice: Option<f64>,
    float_bytes: Option<usize>,
    bytes: Option<usize>,
    cycles: Option<u64>,
    energy_uj: Option<f64>,
    compared_pixels: Option<usize>,
    fake_quant_mismatches: Option<usize>,
}

/// `float.json` of a run.
#[derive(Deserialize)]
struct FloatFile {
    validation_dice: f64,
    float_bytes: usize,
}

/// `quantize.json` of a run.
#[derive(Deserialize)]
struct QuantizeFile {
    validation_dice: f64,
    compared_pixels: usize,
    fake_quant_mismatches: usize,
}

/// Reads the folder of a run (`qunet train`, `quantize`), of a trial, or of a sweep with its trials.
///
/// # Errors
/// If it is none of them, or a file in it is damaged.
pub fn read(folder: &Path) -> Result<Report, ReportError> {
    if !folder.is_dir() {
        let expected = "the folder of a run or of a sweep";
        let found = if folder.exists() { "a file" } else { "no such folder" }.to_owned();
        return Err(ReportError::File { path: folder.into(), expected, found });
    }
    let full = folder.canonicalize().unwrap_or_else(|_| folder.into());
    let title = full.file_name().map_or("run".into(), |name| name.to_string_lossy().into_owned());
    let mut report = Report { title, ..Report::default() };
    let is_run =
        ["result.json", "model.qunet", "float.json"].map(|name| folder.join(name).exists());
    if is_run.contains(&true) {
        read_run(folder, &mut report)?;
    } else {
        read_sweep(folder, &mut report)?;
    }
    check(folder, &mut report)?;
    Ok(report)
}

fn read_run(folder: &Path, report: &mut Report) -> Result<(), ReportError> {
    if folder.join("result.json").exists() {
        read_result(folder, report)?;
        if let Some(sweep) = folder.parent().filter(|parent| parent.join("sweep.json").exists()) {
            read_settings(&sweep.join("sweep.json"), report);
        }
        return Ok(());
    }
    let float: Option<FloatFile> = read_if_there(&folder.join("float.json"), "a float result")?;
    let curves = read_curves(folder)?;
    if let Some(model) = there(folder.join("model.qunet")) {
        let network = sim::read_network(&model)?;
        let bytes = std::fs::metadata(&model).map(|m| m.len() as usize);
        let quantized: Option<QuantizeFile> =
            read_if_there(&folder.join("quantize.json"), "a quantization result")?;
        let (weight_bits, activation_bits) = usual_bits(&network);
        let dice = float.as_ref().zip(quantized.as_ref()).map(|(float, quantized)| Dice {
            side: "validation".into(),
            float: float.validation_dice,
            quantized: quantized.validation_dice,
            drop: float.validation_dice - quantized.validation_dice,
            interval: None,
            trivial: None,
        });
        report.foreground = class_names(&network);
        report.trials.push(Trial {
            name: report.title.clone(),
            folder: folder.into(),
            mode: mode(&network).into(),
            weight_bits,
            activation_bits,
            dice,
            float_bytes: float.as_ref().map(|f| f.float_bytes),
            bytes: bytes.ok(),
            mismatches: quantized.map(|q| (q.fake_quant_mismatches, q.compared_pixels)),
            network: Some(network),
            curves,
            ..Trial::default()
        });
        return Ok(());
    }
    report.notes.push("This run is not quantized yet: `qunet quantize` makes its model.".into());
    let validation_dice = float.map(|f| f.validation_dice);
    report.floats.push(FloatNetwork { name: report.title.clone(), validation_dice, curves });
    Ok(())
}

fn read_sweep(folder: &Path, report: &mut Report) -> Result<(), ReportError> {
    let fail = |source| ReportError::Read { path: folder.into(), source };
    let entries = std::fs::read_dir(folder).map_err(fail)?;
    let mut folders: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    folders.sort();
    let mut unfinished = Vec::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        match folder.join("result.json").exists() {
            true => read_result(folder, report)?,
            false if folder.join("float.json").exists() => unfinished.push(folder_name(folder)),
            false => {}
        }
    }
    if !unfinished.is_empty() {
        report.notes.push(format!("Not finished and left out: {}.", unfinished.join(", ")));
    }
    if let Some(settings) = there(folder.join("sweep.json")) {
        read_settings(&settings, report);
    }
    // many bits first, modes apart
    let key = |t: &Trial| {
        (t.mode.clone(), 255 - t.weight_bits, 255 - t.activation_bits, t.seed, t.name.clone())
    };
    report.trials.sort_by_key(key);
    Ok(())
}

/// A folder with `result.json`: of a trial, or of the float network of a sweep.
fn read_result(folder: &Path, report: &mut Report) -> Result<(), ReportError> {
    let path = folder.join("result.json");
    let value: Value = read_json(&path, "the result of a trial")?;
    let curves = read_curves(folder)?;
    if value.get("dice").is_none() && value.get("mode").is_none() {
        let validation_dice = value["validation_dice"].as_f64();
        report.floats.push(FloatNetwork { name: folder_name(folder), validation_dice, curves });
        return Ok(());
    }
    let result: ResultFile = from_value(&path, value, "the result of a trial")?;
    report.dataset.clone_from(&result.dataset);
    report.foreground.clone_from(&result.foreground);
    let network = there(folder.join("model.qunet")).map(|model| sim::read_network(&model));
    let float = result.control_dice.unwrap_or(result.float_dice);
    report.trials.push(Trial {
        name: result.name.filter(|name| !name.is_empty()).unwrap_or_else(|| folder_name(folder)),
        folder: folder.into(),
        mode: result.mode,
        weight_bits: result.weight_bits,
        activation_bits: result.activation_bits,
        seed: result.seed,
        dice: Some(Dice {
            side: "test".into(),
            float,
            quantized: result.dice,
            drop: float - result.dice,
            interval: result.drop_low.zip(result.drop_high).map(|(low, high)| [low, high]),
            trivial: result.trivial_dice,
        }),
        float_bytes: result.float_bytes,
        bytes: result.bytes,
        cycles: result.cycles,
        energy_uj: result.energy_uj,
        mismatches: result.fake_quant_mismatches.zip(result.compared_pixels),
        network: network.transpose()?,
        curves,
        ..Trial::default()
    });
    Ok(())
}

/// The sections that load the images; without them the report has none.
fn read_settings(path: &Path, report: &mut Report) {
    #[derive(Deserialize)]
    struct Settings {
        data: datasets::DataConfig,
        split: datasets::SplitConfig,
        #[serde(default)]
        evaluate: sim::EvaluateConfig,
    }
    match read_json::<Settings>(path, "the settings of a sweep") {
        Ok(Settings { data, split, evaluate }) => {
            report.data = Some(DataSource { data, split, evaluate });
        }
        Err(error) => report.notes.push(format!("No images: {error}.")),
    }
}

/// Something is there, names are unique, and what does not agree is noted.
fn check(folder: &Path, report: &mut Report) -> Result<(), ReportError> {
    if report.trials.is_empty() && report.floats.is_empty() {
        let expected = "a run (model.qunet, float.json) or a sweep (TRIAL/result.json)";
        let found = "neither".to_owned();
        return Err(ReportError::File { path: folder.into(), expected, found });
    }
    let mut ids: Vec<String> = Vec::new();
    for trial in &report.trials {
        if ids.contains(&trial.id()) {
            let expected = "trials with names of their own";
            let found = format!("{} twice", trial.name);
            return Err(ReportError::File { path: folder.into(), expected, found });
        }
        ids.push(trial.id());
        if let Some((different @ 1.., of)) = trial.mismatches {
            let name = &trial.name;
            report.notes.push(format!(
                "{name}: fake quantization and integers differ in {different} of {of} pixels."
            ));
        }
    }
    Ok(())
}

fn mode(network: &Network) -> &'static str {
    match network.mode {
        Mode::Scaled => "scaled",
        Mode::Fixed => "fixed",
    }
}

/// Names of the classes but the background, from the metadata.
fn class_names(network: &Network) -> String {
    let metadata: Value = serde_json::from_str(&network.metadata).unwrap_or_default();
    let names = metadata["classes"].as_array().into_iter().flatten().skip(1);
    names.filter_map(Value::as_str).collect::<Vec<&str>>().join(" + ")
}

fn folder_name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn there(path: PathBuf) -> Option<PathBuf> {
    path.exists().then_some(path)
}

fn read_if_there<T: DeserializeOwned>(
    path: &Path,
    expected: &'static str,
) -> Result<Option<T>, ReportError> {
    path.exists().then(|| read_json(path, expected)).transpose()
}

fn read_json<T: DeserializeOwned>(path: &Path, expected: &'static str) -> Result<T, ReportError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ReportError::Read { path: path.into(), source })?;
    serde_json::from_str(&text).map_err(|error| wrong(path, expected, &error))
}

fn from_value<T: DeserializeOwned>(
    path: &Path,
    value: Value,
    expected: &'static str,
) -> Result<T, ReportError> {
    serde_json::from_value(value).map_err(|error| wrong(path, expected, &error))
}

fn wrong(path: &Path, expected: &'static str, error: &serde_json::Error) -> ReportError {
    ReportError::File { path: path.into(), expected, found: error.to_string() }
}
