//! One job of a sweep: does nothing if it is done, continues if it was killed.

use std::path::Path;

use quantizer::{
    ProgressEvent, QuantizeMode, Resume, quantize, quantize_compat, train_control, train_float,
};

use crate::error::{ExploreError, io_error};
use crate::folder::{Folder, write_json};
use crate::measure::{Trained, measure};
use crate::result::FloatResult;
use crate::settings::Settings;
use crate::trial::{Job, Trial};

/// Files of a float network that a trial gets a copy of, so that its folder is a whole run.
const FLOAT_FILES: [&str; 4] = ["float.bpk", "float.json", "control.bpk", "control.json"];

/// Runs a job unless it is done; a trial first runs the job of its float network.
///
/// # Errors
/// If data, training, lowering or simulation fail.
pub fn run_job(
    job: &Job,
    settings: &Settings,
    folder: &Folder,
    progress: &mut dyn FnMut(ProgressEvent),
) -> Result<(), ExploreError> {
    let _lock = folder.lock(job)?;
    if folder.is_done(job) {
        return Ok(());
    }
    let own = settings.of(job);
    match job {
        Job::Float { seed } => run_float(*seed, &own, folder, progress),
        Job::Trial(trial) => {
            run_job(&Job::Float { seed: trial.seed }, settings, folder, progress)?;
            run_trial(trial, &own, folder, progress)
        }
    }
}

fn run_float(
    seed: u64,
    settings: &Settings,
    folder: &Folder,
    progress: &mut dyn FnMut(ProgressEvent),
) -> Result<(), ExploreError> {
    let job = Job::Float { seed };
    let run_dir = folder.of(&job);
    let (data, configs) = (settings.load()?, &settings.configs);
    let float = train_float(&data, configs, &run_dir, Resume::Continue, progress)?;
    let control = match configs.quantize.steps {
        0 => None,
        _ => Some(train_control(&data, configs, &run_dir, Resume::Continue, progress)?),
    };
    let result = FloatResult {
        name: job.name(),
        seed,
        validation_dice: float.validation_dice,
        steps: configs.train.steps,
        control_validation_dice: control.as_ref().map(|c| c.validation_dice),
        control_steps: control.map_or(0, |c| c.steps),
    };
    write_json(&folder.result(&job), &result)
}

fn run_trial(
    trial: &Trial,
    settings: &Settings,
    folder: &Folder,
    progress: &mut dyn FnMut(ProgressEvent),
) -> Result<(), ExploreError> {
    let job = Job::Trial(*trial);
    let run_dir = folder.of(&job);
    let float_dir = folder.of(&Job::Float { seed: trial.seed });
    for file in FLOAT_FILES {
        copy(&float_dir.join(file), &run_dir.join(file))?;
    }
    let (data, configs) = (settings.load()?, &settings.configs);
    let trained = match trial.mode {
        QuantizeMode::FxqCompat => {
            let report = quantize_compat(&data, configs, &run_dir, Resume::Continue, progress)?;
            Trained::Compat(report)
        }
        QuantizeMode::Scaled | QuantizeMode::Fixed => {
            let prepare = settings.data.preprocess();
            let resume = Resume::Continue;
            Trained::Integers(quantize(&data, configs, &prepare, &run_dir, resume, progress)?)
        }
    };
    let mut result = measure(settings, &data, &run_dir, &trained)?;
    result.name = job.name();
    result.seed = trial.seed;
    write_json(&folder.result(&job), &result)
}

/// Copies a file beside the target and renames; one that is not there is left out.
fn copy(from: &Path, to: &Path) -> Result<(), ExploreError> {
    match std::fs::read(from) {
        Ok(bytes) => Ok(quantizer::progress::write_atomically(to, &bytes)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_error(from)(error)),
    }
}
