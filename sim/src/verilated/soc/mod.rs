//! The whole system in Verilator: a processor whose firmware runs the network, with and without
//! the accelerator.
//!
//! A folder of `hdl_gen::soc` with a program enters [`Soc::build`]; [`soc_report`] runs images and
//! compares with the simulator.

mod library;
mod model;
mod report;

pub use model::{Soc, SocLayer, SocRun};
pub use report::{SocPlan, SocReport, soc_report};
