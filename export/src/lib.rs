//! Files of other tools' formats, made of a quantized network.
//!
//! A [`network::Network`] enters [`onnx_integer`] and leaves as the bytes of an ONNX file that
//! holds standard integer operators only, so that any ONNX runtime computes the same integers.
//! [`OnnxRuntime`] runs such files in ONNX Runtime, and [`check`] compares every value of every
//! layer with the simulator's.
//!
//! This crate does not know training, and never prints.
#![forbid(unsafe_code)]

mod check;
mod error;
mod graph;
mod onnx;
mod onnx_runtime;
mod operations;
mod proto;
mod requantize;

pub use check::{check, run};
pub use error::ExportError;
pub use onnx::{Outputs, onnx_integer};
pub use onnx_runtime::{OnnxRuntime, find_python};
