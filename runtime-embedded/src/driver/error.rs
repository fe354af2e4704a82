//! What can go wrong between the host and the accelerator.

use network::NetworkError;
use network::registers::{self as regs};
use thiserror::Error;

/// The bits of register ERR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EngineFault {
    /// Value of the register.
    pub bits: u32,
}

impl EngineFault {
    /// Started with an input that was not loaded completely, or too far.
    pub fn is_length(self) -> bool {
        self.bits & regs::ERR_LENGTH != 0
    }
    /// A descriptor that the engine does not know.
    pub fn is_descriptor(self) -> bool {
        self.bits & regs::ERR_DESCRIPTOR != 0
    }
    /// More cycles than the watchdog allows.
    pub fn is_watchdog(self) -> bool {
        self.bits & regs::ERR_WATCHDOG != 0
    }
    /// External memory answered an access with an error.
    pub fn is_bus(self) -> bool {
        self.bits & regs::ERR_BUS != 0
    }
    /// An access while busy, which was refused.
    pub fn is_busy(self) -> bool {
        self.bits & regs::ERR_BUSY != 0
    }
}

/// The names of the bits that are set, as the register definition has them.
impl core::fmt::Display for EngineFault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#x}", self.bits)?;
        let set = |bits: &&regs::Bits| self.bits >> bits.lsb & 1 != 0;
        regs::ERR.bits.iter().filter(set).try_for_each(|bits| write!(f, " {}", bits.name))
    }
}

/// Why the accelerator gave no result; each variant says what, expected and found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum DriverError {
    /// No accelerator answers at this address.
    #[error("register id: expected {expected:#010x}, found {found:#010x}")]
    Id {
        /// Value of the register definition.
        expected: u32,
        /// Value read.
        found: u32,
    },
    /// A register block of another major version.
    #[error("register version: expected major version {expected}, found {found}")]
    Version {
        /// Major version of this driver.
        expected: u32,
        /// Major version of the block.
        found: u32,
    },
    /// The accelerator holds another model.
    #[error("register model_hash: expected {expected:#010x}, found {found:#010x}")]
    ModelHash {
        /// CRC-32 of the model at hand.
        expected: u32,
        /// CRC-32 that the build was generated from.
        found: u32,
    },
    /// The accelerator was built with other parameters than the driver was told.
    #[error("{what}: expected {expected}, found {found}")]
    Build {
        /// The parameter.
        what: &'static str,
        /// What the driver was told.
        expected: u32,
        /// What the accelerator says.
        found: u32,
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
    /// The accelerator counted another number of input words than were written.
    #[error("input load: expected {expected} words, found {found}")]
    Load {
        /// Words written.
        expected: u32,
        /// Words that the accelerator counted.
        found: u32,
    },
    /// The accelerator raised an error.
    #[error("accelerator error {fault} at operation {operation}")]
    Engine {
        /// Register ERR.
        fault: EngineFault,
        /// Index of the descriptor being run.
        operation: u32,
    },
    /// A start had no effect.
    #[error("start was not taken: status {status:#x}")]
    NotStarted {
        /// Register STATUS.
        status: u32,
    },
    /// The accelerator is neither running nor done nor in error.
    #[error("run was lost: status {status:#x}")]
    Lost {
        /// Register STATUS.
        status: u32,
    },
    /// The limit of a wait has passed; the run was aborted.
    #[error("no result within {limit}, at operation {operation}")]
    Timeout {
        /// Polls or counts, whichever the wait was given.
        limit: u32,
        /// Index of the descriptor being run.
        operation: u32,
    },
    /// Neither abort nor soft reset stopped the engine.
    #[error("still busy after abort and soft reset: status {status:#x}")]
    Stuck {
        /// Register STATUS.
        status: u32,
    },
}
