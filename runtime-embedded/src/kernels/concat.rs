//! Channel concatenation, one input at a time.

use super::{Source, Target};

/// Copies the channels of `input` into `output` from byte `first` on; the two calls of one
/// layer make [`network::kernels::concat`].
///
/// # Shapes
/// Input `[A, H, W]`, output `[A + B, H, W]`; `first` is 0 or A·H·W.
pub fn copy_channels(input: Source, output: Target, first: usize) {
    let target = output.data.get_mut(first..).unwrap_or_default();
    for (to, from) in target.iter_mut().zip(input.data) {
        *to = *from;
    }
}
