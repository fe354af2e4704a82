//! What every backend must agree on: networks, inputs, cases and golden files.
//!
//! Nothing enters but seeds; [`cases::all`] and [`random_network::random_network`] give networks
//! with inputs, which the tests of this crate, of the simulator, of the board runtime and of the
//! Verilog run and compare with the reference kernels. The library knows the `network` crate
//! alone, so any crate can use it in its tests.
#![forbid(unsafe_code)]

pub mod builder;
mod calibrate;
pub mod cases;
pub mod coverage;
pub mod extreme;
pub mod golden;
pub mod inputs;
pub mod oracle;
pub mod random_network;
mod sums;
pub mod unet;
