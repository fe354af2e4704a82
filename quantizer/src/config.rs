//! The sections `[model]`, `[train]` and `[quantize]` of a run's configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::device::Backend;
use crate::error::QuantizerError;

/// How the decoder doubles its resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Upsample {
    /// Nearest neighbour, no weights.
    #[default]
    Nearest,
    /// 2×2 transposed convolution with stride 2, learned, to the channels of the skip tensor.
    Transposed,
}

/// `[model]`: shape of the U-Net.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// Channels of the first level; level l has base_width·2^l; 1..=256.
    pub base_width: usize,
    /// Most channels of a level: deeper levels keep this many; base_width..=4096.
    pub max_width: usize,
    /// Number of 2×2 max-pools, 1..=6.
    pub depth: usize,
    /// `nearest` or `transposed`.
    pub upsample: Upsample,
    /// Rows of the network input in pixels, a multiple of 2^depth; larger images are cut into tiles.
    pub height: usize,
    /// Columns of the network input in pixels, a multiple of 2^depth.
    pub width: usize,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            base_width: 8,
            max_width: 4096,
            depth: 2,
            upsample: Upsample::Nearest,
            height: 64,
            width: 64,
        }
    }
}

/// `[train]`: float training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Optimiser steps, at least 1.
    pub steps: usize,
    /// Patches a step, at least 5 (smaller batches take a slow path of the CPU backend).
    pub batch: usize,
    /// Side of the square training patch in pixels, a multiple of 2^depth; 0 takes the network input's size.
    pub patch: usize,
    /// Fraction of patches laid around a foreground pixel, 0..=1.
    pub foreground: f32,
    /// Half width of the random change of contrast and brightness of a patch, 0..=1; `[augment]`
    /// changes more.
    pub intensity_jitter: f32,
    /// Peak learning rate of Adam, above 0.
    pub learning_rate: f64,
    /// Steps of linear warm-up before the cosine decay.
    pub warmup_steps: usize,
    /// Weight of the soft Dice loss, 0 or more.
    pub dice_weight: f64,
    /// Weight of the binary (or, for more classes, categorical) cross-entropy, 0 or more.
    pub cross_entropy_weight: f64,
    /// Seed of the initial weights and of the patches.
    pub seed: u64,
    /// `flex` (CPU), or `ndarray`, `cuda`, `wgpu` in a build with that cargo feature.
    pub backend: Backend,
    /// Steps between checkpoints, at least 1.
    pub checkpoint_every: usize,
    /// Steps between validations, at least 1; the best of them is kept.
    pub validation_every: usize,
    /// Largest number of validation images used while training; 0 takes all.
    pub validation_images: usize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            steps: 600,
            batch: 8,
            patch: 0,
            foreground: 0.0,
            intensity_jitter: 0.1,
            learning_rate: 3e-3,
            warmup_steps: 20,
            dice_weight: 1.0,
            cross_entropy_weight: 1.0,
            seed: 1,
            backend: Backend::Flex,
            checkpoint_every: 200,
            validation_every: 100,
            validation_images: 32,
        }
    }
}

/// How the scale of a layer is expressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum QuantizeMode {
    /// One 16-bit multiplier per output channel.
    #[default]
    Scaled,
    /// Power-of-two steps, multipliers ±1: pure fixed point.
    Fixed,
    /// The level sets of an earlier method, for comparison in float only; see [`crate::fxq_compat`].
    #[serde(rename = "fxq-compat")]
    FxqCompat,
}

impl QuantizeMode {
    /// Name in configuration files and tables.
    pub fn name(self) -> &'static str {
        match self {
            QuantizeMode::Scaled => "scaled",
            QuantizeMode::Fixed => "fixed",
            QuantizeMode::FxqCompat => "fxq-compat",
        }
    }
}

impl std::str::FromStr for QuantizeMode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let modes = [QuantizeMode::Scaled, QuantizeMode::Fixed, QuantizeMode::FxqCompat];
        let found = modes.into_iter().find(|mode| mode.name() == name);
        found.ok_or_else(|| format!("expected scaled, fixed or fxq-compat, found {name}"))
    }
}

/// Bits of one layer where they differ from the rest of the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayerOverride {
    /// Bits of the layer's weights, 1..=8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_bits: Option<u8>,
    /// Bits of the layer's output, 1..=8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation_bits: Option<u8>,
}

