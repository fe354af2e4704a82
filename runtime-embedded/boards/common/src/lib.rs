//! What the firmware of the boards shares: the example, semihosting, and the start-up and counters
//! of RISC-V cores.
//!
//! The example enters as a model, an image and the output that the simulator gives; it leaves as
//! text over semihosting (probe-rs and QEMU print it) and an exit code.
#![no_std]
#![deny(clippy::float_arithmetic)]

mod example;
#[cfg(target_arch = "riscv32")]
pub mod riscv;
pub mod semihosting;
#[cfg(feature = "systick")]
pub mod systick;

pub use example::{Example, run};
