//! Tensor operations that training spends its time in, each in one file.
//!
//! Each has a portable form made of Burn's operations. On the `flex` backend own kernels with
//! hand-written gradients take over; tests hold the two against each other.

mod batch_norm;
mod conv3x3;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "flex")]
mod kernels;
mod lsq;
#[cfg(all(test, feature = "flex"))]
mod tests;

pub use batch_norm::{Normalized, batch_norm};
pub use conv3x3::conv3x3;
pub use lsq::lsq;
