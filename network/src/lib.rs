//! The quantized network: what a layer is, what its integers are, and how they lie in a file.
//!
//! Data enters as a [`Network`] built by lowering (host) or as bytes of a `.qunet` file
//! ([`format::NetworkView`], board). It leaves as reference integers ([`kernels`]), as bytes
//! ([`format`]), as an arena plan ([`plan`]) and as the accelerator's register and descriptor
//! definitions ([`registers`], [`descriptor`], [`channel`], and of the system around it [`soc`]).
//!
//! This crate has no floats, no I/O and, without the feature `alloc`, no allocation.
#![no_std]
#![deny(clippy::float_arithmetic)]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod arithmetic;
pub mod channel;
pub mod descriptor;
pub mod error;
mod external_word;
pub mod format;
pub mod graph;
mod input_packing;
pub mod kernels;
#[cfg(feature = "alloc")]
pub mod layer;
pub mod layout;
#[cfg(feature = "alloc")]
pub mod network;
#[cfg(feature = "alloc")]
pub mod plan;
pub mod registers;
pub mod soc;
pub mod tensor;
pub mod tiling;
pub mod validate;

pub use arithmetic::{ChannelParams, Mode, requantize};
pub use error::{NetworkError, Place};
pub use graph::{Graph, LayerInfo, Operation};
#[cfg(feature = "alloc")]
pub use layer::{Concat, Conv2d, ConvTranspose2d, Head, HeadKind, Layer, Requantize, Resample};
#[cfg(feature = "alloc")]
pub use network::{Network, Tensor};
pub use tensor::{TensorId, TensorSpec};
