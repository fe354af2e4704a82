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
            for first in (0..output.spec.width).step_by(BLOCK) {
                let sums = block(data, kernel, &input, [o, y, first]);
                for (x, acc) in (first..output.spec.width).zip(sums) {
                    output.set(o, y, x, requantize(acc, params, shift, low, high));
                }
            }
        }
    }
}

/// Columns that are summed together, so that the inner loop runs along a row.
const BLOCK: usize = 64;

/// The sums of products at `[o, y, first..first + BLOCK]`; those past the image are of no meaning.
fn block(
    data: &impl ConvData,
    kernel: usize,
    input: &Source,
    [o, y, first]: [usize; 3],
) -> [i32; BLOCK] {
    let (spec, pad) = (input.spec, kernel / 2);
    let mut sums = [0; BLOCK];
    for c in 0..spec.channels {
        for i in 0..kernel {
            let Some(row) = (y + i).checked_sub(pad).filter(|row| *row < spec.height) else {
                continue;
            };
            let values = &input.data[(c * spec.height + row) * spec.width..][..spec.width];
            for j in 0..kernel {
                let weight = data.weight(((o * spec.channels + c) * kernel + i) * kernel + j);
                // column x + j - pad of the image belongs to the sum of column x
                let from = (first + j).max(pad) - pad;
                let skipped = from + pad - (first + j);
                let inside = values.get(from..).unwrap_or_default();
                for (sum, value) in sums[skipped.min(BLOCK)..].iter_mut().zip(inside) {
                    *sum += weight * spec.decode(*value);
                }
            }
        }
    }
    sums
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
