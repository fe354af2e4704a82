//! The simulator's kernels: one operation per file, named as in the `network` crate.
//!
//! They share [`Dense`] (weights arranged by blocks of output channels) and [`Planes`] (a zero-padded
//! copy of the input) with the sums of products in [`sums`]; nothing of the reference kernels but
//! the rounding rule, [`network::requantize`], which is one function on purpose.

mod concat;
mod conv2d;
mod conv_transpose2d;
mod dense;
mod head;
mod max_pool2d;
mod planes;
mod requantize;
mod sums;
mod upsample2d;

pub(crate) use concat::concat;
pub(crate) use conv_transpose2d::ConvTranspose2d;
pub(crate) use conv2d::Conv2d;
pub(crate) use head::Head;
pub(crate) use max_pool2d::max_pool2d;
pub use requantize::Clamped;
pub(crate) use upsample2d::upsample2d;
