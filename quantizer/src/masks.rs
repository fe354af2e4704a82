//! Masks of the networks that a run folder holds.

use std::path::Path;

use datasets::{Image, Mask, Sample};
use network::Network;

use crate::control::control_report;
use crate::error::QuantizerError;
use crate::evaluate::{Predictor, integer_masks};
use crate::fake_quant::QuantPlan;
use crate::run::{CompatReport, QuantizeReport, float_report};
use crate::run_files::{read_json, read_net};

/// Masks of the run's float network, by the same tiles as the integer network's.
///
/// # Errors
/// If the run has no float network.
pub fn float_masks(
    run_dir: &Path,
    samples: &[Sample],
    overlap: usize,
) -> Result<Vec<Mask>, QuantizerError> {
    let threshold = float_report(run_dir)?.threshold;
    masks(run_dir, "float.bpk", None, samples, overlap, threshold)
}

/// Masks of the float network that was trained on for as long as fine-tuning takes.
///
/// # Errors
/// If the run has no such control.
pub fn control_masks(
    run_dir: &Path,
    samples: &[Sample],
    overlap: usize,
) -> Result<Vec<Mask>, QuantizerError> {
    let threshold = control_report(run_dir)?.threshold;
    masks(run_dir, "control.bpk", None, samples, overlap, threshold)
}

/// Masks of the run's fake-quantized network in evaluation, with integer semantics: computed in Burn
/// from its parameters, the head's decision that of `network`, which was lowered from it.
///
/// # Errors
/// If the run was not quantized.
pub fn fake_quant_masks(
    run_dir: &Path,
    network: &Network,
    samples: &[Sample],
    overlap: usize,
) -> Result<Vec<Mask>, QuantizerError> {
    let report: QuantizeReport =
        read_json(&run_dir.join("quantize.json"), "the result of `qunet quantize`")?;
    let float = float_report(run_dir)?;
    let device = float.backend.device()?;
    let net = read_net(run_dir, "quantize.bpk", &float.topology, &device)?;
    let topology = &float.topology;
    let predictor = Predictor { net: &net, topology, plan: Some(&report.plan), device: &device };
    integer_masks(&predictor, &report.plan, network, samples, overlap)
}

/// Masks of the run's network with the level sets of `fxq-compat`.
///
/// # Errors
/// If the run has none.
pub fn compat_masks(
    run_dir: &Path,
    samples: &[Sample],
    overlap: usize,
) -> Result<Vec<Mask>, QuantizerError> {
    let expected = "the result of `qunet quantize` in mode fxq-compat";
    let report: CompatReport = read_json(&run_dir.join("fxq-compat.json"), expected)?;
    let plan = Some(&report.plan);
    masks(run_dir, "fxq-compat.bpk", plan, samples, overlap, report.threshold)
}

fn masks(
    run_dir: &Path,
    file: &str,
    plan: Option<&QuantPlan>,
    samples: &[Sample],
    overlap: usize,
    threshold: f64,
) -> Result<Vec<Mask>, QuantizerError> {
    let float = float_report(run_dir)?;
    let device = float.backend.device()?;
    let net = read_net(run_dir, file, &float.topology, &device)?;
    let predictor = Predictor { net: &net, topology: &float.topology, plan, device: &device };
    let images: Vec<&Image> = samples.iter().map(|s| &s.image).collect();
    Ok(predictor.segment(&images, overlap, threshold))
}
