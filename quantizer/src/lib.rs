//! Trains float U-Nets, fine-tunes them with quantization in the loop and lowers them to integers.
//!
//! This is the only crate that sees Burn. Samples enter as a [`datasets::Dataset`] through
//! [`train_float`] and [`quantize`]; they leave as `model.qunet` in the run folder, a
//! [`network::Network`] in bytes. In between:
//!
//! * [`topology`] lists the layers and walks the wiring, once for everybody;
//! * [`unet`] holds the parameters, [`forward`] the differentiable pass, [`ops`] its kernels;
//! * [`train`] is the loop, [`norm`] its statistics of batch norm, [`checkpoint`] and [`progress`] its files, [`control`] its fair control;
//! * [`fake_quant`] quantizes in training, [`qat`] finds the first steps, [`integers`] and
//!   [`lower`] give the integers, [`integer_forward`] and [`evaluate`] hold them against the reference.
//!
//! The crate never prints.
#![deny(unsafe_code)]

pub mod calibrate;
pub mod checkpoint;
pub mod config;
pub mod control;
pub mod device;
pub mod error;
pub mod evaluate;
pub mod fake_quant;
pub mod forward;
pub mod fxq_compat;
pub mod integer_forward;
pub mod integers;
pub mod loss;
pub mod lower;
pub mod masks;
pub mod memory;
pub mod norm;
pub mod ops;
mod prefetch;
pub mod progress;
pub mod qat;
pub mod recipe;
pub mod run;
mod run_files;
pub mod topology;
pub mod train;
pub mod unet;

pub use calibrate::Calibrator;
pub use config::{LayerOverride, ModelConfig, QuantizeConfig, QuantizeMode, TrainConfig, Upsample};
pub use control::{ControlReport, control_report, train_control};
pub use device::Backend;
pub use error::QuantizerError;
pub use masks::{compat_masks, control_masks, fake_quant_masks, float_masks};
pub use memory::keep_freed_memory;
pub use progress::{ProgressEvent, Stage};
pub use run::{
    CompatReport, Configs, FloatReport, QuantizeReport, float_report, quantize, quantize_compat,
    train_float,
};
pub use train::Resume;
