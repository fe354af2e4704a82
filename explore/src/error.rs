//! The errors of this crate: what, where, expected, found.

use std::path::{Path, PathBuf};

/// Why a sweep, a trial or a search stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// An option is outside its legal range.
    #[error("{option}: expected {expected}, found {found}")]
    Option {
        /// Name on the command line.
        option: &'static str,
        /// The legal values.
        expected: String,
        /// The value given.
        found: String,
    },
    /// Training, quantization or lowering stopped.
    #[error(transparent)]
    Quantizer(#[from] quantizer::QuantizerError),
    /// Data could not be loaded.
    #[error(transparent)]
    Data(#[from] datasets::DataError),
    /// Simulation stopped.
    #[error(transparent)]
    Sim(#[from] sim::SimError),
    /// A network does not fit the accelerator.
    #[error(transparent)]
    Hdl(#[from] hdl_gen::HdlError),
    /// A network is not valid.
    #[error(transparent)]
    Network(#[from] network::NetworkError),
    /// Reading or writing a file failed.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of a sweep does not hold what is expected of it.
    #[error("{path}: expected {expected}, found {found}")]
    File {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// No assignment of bits keeps the budget.
    #[error("{option}: expected at least {least}, what one bit a weight takes, found {found}")]
    Budget {
        /// Name on the command line.
        option: &'static str,
        /// The cheapest assignment's cost.
        least: String,
        /// The budget.
        found: String,
    },
}

/// Attaches the path to an I/O error.
pub(crate) fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> ExploreError {
    let path = path.to_path_buf();
    move |source| ExploreError::Io { path, source }
}
