//! Checkpoints: a folder with everything that a stage needs to go on, complete or absent.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::{QuantizerError, io_error};
use crate::progress::Stage;
use crate::train::{Best, Recipe, State, adam};
use crate::unet::UNet;

/// The checkpoints of one stage in `<run>/checkpoints/`.
pub struct Store {
    folder: PathBuf,
    recipe: Recipe,
}

#[derive(Serialize, Deserialize)]
struct Header {
    step: usize,
    best_dice: Option<f64>,
    best_step: usize,
    recipe: Recipe,
}

const FOLDER: &str = "checkpoints";
const HEADER: &str = "state.json";
const MODEL: &str = "model.bpk";
const BEST: &str = "best.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
const STEP_OPTIMIZER: &str = "step-optimizer.bpk";

impl Store {
    /// The store of a run folder, which is created.
    ///
    /// # Errors
    /// If the folder cannot be created.
    pub fn new(run_dir: &Path, recipe: &Recipe) -> Result<Self, QuantizerError> {
        let folder = run_dir.join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(io_error(&folder))?;
        Ok(Self { folder, recipe: recipe.clone() })
    }

    /// Removes the stage's checkpoints.
    ///
    /// # Errors
    /// If a folder cannot be removed.
    pub fn discard(&self) -> Result<(), QuantizerError> {
        for (_, path) in self.list()? {
            std::fs::remove_dir_all(&path).map_err(io_error(&path))?;
        }
        Ok(())
    }

    /// Writes a checkpoint beside the others, renames it into place, then removes the older ones.
    ///
    /// # Errors
    /// If a file cannot be written; older checkpoints are then untouched.
    pub fn save(&self, state: &State) -> Result<(), QuantizerError> {
        let stage = self.recipe.stage.name();
        let temporary = tempfile::Builder::new()
            .prefix(".writing-")
            .tempdir_in(&self.folder)
            .map_err(io_error(&self.folder))?;
        let at = |name: &str| temporary.path().join(name);
        save_net(&state.net, &at(MODEL))?;
        if let Some(best) = &state.best {
            save_net(&best.net, &at(BEST))?;
        }
        state.optimizer.save(at(OPTIMIZER)).map_err(record_error(&at(OPTIMIZER)))?;
        let path = at(STEP_OPTIMIZER);
        state.step_optimizer.save(&path).map_err(record_error(&path))?;
        let header = Header {
            step: state.step,
            best_dice: state.best.as_ref().map(|best| best.dice),
            best_step: state.best.as_ref().map_or(0, |best| best.step),
            recipe: self.recipe.clone(),
        };
        let text = serde_json::to_vec_pretty(&header).map_err(std::io::Error::from);
        let path = at(HEADER);
        std::fs::write(&path, text.map_err(io_error(&path))?).map_err(io_error(&path))?;
        let target = self.folder.join(format!("{stage}-{:08}", state.step));
        if target.exists() {
            std::fs::remove_dir_all(&target).map_err(io_error(&target))?;
        }
        std::fs::rename(temporary.path(), &target).map_err(io_error(&target))?;
        for (step, path) in self.list()? {
            if step != state.step {
                std::fs::remove_dir_all(&path).map_err(io_error(&path))?;
            }
        }
        Ok(())
    }

    /// The newest checkpoint, or nothing.
    ///
    /// # Errors
    /// If it belongs to other settings, or a file in it cannot be read.
    pub fn newest(&self, device: &Device) -> Result<Option<State>, QuantizerError> {
        let Some((_, folder)) = self.list()?.into_iter().max() else {
            return Ok(None);
        };
        let path = folder.join(HEADER);
        let text = std::fs::read_to_string(&path).map_err(io_error(&path))?;
        let header: Header = serde_json::from_str(&text).map_err(|error| {
            let expected = "a checkpoint of this version".to_owned();
            QuantizerError::RunFile { path: path.clone(), expected, found: error.to_string() }
        })?;
        if header.recipe != self.recipe {
            let expected = "the settings of this run".to_owned();
            let found = "a checkpoint of other settings; start afresh or restore them".to_owned();
            return Err(QuantizerError::RunFile { path, expected, found });
        }
        let fresh = || UNet::new(&self.recipe.topology, 0, device);
        let net = load_net(fresh(), &folder.join(MODEL))?;
        let mut state = State::new(net);
        state.step = header.step;
        let path = folder.join(OPTIMIZER);
        state.optimizer = adam().load(&path).map_err(record_error(&path))?;
        let path = folder.join(STEP_OPTIMIZER);
        state.step_optimizer = adam().load(&path).map_err(record_error(&path))?;
        if let Some(dice) = header.best_dice {
            let plain = UNet::new(&self.recipe.topology, 0, &device.clone().inner());
            let net = load_net(plain, &folder.join(BEST))?;
            state.best = Some(Best { dice, step: header.best_step, net });
        }
        Ok(Some(state))
    }

    fn list(&self) -> Result<Vec<(usize, PathBuf)>, QuantizerError> {
        list(&self.folder, self.recipe.stage)
    }
}

/// Whether a run folder has a checkpoint of a stage.
pub fn has_checkpoint(run_dir: &Path, stage: Stage) -> bool {
    list(&run_dir.join(FOLDER), stage).is_ok_and(|found| !found.is_empty())
}

/// Steps and folders of a stage's checkpoints.
fn list(folder: &Path, stage: Stage) -> Result<Vec<(usize, PathBuf)>, QuantizerError> {
    let prefix = format!("{}-", stage.name());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io_error(folder))? {
        let entry = entry.map_err(io_error(folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let step = name.strip_prefix(&prefix).and_then(|digits| digits.parse().ok());
        found.extend(step.map(|step| (step, entry.path())));
    }
    Ok(found)
}

/// Writes a network's parameters.
///
/// # Errors
/// If the file cannot be written.
pub fn save_net(net: &UNet, path: &Path) -> Result<(), QuantizerError> {
    net.clone().into_record().save(path).map_err(record_error(path))
}

/// Reads a network's parameters into `net`.
///
/// # Errors
/// If the file cannot be read or its tensors have other shapes.
pub fn load_net(net: UNet, path: &Path) -> Result<UNet, QuantizerError> {
    let record = ModuleRecord::load(path).map_err(record_error(path))?;
    net.try_load_record(record).map_err(record_error(path))
}

fn record_error(path: &Path) -> impl FnOnce(burn::store::RecordError) -> QuantizerError {
    let path = path.to_path_buf();
    move |error| QuantizerError::RunFile {
        path,
        expected: "a readable and writable parameter file of this network".into(),
        found: error.to_string(),
    }
}
