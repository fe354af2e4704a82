//! CRC-32 (IEEE 802.3, reflected), with a table of 16 words: a board has room for no more, and no
//! index can be out of bounds.

const POLYNOMIAL: u32 = 0xEDB8_8320;

/// What the lowest four bits do.
const TABLE: [u32; 16] = {
    let mut table = [0; 16];
    let mut index = 0;
    while index < 16 {
        let (mut crc, mut bit) = (index as u32, 0);
        while bit < 4 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

/// The checksum of parts that follow one another.
pub(super) fn crc32(parts: &[&[u8]]) -> u32 {
    let mut crc = u32::MAX;
    for byte in parts.iter().copied().flatten() {
        crc ^= u32::from(*byte);
        crc = (crc >> 4) ^ TABLE[(crc & 15) as usize];
        crc = (crc >> 4) ^ TABLE[(crc & 15) as usize];
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn check_value_of_the_standard() {
        assert_eq!(crc32(&[b"123456789"]), 0xCBF4_3926);
        assert_eq!(crc32(&[]), 0);
    }

    proptest! {
        #[test]
        fn equals_crc32fast(a in prop::collection::vec(any::<u8>(), 0..70), b in any::<[u8; 9]>()) {
            let whole = [&a[..], &b].concat();
            prop_assert_eq!(crc32(&[&a, &b]), crc32fast::hash(&whole));
        }
    }
}
