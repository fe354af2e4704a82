//! Nearest-neighbour ×2 upsampling.

use super::{Source, Target};

/// Every value becomes a 2×2 block.
///
/// # Shapes
/// Input `[C, H, W]`, output `[C, 2H, 2W]`.
///
/// # Panics
/// If the layer was not validated.
pub fn upsample2d(input: Source, mut output: Target) {
    for c in 0..output.spec.channels {
        for y in 0..output.spec.height {
            for x in 0..output.spec.width {
                output.set(c, y, x, input.at(c, y / 2, x / 2));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::TensorSpec;

    #[test]
    fn repeats_each_value() {
        let spec =
            |height, width| TensorSpec { channels: 1, height, width, bits: 4, signed: false };
        let mut out = [0u8; 8];
        let input = Source { spec: spec(1, 2), data: &[3, 7] };
        upsample2d(input, Target { spec: spec(2, 4), data: &mut out });
        assert_eq!(out, [3, 3, 7, 7, 3, 3, 7, 7]);
    }
}
