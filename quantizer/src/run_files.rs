//! Files of a run folder: written beside and renamed, read with what was expected of them.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde::Serialize;

use crate::checkpoint::{load_net, save_net};
use crate::error::{QuantizerError, io_error};
use crate::progress::write_atomically;
use crate::topology::Topology;
use crate::unet::UNet;

/// Reads parameters from a file of the run folder.
pub(crate) fn read_net(
    run_dir: &Path,
    file: &str,
    topology: &Topology,
    device: &Device,
) -> Result<UNet, QuantizerError> {
    load_net(UNet::new(topology, 0, device), &run_dir.join(file))
}

pub(crate) fn save_net_atomically(net: &UNet, path: &Path) -> Result<(), QuantizerError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".writing");
    let beside = PathBuf::from(beside);
    let written = save_net(net, &beside)
        .and_then(|()| std::fs::rename(&beside, path).map_err(io_error(path)));
    if written.is_err() {
        // Nothing more can be done about a half-written file that cannot be removed either.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), QuantizerError> {
    let text = serde_json::to_vec_pretty(value).map_err(std::io::Error::from);
    write_atomically(path, &text.map_err(io_error(path))?)
}

pub(crate) fn read_json<T: serde::de::DeserializeOwned>(
    path: &Path,
    expected: &str,
) -> Result<T, QuantizerError> {
    let wrong = |found: String| QuantizerError::RunFile {
        path: path.to_path_buf(),
        expected: expected.to_owned(),
        found,
    };
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => wrong("no such file".into()),
        _ => io_error(path)(error),
    })?;
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}
