//! Where the project lies, and what is read from and written into its files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

/// The folder of the workspace's Cargo.toml.
pub fn workspace_root() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.parent().unwrap_or(folder).to_path_buf()
}

/// Reads a JSON file; errors name it.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// Replaces what stands between the line `<!-- NAME -->` and `<!-- end -->` in a document.
pub fn replace_block(document: &mut String, name: &str, text: &str) -> Result<()> {
    let opening = format!("<!-- {name} -->\n");
    let start = document.find(&opening).with_context(|| format!("no line {opening}"))?;
    let start = start + opening.len();
    let length = document[start..].find("<!-- end -->").context("no line <!-- end -->")?;
    document.replace_range(start..start + length, text);
    Ok(())
}
