//! What can go wrong in the simulator.

use std::path::PathBuf;

use network::NetworkError;
use thiserror::Error;

/// A model that cannot be simulated or evaluated.
#[derive(Debug, Error)]
pub enum SimError {
    /// The network or an input does not fit it.
    #[error("network {network}: {source}")]
    Network {
        /// Name of the network.
        network: String,
        /// What is wrong.
        source: NetworkError,
    },
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not a valid model.
    #[error("{}: {source}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: NetworkError,
    },
    /// The metadata do not say what is needed.
    #[error("network {network}: metadata: {key}: expected {expected}, found {found}")]
    Metadata {
        /// Name of the network.
        network: String,
        /// Key in the JSON object.
        key: &'static str,
        /// What is legal.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A key of the section `[evaluate]` has an illegal value.
    #[error("{key}: expected {expected}, found {found}")]
    Config {
        /// `section.key`.
        key: &'static str,
        /// What is legal.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The Verilated design cannot be built or does not behave.
    #[error(transparent)]
    Verilated(#[from] crate::verilated::VerilatedError),
    /// Two things that must agree do not.
    #[error("{what}: expected {expected}, found {found}")]
    Mismatch {
        /// What and where.
        what: String,
        /// What the other side says.
        expected: String,
        /// What was found.
        found: String,
    },
}
