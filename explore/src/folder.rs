//! The folder of a sweep: settings, one folder a job, results that are whole or absent.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use quantizer::progress::write_atomically;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{ExploreError, io_error};
use crate::result::TrialResult;
use crate::settings::Settings;
use crate::trial::{Job, Trial};

/// The folder of a sweep.
///
/// `sweep.json` holds the settings; each job has a folder of its name with `result.json`, `log.txt`
/// and the files of its run.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Opens or creates the folder; one that was made with other settings is refused.
    ///
    /// # Errors
    /// If the folder belongs to other settings or cannot be written.
    pub fn open(root: &Path, settings: &Settings) -> Result<Folder, ExploreError> {
        std::fs::create_dir_all(root).map_err(io_error(root))?;
        let root = root.canonicalize().map_err(io_error(root))?;
        let path = root.join("sweep.json");
        // bits, mode and seeds of the configuration are those of the trials
        let mut settings = settings.clone();
        let defaults = quantizer::QuantizeConfig::default();
        let quantize = &mut settings.configs.quantize;
        quantize.weight_bits = defaults.weight_bits;
        quantize.activation_bits = defaults.activation_bits;
        quantize.mode = defaults.mode;
        if !path.exists() {
            write_json(&path, &settings)?;
        }
        // keys that are younger than the sweep have their defaults
        let found: Settings = read_json(&path, "the settings of a sweep")?;
        // as text and back, so that both went through the same rounding
        let value = |settings: &Settings| -> serde_json::Result<serde_json::Value> {
            serde_json::from_str(&serde_json::to_string(settings)?)
        };
        let expected = value(&settings).map_err(|e| io_error(&path)(e.into()))?;
        let found = value(&found).map_err(|e| io_error(&path)(e.into()))?;
        if let Some((key, expected, found)) = difference("", &expected, &found) {
            let (expected, found) = (
                format!("{key} = {expected} as in the configuration"),
                format!("{found}; take another folder"),
            );
            return Err(ExploreError::File { path, expected, found });
        }
        Ok(Folder { root })
    }

    /// Its path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The run folder of a job.
    pub fn of(&self, job: &Job) -> PathBuf {
        self.root.join(job.name())
    }

    /// The result of a job, there once the job is done.
    pub fn result(&self, job: &Job) -> PathBuf {
        self.of(job).join("result.json")
    }

    /// True if the job is done.
    pub fn is_done(&self, job: &Job) -> bool {
        self.result(job).exists()
    }

    /// Takes the job for this process; waits while another process has it.
    ///
    /// The lock ends with the file that is returned, or with the process.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn lock(&self, job: &Job) -> Result<File, ExploreError> {
        let folder = self.of(job);
        std::fs::create_dir_all(&folder).map_err(io_error(&folder))?;
        let path = folder.join("lock");
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(io_error(&path))?;
        file.lock().map_err(io_error(&path))?;
        Ok(file)
    }

    /// The results of those of the trials that are done.
    ///
    /// # Errors
    /// If a result is not one of this version.
    pub fn results(&self, trials: &[Trial]) -> Result<Vec<TrialResult>, ExploreError> {
        let paths = trials.iter().map(|trial| self.result(&Job::Trial(*trial)));
        let done = paths.filter(|path| path.exists());
        done.map(|path| read_json(&path, "the result of a trial")).collect()
    }
}

/// The first key at which two JSON values differ.
fn difference(
    key: &str,
    expected: &serde_json::Value,
    found: &serde_json::Value,
) -> Option<(String, String, String)> {
    use serde_json::Value::Object;
    if let (Object(a), Object(b)) = (expected, found) {
        let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        let null = serde_json::Value::Null;
        return keys.into_iter().find_map(|name| {
            let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            difference(&key, a.get(name).unwrap_or(&null), b.get(name).unwrap_or(&null))
        });
    }
    (expected != found).then(|| (key.to_owned(), expected.to_string(), found.to_string()))
}

/// Writes JSON beside the file, then renames.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), ExploreError> {
    let text = serde_json::to_vec_pretty(value).map_err(|e| io_error(path)(e.into()))?;
    Ok(write_atomically(path, &text)?)
}

/// Reads JSON of which `expected` tells what it is.
pub(crate) fn read_json<T: DeserializeOwned>(
    path: &Path,
    expected: &str,
) -> Result<T, ExploreError> {
    let text = std::fs::read_to_string(path).map_err(io_error(path))?;
    serde_json::from_str(&text).map_err(|error| ExploreError::File {
        path: path.to_path_buf(),
        expected: expected.into(),
        found: error.to_string(),
    })
}
