//! Runs a quantized U-Net on a board: no allocation, no float, no panic, no failure after loading.
//!
//! Data enters as the bytes of a `.qunet` file, which stay in flash ([`Model`]), and an input
//! image; it passes through one arena of known size ([`Arena`], [`Session`]) and leaves as the
//! bytes of the output tensor, equal to those of the reference kernels bit for bit. With an
//! accelerator the same model runs through `driver` (feature `accelerator`, on unless default features
//! are off), software being the fallback.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let bytes = doc_model();
//! use qunet_runtime_embedded::{Arena, Model, Session};
//!
//! let model = Model::from_bytes(&bytes)?; // on a board: include_bytes!("model.qunet")
//! let mut arena = Arena::<128>::new(); // on a board: a static of ARENA_BYTES
//! let mut session = Session::new(model, arena.as_bytes())?;
//! let mut mask = [0; 4];
//! session.infer(&[1, 2, 3, 4], &mut mask)?;
//! assert_eq!(mask, [0, 0, 1, 1]);
//! # Ok(())
//! # }
//! # fn doc_model() -> Vec<u8> {
//! #     use ::network::*;
//! #     let spec = |bits| TensorSpec { channels: 1, height: 2, width: 2, bits, signed: false };
//! #     let tensor = |name: &str, bits| Tensor { name: name.into(), spec: spec(bits) };
//! #     let params = ChannelParams { multiplier: 1, bias: 0 };
//! #     let head = Head {
//! #         name: "head".into(), input: TensorId(0), output: TensorId(1), weight_bits: 2, weights: vec![1],
//! #         requantize: Requantize { channels: vec![params], shift: 0 }, kind: HeadKind::Threshold { threshold: 3 },
//! #     };
//! #     Network {
//! #         name: "doc".into(), mode: Mode::Scaled, tensors: vec![tensor("image", 4), tensor("mask", 1)],
//! #         layers: vec![Layer::Head(head)], input: TensorId(0), output: TensorId(1), metadata: "{}".into(),
//! #     }.to_bytes().unwrap()
//! # }
//! ```
#![no_std]
#![deny(clippy::float_arithmetic)]
#![deny(unsafe_code)]

#[cfg(target_endian = "big")]
compile_error!("packed values are read as little-endian words");
#[cfg(test)]
extern crate std;

mod arena;
mod bits;
#[cfg(feature = "accelerator")]
pub mod driver;
mod error;
mod kernels;
mod model;
mod session;

pub use arena::Arena;
pub use error::{LoadError, RunError};
pub use model::Model;
pub use session::{CycleSource, Session};
