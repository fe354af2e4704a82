//! The control of fine-tuning: the float network trained on for the same steps.

use std::path::Path;

use datasets::Dataset;
use serde::{Deserialize, Serialize};

use crate::error::QuantizerError;
use crate::progress::ProgressEvent;
use crate::recipe::control_recipe;
use crate::run::{Configs, FloatTask, fit_float, float_of_run};
use crate::run_files::{read_json, read_net, save_net_atomically, write_json};
use crate::train::Resume;

/// Result of [`train_control`]; also the file `control.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlReport {
    /// Pooled Dice on the validation samples at `threshold`.
    pub validation_dice: f64,
    /// Foreground probability from which a pixel counts (two classes only).
    pub threshold: f64,
    /// Further steps after which the kept network was reached; 0 is the float network itself.
    pub best_step: usize,
    /// Further steps.
    pub steps: usize,
    /// CRC-32 of the float network that it started from.
    pub float_crc32: u32,
}

/// Trains the run's float network on for `quantize.steps`, at the rate and on the patches of
/// fine-tuning, and keeps the best by validation Dice.
///
/// # Errors
/// As [`crate::train_float`]; also if there is no float network yet.
pub fn train_control(
    data: &Dataset,
    configs: &Configs,
    run_dir: &Path,
    resume: Resume,
    progress: &mut dyn FnMut(ProgressEvent),
) -> Result<ControlReport, QuantizerError> {
    let (topology, float) = float_of_run(data, configs, run_dir)?;
    let device = configs.train.backend.device()?.autodiff();
    let net = read_net(run_dir, "float.bpk", &topology, &device)?;
    let recipe = control_recipe(&topology, configs);
    let task = FloatTask { data, configs, topology: &topology, run_dir };
    let (best, validation) = fit_float(task, &recipe, net, resume, progress)?;
    let report = ControlReport {
        validation_dice: validation.dice,
        threshold: validation.threshold,
        best_step: best.step,
        steps: recipe.steps,
        float_crc32: float.weights_crc32,
    };
    save_net_atomically(&best.net, &run_dir.join("control.bpk"))?;
    write_json(&run_dir.join("control.json"), &report)?;
    Ok(report)
}

/// The report of the run's control.
///
/// # Errors
/// If the run has none.
pub fn control_report(run_dir: &Path) -> Result<ControlReport, QuantizerError> {
    read_json(&run_dir.join("control.json"), "the result of `qunet train --control`")
}
