//! The fast bit-exact simulator, and what is measured with it.
//!
//! A [`network::Network`] enters [`Simulator::new`]; bytes of an input tensor enter
//! [`Simulator::run`] or [`Simulator::trace`] and equal the reference kernels on every tensor.
#![forbid(unsafe_code)]

mod error;
mod kernels;
mod simulator;
mod trace;

pub use error::SimError;
pub use kernels::Clamped;
pub use simulator::Simulator;
pub use trace::{Saturation, Trace};
