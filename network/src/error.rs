//! What can be wrong with a network or a `.qunet` file, without allocation.

use thiserror::Error;

/// Where in a network: a layer or a tensor by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Place {
    /// Index into the layer list.
    Layer(usize),
    /// Index into the tensor list.
    Tensor(usize),
}

impl core::fmt::Display for Place {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Place::Layer(i) => write!(f, "layer {i}"),
            Place::Tensor(i) => write!(f, "tensor {i}"),
        }
    }
}

/// A network or file that cannot be run; each variant says where, what was expected and found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NetworkError {
    /// The bytes do not start like a `.qunet` file.
    #[error("not a .qunet file: expected the magic bytes \"QUNET\\0\\r\\n\"")]
    BadMagic,
    /// The file is of a newer major version than this reader.
    #[error("file version: expected major version {expected}, found {found}; update qunet")]
    Version {
        /// Version of this reader.
        expected: u16,
        /// Version in the file.
        found: u16,
    },
    /// The file ends early, or claims more than it holds.
    #[error("file is truncated: expected {expected} bytes, found {found}")]
    Truncated {
        /// Bytes that the header asks for.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// Bytes were changed after writing.
    #[error("{part} checksum: expected {expected:#010x}, found {found:#010x}; the file is damaged")]
    Checksum {
        /// `header` or `payload`.
        part: &'static str,
        /// CRC-32 written in the file.
        expected: u32,
        /// CRC-32 of the bytes.
        found: u32,
    },
    /// A section is absent, has a wrong length or lies outside the file.
    #[error("section {section}: {problem}")]
    Section {
        /// Which section.
        section: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A code in a record has no meaning.
    #[error("{place}: unknown {what} code {found}")]
    UnknownCode {
        /// Where.
        place: Place,
        /// What the code stands for.
        what: &'static str,
        /// The code.
        found: u32,
    },
    /// A number is outside its legal range.
    #[error("{place}: {what}: expected {low} to {high}, found {found}")]
    Range {
        /// Where.
        place: Place,
        /// What the number is.
        what: &'static str,
        /// Smallest legal value.
        low: i64,
        /// Largest legal value.
        high: i64,
        /// The value.
        found: i64,
    },
    /// Two numbers that must agree do not.
    #[error("{place}: {what}: expected {expected}, found {found}")]
    Mismatch {
        /// Where.
        place: Place,
        /// What the number is.
        what: &'static str,
        /// What it follows from the other tensors or layers.
        expected: usize,
        /// The value.
        found: usize,
    },
    /// The graph is not in single-assignment order.
    #[error("{place}: {problem}")]
    Graph {
        /// Where.
        place: Place,
        /// What is wrong.
        problem: &'static str,
    },
    /// The sum of products can leave 32 bits.
    #[error(
        "layer {layer}, channel {channel}: accumulator can reach {found}, which needs more than 32 bits"
    )]
    Accumulator {
        /// Layer index.
        layer: usize,
        /// Output channel.
        channel: usize,
        /// Magnitude from the actual weights.
        found: i64,
    },
    /// An input has a wrong number of bytes.
    #[error("input: expected {expected} bytes (C*H*W), found {found}")]
    InputLength {
        /// Bytes of the input tensor.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// An input byte is outside the input tensor's format.
    #[error("input: value at byte {index} does not fit the input format of {bits} bits")]
    InputValue {
        /// Position in CHW order.
        index: usize,
        /// Bits of the input tensor.
        bits: u8,
    },
}
