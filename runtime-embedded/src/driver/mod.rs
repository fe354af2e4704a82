//! The driver of the generated accelerator, over any bus that reaches its register block.
//!
//! Data enters as the bytes of an input tensor and leaves as those of the output tensor. Every
//! wait is bounded, every fault of the register block is an error with a name, and
//! [`WithFallback`] answers each of them by recovery, a bounded number of retries, and the same
//! integers from software.
//!
//! The registers are those of [`network::registers`], the one definition that the Verilog is
//! generated from.

mod accelerator;
mod error;
mod external;
mod fallback;
mod mmio;
mod region;
mod transfer;
mod window;

pub use accelerator::{Accelerator, Build};
pub use error::{DriverError, EngineFault};
pub use external::{External, ExternalTransfer, Failed, Part, Places};
pub use fallback::{Backend, Device, Report, WithFallback};
pub use mmio::Mmio;
pub use network::registers::{FeatureLayout, InputPacking};
pub use region::{DmaMemory, Region};
pub use transfer::{Counters, Poll, Transfer};

/// Something through which the 32-bit registers of the block are reached, by byte offset.
///
/// A bus that does not answer gives all ones; no register of a healthy block does.
pub trait RegBus {
    /// Reads the register at `offset`.
    fn read(&mut self, offset: u32) -> u32;
    /// Writes the register at `offset`.
    fn write(&mut self, offset: u32, value: u32);
}

impl<B: RegBus> RegBus for &mut B {
    fn read(&mut self, offset: u32) -> u32 {
        (**self).read(offset)
    }
    fn write(&mut self, offset: u32, value: u32) {
        (**self).write(offset, value);
    }
}
