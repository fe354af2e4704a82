//! What can go wrong with a report.

use std::path::PathBuf;

use sim::SimError;
use thiserror::Error;

/// A folder of which no report can be made.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A file or folder cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file or folder does not hold what is expected of it.
    #[error("{}: expected {expected}, found {found}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What it holds.
        found: String,
    },
    /// A model cannot be read or simulated.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// The page cannot be written.
    #[error("page: {0}")]
    Page(#[from] askama::Error),
}
