//! The kernels: one operation per file, each equal to its namesake in `network::kernels`.
//!
//! Data enters as [`Source`] and the packed weights of [`LayerData`] and leaves in a [`Target`].
//! Slices are taken with `get`, chunks and iterators only, so that no kernel can panic.

mod concat;
mod conv2d;
mod conv_transpose2d;
mod head;
mod max_pool2d;
mod taps;
mod upsample2d;
mod weights;

pub use concat::copy_channels;
pub use conv_transpose2d::conv_transpose2d;
pub use conv2d::conv2d;
pub use head::head;
pub use max_pool2d::max_pool2d;
pub use network::format::LayerData;
pub use network::kernels::{Source, Target};
pub use upsample2d::upsample2d;

use core::num::NonZeroUsize;

use network::{ChannelParams, TensorSpec, requantize};

/// The integer that a stored byte stands for: one function for each sign, chosen once a layer.
trait Decode {
    fn decode(byte: u8) -> i32;
}

/// Bytes are 0..=255.
struct Unsigned;
/// Bytes are two's complement.
struct Signed;

impl Decode for Unsigned {
    #[inline(always)]
    fn decode(byte: u8) -> i32 {
        i32::from(byte)
    }
}

impl Decode for Signed {
    #[inline(always)]
    fn decode(byte: u8) -> i32 {
        i32::from(byte as i8)
    }
}

/// Scale, shift and clamp of one output channel.
#[derive(Clone, Copy)]
struct Rescale {
    params: ChannelParams,
    shift: u8,
    low: i32,
    high: i32,
}

impl Rescale {
    fn new(params: ChannelParams, shift: u8, spec: &TensorSpec) -> Rescale {
        Rescale { params, shift, low: spec.min_value(), high: spec.max_value() }
    }

    #[inline(always)]
    fn byte(&self, acc: i32) -> u8 {
        requantize(acc, self.params, self.shift, self.low, self.high) as u8
    }
}

/// A size of chunks: what validation excludes becomes 1, so that chunking cannot panic.
#[inline(always)]
fn non_zero(size: usize) -> NonZeroUsize {
    NonZeroUsize::new(size).unwrap_or(NonZeroUsize::MIN)
}
