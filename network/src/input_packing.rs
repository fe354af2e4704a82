//! How the lanes of the accelerator hold the network's input.

use crate::registers::{BankPlace, FeatureLayout};
use crate::tensor::TensorSpec;

/// How the input of the network lies in feature memory: as the first convolution reads it.
///
/// Channel c of the network becomes `row_taps` · `parts` channels: for each row from `row_taps`/2
/// above to as many below, zero outside the image, the parts of the value from the lowest bits on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputPacking {
    /// Channels that hold a value together; 1: it is kept whole.
    pub parts: usize,
    /// L: part p of a value x is floor(x / 2^(p·L)), modulo 2^L but for the last; 0 if kept whole.
    pub part_bits: u8,
    /// Rows in the lanes of one pixel: k of a k×k convolution that became 1×k, else 1; odd.
    pub row_taps: usize,
}

impl InputPacking {
    /// The input as the network has it.
    pub const PLAIN: InputPacking = InputPacking { parts: 1, part_bits: 0, row_taps: 1 };

    /// Channels that one channel of the network becomes.
    pub const fn channels(&self) -> usize {
        self.parts * self.row_taps
    }

    /// Whether values of so many bits can be split so: every part has bits of its own.
    pub fn splits(&self, bits: u8) -> bool {
        match self.parts {
            1 => self.part_bits == 0,
            parts => self.part_bits > 0 && self.last_shift() < u32::from(bits) && parts > 1,
        }
    }

    /// Bits below the last part.
    pub fn last_shift(&self) -> u32 {
        self.parts.saturating_sub(1).min(64) as u32 * u32::from(self.part_bits)
    }

    /// Shape and format as the engine sees them.
    pub fn spec(&self, input: &TensorSpec) -> TensorSpec {
        let channels = input.channels * self.channels();
        let last = input.bits - self.last_shift() as u8;
        // the parts below are never negative
        let below = if self.parts > 1 { self.part_bits + u8::from(input.signed) } else { 0 };
        let bits = last.max(below);
        TensorSpec { channels, bits, ..*input }
    }

    /// Value of the packed channel `channel` at (y, x), from the CHW bytes of the network's input;
    /// that of the byte zero where `values` is too short for it.
    pub fn value(
        &self,
        input: &TensorSpec,
        values: &[u8],
        channel: usize,
        [y, x]: [usize; 2],
    ) -> i32 {
        let (parts, n_channels) = (self.parts.max(1), self.channels().max(1));
        let part = channel % n_channels;
        let row = (y + part / parts).checked_sub(self.row_taps / 2);
        let Some(row) = row.filter(|row| *row < input.height) else { return 0 };
        let plane = channel / n_channels * input.plane();
        let byte = values.get(plane + row * input.width + x).copied().unwrap_or(0);
        let value = input.decode(byte);
        let part = part % parts;
        let shifted = value >> (part as u32 * u32::from(self.part_bits));
        if part + 1 == parts { shifted } else { shifted & ((1 << self.part_bits) - 1) }
    }

    /// [`FeatureLayout::pack`] for the network's input: `place.group` counts packed channels.
    pub fn pack(
        &self,
        layout: &FeatureLayout,
        input: &TensorSpec,
        values: &[u8],
        place: BankPlace,
        index: usize,
    ) -> u32 {
        let n_channels = input.channels * self.channels();
        let value = |channel| self.value(input, values, channel, [place.y, place.x]);
        layout.pack_lanes(n_channels, place.group, index, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_input_by_hand() {
        let packing = InputPacking { parts: 2, part_bits: 2, row_taps: 3 };
        let spec = TensorSpec { channels: 1, height: 2, width: 1, bits: 8, signed: true };
        // -128 = 4 * -32 + 0, 27 = 4 * 6 + 3
        let bytes = [0x80, 27];
        let at = |y| core::array::from_fn(|channel| packing.value(&spec, &bytes, channel, [y, 0]));
        assert_eq!(at(0), [0, 0, 0, -32, 3, 6]);
        assert_eq!(at(1), [0, -32, 3, 6, 0, 0]);
        let packed = packing.spec(&spec);
        assert_eq!((packed.channels, packed.bits, packed.signed), (6, 6, true));
        let layout = FeatureLayout { input_lanes: 4, pixel_lanes: 1, lane_bits: 6 };
        let place = BankPlace { group: 1, y: 0, x: 0 };
        assert_eq!(packing.pack(&layout, &spec, &bytes, place, 0), 3 | 6 << 6);
        assert_eq!(InputPacking::PLAIN.spec(&spec), spec);
    }

    #[test]
    fn four_parts_by_hand() {
        let packing = InputPacking { parts: 4, part_bits: 2, row_taps: 1 };
        let spec = TensorSpec { channels: 1, height: 2, width: 1, bits: 8, signed: true };
        // -77 = 64 * -2 + 16 * 3 + 4 * 0 + 3, 127 = 64 + 16 * 3 + 4 * 3 + 3
        let bytes = [-77i8 as u8, 127];
        let at = |y| core::array::from_fn(|channel| packing.value(&spec, &bytes, channel, [y, 0]));
        assert_eq!(at(0), [3, 0, 3, -2]);
        assert_eq!(at(1), [3, 3, 3, 1]);
        assert_eq!(packing.spec(&spec), TensorSpec { channels: 4, bits: 3, ..spec });
        assert!(packing.splits(8) && packing.splits(7) && !packing.splits(6));
        assert!(!InputPacking { part_bits: 0, ..packing }.splits(8));
        assert!(!InputPacking { parts: usize::MAX, ..packing }.splits(8));
        assert!(!InputPacking { parts: 0, ..packing }.splits(8));
        assert!(!InputPacking { parts: 1, ..packing }.splits(8));
        assert!(InputPacking::PLAIN.splits(1));
    }
}
