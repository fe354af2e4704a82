//! What can go wrong with an export.

use std::path::PathBuf;

use network::NetworkError;
use sim::SimError;
use thiserror::Error;

/// A network that cannot be exported or checked.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The network is not valid.
    #[error("network {network}: {source}")]
    Network {
        /// Name of the network.
        network: String,
        /// What is wrong.
        source: NetworkError,
    },
    /// The simulator refuses an input, or the compared tensors have other sizes.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// There is no Python that has ONNX Runtime.
    #[error(
        "ONNX Runtime: expected a Python with the package onnxruntime, found none (tried {tried}); \
         `scripts/setup.sh` makes one in .venv"
    )]
    NoPython {
        /// The programs tried.
        tried: String,
    },
    /// ONNX Runtime cannot be started, or ended.
    #[error("{}: {source}", python.display())]
    Process {
        /// The Python that runs it.
        python: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// ONNX Runtime refuses a model or an input.
    #[error("ONNX Runtime: network {network}: {message}")]
    Refused {
        /// Name of the network.
        network: String,
        /// Its message.
        message: String,
    },
}
