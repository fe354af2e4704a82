//! Explores the trade-off between bits, accuracy, bytes and cycles.
//!
//! [`Settings`] and a [`Grid`] of bit widths enter; a folder of [`Trial`]s leaves, each with a
//! `result.json` that holds a [`TrialResult`], and [`summarize`] makes the table. A trial is one
//! command that can be killed and run again ([`run_job`]); [`run_all`] runs many of them as
//! processes, [`snakefile`] writes them as rules for Snakemake. [`search`] finds the bits of each
//! layer under a budget: [`sensitivity`] by integer simulation, then the cheapest [`assign`]ment.
//!
//! The crate never prints.
#![forbid(unsafe_code)]

mod assign;
mod cost;
mod error;
mod folder;
mod job;
mod measure;
mod parallel;
mod result;
mod search;
mod sensitivity;
mod settings;
mod snakemake;
mod summary;
mod trial;

pub use assign::{Choice, assign};
pub use cost::{Budget, Cost, cost_of};
pub use error::ExploreError;
pub use folder::Folder;
pub use job::run_job;
pub use measure::{fake_quant_differences, measure, simulate};
pub use parallel::{Failure, Parallel, run_all};
pub use result::{FloatResult, TrialResult, VolumeDice};
pub use search::{LayerChoice, SearchEvent, SearchReport, search};
pub use sensitivity::{Sensitivity, sensitivity};
pub use settings::Settings;
pub use snakemake::snakefile;
pub use summary::{Row, summarize};
pub use trial::{Grid, Job, Trial};
