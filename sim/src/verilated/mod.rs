//! The generated Verilog, compiled by Verilator and driven over its register block.
//!
//! A build folder of `hdl-gen` enters [`Verilated::build`]; registers, tensors and counters leave.
//! [`soc`] does the same to a whole system with a processor. [`cosim`] compares every layer of every image with the reference kernels. The folder's
//! `manifest.json` says all there is to know, so this module does not depend on the generator.

mod build;
mod cosim;
mod error;
mod external;
mod library;
mod manifest;
mod model;
mod program;
pub mod soc;
mod visits;

pub use build::is_installed;
pub use cosim::{CosimReport, FETCH_CYCLES, LayerCycles, Mismatch, cosim, cosim_on, frame_cycles};
pub use error::VerilatedError;
pub use external::MemoryBehaviour;
pub use manifest::{
    ExternalMemories, ExternalPart, ExternalProgram, ExternalTensor, Manifest, Memories, Memory,
    OperationEntry, PackingEntry, PooledEntry, Shape, Simulation, TensorPlace, VisitEntry,
};
pub use model::{Counters, Step, Traffic, Verilated};
