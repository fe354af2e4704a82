//! Progress of training: one event a step, and the same as JSON lines in the run folder.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{QuantizerError, io_error};

/// Part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Float training.
    Float,
    /// Fine-tuning with quantization in the loop.
    Quantize,
    /// The float network trained on for as long as fine-tuning, the fair control.
    Control,
}

impl Stage {
    /// Name in file names.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Float => "float",
            Stage::Quantize => "quantize",
            Stage::Control => "control",
        }
    }
}

/// What happened in one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgressEvent {
    /// Part of the run.
    pub stage: Stage,
    /// Steps done, from 1.
    pub step: usize,
    /// Steps of the whole stage.
    pub steps: usize,
    /// Loss of this step's batch.
    pub loss: f32,
    /// Learning rate of the weights.
    pub learning_rate: f64,
    /// Validation Dice, if this step validated.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation_dice: Option<f64>,
}

/// `metrics-<stage>.jsonl` of a run folder: one [`ProgressEvent`] a line, no step twice.
pub struct MetricsFile {
    path: PathBuf,
    writer: BufWriter<File>,
}

impl MetricsFile {
    /// Path of the file in a run folder.
    pub fn path(run_dir: &Path, stage: Stage) -> PathBuf {
        run_dir.join(format!("metrics-{}.jsonl", stage.name()))
    }

    /// Opens the file for appending and drops lines after `done_steps`, which will be redone.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn open(run_dir: &Path, stage: Stage, done_steps: usize) -> Result<Self, QuantizerError> {
        let path = Self::path(run_dir, stage);
        let old = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(io_error(&path)(error)),
        };
        let keep = |line: &&str| {
            serde_json::from_str::<ProgressEvent>(line).is_ok_and(|event| event.step <= done_steps)
        };
        let mut kept = old.lines().filter(keep).collect::<Vec<_>>().join("\n");
        if !kept.is_empty() {
            kept.push('\n');
        }
        write_atomically(&path, kept.as_bytes())?;
        let file = OpenOptions::new().append(true).open(&path).map_err(io_error(&path))?;
        Ok(Self { path, writer: BufWriter::new(file) })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn append(&mut self, event: &ProgressEvent) -> Result<(), QuantizerError> {
        let line = serde_json::to_string(event).map_err(std::io::Error::from);
        let line = line.map_err(io_error(&self.path))?;
        writeln!(self.writer, "{line}").map_err(io_error(&self.path))
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn flush(&mut self) -> Result<(), QuantizerError> {
        self.writer.flush().map_err(io_error(&self.path))
    }
}

/// Writes beside the file, then renames: the file is the old one or the new one, never half.
///
/// # Errors
/// If writing or renaming fails; the old file is then untouched.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), QuantizerError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(io_error(folder))?;
    let mut file = beside(folder).map_err(io_error(folder))?;
    file.write_all(bytes).map_err(io_error(path))?;
    file.as_file().sync_all().map_err(io_error(path))?;
    file.persist(path).map_err(|error| io_error(path)(error.error))?;
    Ok(())
}

/// A temporary file that others may read as far as the user's umask lets them.
fn beside(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}
