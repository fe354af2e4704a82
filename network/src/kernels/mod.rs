//! The reference kernels: one operation per file, plain loops, the definition of every integer.
//!
//! Data enters as [`Source`] (a tensor format and its bytes, CHW) and leaves in a [`Target`].

mod concat;
mod conv2d;
mod conv_transpose2d;
mod head;
mod max_pool2d;
#[cfg(test)]
mod oracle;
mod upsample2d;

pub use concat::concat;
pub use conv_transpose2d::conv_transpose2d;
pub use conv2d::conv2d;
pub use head::{Decision, HeadKind, decide, head};
pub use max_pool2d::max_pool2d;
pub use upsample2d::upsample2d;

use crate::arithmetic::ChannelParams;
use crate::tensor::TensorSpec;

/// Weights and per-channel parameters of one layer, owned or packed in a file.
pub trait ConvData {
    /// The weight code at `index` in `[out][in][ky][kx]` order.
    fn weight(&self, index: usize) -> i32;
    /// (M, B) of an output channel.
    fn params(&self, channel: usize) -> ChannelParams;
}

/// A tensor that a kernel reads.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Shape and format.
    pub spec: TensorSpec,
    /// `spec.len()` bytes.
    pub data: &'a [u8],
}

/// A tensor that a kernel writes.
pub struct Target<'a> {
    /// Shape and format.
    pub spec: TensorSpec,
    /// `spec.len()` bytes.
    pub data: &'a mut [u8],
}

impl Source<'_> {
    /// The value at channel `c`, row `y`, column `x`.
    #[inline(always)]
    pub fn at(&self, c: usize, y: usize, x: usize) -> i32 {
        self.spec.decode(self.data[(c * self.spec.height + y) * self.spec.width + x])
    }
}

impl Target<'_> {
    /// Stores `value` at channel `c`, row `y`, column `x`.
    #[inline(always)]
    pub fn set(&mut self, c: usize, y: usize, x: usize, value: i32) {
        let index = (c * self.spec.height + y) * self.spec.width + x;
        self.data[index] = self.spec.encode(value);
    }
}
