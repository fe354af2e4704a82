//! How much each layer suffers from few bits: one layer at a time, by integer simulation.

use datasets::metrics::Counts;
use datasets::{Mask, Sample};
use quantizer::{Calibrator, LayerOverride, QuantizeConfig};
use serde::{Deserialize, Serialize};

use crate::cost::{Cost, cost_of};
use crate::error::ExploreError;
use crate::measure::simulate;
use crate::settings::Settings;

/// Widths of a layer's weights that are tried, most bits first.
pub(crate) const WIDTHS: [u8; 6] = [8, 6, 4, 3, 2, 1];

/// What one layer costs at each width.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensitivity {
    /// Name of the layer.
    pub layer: String,
    /// Widths tried; one only where the configuration fixes the layer's width.
    pub bits: Vec<u8>,
    /// 1 − Dice between the masks with that width and those with 8 bits everywhere, by width.
    pub harm: Vec<f64>,
    /// Dice against the truth with that width, by width.
    pub dice: Vec<f64>,
    /// Cost of the whole network with that width, by width.
    pub cost: Vec<Cost>,
}

/// Quantizes each layer alone to each width, all others at 8 bits, and simulates the integers on
/// `samples`; `progress` gets the number of networks done and their whole number.
///
/// # Errors
/// If a network cannot be lowered or simulated.
pub fn sensitivity(
    calibrator: &Calibrator,
    settings: &Settings,
    samples: &[Sample],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Sensitivity>, ExploreError> {
    let layers = calibrator.layers();
    let quantize = &settings.configs.quantize;
    let eight = eight_bits(quantize);
    let run = |config: &QuantizeConfig| -> Result<(Vec<Mask>, Cost), ExploreError> {
        let network = calibrator.network(config)?;
        Ok((simulate(settings, samples, &network)?, cost_of(&network, &settings.hardware)?))
    };
    let widths = |name: &str| match quantize.layers.get(name).and_then(|own| own.weight_bits) {
        Some(bits) => vec![bits],
        None => WIDTHS.to_vec(),
    };
    let whole = layers.iter().map(|layer| widths(&layer.name).len()).sum();
    let (reference, cost_of_eight) = run(&eight)?;
    let truth: Vec<Mask> = samples.iter().map(|s| s.mask.clone()).collect();
    let n_classes = settings.data.n_classes() as u8;
    let mut done = 0;
    let mut all = Vec::with_capacity(layers.len());
    for layer in &layers {
        let bits = widths(&layer.name);
        let (mut harm, mut dice, mut cost) = (Vec::new(), Vec::new(), Vec::new());
        for &width in &bits {
            let (found, own) = match width {
                8 => (reference.clone(), cost_of_eight),
                _ => run(&with_bits(&eight, &layer.name, width))?,
            };
            harm.push(1.0 - agreement(&found, &reference, n_classes));
            cost.push(own);
            dice.push(agreement(&found, &truth, n_classes));
            done += 1;
            progress(done, whole);
        }
        all.push(Sensitivity { layer: layer.name.clone(), bits, harm, dice, cost });
    }
    Ok(all)
}

/// Eight bits in every layer whose width the configuration leaves open.
pub(crate) fn eight_bits(config: &QuantizeConfig) -> QuantizeConfig {
    QuantizeConfig { weight_bits: 8, first_weight_bits: 8, head_weight_bits: 8, ..config.clone() }
}

/// The same with one layer's weights at `bits`.
pub(crate) fn with_bits(config: &QuantizeConfig, layer: &str, bits: u8) -> QuantizeConfig {
    let mut config = config.clone();
    let own: &mut LayerOverride = config.layers.entry(layer.to_owned()).or_default();
    own.weight_bits = Some(bits);
    config
}

/// Pooled Dice between two lists of masks, mean over the classes but the background.
fn agreement(a: &[Mask], b: &[Mask], n_classes: u8) -> f64 {
    let pooled = |class: u8| {
        let counts = a.iter().zip(b).map(|(a, b)| Counts::of(a, b, class));
        counts.fold(Counts::default(), Counts::plus).dice()
    };
    let classes = 1..n_classes.max(2);
    let n = classes.len() as f64;
    classes.map(pooled).sum::<f64>() / n
}
