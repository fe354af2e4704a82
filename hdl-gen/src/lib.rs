//! From a quantized network to a folder of Verilog that computes exactly the same integers.
//!
//! A [`network::Network`] and a [`HardwareConfig`] enter [`generate`]; a build folder leaves:
//! the hand-written primitives of `rtl/`, a top level that only instantiates them, memory images,
//! the descriptor program, headers, a test bench and `manifest.json`. [`schedule`] turns layers
//! into operations of the engine, [`images`] into memory words, [`cycles`] into clock cycles;
//! [`external`] plans what is on chip when, if tensors and weights lie in external memory. [`soc`] puts a processor, memory
//! and a host port around it.
//! Nothing here simulates: the crate `sim` runs what is emitted.
#![forbid(unsafe_code)]

pub mod cell;
pub mod config;
pub mod cycles;
pub mod emit;
pub mod energy;
pub mod engine;
pub mod error;
pub mod external;
pub mod images;
pub mod manifest;
pub mod resources;
pub mod schedule;
pub mod soc;
pub mod synth;
pub mod targets;

pub use cell::{CellChoice, MacCell};
pub use config::{HardwareConfig, HostBus, MemoryPlace};
pub use emit::{GenerateReport, generate, generate_loadable};
pub use engine::Engine;
pub use error::HdlError;
pub use targets::Target;
