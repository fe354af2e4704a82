//! The errors of this crate: what, where, expected, found.

use std::path::PathBuf;

/// Why training, quantization, lowering or evaluation stopped.
#[derive(Debug, thiserror::Error)]
pub enum QuantizerError {
    /// A configuration value is outside its legal range.
    #[error("{key}: expected {expected}, found {found}")]
    Config {
        /// `section.key` of the value.
        key: String,
        /// The legal values.
        expected: String,
        /// The value that was given.
        found: String,
    },
    /// A per-layer override names a layer that the network does not have.
    #[error("quantize.layers.{name}: no such layer; the network has {known}")]
    UnknownLayer {
        /// Name in the configuration.
        name: String,
        /// Names of the network, comma separated.
        known: String,
    },
    /// Two layers whose outputs are concatenated ask for different activation bits.
    #[error(
        "quantize.layers: {first} and {second} are concatenated and share one step: expected equal activation_bits, found {first_bits} and {second_bits}"
    )]
    TiedBits {
        /// One of the layers.
        first: String,
        /// The other.
        second: String,
        /// Activation bits of the first.
        first_bits: u8,
        /// Activation bits of the second.
        second_bits: u8,
    },
    /// A section that another crate reads is wrong.
    #[error(transparent)]
    Settings(#[from] datasets::DataError),
    /// The data do not fit what training needs.
    #[error("data for {stage}: expected {expected}, found {found}")]
    Data {
        /// `train`, `validation`, …
        stage: &'static str,
        /// What is needed.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Training gave a loss that is not a number.
    #[error("step {step}: expected a finite loss, found {loss}; lower the learning rate")]
    Diverged {
        /// Step at which it happened.
        step: usize,
        /// The loss.
        loss: f32,
    },
    /// A layer cannot be expressed in integers.
    #[error("lowering {layer}: expected {expected}, found {found}")]
    Lowering {
        /// Name of the layer.
        layer: String,
        /// What the integer network can hold.
        expected: String,
        /// What came out of training.
        found: String,
    },
    /// The lowered network does not pass its own validation.
    #[error("lowered network: {0}")]
    Network(#[from] network::NetworkError),
    /// Reading or writing a file failed.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the run folder does not hold what this version writes.
    #[error("{path}: expected {expected}, found {found}")]
    RunFile {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
}

/// Attaches the path to an I/O error.
pub(crate) fn io_error(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> QuantizerError {
    let path = path.to_path_buf();
    move |source| QuantizerError::Io { path, source }
}
