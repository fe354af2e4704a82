//! Chooses (M, B, S) so that the outputs of random weights spread over their range.

use network::arithmetic::MAX_SHIFT;
use network::{ChannelParams, Mode, Requantize};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Mean and standard deviation of one channel's accumulators.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) mean: f64,
    pub(crate) deviation: f64,
}

impl Spread {
    /// Of sampled accumulators; never narrower than one code or a twentieth of the mean.
    pub(crate) fn of(accumulators: &[i32]) -> Spread {
        let n = accumulators.len() as f64;
        let mean = accumulators.iter().map(|a| f64::from(*a)).sum::<f64>() / n;
        let square = |a: &i32| (f64::from(*a) - mean) * (f64::from(*a) - mean);
        let deviation = (accumulators.iter().map(square).sum::<f64>() / n).sqrt();
        Spread { mean, deviation: deviation.max(mean.abs() / 20.0).max(0.5) }
    }
}

/// Where the accumulators should land.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) low: i32,
    pub(crate) high: i32,
    /// Position of the mean between `low` (0) and `high` (1); each channel draws from it.
    pub(crate) centre: [f64; 2],
}

/// Multipliers, biases and a shift that bring ±2 deviations of every channel to the range.
pub(crate) fn requantize(
    spreads: &[Spread],
    target: Target,
    mode: Mode,
    rng: &mut ChaCha8Rng,
) -> Requantize {
    let range = f64::from(target.high - target.low).max(1.0);
    let gains: Vec<f64> =
        spreads.iter().map(|s| rng.random_range(0.7..1.4) * range / (4.0 * s.deviation)).collect();
    let mut shift = match mode {
        Mode::Scaled => scaled_shift(&gains).saturating_sub(rng.random_range(0..6)),
        Mode::Fixed => fixed_shift(&gains),
    };
    let signs: Vec<f64> =
        spreads.iter().map(|_| if rng.random_bool(0.25) { -1.0 } else { 1.0 }).collect();
    let centres: Vec<f64> =
        spreads.iter().map(|_| rng.random_range(target.centre[0]..=target.centre[1])).collect();
    loop {
        let unit = f64::from(1u32 << shift);
        let half = (unit / 2.0).floor();
        let mut channels = Vec::with_capacity(spreads.len());
        for (index, spread) in spreads.iter().enumerate() {
            let magnitude = match mode {
                Mode::Scaled => (gains[index] * unit).round().clamp(1.0, 32767.0),
                Mode::Fixed => 1.0,
            };
            let multiplier = signs[index] * magnitude;
            // multipliers of ±1 may leave the values far narrower than the range
            let width = range.min(4.0 * spread.deviation * magnitude / unit);
            let middle = f64::from(target.low) + range / 2.0;
            let wanted = middle + (centres[index] - 0.5) * width;
            let bias = (wanted * unit - spread.mean * multiplier + half).round();
            if bias.abs() > f64::from(i32::MAX) {
                break;
            }
            channels.push(ChannelParams { multiplier: multiplier as i16, bias: bias as i32 });
        }
        if channels.len() == spreads.len() {
            return Requantize { channels, shift };
        }
        shift -= 1;
    }
}

/// The largest shift at which every multiplier fits 16 bits.
fn scaled_shift(gains: &[f64]) -> u8 {
    let largest = gains.iter().copied().fold(0.0, f64::max);
    (0..=MAX_SHIFT).rev().find(|s| largest * f64::from(1u32 << s) < 32767.0).unwrap_or(0)
}

/// The shift whose 2^−S is nearest below the mean gain.
fn fixed_shift(gains: &[f64]) -> u8 {
    let mean = gains.iter().sum::<f64>() / gains.len() as f64;
    (0..=MAX_SHIFT).find(|s| 1.0 / f64::from(1u32 << s) <= mean).unwrap_or(MAX_SHIFT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::requantize as apply;
    use rand::SeedableRng;

    #[test]
    fn the_mean_lands_in_the_middle() {
        let spreads =
            [Spread { mean: 1000.0, deviation: 300.0 }, Spread { mean: -1e6, deviation: 5e4 }];
        let target = Target { low: 0, high: 63, centre: [0.5, 0.5] };
        for mode in [Mode::Scaled, Mode::Fixed] {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let found = requantize(&spreads, target, mode, &mut rng);
            for (params, spread) in found.channels.iter().zip(spreads) {
                let middle = apply(spread.mean as i32, *params, found.shift, 0, 63);
                assert!((31..=32).contains(&middle), "{mode:?}: {middle}");
            }
        }
    }

    #[test]
    fn spread_of_hand_computed_values() {
        let spread = Spread::of(&[1, 3, 5, 7]);
        assert_eq!(spread.mean, 4.0);
        assert_eq!(spread.deviation, 5f64.sqrt());
    }
}
