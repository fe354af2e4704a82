//! One file per subcommand.

pub mod cosim;
pub mod export;
pub mod firmware;
pub mod generate;
pub mod inspect;
pub mod quantize;
pub mod report;
pub mod search;
pub mod segment;
pub mod simulate;
pub mod soc;
pub mod sweep;
pub mod synth;
pub mod train;
