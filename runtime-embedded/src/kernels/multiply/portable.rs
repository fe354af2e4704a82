//! The inner loop in plain Rust: the definition that the assembly equals.

use network::tiling::LANES;

use super::{Multiply, Sweep};

/// See [`Sweep::run`].
pub(super) fn run(sweep: Sweep, multiply: Multiply) {
    for (pixel, sums) in sweep.sums.chunks_exact_mut(LANES).enumerate() {
        let mut weights = sweep.weights.chunks_exact(LANES);
        for start in sweep.starts.iter().take(sweep.n_rows) {
            let first = start + pixel * sweep.stride;
            let values = sweep.values.get(first..first + sweep.row_words).unwrap_or_default();
            match multiply {
                Multiply::Dual => {
                    for (value, weights) in values.iter().zip(&mut weights) {
                        for (sum, weight) in sums.iter_mut().zip(weights) {
                            *sum = sum.wrapping_add(dual(*value, *weight));
                        }
                    }
                }
                Multiply::Pairs { interval } => {
                    for values in values.chunks(interval.max(1)) {
                        let mut partial = [0x8000u32; LANES];
                        for (value, weights) in values.iter().zip(&mut weights) {
                            for (partial, weight) in partial.iter_mut().zip(weights) {
                                *partial = partial.wrapping_add(value.wrapping_mul(*weight));
                            }
                        }
                        for (sum, partial) in sums.iter_mut().zip(partial) {
                            *sum = sum.wrapping_add((partial as i32 >> 16) as u32);
                        }
                    }
                }
            }
        }
    }
}

/// The sum of both products of halves.
#[inline(always)]
fn dual(value: u32, weight: u32) -> u32 {
    let low = i32::from(value as i16) * i32::from(weight as i16);
    let high = (value as i32 >> 16) * (weight as i32 >> 16);
    (low + high) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::TensorSpec;
    use network::arithmetic::{weight_max, weight_min};
    use network::validate::MAX_KERNEL;

    /// A sweep over one row of `n` words that all hold the same values and weights.
    fn sum_of(multiply: Multiply, n: usize, [a0, a1]: [i32; 2], [w0, w1]: [i32; 2]) -> u32 {
        let value = match multiply {
            Multiply::Dual => (a0 as u32 & 0xFFFF) | (a1 as u32) << 16,
            Multiply::Pairs { .. } => (a0 as u32).wrapping_add((a1 as u32) << 16),
        };
        let weight = match multiply {
            Multiply::Dual => (w0 as u32 & 0xFFFF) | (w1 as u32) << 16,
            Multiply::Pairs { .. } => (w1 as u32).wrapping_add((w0 as u32) << 16),
        };
        let (values, weights) = (std::vec![value; n], std::vec![weight; LANES * n]);
        let mut sums = [1; LANES];
        let sweep = Sweep {
            sums: &mut sums,
            weights: &weights,
            values: &values,
            starts: [0; MAX_KERNEL],
            n_rows: 1,
            row_words: n,
            stride: 1,
        };
        sweep.run(multiply);
        assert!(sums.iter().all(|sum| *sum == sums[0]));
        sums[0]
    }

    #[test]
    fn extreme_sums_are_exact_up_to_the_interval() {
        let mut n_pairs = 0;
        for weight_bits in 1..=8 {
            for (bits, signed) in (1..=8u8).flat_map(|bits| [(bits, false), (bits, true)]) {
                let spec = TensorSpec { channels: 1, height: 1, width: 1, bits, signed };
                let multiply = Multiply::new(weight_bits, &spec);
                n_pairs += usize::from(multiply != Multiply::Dual);
                let weights = [weight_min(weight_bits), weight_max(weight_bits)];
                let values = [spec.min_value(), spec.max_value()];
                for choice in 0..16 {
                    let pick = |of: [i32; 2], bit: usize| of[choice >> bit & 1];
                    let a = [pick(values, 0), pick(values, 1)];
                    let w = [pick(weights, 2), pick(weights, 3)];
                    for n in [1, 100, 1000] {
                        let expected = 1 + n as i32 * (a[0] * w[0] + a[1] * w[1]);
                        assert_eq!(
                            sum_of(multiply, n, a, w) as i32,
                            expected,
                            "{multiply:?} {spec:?}"
                        );
                        assert_eq!(sum_of(Multiply::Dual, n, a, w) as i32, expected);
                    }
                }
            }
        }
        assert!(n_pairs > 80, "{n_pairs}");
    }
}
