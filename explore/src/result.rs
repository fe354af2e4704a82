//! `result.json`: what a trial measured, the stable interface to reports.

use datasets::metrics::Counts;
use serde::{Deserialize, Serialize};

/// What a trial measured on the test side; the file `result.json` in its folder.
///
/// # Schema
/// One JSON object with these fields under these names. Fields may be added; none is renamed or
/// removed. Dice lies in 0..=1, is the mean over the classes but the background, and by volume
/// (by image where an image is a file of its own). The folder of the trial is a run folder beside
/// that: `model.qunet` (not in mode `fxq-compat`), `float.json`, `float.bpk`, `quantize.json`,
/// `metrics-quantize.jsonl`; `metrics-float.jsonl` lies in the folder of the seed, `float-sN`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// Name of the trial, as `scaled-w4a6-s1`; of a search, `search`.
    pub name: String,
    /// Name of the configuration.
    pub dataset: String,
    /// Names of the classes but the background, joined by `+`.
    pub foreground: String,
    /// `scaled`, `fixed` or `fxq-compat`.
    pub mode: String,
    /// W of all layers but the first, the head and those with a width of their own.
    pub weight_bits: u8,
    /// A of all layers but those with a width of their own.
    pub activation_bits: u8,
    /// Which float network, from 1.
    pub seed: u64,
    /// Dice of the float network that was fine-tuned.
    pub float_dice: f64,
    /// Dice of the same trained on for as long as fine-tuning; absent without fine-tuning.
    pub control_dice: Option<f64>,
    /// Dice of the quantized network: of the integers, or in mode `fxq-compat` of the float graph.
    pub dice: f64,
    /// Dice of the control (of the float network where there is none) − `dice`.
    pub drop: f64,
    /// Lower end of its 95% interval, paired bootstrap over volumes.
    pub drop_low: f64,
    /// Upper end.
    pub drop_high: f64,
    /// Dice of all pixels together: of the control or float network.
    pub pooled_float_dice: f64,
    /// Dice of all pixels together: of the quantized network.
    pub pooled_dice: f64,
    /// Pooled Dice of calling every pixel foreground.
    pub trivial_dice: f64,
    /// Dice of marking the same pixels in every image, learned from the training masks; absent where
    /// images differ in size.
    #[serde(default)]
    pub prior_dice: Option<f64>,
    /// Dice of the background, where it is the larger structure: of the control or float network;
    /// absent from results of older versions.
    #[serde(default)]
    pub background_float_dice: Option<f64>,
    /// Dice of the background: of the quantized network.
    #[serde(default)]
    pub background_dice: Option<f64>,
    /// Validation Dice of the quantized network.
    pub validation_dice: f64,
    /// Fine-tuning step after which the kept network was reached.
    pub best_step: usize,
    /// Fine-tuning steps.
    pub steps: usize,
    /// Float32 bytes of weights and biases, batch norm folded.
    pub float_bytes: usize,
    /// Bytes of the whole `.qunet` file; absent in mode `fxq-compat`.
    pub bytes: Option<usize>,
    /// Modelled cycles of a frame on the configured accelerator; absent where none can be made.
    pub cycles: Option<u64>,
    /// Estimated energy of a frame there, in microjoules.
    pub energy_uj: Option<f64>,
    /// Pixels compared between the fake-quantized and the integer network.
    pub compared_pixels: usize,
    /// Those of them that differ; 0 is the goal.
    pub fake_quant_mismatches: usize,
    /// Dice volume by volume.
    pub volumes: Vec<VolumeDice>,
}

/// Dice of one volume, mean over the classes, and what it was counted from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumeDice {
    /// Name of the volume.
    pub name: String,
    /// Of the control, or of the float network where there is none.
    pub float: f64,
    /// Of the quantized network.
    pub dice: f64,
    /// Pixels of `float`, class by class; absent from results of older versions.
    #[serde(default)]
    pub float_counts: Vec<Counts>,
    /// Pixels of `dice`, class by class.
    #[serde(default)]
    pub counts: Vec<Counts>,
}

/// What a float network reached; the file `result.json` of a seed's folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FloatResult {
    /// `float-s1`.
    pub name: String,
    /// From 1.
    pub seed: u64,
    /// Validation Dice of the float network.
    pub validation_dice: f64,
    /// Float training steps.
    pub steps: usize,
    /// Validation Dice of the control; absent without fine-tuning.
    pub control_validation_dice: Option<f64>,
    /// Steps of the control after the float training.
    pub control_steps: usize,
}
