//! How one product of a weight digit and an activation is made; all ways are exactly equal.

use serde::{Deserialize, Serialize};

/// Bits of the widest operand of two packed products: the multipliers of today's parts are 18×18.
pub const PACKED_OPERAND_BITS: usize = 18;

/// The cell of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MacCell {
    /// A multiplier for each product; with D = 1 an adder.
    Plain,
    /// Shift and add: no multiplier.
    Lut,
    /// Two output channels share a multiplier.
    Packed,
}

/// `mac_cell` of `[hardware]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CellChoice {
    /// What the target has room for; without a target, plain.
    #[default]
    Auto,
    /// [`MacCell::Plain`].
    Plain,
    /// [`MacCell::Lut`].
    Lut,
    /// [`MacCell::Packed`].
    Packed,
}

impl MacCell {
    /// Value of the Verilog parameter CELL.
    pub fn parameter(self) -> u32 {
        match self {
            MacCell::Plain => 0,
            MacCell::Lut => 1,
            MacCell::Packed => 2,
        }
    }
}

impl std::fmt::Display for MacCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            MacCell::Plain => "plain",
            MacCell::Lut => "lut",
            MacCell::Packed => "packed",
        })
    }
}

impl From<MacCell> for CellChoice {
    fn from(cell: MacCell) -> CellChoice {
        match cell {
            MacCell::Plain => CellChoice::Plain,
            MacCell::Lut => CellChoice::Lut,
            MacCell::Packed => CellChoice::Packed,
        }
    }
}

/// Bits below the upper product of a packed sum: they hold any sum of `input_lanes` products, in
/// two's complement if an operand may be negative, else unsigned.
pub fn packed_split_bits(digit_bits: usize, lane_bits: usize, input_lanes: usize) -> usize {
    digit_bits + lane_bits + input_lanes.ilog2() as usize
}

/// Two's complement bits of `w1·2^s + w0`, the wide operand of two packed products.
pub fn packed_operand_bits(digit_bits: usize, lane_bits: usize, input_lanes: usize) -> usize {
    packed_split_bits(digit_bits, lane_bits, input_lanes) + digit_bits + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::RangeInclusive;

    fn range(bits: usize, signed: bool) -> RangeInclusive<i64> {
        if signed { -(1 << (bits - 1))..=(1 << (bits - 1)) - 1 } else { 0..=(1 << bits) - 1 }
    }

    /// The sums of two channels, from the sum of the packed products.
    fn split(packed: i64, split_bits: usize, may_be_negative: bool) -> [i64; 2] {
        let low = packed & ((1 << split_bits) - 1);
        let negative = i64::from(may_be_negative && low >> (split_bits - 1) == 1);
        [low - (negative << split_bits), (packed >> split_bits) + negative]
    }

    #[test]
    fn one_product_over_every_operand() {
        let all_signs = [(false, false), (false, true), (true, false), (true, true)];
        for digit_bits in [2, 4] {
            for lane_bits in 1..=8 {
                let s = packed_split_bits(digit_bits, lane_bits, 1);
                let widest = range(packed_operand_bits(digit_bits, lane_bits, 1), true);
                for (top_digit, is_signed) in all_signs {
                    for w0 in range(digit_bits, top_digit) {
                        for w1 in range(digit_bits, top_digit) {
                            let w = (w1 << s) + w0;
                            assert!(widest.contains(&w));
                            for a in range(lane_bits, is_signed) {
                                let found = split(w * a, s, top_digit || is_signed);
                                assert_eq!(found, [w0 * a, w1 * a]);
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn extreme_sums_of_every_tree() {
        for digit_bits in [2, 4, 8] {
            for lane_bits in 1..=8 {
                for log_lanes in 0..=6 {
                    let lanes = 1i64 << log_lanes;
                    let s = packed_split_bits(digit_bits, lane_bits, 1 << log_lanes);
                    for (top_digit, is_signed) in
                        [(false, false), (false, true), (true, false), (true, true)]
                    {
                        let weights = range(digit_bits, top_digit);
                        let values = range(lane_bits, is_signed);
                        let ends = [*weights.start(), *weights.end()]
                            .map(|w| [*values.start(), *values.end()].map(|a| lanes * w * a));
                        // a sum is recovered if and only if the low bits hold it, and so all
                        // sums between the extremes
                        let sums: Vec<i64> = ends.concat();
                        for &low in &sums {
                            for &high in &sums {
                                let packed = (high << s) + low;
                                let found = split(packed, s, top_digit || is_signed);
                                assert_eq!(found, [low, high], "D{digit_bits} A{lane_bits}");
                            }
                        }
                    }
                }
            }
        }
    }
}
