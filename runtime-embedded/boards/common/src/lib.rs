//! What the firmware of the boards shares: start-up and counters of RISC-V cores.
#![no_std]
#![deny(clippy::float_arithmetic)]

#[cfg(target_arch = "riscv32")]
pub mod riscv;
