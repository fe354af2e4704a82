//! Where the project lies.

use std::path::{Path, PathBuf};

/// The folder of the workspace's Cargo.toml.
pub fn workspace_root() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.parent().unwrap_or(folder).to_path_buf()
}
