//! Resizing: separable, extent to extent, area-aware when it shrinks.
//!
//! Output pixel `i` of `n` covers `[i/n, (i+1)/n)` of the extent, so that going there and back needs
//! no offsets. When shrinking the kernel is stretched by the ratio, which is what keeps fine detail
//! from aliasing. (`image::imageops::resize` clamps floats to 0..1, so it cannot be used here.)

use serde::{Deserialize, Serialize};

use crate::image::Mask;

/// The interpolation kernel for images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interpolation {
    /// Triangle, support 1.
    #[default]
    Linear,
    /// Keys' cubic convolution with a = −1/2 (Keys 1981), support 2.
    Cubic,
}

impl Interpolation {
    fn support(self) -> f64 {
        match self {
            Self::Linear => 1.0,
            Self::Cubic => 2.0,
        }
    }

    fn kernel(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Linear => (1.0 - x).max(0.0),
            Self::Cubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Cubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::Cubic => 0.0,
        }
    }
}

/// The inputs of one output pixel: the first index and the weights from there on.
struct Taps {
    first: usize,
    weights: Vec<f64>,
}

fn taps(from: usize, to: usize, interpolation: Interpolation) -> Vec<Taps> {
    let ratio = from as f64 / to as f64;
    let stretch = ratio.max(1.0);
    let reach = interpolation.support() * stretch;
    let taps_at = |index: usize| {
        let centre = (index as f64 + 0.5) * ratio - 0.5;
        let first = (centre - reach).ceil().max(0.0) as usize;
        let last = ((centre + reach).floor() as usize).min(from - 1);
        let weight = |i: usize| interpolation.kernel((i as f64 - centre) / stretch);
        let mut weights: Vec<f64> = (first..=last).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= sum);
        Taps { first, weights }
    };
    (0..to).map(taps_at).collect()
}

/// Resizes a row-major plane from `from` to `to` (rows, columns).
///
/// # Panics
/// If a side is zero or `data` does not hold `from[0] × from[1]` values.
pub fn resize(
    data: &[f32],
    from: [usize; 2],
    to: [usize; 2],
    interpolation: Interpolation,
) -> Vec<f32> {
    assert_eq!(data.len(), from[0] * from[1], "values of the plane");
    assert!(from.iter().chain(&to).all(|&side| side > 0), "a side of {from:?} or {to:?} is zero");
    if from == to {
        return data.to_vec();
    }
    let columns = taps(from[1], to[1], interpolation);
    let mut wide = Vec::with_capacity(from[0] * to[1]);
    for row in data.chunks_exact(from[1]) {
        wide.extend(columns.iter().map(|tap| {
            let inputs = &row[tap.first..];
            tap.weights.iter().zip(inputs).map(|(w, v)| w * f64::from(*v)).sum::<f64>()
        }));
    }
    let mut out = Vec::with_capacity(to[0] * to[1]);
    for tap in taps(from[0], to[0], interpolation) {
        out.extend((0..to[1]).map(|x| {
            let rows = tap.weights.iter().enumerate();
            rows.map(|(k, w)| w * wide[(tap.first + k) * to[1] + x]).sum::<f64>() as f32
        }));
    }
    out
}

/// Resizes a mask: each pixel takes the class that covers most of it, ties to the higher class.
///
/// # Panics
/// If a side is zero.
pub fn resize_mask(mask: &Mask, to: [usize; 2]) -> Mask {
    let from = [mask.height, mask.width];
    if from == to {
        return mask.clone();
    }
    let mut out = Mask::zeros(to[0], to[1]);
    let mut best = vec![0.0f32; to[0] * to[1]];
    let mut present = [false; 256];
    mask.data.iter().for_each(|&class| present[class as usize] = true);
    for class in (0..=255u8).filter(|&class| present[class as usize]) {
        let indicator: Vec<f32> =
            mask.data.iter().map(|&c| f32::from(u8::from(c == class))).collect();
        let coverage = resize(&indicator, from, to, Interpolation::Linear);
        for (index, &value) in coverage.iter().enumerate() {
            // the slack makes a tie that rounding split a tie again
            if value + 1e-6 >= best[index] {
                best[index] = value;
                out.data[index] = class;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn halving_averages_with_the_triangle() {
        // taps at distance 0.25 and 0.75 of a kernel twice as wide: weights 3/8, 3/8, 1/8, 1/8
        let out = resize(&[0., 0., 8., 8., 8., 8., 0., 0.], [1, 8], [1, 4], Interpolation::Linear);
        // borders renormalise: (3 + 3 + 1)/7
        assert_eq!(
            out.iter().map(|v| (v * 56.0).round()).collect::<Vec<_>>(),
            [64., 392., 392., 64.]
        );
    }

    #[test]
    fn doubling_interpolates() {
        let out = resize(&[0., 4.], [1, 2], [1, 4], Interpolation::Linear);
        assert_eq!(out, [0., 1., 3., 4.]);
        let cubic = resize(&[0., 0., 1., 1.], [1, 4], [1, 8], Interpolation::Cubic);
        assert!(cubic[3] > 0.0 && cubic[2] < 0.0, "cubic overshoots: {cubic:?}");
    }

    #[test]
    fn masks_take_the_largest_coverage() {
        let mask = Mask { height: 1, width: 4, data: vec![0, 3, 3, 3] };
        assert_eq!(resize_mask(&mask, [1, 2]).data, [3, 3]);
        let mask = Mask { height: 2, width: 2, data: vec![1, 2, 0, 1] };
        let big = resize_mask(&mask, [6, 6]);
        assert_eq!(resize_mask(&big, [2, 2]), mask);
    }

    proptest! {
        #[test]
        fn constants_stay_and_means_are_kept(
            h in 1usize..12, w in 1usize..12, th in 1usize..24, tw in 1usize..24,
            value in -5.0f32..5.0, cubic in any::<bool>(),
        ) {
            let kernel = if cubic { Interpolation::Cubic } else { Interpolation::Linear };
            let out = resize(&vec![value; h * w], [h, w], [th, tw], kernel);
            prop_assert_eq!(out.len(), th * tw);
            for v in out {
                prop_assert!((v - value).abs() < 1e-4);
            }
        }

        #[test]
        fn enlarging_a_mask_by_an_odd_factor_and_back_is_the_identity(
            h in 1usize..6, w in 1usize..6, k in 1usize..4, bits in any::<u64>(),
        ) {
            let data = (0..h * w).map(|i| (bits >> (i % 64) & 1) as u8).collect();
            let mask = Mask { height: h, width: w, data };
            let big = resize_mask(&mask, [h * (2 * k + 1), w * (2 * k + 1)]);
            // the middle of each block is the pixel itself
            for y in 0..h {
                for x in 0..w {
                    let found = big.at(y * (2 * k + 1) + k, x * (2 * k + 1) + k);
                    prop_assert_eq!(found, mask.at(y, x));
                }
            }
        }
    }
}
