//! What a report is about: trials, and the float networks they come from.

use std::path::PathBuf;

use datasets::{DataConfig, SplitConfig};
use network::Network;
use sim::{EvaluateConfig, Saturation};

use crate::curves::Curve;

/// A run or a sweep.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Name of the folder.
    pub title: String,
    /// Name of the data set; empty if not known.
    pub dataset: String,
    /// Names of the classes but the background; empty if not known.
    pub foreground: String,
    /// Quantized networks.
    pub trials: Vec<Trial>,
    /// Float networks.
    pub floats: Vec<FloatNetwork>,
    /// Where the images come from; absent for the folder of a single run, which does not tell.
    pub data: Option<DataSource>,
    /// What a reader should know: what is missing, what does not agree.
    pub notes: Vec<String>,
}

/// The sections of a sweep's settings that load its images.
#[derive(Clone, Debug)]
pub struct DataSource {
    /// `[data]`.
    pub data: DataConfig,
    /// `[split]`.
    pub split: SplitConfig,
    /// `[evaluate]`.
    pub evaluate: EvaluateConfig,
}

/// One quantized network.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// Name, unique in the report.
    pub name: String,
    /// Name of the sweep it belongs to where a report joins several; else empty.
    pub series: String,
    /// Its run folder.
    pub folder: PathBuf,
    /// `scaled`, `fixed` or `fxq-compat`.
    pub mode: String,
    /// W of most weights.
    pub weight_bits: u8,
    /// A of most activations.
    pub activation_bits: u8,
    /// Which float network.
    pub seed: Option<u64>,
    /// Dice, where it is known.
    pub dice: Option<Dice>,
    /// Float32 bytes of weights and biases.
    pub float_bytes: Option<usize>,
    /// Bytes of the whole `.qunet` file.
    pub bytes: Option<usize>,
    /// Modelled cycles of a frame.
    pub cycles: Option<u64>,
    /// Estimated energy of a frame, in microjoules.
    pub energy_uj: Option<f64>,
    /// Pixels that differ between fake quantization and integers, of how many compared.
    pub mismatches: Option<(usize, usize)>,
    /// The integer network, where there is one.
    pub network: Option<Network>,
    /// Saturation, layer by layer; empty if not counted.
    pub saturation: Vec<Saturation>,
    /// On what it was counted, as `6 test images`.
    pub saturation_on: String,
    /// Training, stage by stage.
    pub curves: Vec<Curve>,
    /// Images, worst first.
    pub examples: Vec<Example>,
}

/// Dice of a float network and of the integers made from it, 0..=1.
#[derive(Clone, Debug, PartialEq)]
pub struct Dice {
    /// `test` or `validation`.
    pub side: String,
    /// Of the float network (in a sweep: trained for as long as float and fine-tuning together).
    pub float: f64,
    /// Of the quantized network.
    pub quantized: f64,
    /// Float − quantized.
    pub drop: f64,
    /// 95% interval of the drop.
    pub interval: Option<[f64; 2]>,
    /// Of calling every pixel foreground.
    pub trivial: Option<f64>,
}

/// A float network.
#[derive(Clone, Debug, Default)]
pub struct FloatNetwork {
    /// Name of its folder.
    pub name: String,
    /// Validation Dice.
    pub validation_dice: Option<f64>,
    /// Training, stage by stage.
    pub curves: Vec<Curve>,
}

/// An image with its masks, as numbers of [`crate::Pictures`].
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Name of the image.
    pub name: String,
    /// Rows and columns shown.
    pub size: [usize; 2],
    /// Dice of the float network.
    pub float_dice: Option<f64>,
    /// Dice of the integers.
    pub dice: f64,
    /// Pixels in which float and quantized network differ.
    pub n_changed: Option<usize>,
    /// The image in grey.
    pub image: usize,
    /// The true mask.
    pub truth: usize,
    /// The float network's mask against the truth.
    pub float: Option<usize>,
    /// The integers' mask against the truth.
    pub quantized: usize,
}

impl Trial {
    /// Name of the trial's section in the page: letters, digits and hyphens.
    pub fn id(&self) -> String {
        let part = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        format!("trial-{}", self.name.chars().map(part).collect::<String>())
    }

    /// `W4/A6`.
    pub fn bits(&self) -> String {
        format!("W{}/A{}", self.weight_bits, self.activation_bits)
    }

    /// The bits, and the sweep where a report joins several: `W4/A6 em-base8`.
    pub fn label(&self) -> String {
        format!("{} {}", self.bits(), self.series).trim_end().to_owned()
    }

    /// Float bytes over quantized bytes.
    pub fn ratio(&self) -> Option<f64> {
        Some(self.float_bytes? as f64 / self.bytes? as f64)
    }
}
