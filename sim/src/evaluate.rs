//! Dice of the integer network, its drop against float, memory and saturation, in one report.

use datasets::metrics::{self, Evaluation, Interval, NamedDice};
use datasets::{Image, Mask, Sample};
use serde::Serialize;

use crate::config::EvaluateConfig;
use crate::error::SimError;
use crate::memory::MemoryTable;
use crate::segment::Segmenter;
use crate::simulator::Simulator;
use crate::trace::Saturation;

/// Everything that `qunet simulate` tells about a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Name of the network.
    pub model: String,
    /// Number of images.
    pub n_images: usize,
    /// One entry a class but the background.
    pub classes: Vec<ClassReport>,
    /// Bytes, layer by layer.
    pub memory: MemoryTable,
    /// Saturation, layer by layer.
    pub saturation: Vec<Saturation>,
}

/// Dice of one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassReport {
    /// Index of the class.
    pub class: u8,
    /// Its name.
    pub name: String,
    /// Of the integer network, with the trivial predictors beside it.
    pub quantized: Evaluation,
    /// Of the float network on the same images, where its masks were given.
    pub float: Option<Evaluation>,
    /// What quantization costs, where float masks were given.
    pub drop: Option<Drop>,
    /// The best Dice of one threshold on the intensities, chosen on these very images; only for
    /// images of one channel.
    pub best_threshold_dice: Option<f64>,
    /// The Dice of marking the same pixels in every image, learned from the training masks; left to
    /// the caller, who has them.
    pub position_prior_dice: Option<f64>,
}

/// Float Dice − integer Dice on the same images: mean and 95% interval of the paired bootstrap.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Drop {
    /// Resampling images.
    pub image: Interval,
    /// Resampling volumes.
    pub volume: Interval,
    /// Resampling subjects.
    pub subject: Interval,
    /// Of all pixels together.
    pub pooled: f64,
}

/// Simulates the network on `samples` and reports; `progress` gets the number of images done.
///
/// # Errors
/// If there are no samples, the network does not fit them, or the number or sizes of the float
/// masks are not those of the samples.
pub fn evaluate(
    simulator: &Simulator,
    samples: &[Sample],
    float_masks: Option<&[Mask]>,
    config: &EvaluateConfig,
    progress: &mut (dyn FnMut(usize) + Send),
) -> Result<(Report, Vec<Mask>), SimError> {
    let segmenter = Segmenter::new(simulator, config)?;
    check_samples(samples, float_masks)?;
    let images: Vec<&Image> = samples.iter().map(|s| &s.image).collect();
    let masks = segmenter.segment_all(&images, progress)?;
    let names = &segmenter.rule().class_names;
    let n_classes = n_classes(simulator, samples, names);
    let class = |class: u8| {
        let name = names.get(usize::from(class)).cloned();
        let name = name.unwrap_or_else(|| format!("class {class}"));
        class_report((class, name), samples, &masks, float_masks, config)
    };
    let network = simulator.network();
    let report = Report {
        model: network.name.clone(),
        n_images: samples.len(),
        classes: (1..n_classes).map(|c| class(c as u8)).collect(),
        memory: MemoryTable::of(network)?,
        saturation: count_saturation(simulator, &segmenter, &images, config)?,
    };
    Ok((report, masks))
}

/// As many as the metadata name, the head tells apart, or the truth holds.
fn n_classes(simulator: &Simulator, samples: &[Sample], names: &[String]) -> usize {
    let network = simulator.network();
    let decided = match network.layers.last() {
        Some(network::Layer::Head(head)) => head.requantize.channels.len(),
        _ => network.spec(network.output).channels,
    };
    let largest = samples.iter().flat_map(|s| &s.mask.data).max().copied().unwrap_or(0);
    names.len().max(decided).max(usize::from(largest) + 1).clamp(2, 256)
}

fn check_samples(samples: &[Sample], float_masks: Option<&[Mask]>) -> Result<(), SimError> {
    let fail = |what: String, expected: String, found: String| {
        Err(SimError::Mismatch { what, expected, found })
    };
    if samples.is_empty() {
        return fail("images to evaluate".into(), "at least 1".into(), "0".into());
    }
    let size = |mask: &Mask| format!("{}×{}", mask.height, mask.width);
    for Sample { name, image, mask, .. } in samples {
        if [image.height, image.width] != [mask.height, mask.width] {
            let expected = format!("{}×{}", image.height, image.width);
            return fail(format!("image {name}: size of its mask"), expected, size(mask));
        }
    }
    let Some(masks) = float_masks else { return Ok(()) };
    if masks.len() != samples.len() {
        let (expected, found) = (samples.len().to_string(), masks.len().to_string());
        return fail("number of float masks".into(), expected, found);
    }
    for (sample, mask) in samples.iter().zip(masks) {
        if size(mask) != size(&sample.mask) {
            let what = format!("image {}: size of its float mask", sample.name);
            return fail(what, size(&sample.mask), size(mask));
        }
    }
    Ok(())
}

fn class_report(
    (class, name): (u8, String),
    samples: &[Sample],
    masks: &[Mask],
    float_masks: Option<&[Mask]>,
    config: &EvaluateConfig,
) -> ClassReport {
    let quantized = metrics::evaluate(samples, masks, class);
    let float = float_masks.map(|masks| metrics::evaluate(samples, masks, class));
    let drop = float.as_ref().map(|float| drop_between(float, &quantized, config));
    let one_channel = samples.iter().all(|s| s.image.channels == 1);
    let best_threshold_dice = one_channel.then(|| metrics::best_threshold(samples, class).0);
    let position_prior_dice = None;
    ClassReport { class, name, quantized, float, drop, best_threshold_dice, position_prior_dice }
}

fn drop_between(float: &Evaluation, quantized: &Evaluation, config: &EvaluateConfig) -> Drop {
    let dice = |list: &[NamedDice]| list.iter().map(|d| d.dice).collect::<Vec<f64>>();
    let paired = |a: &[NamedDice], b: &[NamedDice]| {
        metrics::paired_bootstrap(&dice(a), &dice(b), config.n_resamples, config.seed)
    };
    Drop {
        image: paired(&float.per_image, &quantized.per_image),
        volume: paired(&float.per_volume, &quantized.per_volume),
        subject: paired(&float.per_subject, &quantized.per_subject),
        pooled: float.pooled - quantized.pooled,
    }
}

/// Over the tiles of evenly spread images.
fn count_saturation(
    simulator: &Simulator,
    segmenter: &Segmenter<'_>,
    images: &[&Image],
    config: &EvaluateConfig,
) -> Result<Vec<Saturation>, SimError> {
    let wanted = match config.saturation_images {
        0 => images.len(),
        limit => limit,
    };
    let stride = images.len().div_ceil(wanted);
    let mut total: Vec<Saturation> =
        simulator.network().layers.iter().map(Saturation::none).collect();
    for image in images.iter().step_by(stride) {
        let counted = simulator.saturation(&segmenter.tile_inputs(image)?)?;
        total = total.iter().zip(&counted).map(|(a, b)| a.plus(b)).collect();
    }
    Ok(total)
}
