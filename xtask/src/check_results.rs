//! Whether fake quantization and integers agree on whole test sides, for trials that are done.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use explore::{Folder, Job, Settings, TrialResult, fake_quant_differences, simulate};
use quantizer::progress::write_atomically;
use sim::read_network;

use crate::files::read_json;

/// Options of check-results.
#[derive(Args)]
pub struct CheckResults {
    /// Folder of a sweep
    #[arg(value_name = "SWEEP")]
    sweep: PathBuf,
}

impl CheckResults {
    /// Compares every pixel of the test side for each trial; notes the counts in its result.json.
    pub fn run(self) -> Result<()> {
        let settings: Settings = read_json(&self.sweep.join("sweep.json"))?;
        let folder = Folder::open(&self.sweep, &settings)?;
        let samples = settings.load()?.test;
        let mut names: Vec<String> = std::fs::read_dir(&self.sweep)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_>>()?;
        names.sort();
        let mut n_differing = 0;
        for name in names {
            let Ok(job) = name.parse::<Job>() else { continue };
            let run_dir = folder.of(&job);
            if !run_dir.join("model.qunet").exists() || !folder.is_done(&job) {
                continue;
            }
            let settings = settings.of(&job);
            let network = read_network(&run_dir.join("model.qunet"))?;
            let masks = simulate(&settings, &samples, &network)?;
            let mut result: TrialResult = read_json(&folder.result(&job))?;
            result.compared_pixels = masks.iter().map(|mask| mask.data.len()).sum();
            result.fake_quant_mismatches =
                fake_quant_differences(&settings, &samples, &run_dir, &network, &masks)?;
            let (pixels, differing) = (result.compared_pixels, result.fake_quant_mismatches);
            println!("{name}: {differing} of {pixels} pixels of the test side differ");
            n_differing += differing;
            let text = serde_json::to_string_pretty(&result)?;
            write_atomically(&folder.result(&job), text.as_bytes())?;
        }
        ensure!(n_differing == 0, "{n_differing} pixels differ");
        Ok(())
    }
}
