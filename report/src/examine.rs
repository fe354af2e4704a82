//! A trial's model on images: Dice, saturation, and the worst cases as pictures.

use datasets::metrics::Evaluation;
use datasets::{Mask, Sample};
use sim::{ClassReport, EvaluateConfig, InputRule, Simulator, evaluate};

use crate::error::ReportError;
use crate::pictures::Pictures;
use crate::trial::{Dice, Example, Trial};

/// Images with their truth, and what the trial's float network says about them.
pub struct Images<'a> {
    /// Images and true masks.
    pub samples: &'a [Sample],
    /// Masks of the float network, one a sample.
    pub float: Option<&'a [Mask]>,
    /// Tiling, decisions and statistics.
    pub evaluate: &'a EvaluateConfig,
    /// `test` or `validation`.
    pub side: &'a str,
    /// Most images shown.
    pub n_shown: usize,
}

impl Trial {
    /// Simulates the trial's integers on images; a trial without integers stays as it is.
    ///
    /// Dice that `result.json` tells is kept; a note is returned if the simulation disagrees.
    ///
    /// # Errors
    /// If the images do not fit the network.
    pub fn examine(
        &mut self,
        images: &Images,
        pictures: &mut Pictures,
    ) -> Result<Option<String>, ReportError> {
        let Some(network) = &self.network else { return Ok(None) };
        let simulator = Simulator::new(network)?;
        let Images { samples, float, evaluate: config, side, n_shown } = *images;
        let (report, masks) = evaluate(&simulator, samples, float, config, &mut |_| {})?;
        self.saturation_on = format!("{} {side} images", samples.len());
        if config.saturation_images > 0 && config.saturation_images < samples.len() {
            self.saturation_on = format!("{} {side} images", config.saturation_images);
        }
        self.saturation = report.saturation;
        self.examples = examples(samples, float, &masks, &report.classes, n_shown, pictures);
        self.float_bytes = self.float_bytes.or(Some(report.memory.float_bytes));
        let found = mean(&report.classes, |class| Some(class.quantized.mean_volume));
        if let (Some(known), Some(found)) = (self.dice.as_ref(), found)
            && known.side == side
        {
            let same = (known.quantized - found).abs() < 1e-9;
            let (name, known) = (&self.name, known.quantized);
            return Ok((!same).then(|| {
                format!("{name}: result.json tells a Dice of {known}, simulation gives {found}.")
            }));
        }
        if let Some(dice) = dice_of(&report.classes, side) {
            self.dice = Some(dice);
        }
        Ok(None)
    }

    /// Counts saturation on inputs without truth, as the samples that lie beside a model.
    ///
    /// # Errors
    /// If an input does not fit the network.
    pub fn saturate(&mut self, inputs: &[Vec<u8>], what: &str) -> Result<(), ReportError> {
        let Some(network) = self.network.as_ref().filter(|_| !inputs.is_empty()) else {
            return Ok(());
        };
        self.saturation = Simulator::new(network)?.saturation(inputs)?;
        self.saturation_on = format!("{} {what}", inputs.len());
        Ok(())
    }

    /// Whether the network's metadata tell how real images become its input.
    pub fn takes_images(&self) -> bool {
        self.network.as_ref().is_some_and(|network| InputRule::of(network).is_ok())
    }
}

/// Mean over the classes; nothing if a class has no value.
fn mean(classes: &[ClassReport], value: impl Fn(&ClassReport) -> Option<f64>) -> Option<f64> {
    let values: Option<Vec<f64>> = classes.iter().map(value).collect();
    values.filter(|v| !v.is_empty()).map(|v| v.iter().sum::<f64>() / v.len() as f64)
}

fn dice_of(classes: &[ClassReport], side: &str) -> Option<Dice> {
    let float = mean(classes, |class| Some(class.float.as_ref()?.mean_volume))?;
    let quantized = mean(classes, |class| Some(class.quantized.mean_volume))?;
    // the interval of a mean over classes is not that of one class
    let interval = match classes {
        [class] => class.drop.map(|drop| [drop.volume.low, drop.volume.high]),
        _ => None,
    };
    let trivial = mean(classes, |class| Some(class.quantized.trivial_all));
    let side = side.to_owned();
    Some(Dice { side, float, quantized, drop: float - quantized, interval, trivial })
}

/// The images in which the integers reach least, the worst first.
fn examples(
    samples: &[Sample],
    float: Option<&[Mask]>,
    masks: &[Mask],
    classes: &[ClassReport],
    n_shown: usize,
    pictures: &mut Pictures,
) -> Vec<Example> {
    let of_image = |evaluation: &Evaluation, index: usize| evaluation.per_image[index].dice;
    let dice = |index: usize| mean(classes, |class| Some(of_image(&class.quantized, index)));
    let mut order: Vec<(f64, usize)> =
        (0..samples.len()).filter_map(|index| Some((dice(index)?, index))).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    order.truncate(n_shown);
    let example = |(dice, index): (f64, usize)| {
        let (sample, mask) = (&samples[index], &masks[index]);
        let float = float.map(|masks| &masks[index]);
        let differ =
            |float: &Mask| float.data.iter().zip(&mask.data).filter(|(a, b)| a != b).count();
        Example {
            name: sample.name.clone(),
            size: Pictures::size(&sample.image),
            float_dice: mean(classes, |class| Some(of_image(class.float.as_ref()?, index))),
            dice,
            n_changed: float.map(differ),
            image: pictures.add_image(&sample.image),
            truth: pictures.add_mask(&sample.mask, &sample.mask),
            float: float.map(|float| pictures.add_mask(float, &sample.mask)),
            quantized: pictures.add_mask(mask, &sample.mask),
        }
    };
    order.into_iter().map(example).collect()
}
