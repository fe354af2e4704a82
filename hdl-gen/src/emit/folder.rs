//! A folder that is written beside its place and renamed when it is whole.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::HdlError;

/// Folders that belong to one build alone: compiled models, sample inputs, netlists.
const OURS: [&str; 3] = ["obj_dir", "samples", crate::synth::FOLDER];

/// A folder being written.
pub struct Folder {
    target: PathBuf,
    temporary: tempfile::TempDir,
}

fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> HdlError + '_ {
    move |source| HdlError::Io { path: path.into(), source }
}

impl Folder {
    /// Starts beside `target`, which must be absent, empty or an earlier build.
    pub fn beside(target: &Path) -> Result<Folder, HdlError> {
        Folder::beside_marked(target, "manifest.json")
    }

    /// As [`Folder::beside`], an earlier build being known by the file `marker`.
    pub fn beside_marked(target: &Path, marker: &str) -> Result<Folder, HdlError> {
        if target.exists() {
            let mut entries = fs::read_dir(target).map_err(io_error(target))?;
            if entries.next().is_some() && !target.join(marker).is_file() {
                return Err(HdlError::NotABuildFolder { path: target.into() });
            }
        }
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(io_error(parent))?;
        let temporary = tempfile::Builder::new()
            .prefix(".qunet-build-")
            .tempdir_in(parent)
            .map_err(io_error(parent))?;
        Ok(Folder { target: target.into(), temporary })
    }

    /// Writes one file.
    pub fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), HdlError> {
        let path = self.temporary.path().join(name);
        // the message names the place that the user knows
        fs::write(&path, bytes).map_err(io_error(&self.target.join(name)))
    }

    /// Puts the folder in its place.
    pub fn finish(self) -> Result<(), HdlError> {
        let Folder { target, temporary } = self;
        let new = temporary.path().join("new");
        // the temporary folder keeps the old build until the new one is in place
        let old = temporary.path().join("old");
        fs::create_dir(&new).map_err(io_error(&new))?;
        for entry in fs::read_dir(temporary.path()).map_err(io_error(temporary.path()))? {
            let path = entry.map_err(io_error(temporary.path()))?.path();
            if path.is_file() {
                let name = path.file_name().unwrap_or_default();
                fs::rename(&path, new.join(name)).map_err(io_error(&path))?;
            }
        }
        let had_old = target.exists();
        if had_old {
            fs::rename(&target, &old).map_err(io_error(&target))?;
        }
        if let Err(source) = fs::rename(&new, &target) {
            if had_old {
                fs::rename(&old, &target).map_err(io_error(&target))?;
            }
            return Err(HdlError::Io { path: target, source });
        }
        if had_old {
            keep_foreign(&old, &target)?;
        }
        Ok(())
    }
}

/// Moves what the user added to an earlier build into the new one.
fn keep_foreign(old: &Path, new: &Path) -> Result<(), HdlError> {
    for entry in fs::read_dir(old).map_err(io_error(old))? {
        let entry = entry.map_err(io_error(old))?;
        let place = new.join(entry.file_name());
        let is_ours = OURS.iter().any(|name| entry.file_name() == *name);
        if !is_ours && !place.exists() {
            fs::rename(entry.path(), &place).map_err(io_error(&place))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_files_survive_a_new_build() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("build");
        for round in ["first", "second"] {
            let mut folder = Folder::beside(&target).unwrap();
            folder.write("manifest.json", round.as_bytes()).unwrap();
            folder.finish().unwrap();
            let constraints = target.join("my.xdc");
            match round {
                "first" => fs::write(constraints, "pins").unwrap(),
                _ => assert_eq!(fs::read(constraints).unwrap(), b"pins"),
            }
            fs::create_dir_all(target.join("obj_dir")).unwrap();
            assert_eq!(fs::read(target.join("manifest.json")).unwrap(), round.as_bytes());
        }
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "nothing stays beside");
    }
}
