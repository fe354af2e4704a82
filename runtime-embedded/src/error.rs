//! What can be wrong before a run starts; a started run cannot fail.

use network::NetworkError;
use thiserror::Error;

/// Why a file was refused: any error of [`network::format::NetworkView::new_checked`].
pub type LoadError = NetworkError;

/// Why a run did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RunError {
    /// The arena cannot hold the model's tensors.
    #[error("arena: expected {expected} bytes or more, found {found}")]
    Arena {
        /// Bytes that the model's plan needs.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// The input has a wrong length or a value outside the input tensor's format.
    #[error(transparent)]
    Input(NetworkError),
    /// The output buffer has not the length of the output tensor.
    #[error("output: expected {expected} bytes (C*H*W), found {found}")]
    Output {
        /// Bytes of the output tensor.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
}
