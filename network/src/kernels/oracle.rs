//! Oracles for the kernels' tests: an i128 convolution that scatters instead of gathering.

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::{ConvData, Source, Target, conv2d};
use crate::arithmetic::{ChannelParams, requantize};
use crate::tensor::TensorSpec;

/// Weights with one (M, B) for every channel.
pub struct Fixed<'a> {
    pub weights: &'a [i8],
    pub params: ChannelParams,
}

impl ConvData for Fixed<'_> {
    fn weight(&self, index: usize) -> i32 {
        i32::from(self.weights[index])
    }
    fn params(&self, _: usize) -> ChannelParams {
        self.params
    }
}

/// Shape of a convolution under test; the output is 8-bit unsigned.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub channels: [usize; 2],
    pub size: [usize; 2],
    pub kernel: usize,
    pub in_signed: bool,
}

fn run(case: Case, weights: &[i8], input: &[u8], (m, b, shift): (i16, i32, u8)) -> Vec<u8> {
    let [height, width] = case.size;
    let spec = |channels, signed| TensorSpec { channels, height, width, bits: 8, signed };
    let data = Fixed { weights, params: ChannelParams { multiplier: m, bias: b } };
    let mut out = vec![0u8; case.channels[1] * height * width];
    let source = Source { spec: spec(case.channels[0], case.in_signed), data: input };
    let target = Target { spec: spec(case.channels[1], false), data: &mut out };
    conv2d(&data, case.kernel, shift, source, target);
    out
}

pub fn check_conv2d(
    case: Case,
    weights: &[i8],
    input: &[u8],
    params: (i16, i32, u8),
    expected: &[u8],
) {
    assert_eq!(run(case, weights, input, params), expected);
}

/// Each input value is added to every output it reaches; floor division instead of a shift.
fn scatter(case: Case, weights: &[i8], input: &[u8], (m, b, shift): (i16, i32, u8)) -> Vec<u8> {
    let ([cin, cout], [height, width], k) = (case.channels, case.size, case.kernel as i64);
    let mut acc = vec![0i128; cout * height * width];
    for (index, byte) in input.iter().enumerate() {
        let (c, y, x) = (index / (height * width), index / width % height, index % width);
        let value = if case.in_signed { i128::from(*byte as i8) } else { i128::from(*byte) };
        for (w_index, weight) in weights.iter().enumerate() {
            let w_index = w_index as i64;
            let (o, wc) = (w_index / (k * k) / cin as i64, w_index / (k * k) % cin as i64);
            let (i, j) = (w_index / k % k, w_index % k);
            let (oy, ox) = (y as i64 - i + k / 2, x as i64 - j + k / 2);
            let inside = (0..height as i64).contains(&oy) && (0..width as i64).contains(&ox);
            if wc == c as i64 && inside {
                let target = (o * height as i64 + oy) * width as i64 + ox;
                acc[target as usize] += i128::from(*weight) * value;
            }
        }
    }
    let scaled = acc.iter().map(|a| (a * i128::from(m) + i128::from(b)).div_euclid(1 << shift));
    scaled.map(|v| v.clamp(0, 255) as u8).collect()
}

fn any_case() -> impl Strategy<Value = Case> {
    // narrower than a kernel, and wider than the columns that are summed together
    let width = prop_oneof![4 => 1..8usize, 1 => 60..70usize, 1 => 126..132usize];
    let size = (1..8usize, width).prop_map(|(height, width)| [height, width]);
    let kernel = prop_oneof![Just(1usize), Just(3), Just(5), Just(7)];
    ([1..4usize, 1..4usize], size, kernel, any::<bool>())
        .prop_map(|(channels, size, kernel, in_signed)| Case { channels, size, kernel, in_signed })
}

fn any_problem() -> impl Strategy<Value = (Case, Vec<i8>, Vec<u8>)> {
    any_case().prop_flat_map(|case| {
        let n_weights = case.channels[0] * case.channels[1] * case.kernel * case.kernel;
        let n_input = case.channels[0] * case.size[0] * case.size[1];
        let weights = proptest::collection::vec(any::<i8>(), n_weights);
        (Just(case), weights, proptest::collection::vec(any::<u8>(), n_input))
    })
}

proptest! {
    #[test]
    fn conv2d_equals_a_scattering_i128_convolution(
        (case, weights, input) in any_problem(),
        params in (any::<i16>(), any::<i32>(), 0..=31u8),
    ) {
        let expected = scatter(case, &weights, &input, params);
        prop_assert_eq!(run(case, &weights, &input, params), expected);
    }

    #[test]
    fn requantize_equals_floor_division_in_i128(
        acc in any::<i32>(), multiplier in any::<i16>(), bias in any::<i32>(), shift in 0..=31u8,
    ) {
        let exact = i128::from(acc) * i128::from(multiplier) + i128::from(bias);
        let expected = exact.div_euclid(1i128 << shift).clamp(-128, 127) as i32;
        let params = ChannelParams { multiplier, bias };
        prop_assert_eq!(requantize(acc, params, shift, -128, 127), expected);
    }

    /// `fixed` mode is Qi.f: an accumulator with 8 fractional bits to 4, rounded to nearest.
    #[test]
    fn fixed_mode_equals_the_fixed_crate(acc in -(1 << 20)..(1i32 << 20)) {
        use fixed::types::{I24F8, I28F4};
        let half = I24F8::from_bits(1 << 3);
        let expected = I28F4::from_num(I24F8::from_bits(acc) + half).to_bits();
        let params = ChannelParams { multiplier: 1, bias: 1 << 3 };
        prop_assert_eq!(requantize(acc, params, 4, i32::MIN, i32::MAX), expected);
    }
}
