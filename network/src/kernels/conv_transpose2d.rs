//! 2×2 transposed convolution with stride 2.

use super::{ConvData, Source, Target};
use crate::arithmetic::requantize;

/// `out[o][2y+i][2x+j] = requantize(Σ_c w[o][c][i][j] · in[c][y][x])`, i, j ∈ {0, 1}.
///
/// # Shapes
/// Input `[C, H, W]`, weights `[O, C, 2, 2]`, output `[O, 2H, 2W]`.
///
/// # Panics
/// If the layer was not validated.
pub fn conv_transpose2d(data: &impl ConvData, shift: u8, input: Source, mut output: Target) {
    let (low, high) = (output.spec.min_value(), output.spec.max_value());
    for o in 0..output.spec.channels {
        let params = data.params(o);
        for y in 0..output.spec.height {
            for x in 0..output.spec.width {
                let phase = (y % 2) * 2 + x % 2;
                let acc = (0..input.spec.channels)
                    .map(|c| {
                        let weight = data.weight((o * input.spec.channels + c) * 4 + phase);
                        weight * input.at(c, y / 2, x / 2)
                    })
                    .sum();
                output.set(o, y, x, requantize(acc, params, shift, low, high));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::ChannelParams;
    use crate::kernels::oracle::Fixed;
    use crate::tensor::TensorSpec;

    #[test]
    fn hand_computed_phases() {
        let spec =
            |height, width| TensorSpec { channels: 1, height, width, bits: 8, signed: false };
        let data =
            Fixed { weights: &[1, 2, 3, 4], params: ChannelParams { multiplier: 1, bias: 0 } };
        let mut out = [0u8; 8];
        let input = Source { spec: spec(1, 2), data: &[10, 1] };
        conv_transpose2d(&data, 0, input, Target { spec: spec(2, 4), data: &mut out });
        assert_eq!(out, [10, 20, 1, 2, 30, 40, 3, 4]);
    }
}