/// `[quantize]`: fine-tuning with quantization in the loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuantizeConfig {
    /// W, bits of the weights, 1..=8.
    pub weight_bits: u8,
    /// A, bits of the activations, 1..=8.
    pub activation_bits: u8,
    /// Bits of the first layer's weights, 1..=8.
    pub first_weight_bits: u8,
    /// Bits of the head's weights, 1..=8.
    pub head_weight_bits: u8,
    /// `scaled` or `fixed`; `fxq-compat` trains with the level sets of an earlier method, for
    /// comparison in float only.
    pub mode: QuantizeMode,
    /// Fine-tuning steps; 0 quantizes without training.
    pub steps: usize,
    /// Peak learning rate of the weights, above 0; weights of 3, 2 and 1 bits take 2, 4 and 40
    /// times as much.
    pub learning_rate: f64,
    /// Peak learning rate of the step sizes (their log2), above 0.
    pub step_learning_rate: f64,
    /// Share of the loss that compares with the float network instead of the truth, 0..=1.
    pub distillation: f64,
    /// Fraction of the fine-tuning after which the statistics of batch norm are frozen, 0..=1; at 1
    /// they are those of the last estimate.
    pub freeze_norm: f64,
    /// Batches from which the statistics of batch norm are estimated anew before they are frozen
    /// and before each validation; 0 takes the running averages.
    pub norm_batches: usize,
    /// Pairs of weight and activation bits to go through first, such as `[[1, 4]]`, each for as
    /// many of the steps as the bits asked for; widths of single layers stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub progressive: Vec<[u8; 2]>,
    /// Seed of the patches.
    pub seed: u64,
    /// Bits of single layers, in a file only: `[quantize.layers."enc0.conv1"]` with
    /// `weight_bits` and `activation_bits`, one or both; names as `qunet inspect` prints them.
    pub layers: BTreeMap<String, LayerOverride>,
}

impl Default for QuantizeConfig {
    fn default() -> Self {
        Self {
            weight_bits: 4,
            activation_bits: 6,
            first_weight_bits: 8,
            head_weight_bits: 8,
            mode: QuantizeMode::Scaled,
            steps: 200,
            learning_rate: 1e-3,
            step_learning_rate: 3e-3,
            distillation: 0.5,
            freeze_norm: 1.0,
            norm_batches: 16,
            progressive: Vec::new(),
            seed: 2,
            layers: BTreeMap::new(),
        }
    }
}

impl ModelConfig {
    /// Channels of a level; level `depth` is the bottom.
    pub fn width_of(&self, level: usize) -> usize {
        (self.base_width << level).min(self.max_width)
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`QuantizerError::Config`] naming the first key outside its range.
    pub fn validate(&self) -> Result<(), QuantizerError> {
        require(
            (1..=256).contains(&self.base_width),
            "model.base_width",
            "1..=256",
            self.base_width,
        )?;
        require((1..=6).contains(&self.depth), "model.depth", "1..=6", self.depth)?;
        let range = (self.base_width..=4096).contains(&self.max_width);
        let expected = format!("model.base_width = {}..=4096", self.base_width);
        require(range, "model.max_width", &expected, self.max_width)?;
        let concat = self.width_of(self.depth) + self.width_of(self.depth - 1);
        require(concat <= 4096, "model.base_width", "at most 4096 channels in a concat", concat)?;
        let unit = 1 << self.depth;
        for (key, side) in [("model.height", self.height), ("model.width", self.width)] {
            let expected = format!("a multiple of 2^depth = {unit} in {unit}..=4096");
            require(
                side.is_multiple_of(unit) && (unit..=4096).contains(&side),
                key,
                &expected,
                side,
            )?;
        }
        Ok(())
    }
}

impl TrainConfig {
    /// Checks every value against the model.
    ///
    /// # Errors
    /// [`QuantizerError::Config`] naming the first key outside its range.
    pub fn validate(&self, model: &ModelConfig) -> Result<(), QuantizerError> {
        require(self.steps >= 1, "train.steps", "1 or more", self.steps)?;
        require(self.batch >= 5, "train.batch", "5 or more", self.batch)?;
        let unit = 1 << model.depth;
        let expected = format!("0 or a multiple of 2^depth = {unit} up to 4096");
        let patch_fits = self.patch.is_multiple_of(unit) && self.patch <= 4096;
        require(patch_fits, "train.patch", &expected, self.patch)?;
        positive("train.learning_rate", self.learning_rate)?;
        not_negative("train.dice_weight", self.dice_weight)?;
        not_negative("train.cross_entropy_weight", self.cross_entropy_weight)?;
        let weight = self.dice_weight + self.cross_entropy_weight;
        require(weight > 0.0, "train.dice_weight", "a loss with some weight", weight)?;
        for (key, found) in [
            ("train.foreground", self.foreground),
            ("train.intensity_jitter", self.intensity_jitter),
        ] {
            require((0.0..=1.0).contains(&found), key, "0..=1", found)?;
        }
        require(self.checkpoint_every >= 1, "train.checkpoint_every", "1 or more", 0)?;
        require(self.validation_every >= 1, "train.validation_every", "1 or more", 0)
    }

    /// Rows and columns of a training patch.
    pub fn patch_size(&self, model: &ModelConfig) -> (usize, usize) {
        if self.patch == 0 { (model.height, model.width) } else { (self.patch, self.patch) }
    }
}

impl QuantizeConfig {
    /// The wider configurations to go through before this one; none without steps.
    pub fn earlier(&self) -> Vec<Self> {
        let pairs = if self.steps == 0 { &[] } else { self.progressive.as_slice() };
        let wide = |&[weight_bits, activation_bits]: &[u8; 2]| Self {
            weight_bits,
            activation_bits,
            ..self.clone()
        };
        pairs.iter().map(wide).collect()
    }

