//! How the lanes of the accelerator hold the network's input.

use crate::registers::{BankPlace, FeatureLayout};
use crate::tensor::TensorSpec;

/// How the input of the network lies in feature memory: as the first convolution reads it.
///
/// Channel c of the network becomes `row_taps` · (2 if split, else 1) channels: for each row from
/// `row_taps`/2 above to as many below, zero outside the image, the low bits and then the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputPacking {
    /// L, 1 to 7: a value x becomes x mod 2^L and floor(x / 2^L); none: it is kept whole.
    pub split_bits: Option<u8>,
    /// Rows in the lanes of one pixel: k of a k×k convolution that became 1×k, else 1; odd.
    pub row_taps: usize,
}

impl InputPacking {
    /// The input as the network has it.
    pub const PLAIN: InputPacking = InputPacking { split_bits: None, row_taps: 1 };

    /// Channels that one channel of the network becomes.
    pub const fn channels(&self) -> usize {
        if self.split_bits.is_some() { 2 * self.row_taps } else { self.row_taps }
    }

    /// Shape and format as the engine sees them.
    pub fn spec(&self, input: &TensorSpec) -> TensorSpec {
        let channels = input.channels * self.channels();
        let bits = match self.split_bits {
            None => input.bits,
            // the low part is never negative
            Some(low) => (input.bits - low).max(low + u8::from(input.signed)),
        };
        TensorSpec { channels, bits, ..*input }
    }

    /// Value of the packed channel `channel` at (y, x), from the CHW bytes of the network's input.
    ///
    /// # Panics
    /// If `values` is shorter than the input, or channel, `y` or `x` lie outside.
    pub fn value(
        &self,
        input: &TensorSpec,
        values: &[u8],
        channel: usize,
        [y, x]: [usize; 2],
    ) -> i32 {
        let part = channel % self.channels();
        let n_parts = self.channels() / self.row_taps;
        let row = (y + part / n_parts).checked_sub(self.row_taps / 2);
        let Some(row) = row.filter(|row| *row < input.height) else { return 0 };
        let plane = channel / self.channels() * input.plane();
        let value = input.decode(values[plane + row * input.width + x]);
        match self.split_bits {
            None => value,
            Some(low) if part.is_multiple_of(n_parts) => value & ((1 << low) - 1),
            Some(low) => value >> low,
        }
    }

    /// [`FeatureLayout::pack`] for the network's input: `place.group` counts packed channels.
    ///
    /// # Panics
    /// If `values` is shorter than the input, or `place` lies outside.
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
        let packing = InputPacking { split_bits: Some(2), row_taps: 3 };
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
}
