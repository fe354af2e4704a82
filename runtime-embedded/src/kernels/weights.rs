//! Packed weight codes read in order.

use network::format::PackedWeights;

/// The codes of one layer from some index on; zeros past the end.
pub(super) struct Codes<'m> {
    bytes: core::slice::Iter<'m, u8>,
    bits: u32,
    /// Bits read and not yet handed out, lowest first.
    buffer: u32,
    n_buffered: u32,
}

/// Starts at code `first` of a layer.
pub(super) fn codes(packed: PackedWeights<'_>, first: usize) -> Codes<'_> {
    let bits = u32::from(packed.bits);
    let first_bit = first.wrapping_mul(bits as usize);
    let mut bytes = packed.bytes.get(first_bit / 8..).unwrap_or(&[]).iter();
    let skip = (first_bit % 8) as u32;
    let buffer = bytes.next().map_or(0, |byte| u32::from(*byte)) >> skip;
    Codes { bytes, bits, buffer, n_buffered: 8 - skip }
}

impl Codes<'_> {
    /// The next code; one byte always suffices to refill, since W ≤ 8.
    #[inline(always)]
    pub(super) fn next_code(&mut self) -> i8 {
        if self.n_buffered < self.bits {
            let byte = self.bytes.next().map_or(0, |byte| u32::from(*byte));
            self.buffer |= byte << self.n_buffered;
            self.n_buffered += 8;
        }
        let code = self.buffer;
        self.buffer >>= self.bits;
        self.n_buffered = self.n_buffered.wrapping_sub(self.bits);
        if self.bits == 1 {
            return (2 * (code & 1)) as i8 - 1;
        }
        let unused = 8u32.wrapping_sub(self.bits) & 7;
        ((code << unused) as i8) >> unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_bit_codes_cross_bytes() {
        // -1 = 111, 2 = 010, -4 = 100, 3 = 011, lowest bit first: 00 010 111, 0000 011 1 in groups
        let packed = PackedWeights { bytes: &[0b0001_0111, 0b0000_0111], bits: 3 };
        let mut all = codes(packed, 0);
        assert_eq!([(); 4].map(|()| all.next_code()), [-1, 2, -4, 3]);
        let mut late = codes(packed, 2);
        assert_eq!([(); 2].map(|()| late.next_code()), [-4, 3]);
    }

    #[test]
    fn one_bit_is_a_sign_and_eight_bits_a_byte() {
        let packed = |bits| PackedWeights { bytes: &[0b1000_0101, 0x7F], bits };
        let mut signs = codes(packed(1), 0);
        assert_eq!([(); 4].map(|()| signs.next_code()), [1, -1, 1, -1]);
        let mut bytes = codes(packed(8), 0);
        assert_eq!([(); 2].map(|()| bytes.next_code()), [-123, 127]);
    }
}