    /// Checks every value; layer names are checked when the network is known.
    ///
    /// # Errors
    /// [`QuantizerError::Config`] naming the first key outside its range.
    pub fn validate(&self) -> Result<(), QuantizerError> {
        bits("quantize.weight_bits", self.weight_bits)?;
        bits("quantize.activation_bits", self.activation_bits)?;
        bits("quantize.first_weight_bits", self.first_weight_bits)?;
        bits("quantize.head_weight_bits", self.head_weight_bits)?;
        for found in self.progressive.as_flattened() {
            bits("quantize.progressive", *found)?;
        }
        for (name, layer) in &self.layers {
            if let Some(found) = layer.weight_bits {
                bits(&format!("quantize.layers.{name}.weight_bits"), found)?;
            }
            if let Some(found) = layer.activation_bits {
                bits(&format!("quantize.layers.{name}.activation_bits"), found)?;
            }
        }
        let narrows = self.progressive.is_empty() || self.mode != QuantizeMode::FxqCompat;
        require(narrows, "quantize.progressive", "none in mode fxq-compat", "some")?;
        let each = self.steps == 0 || self.steps > self.progressive.len();
        require(each, "quantize.steps", "0, or one for each phase", self.steps)?;
        positive("quantize.learning_rate", self.learning_rate)?;
        positive("quantize.step_learning_rate", self.step_learning_rate)?;
        for (key, found) in [
            ("quantize.distillation", self.distillation),
            ("quantize.freeze_norm", self.freeze_norm),
        ] {
            require((0.0..=1.0).contains(&found), key, "0..=1", found)?;
        }
        Ok(())
    }
}

fn bits(key: &str, found: u8) -> Result<(), QuantizerError> {
    require((1..=8).contains(&found), key, "1..=8 bits", found)
}

fn positive(key: &str, found: f64) -> Result<(), QuantizerError> {
    require(found.is_finite() && found > 0.0, key, "a finite number above 0", found)
}

fn not_negative(key: &str, found: f64) -> Result<(), QuantizerError> {
    require(found.is_finite() && found >= 0.0, key, "a finite number, 0 or more", found)
}

fn require(
    legal: bool,
    key: &str,
    expected: &str,
    found: impl ToString,
) -> Result<(), QuantizerError> {
    if legal {
        return Ok(());
    }
    let (key, expected) = (key.to_owned(), expected.to_owned());
    Err(QuantizerError::Config { key, expected, found: found.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_legal() {
        let model = ModelConfig::default();
        model.validate().unwrap();
        TrainConfig::default().validate(&model).unwrap();
        QuantizeConfig::default().validate().unwrap();
    }

    #[test]
    fn bits_outside_one_to_eight_name_key_expected_and_found() {
        for found in [0u8, 9, 255] {
            let config = QuantizeConfig { weight_bits: found, ..Default::default() };
            let message = config.validate().unwrap_err().to_string();
            let expected = format!("quantize.weight_bits: expected 1..=8 bits, found {found}");
            assert_eq!(message, expected);
        }
        let mut config = QuantizeConfig::default();
        let nine = LayerOverride { weight_bits: None, activation_bits: Some(9) };
        config.layers.insert("enc0.conv1".into(), nine);
        let message = config.validate().unwrap_err().to_string();
        assert_eq!(
            message,
            "quantize.layers.enc0.conv1.activation_bits: expected 1..=8 bits, found 9"
        );
    }

    #[test]
    fn phases_need_legal_bits_and_a_step_each() {
        let mut config = QuantizeConfig { progressive: vec![[2, 9]], ..Default::default() };
        let message = |config: &QuantizeConfig| config.validate().unwrap_err().to_string();
        assert_eq!(message(&config), "quantize.progressive: expected 1..=8 bits, found 9");
        config.progressive = vec![[4, 8], [2, 4]];
        (config.weight_bits, config.activation_bits) = (1, 3);
        let bits = |c: &QuantizeConfig| [c.weight_bits, c.activation_bits];
        assert_eq!(config.earlier().iter().map(bits).collect::<Vec<_>>(), config.progressive);
        config.steps = 2;
        assert_eq!(message(&config), "quantize.steps: expected 0, or one for each phase, found 2");
        config.steps = 0;
        assert!(config.validate().is_ok() && config.earlier().is_empty());
        config.mode = QuantizeMode::FxqCompat;
        let expected = "quantize.progressive: expected none in mode fxq-compat, found some";
        assert_eq!(message(&config), expected);
    }

    #[test]
    fn input_size_must_be_a_multiple_of_the_pooling() {
        let config = ModelConfig { depth: 3, height: 60, ..Default::default() };
        let message = config.validate().unwrap_err().to_string();
        let expected = "model.height: expected a multiple of 2^depth = 8 in 8..=4096, found 60";
        assert_eq!(message, expected);
    }

    #[test]
    fn unknown_keys_are_refused() {
        let result = serde_json::from_str::<QuantizeConfig>(r#"{"weight_bit": 4}"#);
        assert!(result.unwrap_err().to_string().contains("weight_bit"));
    }
}
