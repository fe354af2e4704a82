//! U-Net training with quantization in the loop; the only crate that sees Burn.

#![allow(missing_docs)]
pub mod checkpoint;
pub mod config;
pub mod device;
pub mod error;
pub mod evaluate;
pub mod fake_quant;
pub mod forward;
pub mod integer_forward;
pub mod loss;
pub mod lower;
pub mod ops;
pub mod progress;
pub mod qat;
pub mod run;
pub mod topology;
pub mod train;
pub mod unet;
