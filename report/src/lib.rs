//! One self-contained HTML page about a run or a sweep.
//!
//! A folder enters [`read`] (several enter [`read_all`]) and becomes a [`Report`]: trials with their bits, Dice, bytes, cycles,
//! layers and training curves. [`Trial::examine`] simulates a trial's model on images and adds
//! saturation and the worst cases as pictures. [`html`] writes the page, which needs nothing else:
//! no network, no fonts, no script.
//!
//! This crate does not know training, and never prints.
#![forbid(unsafe_code)]

mod charts;
mod curves;
mod error;
mod examine;
mod folder;
mod join;
mod layers;
mod number;
mod page;
mod pictures;
mod plot;
mod scale;
mod seed_paper;
mod trial;

pub use curves::Curve;
pub use error::ReportError;
pub use examine::Images;
pub use folder::read;
pub use join::read_all;
pub use page::html;
pub use pictures::Pictures;
pub use trial::{DataSource, Dice, Example, FloatNetwork, Report, Trial};
