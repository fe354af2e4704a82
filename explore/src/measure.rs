//! Dice, drop and costs of a trained run folder on the test side.

use std::path::Path;

use datasets::metrics::{Evaluation, evaluate, evaluate_classes, paired_bootstrap, position_prior};
use datasets::{Dataset, Mask, Sample};
use network::Network;
use quantizer::{
    CompatReport, QuantizeReport, compat_masks, control_masks, fake_quant_masks, float_masks,
    float_report,
};
use sim::{Segmenter, Simulator, read_network};

use crate::cost::cost_of;
use crate::error::ExploreError;
use crate::result::{TrialResult, VolumeDice};
use crate::settings::Settings;

/// What quantization left in the run folder.
pub enum Trained {
    /// `model.qunet`.
    Integers(QuantizeReport),
    /// A network that exists in float only.
    Compat(CompatReport),
}

/// Measures a run folder on the test samples; name and seed are left to the caller.
///
/// # Errors
/// If a file of the folder is missing, or the network cannot be simulated.
pub fn measure(
    settings: &Settings,
    data: &Dataset,
    run_dir: &Path,
    trained: &Trained,
) -> Result<TrialResult, ExploreError> {
    let samples = &data.test;
    let model = &settings.configs.model;
    settings.evaluate.validate_tiles([model.height, model.width])?;
    let overlap = settings.evaluate.overlap([model.height, model.width]);
    let n_classes = data.n_classes;
    let dice = |masks: &[Mask]| evaluate_classes(samples, masks, n_classes);
    let background = |masks: &[Mask]| evaluate(samples, masks, 0).mean_volume;
    let mut before_masks = float_masks(run_dir, samples, overlap)?;
    let float = dice(&before_masks);
    let has_control = run_dir.join("control.json").exists();
    if has_control {
        before_masks = control_masks(run_dir, samples, overlap)?;
    }
    let control = has_control.then(|| dice(&before_masks));
    let mut differing = 0;
    let (masks, cost) = match trained {
        Trained::Integers(report) => {
            let network = read_network(&report.model)?;
            let masks = simulate(settings, samples, &network)?;
            differing = fake_quant_differences(settings, samples, run_dir, &network, &masks)?;
            (masks, cost_of(&network, &settings.hardware).ok())
        }
        Trained::Compat(_) => (compat_masks(run_dir, samples, overlap)?, None),
    };
    let found = dice(&masks);
    let (before, after) = (control.as_ref().unwrap_or(&float), &found);
    let volumes = volumes(before, after);
    let list = |value: fn(&VolumeDice) -> f64| volumes.iter().map(value).collect::<Vec<_>>();
    let (n_resamples, seed) = (settings.evaluate.n_resamples, settings.evaluate.seed);
    let drop = paired_bootstrap(&list(|v| v.float), &list(|v| v.dice), n_resamples, seed);
    let quantize = &settings.configs.quantize;
    let (validation_dice, best_step) = match trained {
        Trained::Integers(report) => (report.validation_dice, report.best_step),
        Trained::Compat(report) => (report.validation_dice, report.best_step),
    };
    let (compared_pixels, fake_quant_mismatches, bytes) = match trained {
        Trained::Integers(report) => {
            let pixels = masks.iter().map(|mask| mask.data.len()).sum();
            (pixels, differing, Some(report.quantized_bytes))
        }
        Trained::Compat(_) => (0, 0, None),
    };
    Ok(TrialResult {
        name: String::new(),
        dataset: settings.name.clone(),
        foreground: data.class_names.get(1..).unwrap_or_default().join("+"),
        mode: quantize.mode.name().into(),
        weight_bits: quantize.weight_bits,
        activation_bits: quantize.activation_bits,
        seed: 1,
        float_dice: mean(&float, |e| e.mean_volume),
        control_dice: control.as_ref().map(|control| mean(control, |e| e.mean_volume)),
        dice: mean(after, |e| e.mean_volume),
        drop: drop.mean,
        drop_low: drop.low,
        drop_high: drop.high,
        pooled_float_dice: mean(before, |e| e.pooled),
        pooled_dice: mean(after, |e| e.pooled),
        trivial_dice: mean(after, |e| e.trivial_all),
        prior_dice: prior(data),
        background_float_dice: Some(background(&before_masks)),
        background_dice: Some(background(&masks)),
        validation_dice,
        best_step,
        steps: quantize.steps,
        float_bytes: float_report(run_dir)?.float_bytes,
        bytes,
        cycles: cost.map(|cost| cost.cycles),
        energy_uj: cost.map(|cost| cost.energy_uj),
        compared_pixels,
        fake_quant_mismatches,
        volumes,
    })
}

/// Pixels in which the run's fake-quantized network, evaluated in Burn, and the masks that its
/// integers gave differ.
///
/// # Errors
/// If the run was not quantized.
pub fn fake_quant_differences(
    settings: &Settings,
    samples: &[Sample],
    run_dir: &Path,
    network: &Network,
    masks: &[Mask],
) -> Result<usize, ExploreError> {
    let model = &settings.configs.model;
    let overlap = settings.evaluate.overlap([model.height, model.width]);
    let evaluated = fake_quant_masks(run_dir, network, samples, overlap)?;
    let pairs = evaluated.iter().zip(masks);
    let of = |(a, b): (&Mask, &Mask)| a.data.iter().zip(&b.data).filter(|(a, b)| a != b).count();
    Ok(pairs.map(of).sum())
}

/// Masks by the integers of a network.
///
/// # Errors
/// If the network does not fit the settings.
pub fn simulate(
    settings: &Settings,
    samples: &[Sample],
    network: &Network,
) -> Result<Vec<Mask>, ExploreError> {
    let simulator = Simulator::new(network)?;
    let segmenter = Segmenter::new(&simulator, &settings.evaluate)?;
    let images: Vec<_> = samples.iter().map(|sample| &sample.image).collect();
    Ok(segmenter.segment_all(&images, &mut |_| {})?)
}

/// Mean over the classes but the background.
fn mean(classes: &[Evaluation], value: impl Fn(&Evaluation) -> f64) -> f64 {
    classes.iter().map(value).sum::<f64>() / classes.len().max(1) as f64
}

fn prior(data: &Dataset) -> Option<f64> {
    let classes = 1..data.n_classes as u8;
    let found: Option<Vec<f64>> =
        classes.map(|class| position_prior(&data.train, &data.test, class)).collect();
    found.map(|found| found.iter().sum::<f64>() / found.len().max(1) as f64)
}

fn volumes(before: &[Evaluation], after: &[Evaluation]) -> Vec<VolumeDice> {
    let names = after.first().map_or(&[][..], |class| &class.per_volume);
    let volume = |(idx, named): (usize, &datasets::metrics::NamedDice)| VolumeDice {
        name: named.name.clone(),
        float: mean(before, |class| class.per_volume[idx].dice),
        dice: mean(after, |class| class.per_volume[idx].dice),
        float_counts: before.iter().map(|class| class.per_volume[idx].counts).collect(),
        counts: after.iter().map(|class| class.per_volume[idx].counts).collect(),
    };
    names.iter().enumerate().map(volume).collect()
}
