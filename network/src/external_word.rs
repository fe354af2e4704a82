//! How a feature word lies in external memory: 32-bit units, low bits first, the lanes of pixel 0
//! lowest.

use crate::registers::FeatureLayout;

impl FeatureLayout {
    /// Units of a feature word.
    pub const fn word_units(&self) -> usize {
        (self.pixel_lanes * self.input_lanes * self.lane_bits).div_ceil(32)
    }

    /// Column and channel lane of each value in the words of pixel group `pixels` of a row of
    /// `width` columns; columns outside are left out.
    pub fn word_values(
        &self,
        pixels: usize,
        width: usize,
    ) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (first, n_lanes) = (pixels * self.pixel_lanes, self.input_lanes);
        let columns = first..(first + self.pixel_lanes).min(width);
        columns.flat_map(move |x| (0..n_lanes).map(move |lane| (x, lane)))
    }

    /// Writes the low bits of `code` into a lane of a pixel of a word that is zero there; what lies
    /// behind the end of `units` is left out.
    pub fn put(&self, units: &mut [u32], [pixel, lane]: [usize; 2], code: u32) {
        let bit = (pixel * self.input_lanes + lane) * self.lane_bits;
        let code = u64::from(code & ((1 << self.lane_bits) - 1)) << (bit % 32);
        for (index, half) in [(bit / 32, code as u32), (bit / 32 + 1, (code >> 32) as u32)] {
            if let Some(unit) = units.get_mut(index) {
                *unit |= half;
            }
        }
    }

    /// The code in a lane of a pixel of a word; zero where `units` is too short for it.
    pub fn get(&self, units: &[u32], [pixel, lane]: [usize; 2]) -> u32 {
        let bit = (pixel * self.input_lanes + lane) * self.lane_bits;
        let unit = |index: usize| units.get(index).map_or(0, |unit| u64::from(*unit));
        let both = unit(bit / 32) | unit(bit / 32 + 1) << 32;
        (both >> (bit % 32)) as u32 & ((1 << self.lane_bits) - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_word_by_hand() {
        let layout = FeatureLayout { input_lanes: 3, pixel_lanes: 2, lane_bits: 7 };
        let mut units = [0; 2];
        assert_eq!(layout.word_units(), 2);
        // lane 1 of pixel 1 begins at bit 28: four bits below, three above
        layout.put(&mut units, [1, 1], 0x55);
        layout.put(&mut units, [0, 0], 0xff);
        assert_eq!(units, [0x5000_007f, 0x5]);
        assert_eq!([[1, 1], [0, 0], [1, 2]].map(|at| layout.get(&units, at)), [0x55, 0x7f, 0]);
        // a row of three columns: the second word holds one of them
        assert!(layout.word_values(1, 3).eq([(2, 0), (2, 1), (2, 2)]));
    }
}
