//! `qunet train`: float training.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use datasets::Dataset;
use quantizer::checkpoint::has_checkpoint;
use quantizer::{Configs, Resume, Stage, train_control, train_float};

use crate::config::{RunArgs, RunConfig};
use crate::output::{bytes, print_json, say};
use crate::progress;

/// Trains the float U-Net; writes weights, metrics and checkpoints into the run folder.
#[derive(Args)]
#[command(after_help = "Example:\n  qunet train --config configs/em.toml --data DIR\n  \
                        qunet train --config configs/em.toml --data DIR --resume\n  \
                        qunet train --config configs/em.toml --data DIR --control")]
pub struct Train {
    #[command(flatten)]
    run: RunArgs,
    /// Continue from the newest checkpoint of the run, with the same result as without a break
    #[arg(long)]
    resume: bool,
    /// Train the run's float network on for quantize.steps at quantize.learning_rate: the control
    /// that a quantized network is compared with fairly
    #[arg(long)]
    control: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Train {
    /// Loads the data, trains, reports.
    pub fn run(self) -> Result<()> {
        let config = self.run.load()?;
        let run_dir = self.run.run_dir();
        let data = datasets::load(&config.data, &config.split)?;
        announce(&data);
        let mut show = progress::training();
        let stage = if self.control { Stage::Control } else { Stage::Float };
        note_fresh_start(self.resume, &run_dir, stage);
        let resume = resume(self.resume);
        if self.control {
            let report = train_control(&data, &configs(&config), &run_dir, resume, &mut show)?;
            if self.json {
                return print_json(&report);
            }
            let (dice, step, steps) = (report.validation_dice, report.best_step, report.steps);
            say!("control: validation Dice {dice:.4} at further step {step} of {steps}");
            return Ok(());
        }
        let report = train_float(&data, &configs(&config), &run_dir, resume, &mut show)?;
        if self.json {
            return print_json(&report);
        }
        let (dice, step) = (report.validation_dice, report.best_step);
        say!("validation Dice {dice:.4} at step {step}");
        say!("{} float parameters, {}", report.n_parameters, bytes(report.float_bytes));
        say!("run folder: {}", run_dir.display());
        Ok(())
    }
}

/// The sections that the quantizer reads.
pub fn configs(config: &RunConfig) -> Configs {
    Configs {
        model: config.model.clone(),
        train: config.train.clone(),
        augment: config.augment,
        quantize: config.quantize.clone(),
    }
}

/// Says so where `--resume` has nothing to go on from.
pub fn note_fresh_start(resume: bool, run_dir: &Path, stage: Stage) {
    if resume && !has_checkpoint(run_dir, stage) {
        let (run_dir, stage) = (run_dir.display(), stage.name());
        eprintln!("warning: {run_dir}: no checkpoint of stage {stage}, starting at its first step");
    }
}

/// The meaning of `--resume`.
pub fn resume(flag: bool) -> Resume {
    match flag {
        true => Resume::Continue,
        false => Resume::Fresh,
    }
}

/// One line about the data on standard error.
pub fn announce(data: &Dataset) {
    let counts = [data.train.len(), data.validation.len(), data.test.len()];
    let [train, validation, test] = counts;
    eprintln!("images: {train} to train, {validation} to choose, {test} to test");
}
