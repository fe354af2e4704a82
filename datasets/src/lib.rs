//! Images and masks in and out.
//!
//! Pictures (PNG, JPEG, TIFF stacks), NIfTI volumes in BIDS and two phantoms with exact ground
//! truth enter through [`load`], which gives a [`Dataset`] split by subject. From there go
//! [`sampler`] (patches to train on), [`tiles`] (images larger than the network) and [`metrics`]
//! (Dice). A new scan enters through [`Scan`], which turns it into the same kind of [`Image`] by the
//! [`Preprocess`] kept in a model's metadata and writes the masks back in the scan's own geometry.
//!
//! This crate knows neither networks nor training, and never prints.
#![forbid(unsafe_code)]

pub mod augment;
mod bids;
pub mod config;
mod dataset;
mod error;
mod folder;
mod image;
pub mod labels;
pub mod metrics;
mod nifti_header;
pub mod nifti_io;
mod orientation;
mod overlay;
pub mod phantom;
pub mod picture;
pub mod preprocess;
pub mod resample;
pub mod sampler;
mod scan;
pub mod split;
mod subject;
pub mod tiles;
mod write;

pub use augment::{Augment, Symmetries};
pub use config::{DataConfig, DataKind, SplitBy, SplitConfig};
pub use dataset::{Dataset, Sample, load, load_samples};
pub use error::DataError;
pub use image::{Image, Mask};
pub use overlay::{grey_range, write_overlay};
pub use preprocess::{Interpolation, Normalisation, Plane, Preprocess};
pub use scan::Scan;
pub use subject::SubjectPattern;
