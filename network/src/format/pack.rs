//! Weight codes packed at exactly W bits, least significant bit first.
//!
//! One-bit codes: bit 0 is −1, bit 1 is +1. Wider codes: two's complement.

/// Bytes of `n_weights` codes of `bits` bits.
pub const fn packed_bytes(n_weights: usize, bits: u8) -> usize {
    (n_weights * bits as usize).div_ceil(8)
}

/// Packs the codes of one layer.
#[cfg(feature = "alloc")]
pub fn pack(weights: &[i8], bits: u8) -> alloc::vec::Vec<u8> {
    let mut bytes = alloc::vec![0u8; packed_bytes(weights.len(), bits)];
    for (index, weight) in weights.iter().enumerate() {
        let code = if bits == 1 { u16::from(*weight > 0) } else { *weight as u8 as u16 };
        let code = code & ((1 << bits) - 1);
        let (byte, shift) = (index * usize::from(bits) / 8, index * usize::from(bits) % 8);
        let spread = (code << shift).to_le_bytes();
        bytes[byte] |= spread[0];
        if spread[1] != 0 {
            bytes[byte + 1] |= spread[1];
        }
    }
    bytes
}

/// Packed codes, read in place.
#[derive(Clone, Copy, Debug)]
pub struct PackedWeights<'a> {
    /// At least [`packed_bytes`] bytes.
    pub bytes: &'a [u8],
    /// W, 1..=8.
    pub bits: u8,
}

impl PackedWeights<'_> {
    /// The code at `index`; 0 (or −1 for one bit) past the end.
    #[inline(always)]
    pub fn get(&self, index: usize) -> i32 {
        let bits = usize::from(self.bits);
        let (byte, shift) = (index * bits / 8, index * bits % 8);
        let low = u16::from(self.bytes.get(byte).copied().unwrap_or(0));
        let high = u16::from(self.bytes.get(byte + 1).copied().unwrap_or(0));
        let word = (low | high << 8) >> shift;
        if bits == 1 {
            return if word & 1 == 1 { 1 } else { -1 };
        }
        let unused = 16 - bits;
        i32::from((word << unused) as i16 >> unused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn three_bit_codes_cross_bytes() {
        // -1 = 111, 2 = 010, -4 = 100, least significant first: 00 010 111, 0000000 1
        assert_eq!(pack(&[-1, 2, -4], 3), [0b00_010_111, 0b1]);
        assert_eq!(pack(&[1, -1, 1], 1), [0b101]);
    }

    proptest! {
        #[test]
        fn unpack_inverts_pack(bits in 1..=8u8, raw in proptest::collection::vec(any::<i8>(), 0..40)) {
            let code = |w: &i8| if bits == 1 { if *w < 0 { -1 } else { 1 } } else { *w >> (8 - bits) };
            let weights: std::vec::Vec<i8> = raw.iter().map(code).collect();
            let bytes = pack(&weights, bits);
            prop_assert_eq!(bytes.len(), packed_bytes(weights.len(), bits));
            let view = PackedWeights { bytes: &bytes, bits };
            for (index, weight) in weights.iter().enumerate() {
                prop_assert_eq!(view.get(index), i32::from(*weight));
            }
        }
    }
}
