//! What the firmware images share: the board under them, and the comparison with golden values.
#![no_std]
#![deny(clippy::float_arithmetic)]

pub mod board;
pub mod check;
pub mod text;
