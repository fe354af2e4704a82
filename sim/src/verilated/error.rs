//! What can go wrong between a build folder and its simulation.

use std::path::PathBuf;

use thiserror::Error;

/// A design that cannot be built or does not behave.
#[derive(Debug, Error)]
pub enum VerilatedError {
    /// Verilator is not there.
    #[error("verilator: expected the program on the PATH, found none (apt install verilator)")]
    NotInstalled,
    /// Verilator or the C++ compiler refused the design.
    #[error("{}: verilator failed\n{log}", build_dir.display())]
    Build {
        /// The build folder.
        build_dir: PathBuf,
        /// The end of its output.
        log: String,
    },
    /// The compiled model cannot be loaded.
    #[error("{}: {source}", path.display())]
    Load {
        /// The shared object.
        path: PathBuf,
        /// What the loader said.
        source: libloading::Error,
    },
    /// Reading or writing failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The manifest or a memory image is not what it should be.
    #[error("{}: {problem}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The model file in the build folder is not valid.
    #[error("{}: {source}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: network::NetworkError,
    },
    /// The program was made for another array, or does not fit its memories.
    #[error("{what}: expected {expected}, found {found}")]
    Fit {
        /// Which parameter.
        what: &'static str,
        /// What the design has.
        expected: String,
        /// What the program asks for.
        found: String,
    },
    /// The bus did not answer.
    #[error("register {register}: no acknowledge within {cycles} cycles")]
    Bus {
        /// Name of the register.
        register: &'static str,
        /// Cycles waited.
        cycles: u32,
    },
    /// The engine raised an error.
    #[error("engine error {bits:#x} ({names}) at operation {operation}")]
    Engine {
        /// Register ERR.
        bits: u32,
        /// Names of its bits.
        names: String,
        /// Register LAYER.
        operation: u32,
    },
    /// The engine did not finish.
    #[error("operation {operation}: still busy after {cycles} cycles")]
    Hang {
        /// Register LAYER.
        operation: u32,
        /// Cycles waited.
        cycles: u64,
    },
    /// The program on a simulated system failed.
    #[error("program after {cycles} cycles: {problem}")]
    Program {
        /// What it said, or did.
        problem: String,
        /// Cycles since reset.
        cycles: u64,
    },
    /// The input has the wrong length or values.
    #[error("input: {0}")]
    Input(network::NetworkError),
}
