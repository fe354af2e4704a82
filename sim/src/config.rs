//! The section `[evaluate]` of a configuration file.

use serde::{Deserialize, Serialize};

use crate::error::SimError;

/// The section `[evaluate]`: tiling, decisions and statistics of the evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluateConfig {
    /// Pixels that neighbouring tiles share at least, where an image is larger than the network's
    /// input; below both sides of that input; absent: a quarter of the shorter side.
    pub tile_overlap: Option<usize>,
    /// Value from which a pixel of a one-channel soft map (a network without head) is foreground,
    /// in codes of the output tensor, −128 to 255.
    pub soft_threshold: i32,
    /// Number of bootstrap resamplings for the interval of the Dice drop, at least 100.
    pub n_resamples: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Number of images over which saturation is counted, evenly spread; 0 counts on all.
    pub saturation_images: usize,
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        EvaluateConfig {
            tile_overlap: None,
            soft_threshold: 0,
            n_resamples: 2000,
            seed: 0,
            saturation_images: 16,
        }
    }
}

impl EvaluateConfig {
    /// Checks every key against its legal values.
    ///
    /// # Errors
    /// [`SimError::Config`] naming the key, what is legal and what was found.
    pub fn validate(&self) -> Result<(), SimError> {
        if self.n_resamples < 100 {
            let (key, found) = ("evaluate.n_resamples", self.n_resamples.to_string());
            return Err(SimError::Config { key, expected: "at least 100".into(), found });
        }
        if !(-128..=255).contains(&self.soft_threshold) {
            let (key, found) = ("evaluate.soft_threshold", self.soft_threshold.to_string());
            return Err(SimError::Config { key, expected: "-128 to 255".into(), found });
        }
        self.validate_tiles([network::tensor::MAX_EXTENT; 2])
    }

    /// Pixels that neighbouring tiles share, for a network's input of this size.
    pub fn overlap(&self, tile: [usize; 2]) -> usize {
        self.tile_overlap.unwrap_or(tile[0].min(tile[1]) / 4)
    }

    /// Checks the overlap against the network's input.
    ///
    /// # Errors
    /// [`SimError::Config`] if the overlap is not below both sides.
    pub fn validate_tiles(&self, tile: [usize; 2]) -> Result<(), SimError> {
        let side = tile[0].min(tile[1]);
        if self.overlap(tile) < side {
            return Ok(());
        }
        Err(SimError::Config {
            key: "evaluate.tile_overlap",
            expected: format!("below {side}, the shorter side of the network's input"),
            found: self.overlap(tile).to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_legal_and_survive_toml() {
        let config = EvaluateConfig::default();
        config.validate().expect("legal");
        let text = toml::to_string(&config).expect("writes");
        assert_eq!(toml::from_str::<EvaluateConfig>(&text).expect("reads"), config);
        assert!(toml::from_str::<EvaluateConfig>("overlap = 3").is_err());
    }

    #[test]
    fn illegal_values_name_their_key() {
        let check = |text: &str, expected: &str| {
            let config: EvaluateConfig = toml::from_str(text).expect("reads");
            assert_eq!(config.validate().expect_err("illegal").to_string(), expected);
        };
        check("n_resamples = 9", "evaluate.n_resamples: expected at least 100, found 9");
        check("soft_threshold = 256", "evaluate.soft_threshold: expected -128 to 255, found 256");
        let config = EvaluateConfig { tile_overlap: Some(32), ..EvaluateConfig::default() };
        assert_eq!(
            config.validate_tiles([64, 32]).expect_err("illegal").to_string(),
            "evaluate.tile_overlap: expected below 32, the shorter side of the network's input, \
             found 32"
        );
    }
}
