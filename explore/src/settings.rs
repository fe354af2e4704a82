//! The configuration of a sweep or search: the sections of a run's configuration together.

use datasets::{DataConfig, Dataset, SplitConfig};
use hdl_gen::HardwareConfig;
use quantizer::Configs;
use serde::{Deserialize, Serialize};
use sim::EvaluateConfig;

use crate::error::ExploreError;
use crate::trial::{Job, Trial};

/// Everything that fixes the outcome of a trial besides its bits, mode and seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Name of the data set in tables: that of the configuration file.
    pub name: String,
    /// `[data]`.
    pub data: DataConfig,
    /// `[split]`.
    pub split: SplitConfig,
    /// `[model]`, `[train]`, `[augment]` and `[quantize]`.
    pub configs: Configs,
    /// `[hardware]`, for the cycles of the accelerator.
    pub hardware: HardwareConfig,
    /// `[evaluate]`.
    pub evaluate: EvaluateConfig,
}

impl Settings {
    /// The same with the seeds, bits and mode of a job; seed n adds n − 1 to the configured seeds.
    pub fn of(&self, job: &Job) -> Settings {
        let mut settings = self.clone();
        let (train, quantize) = (&mut settings.configs.train, &mut settings.configs.quantize);
        train.seed += job.seed() - 1;
        quantize.seed += job.seed() - 1;
        if let Job::Trial(Trial { mode, weight_bits, activation_bits, .. }) = *job {
            quantize.mode = mode;
            quantize.weight_bits = weight_bits;
            quantize.activation_bits = activation_bits;
        }
        settings
    }

    /// The samples.
    ///
    /// # Errors
    /// If they cannot be loaded, or the test side is empty.
    pub fn load(&self) -> Result<Dataset, ExploreError> {
        let data = datasets::load(&self.data, &self.split)?;
        if data.test.is_empty() {
            let expected = "a test side with at least one image".to_owned();
            return Err(ExploreError::Option { option: "split", expected, found: "none".into() });
        }
        Ok(data)
    }
}
