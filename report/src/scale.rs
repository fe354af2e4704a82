//! Axes: from values to positions, and where the ticks are.

use crate::number;

/// What an axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, by powers of two.
    Bytes,
    /// A large count, by powers of ten.
    Count,
    /// Dice in points of 100.
    Points,
    /// Dice lost, in points of 100: values are negative, labels are not.
    Loss,
    /// Plain numbers.
    Plain,
}

/// A stretch of values laid over a stretch of positions.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// What it counts; bytes and counts are logarithmic.
    pub unit: Unit,
    low: f64,
    high: f64,
    /// Positions of the ends in pixels.
    pixels: [f64; 2],
}

impl Axis {
    /// An axis that holds all the values with a margin.
    pub fn over(unit: Unit, values: impl Iterator<Item = f64>, pixels: [f64; 2]) -> Axis {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|v| v.is_finite()) {
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            (low, high) = (1.0, 2.0);
        }
        if is_logarithmic(unit) {
            let (low, high) = (low.max(1.0), high.max(1.0));
            // two octaves at least, so that there are ticks
            let margin = (4.0 * low / high).sqrt().max(1.3);
            return Axis { unit, low: low / margin, high: high * margin, pixels };
        }
        let least = if unit == Unit::Plain { 1e-6 } else { 0.005 };
        let margin = (0.08 * (high - low)).max(least);
        Axis { unit, low: low - margin, high: high + margin, pixels }
    }

    /// An axis from one value to another.
    pub fn between(unit: Unit, low: f64, high: f64, pixels: [f64; 2]) -> Axis {
        Axis { unit, low, high: if high > low { high } else { low + 1.0 }, pixels }
    }

    /// Position of a value; one outside is put at the end.
    pub fn at(&self, value: f64) -> f64 {
        let place = |v: f64| if is_logarithmic(self.unit) { v.max(1e-9).ln() } else { v };
        let share = (place(value) - place(self.low)) / (place(self.high) - place(self.low));
        self.pixels[0] + share.clamp(0.0, 1.0) * (self.pixels[1] - self.pixels[0])
    }

    /// Round values within, about `wanted` of them, with their labels.
    pub fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        let values = match self.unit {
            Unit::Bytes => powers(self.low, self.high, 2.0, wanted),
            Unit::Count => decades(self.low, self.high, wanted),
            Unit::Points | Unit::Loss | Unit::Plain => steps(self.low, self.high, wanted),
        };
        let step = values.windows(2).map(|pair| pair[1] - pair[0]).next().unwrap_or(1.0);
        values.into_iter().map(|value| (value, self.label(value, step))).collect()
    }

    fn label(&self, value: f64, step: f64) -> String {
        let digits = |step: f64| (-(step * 1.001).log10().floor()).clamp(0.0, 4.0) as usize;
        match self.unit {
            Unit::Bytes => number::bytes(value),
            Unit::Count => number::metric(value),
            Unit::Points => format!("{:.*}", digits(100.0 * step), 100.0 * value + 0.0),
            Unit::Loss => format!("{:.*}", digits(100.0 * step), -100.0 * value + 0.0),
            Unit::Plain => format!("{:.*}", digits(step), value + 0.0),
        }
    }
}

fn is_logarithmic(unit: Unit) -> bool {
    matches!(unit, Unit::Bytes | Unit::Count)
}

/// Powers of the base; every second, third, … one where they are too many.
fn powers(low: f64, high: f64, base: f64, wanted: usize) -> Vec<f64> {
    let exponents = low.log(base).ceil() as i32..=high.log(base).floor() as i32;
    let stride = exponents.clone().count().div_ceil(wanted.max(1)).max(1);
    exponents.step_by(stride).map(|e| base.powi(e)).collect()
}

/// 1, 2 and 5 times powers of ten, or powers of ten alone where those are too many.
fn decades(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let exponents = low.log10().floor() as i32..=high.log10().floor() as i32;
    let fine = exponents.flat_map(|e| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(e)));
    let fine: Vec<f64> = fine.filter(|v| (low..=high).contains(v)).collect();
    if fine.len() <= wanted { fine } else { powers(low, high, 10.0, wanted) }
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn steps(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let rough = (high - low) / wanted.max(1) as f64;
    let magnitude = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * magnitude);
    let step = step.into_iter().find(|s| *s >= rough * 0.999).unwrap_or(10.0 * magnitude);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(|n| n as f64 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis, wanted: usize) -> Vec<String> {
        axis.ticks(wanted).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_and_within() {
        let axis = Axis::between(Unit::Points, 0.783, 0.812, [0.0, 100.0]);
        assert_eq!(labels(axis, 4), ["79", "80", "81"]);
        let axis = Axis::between(Unit::Points, -0.001, 0.003, [0.0, 100.0]);
        assert_eq!(labels(axis, 4), ["-0.1", "0.0", "0.1", "0.2", "0.3"]);
        let axis = Axis::between(Unit::Loss, -0.021, 0.001, [0.0, 100.0]);
        assert_eq!(labels(axis, 3), ["2", "1", "0"]);
        let axis = Axis::between(Unit::Bytes, 30_000.0, 600_000.0, [0.0, 100.0]);
        assert_eq!(labels(axis, 6), ["32 KiB", "64 KiB", "128 KiB", "256 KiB", "512 KiB"]);
        let axis = Axis::between(Unit::Count, 0.9e6, 1.1e7, [0.0, 100.0]);
        assert_eq!(labels(axis, 6), ["1 M", "2 M", "5 M", "10 M"]);
        assert_eq!(labels(axis, 3), ["1 M", "10 M"]);
    }

    #[test]
    fn positions_are_linear_or_logarithmic_and_stay_inside() {
        let axis = Axis::between(Unit::Plain, 0.0, 10.0, [100.0, 0.0]);
        assert_eq!((axis.at(0.0), axis.at(2.5), axis.at(99.0)), (100.0, 75.0, 0.0));
        let axis = Axis::between(Unit::Count, 1.0, 100.0, [0.0, 50.0]);
        assert!((axis.at(10.0) - 25.0).abs() < 1e-9);
    }

    #[test]
    fn one_value_has_ticks_around_it() {
        let axis = Axis::over(Unit::Bytes, [17_545.0].into_iter(), [0.0, 100.0]);
        assert_eq!(labels(axis, 7), ["16 KiB", "32 KiB"]);
        assert!((axis.at(17_545.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn no_values_and_one_value_make_an_axis_too() {
        for values in [vec![], vec![0.5], vec![f64::NAN]] {
            for unit in [Unit::Bytes, Unit::Count, Unit::Points, Unit::Loss, Unit::Plain] {
                let axis = Axis::over(unit, values.iter().copied(), [0.0, 10.0]);
                assert!(axis.at(0.5).is_finite() && axis.ticks(5).len() < 12);
            }
        }
    }
}
