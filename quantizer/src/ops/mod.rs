//! Tensor operations that training spends its time in, each in one file.

mod batch_norm;
mod conv3x3;
mod lsq;

pub use batch_norm::{Normalized, batch_norm};
pub use conv3x3::conv3x3;
pub use lsq::lsq;
