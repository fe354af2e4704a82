//! 2×2 max-pool with stride 2.

use super::{Source, Target};

/// Largest of each 2×2 block; an odd last row or column is dropped.
///
/// # Shapes
/// Input `[C, H, W]`, output `[C, H/2, W/2]` (rounded down).
///
/// # Panics
/// If the layer was not validated.
pub fn max_pool2d(input: Source, mut output: Target) {
    for c in 0..output.spec.channels {
        for y in 0..output.spec.height {
            for x in 0..output.spec.width {
                let top = input.at(c, 2 * y, 2 * x).max(input.at(c, 2 * y, 2 * x + 1));
                let bottom = input.at(c, 2 * y + 1, 2 * x).max(input.at(c, 2 * y + 1, 2 * x + 1));
                output.set(c, y, x, top.max(bottom));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::TensorSpec;

    #[test]
    fn drops_the_odd_edge_and_compares_signed() {
        let spec = |height, width| TensorSpec { channels: 1, height, width, bits: 8, signed: true };
        let input = Source { spec: spec(3, 3), data: &[0xFF, 0x80, 9, 0xFE, 0xFD, 9, 9, 9, 9] };
        let mut out = [0u8; 1];
        max_pool2d(input, Target { spec: spec(1, 1), data: &mut out });
        assert_eq!(out, [0xFF]);
    }
}
