//! k×k convolution, stride 1, same padding.

use super::{ConvData, Source, Target};
use crate::arithmetic::requantize;

/// `out[o][y][x] = requantize(Σ_{c,i,j} w[o][c][i][j] · in[c][y+i−p][x+j−p])`, p = (k−1)/2,
/// zero outside the image.
///
/// # Shapes
/// Input `[C, H, W]`, weights `[O, C, k, k]`, output `[O, H, W]`.
///
/// # Panics
/// If the layer was not validated.
pub fn conv2d(data: &impl ConvData, kernel: usize, shift: u8, input: Source, mut output: Target) {
    let (low, high) = (output.spec.min_value(), output.spec.max_value());
    for o in 0..output.spec.channels {
        let params = data.params(o);
        for y in 0..output.spec.height {
            for x in 0..output.spec.width {
                let acc = window(data, kernel, &input, [o, y, x]);
                output.set(o, y, x, requantize(acc, params, shift, low, high));
            }
        }
    }
}

/// The sum of products of one output value at `[o, y, x]`.
fn window(data: &impl ConvData, kernel: usize, input: &Source, [o, y, x]: [usize; 3]) -> i32 {
    let pad = (kernel / 2) as isize;
    let mut acc = 0;
    for c in 0..input.spec.channels {
        for i in 0..kernel {
            for j in 0..kernel {
                let row = (y + i) as isize - pad;
                let column = (x + j) as isize - pad;
                let weight = data.weight(((o * input.spec.channels + c) * kernel + i) * kernel + j);
                acc += weight * input.at_padded(c, row, column);
            }
        }
    }
    acc
}

#[cfg(test)]
mod tests {
    use crate::kernels::oracle::{Case, check_conv2d};

    #[test]
    fn hand_computed_3x3_with_padding() {
        // 1 channel, 2x2 image [1 2; 3 4], weights 1..9 on a 3x3 window:
        // at (0,0): 5*1 + 6*2 + 8*3 + 9*4 = 77
        // at (0,1): 4*1 + 5*2 + 7*3 + 8*4 = 67
        // at (1,0): 2*1 + 3*2 + 5*3 + 6*4 = 47
        // at (1,1): 1*1 + 2*2 + 4*3 + 5*4 = 37
        let weights = [-8i8, -7, -6, -5, -4, -3, -2, -1, 0].map(|w| w + 9);
        let case = Case { channels: [1, 1], size: [2, 2], kernel: 3, in_signed: false };
        check_conv2d(case, &weights, &[1, 2, 3, 4], (1, 0, 0), &[77, 67, 47, 37]);
    }

    #[test]
    fn rounds_half_up_and_saturates() {
        // acc = 1*a; (a*3 + 2) >> 2 rounds a*0.75 to nearest, ties up
        let case = Case { channels: [1, 1], size: [1, 4], kernel: 1, in_signed: false };
        check_conv2d(case, &[1], &[0, 1, 2, 255], (3, 2, 2), &[0, 1, 2, 191]);
        check_conv2d(case, &[2], &[0, 1, 2, 255], (1, 0, 0), &[0, 2, 4, 255]);
        check_conv2d(case, &[-1], &[0, 1, 2, 255], (1, 0, 0), &[0, 0, 0, 0]);
    }

    #[test]
    fn signed_input_bytes_are_twos_complement() {
        let case = Case { channels: [1, 1], size: [1, 2], kernel: 1, in_signed: true };
        check_conv2d(case, &[-2], &[0xFF, 0x80], (1, 0, 0), &[2, 255]);
    }
}
