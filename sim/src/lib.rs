//! The fast bit-exact simulator, and what is measured with it.
//!
//! A [`network::Network`] enters [`Simulator::new`]; bytes of an input tensor enter
//! [`Simulator::run`] or [`Simulator::trace`] and equal the reference kernels on every tensor.
//! Images enter [`Segmenter`] and leave as masks; [`evaluate`] reports Dice, its drop against
//! float, [`MemoryTable`] and [`Saturation`]. [`compare`] tells where two backends differ.
//!
//! This crate does not know training, and never prints.
#![deny(unsafe_code)]

mod config;
mod error;
mod evaluate;
mod kernels;
mod memory;
mod mismatch;
mod model_file;
mod segment;
mod simulator;
mod trace;
pub mod verilated;

pub use config::EvaluateConfig;
pub use error::SimError;
pub use evaluate::{ClassReport, Drop, Report, evaluate};
pub use kernels::Clamped;
pub use memory::{LayerMemory, MemoryTable};
pub use mismatch::{Comparison, Mismatch, compare};
pub use model_file::read_network;
pub use segment::{InputRule, Segmenter};
pub use simulator::Simulator;
pub use trace::{Saturation, Trace};
