//! The bits of each layer under a budget of bytes, cycles or energy.

use std::path::Path;

use datasets::Sample;
use quantizer::{Calibrator, ProgressEvent, QuantizeConfig, QuantizeMode, Resume, quantize};
use serde::{Deserialize, Serialize};

use crate::assign::{Choice, assign};
use crate::cost::{Budget, Cost, cost_of};
use crate::error::ExploreError;
use crate::folder::write_json;
use crate::measure::{Trained, measure};
use crate::result::TrialResult;
use crate::sensitivity::{Sensitivity, eight_bits, sensitivity, with_bits};
use crate::settings::Settings;

/// Most validation images that the sensitivity is measured on.
const MAX_IMAGES: usize = 16;
/// Rounds in which the budget of the assignment is lowered until the whole network keeps the real one.
const ROUNDS: usize = 24;

/// Bytes that the numbers in the metadata of a trained network may be longer.
const METADATA_ROOM: f64 = 24.0;

/// What a search found; the file `search.json` of the run folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchReport {
    /// The budget.
    pub budget: Budget,
    /// Costs of the network that was found.
    pub cost: Cost,
    /// Costs with 8 bits everywhere.
    pub cost_of_eight_bits: Cost,
    /// Layer by layer: its sensitivity, and the bits chosen.
    pub layers: Vec<LayerChoice>,
    /// The fine-tuned network on the test side.
    pub result: TrialResult,
}

/// One layer of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerChoice {
    /// What its widths do.
    pub sensitivity: Sensitivity,
    /// The bits chosen.
    pub bits: u8,
}

/// Told while a search runs.
pub enum SearchEvent<'a> {
    /// Networks simulated so far, and their whole number.
    Simulated(usize, usize),
    /// A step of fine-tuning.
    Training(&'a ProgressEvent),
}

/// Measures sensitivities, chooses the least harmful bits under the budget, fine-tunes and measures.
///
/// Activations keep the widths of the configuration, as do layers with a width of their own there.
///
/// # Errors
/// If the run has no float network, no assignment keeps the budget, or a step fails.
pub fn search(
    settings: &Settings,
    budget: Budget,
    run_dir: &Path,
    resume: Resume,
    progress: &mut dyn FnMut(SearchEvent<'_>),
) -> Result<SearchReport, ExploreError> {
    if settings.configs.quantize.mode == QuantizeMode::FxqCompat {
        let expected = "scaled or fixed".to_owned();
        let found = "fxq-compat".to_owned();
        return Err(ExploreError::Option { option: "quantize.mode", expected, found });
    }
    let data = settings.load()?;
    let prepare = settings.data.preprocess();
    let calibrator = Calibrator::new(&data, &settings.configs, &prepare, run_dir)?;
    let stride = data.validation.len().div_ceil(MAX_IMAGES).max(1);
    let samples: Vec<Sample> = data.validation.iter().step_by(stride).cloned().collect();
    let mut show = |done, whole| progress(SearchEvent::Simulated(done, whole));
    let found = sensitivity(&calibrator, settings, &samples, &mut show)?;
    let choice = choose(&calibrator, settings, &found, budget)?;

    let mut tuned = settings.clone();
    tuned.configs.quantize = choice.config;
    let mut show = |event: ProgressEvent| progress(SearchEvent::Training(&event));
    let report = quantize(&data, &tuned.configs, &prepare, run_dir, resume, &mut show)?;
    let network = sim::read_network(&report.model)?;
    let mut result = measure(&tuned, &data, run_dir, &Trained::Integers(report))?;
    result.name = "search".into();
    let layers = found.into_iter().zip(choice.bits);
    let report = SearchReport {
        budget,
        cost: cost_of(&network, &settings.hardware)?,
        cost_of_eight_bits: choice.cost_of_eight_bits,
        layers: layers.map(|(sensitivity, bits)| LayerChoice { sensitivity, bits }).collect(),
        result,
    };
    write_json(&run_dir.join("result.json"), &report.result)?;
    write_json(&run_dir.join("search.json"), &report)?;
    Ok(report)
}

/// What the digits of two numbers in the metadata may take more after training.
fn room(budget: Budget) -> f64 {
    match budget {
        Budget::Bytes(_) => METADATA_ROOM,
        Budget::Cycles(_) | Budget::Energy(_) => 0.0,
    }
}

struct Chosen {
    config: QuantizeConfig,
    bits: Vec<u8>,
    cost_of_eight_bits: Cost,
}

/// Bits by layer: each option's cost from a network in which only that layer differs, the sum
/// checked on the whole network.
fn choose(
    calibrator: &Calibrator,
    settings: &Settings,
    layers: &[Sensitivity],
    budget: Budget,
) -> Result<Chosen, ExploreError> {
    let eight = eight_bits(&settings.configs.quantize);
    let cost = |config: &QuantizeConfig| -> Result<Cost, ExploreError> {
        cost_of(&calibrator.network(config)?, &settings.hardware)
    };
    let whole = cost(&eight)?;
    let (base, limit) = budget.compare(&whole);
    let limit = limit - room(budget);
    let mut options: Vec<Vec<Choice>> = Vec::new();
    // what all layers cost at their cheapest; each option costs what it adds to that
    let mut floor = base;
    for layer in layers {
        let saved: Vec<f64> = layer.cost.iter().map(|own| base - budget.compare(own).0).collect();
        let most = saved.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        floor -= most;
        let costs = saved.iter().map(|saved| most - saved);
        let choices = costs.zip(&layer.harm).map(|(cost, harm)| Choice { cost, harm: *harm });
        options.push(choices.collect());
    }
    let mut available = limit - floor;
    for _ in 0..ROUNDS {
        let Some(picked) = assign(&options, available) else { break };
        let bits: Vec<u8> = picked.iter().zip(layers).map(|(idx, l)| l.bits[*idx]).collect();
        let config = config_of(&eight, layers, &bits);
        let (found, _) = budget.compare(&cost(&config)?);
        if found <= limit {
            return Ok(Chosen { config, bits, cost_of_eight_bits: whole });
        }
        // costs of layers do not quite add up: ask for as much less
        available -= (found - limit).max(limit * 1e-4);
    }
    let fewest: Vec<u8> =
        layers.iter().map(|l| l.bits.iter().copied().min().unwrap_or(1)).collect();
    let (least, limit) = budget.compare(&cost(&config_of(&eight, layers, &fewest))?);
    let (least, found) = (format!("{:.0}", least + room(budget)), format!("{limit:.0}"));
    Err(ExploreError::Budget { option: budget.option(), least, found })
}

/// The configuration with these bits; 8 need no entry of their own.
fn config_of(eight: &QuantizeConfig, layers: &[Sensitivity], bits: &[u8]) -> QuantizeConfig {
    let few = layers.iter().zip(bits).filter(|(_, bits)| **bits < 8);
    few.fold(eight.clone(), |config, (layer, bits)| with_bits(&config, &layer.layer, *bits))
}
