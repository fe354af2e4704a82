//! Channel concatenation.

use super::{Source, Target};

/// Channels of `first`, then channels of `second`.
///
/// # Shapes
/// Inputs `[A, H, W]` and `[B, H, W]`, output `[A + B, H, W]`.
///
/// # Panics
/// If the layer was not validated.
pub fn concat(first: Source, second: Source, output: Target) {
    let (head, tail) = output.data.split_at_mut(first.data.len());
    head.copy_from_slice(first.data);
    tail.copy_from_slice(second.data);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::TensorSpec;

    #[test]
    fn keeps_order() {
        let spec = |channels| TensorSpec { channels, height: 1, width: 2, bits: 4, signed: false };
        let mut out = [0u8; 6];
        let first = Source { spec: spec(1), data: &[1, 2] };
        let second = Source { spec: spec(2), data: &[3, 4, 5, 6] };
        concat(first, second, Target { spec: spec(3), data: &mut out });
        assert_eq!(out, [1, 2, 3, 4, 5, 6]);
    }
}
