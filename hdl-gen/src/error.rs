//! What can go wrong between a network and its Verilog.

use std::path::PathBuf;

use thiserror::Error;

/// Why no build folder was written; nothing that existed before was changed.
#[derive(Debug, Error)]
pub enum HdlError {
    /// The network itself is not valid.
    #[error("the network is not valid: {0}")]
    Network(#[from] network::NetworkError),
    /// A key of `[hardware]` has an illegal value.
    #[error("hardware.{key}: expected {expected}, found {found}")]
    Config {
        /// Name of the key.
        key: &'static str,
        /// What is legal.
        expected: String,
        /// What was given.
        found: String,
    },
    /// The activation lanes are narrower than a tensor.
    #[error(
        "tensor {tensor}: expected at most {lane_bits} bits (hardware.lane_bits), found {bits}"
    )]
    LaneBits {
        /// Name of the tensor.
        tensor: String,
        /// Bits of a lane.
        lane_bits: u8,
        /// Bits of the tensor.
        bits: u8,
    },
    /// The live tensors do not fit the feature memory.
    #[error(
        "feature memory: layer {layer} needs {needed} words of {word_bits} bits, found {available} \
         (hardware.feature_memory_kib): {} words too few", needed - available
    )]
    FeatureMemory {
        /// Layer whose tensor is the first that does not fit.
        layer: String,
        /// Words needed.
        needed: usize,
        /// Words there are.
        available: usize,
        /// Bits of a word.
        word_bits: usize,
    },
    /// The weights do not fit the weight memory.
    #[error(
        "weight memory: with layer {layer} {needed} words of {word_bits} bits are needed, found \
         {available} (hardware.weight_memory_kib): {} words too few", needed - available
    )]
    WeightMemory {
        /// First layer whose weights do not fit.
        layer: String,
        /// Words needed by all layers.
        needed: usize,
        /// Words there are.
        available: usize,
        /// Bits of a word.
        word_bits: usize,
    },
    /// A memory on chip is smaller than any order of a network's operations needs.
    #[error(
        "external memory: {key}: expected at least {needed}, found {available}: {} words too few",
        needed - available
    )]
    ExternalMemory {
        /// `feature_words` or `weight_words`.
        key: &'static str,
        /// Words needed.
        needed: usize,
        /// Words there are.
        available: usize,
    },
    /// No plan, or one that the check refuses.
    #[error("external memory: {reason}")]
    ExternalPlan {
        /// Why.
        reason: String,
    },
    /// A multiplier in a build without multipliers.
    #[error(
        "layer {layer}, channel {channel}: expected a multiplier of 1 or -1 (hardware.scaled = \
         false), found {found}"
    )]
    Multiplier {
        /// Name of the layer.
        layer: String,
        /// Output channel.
        channel: usize,
        /// The multiplier.
        found: i16,
    },
    /// A number does not fit its field of the descriptor.
    #[error("layer {layer}: {field}: expected a value of {width} bits, found {found}")]
    Field {
        /// Name of the layer.
        layer: String,
        /// Name of the field.
        field: &'static str,
        /// Bits of the field.
        width: u32,
        /// The number.
        found: i64,
    },
    /// No engine fits the target.
    #[error(
        "target {target}: no engine fits; the closest, of {lanes} lane(s), needs {needed}; without a \
         target, hardware.memory = \"external\" keeps tensors and weights outside the device"
    )]
    Target {
        /// Name of the target.
        target: &'static str,
        /// What the closest engine needs more of than there is.
        needed: String,
        /// Its multiply-accumulates a cycle.
        lanes: usize,
    },
    /// A synthesis tool is absent.
    #[error("{tool}: expected the program on the PATH, found none ({package})")]
    ToolMissing {
        /// Name of the program.
        tool: String,
        /// How it is installed.
        package: &'static str,
    },
    /// A synthesis tool failed, or printed something unexpected.
    #[error("{tool}: {message}")]
    Tool {
        /// Name of the program.
        tool: String,
        /// The last of what it said.
        message: String,
    },
    /// A part of the system around the accelerator is not what it must be.
    #[error("{what}: expected {expected}, found {found}")]
    Soc {
        /// Which part.
        what: &'static str,
        /// What is legal.
        expected: String,
        /// What was given.
        found: String,
    },
    /// The output path holds something that is not a build folder.
    #[error("{}: expected an absent or empty folder or an earlier build, found other files", path.display())]
    NotABuildFolder {
        /// The path.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
