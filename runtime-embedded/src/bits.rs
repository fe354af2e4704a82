//! Values of a fixed number of bits that follow one another in words, least significant first.

/// The values of a row from some index on; zeros past the end.
pub(crate) struct Bits<'a> {
    words: core::slice::Iter<'a, u32>,
    bits: u32,
    /// Bits read and not yet handed out, lowest first.
    buffer: u32,
    n_buffered: u32,
}

impl<'a> Bits<'a> {
    /// Starts at value `first`; `bits` is 1..=8.
    #[inline(always)]
    pub(crate) fn new(words: &'a [u32], bits: u8, first: usize) -> Bits<'a> {
        let bits = u32::from(bits);
        let first_bit = first.wrapping_mul(bits as usize);
        let mut words = words.get(first_bit / 32..).unwrap_or_default().iter();
        let skip = (first_bit % 32) as u32;
        let buffer = words.next().copied().unwrap_or(0) >> skip;
        Bits { words, bits, buffer, n_buffered: 32 - skip }
    }

    /// The next value.
    #[inline(always)]
    pub(crate) fn next_value(&mut self, signed: bool) -> i32 {
        let unused = 32u32.wrapping_sub(self.bits) & 31;
        let value = if self.n_buffered >= self.bits {
            let value = self.buffer << unused;
            self.buffer >>= self.bits & 31;
            self.n_buffered -= self.bits;
            value
        } else {
            let word = self.words.next().copied().unwrap_or(0);
            let value = (self.buffer | word << (self.n_buffered & 31)) << unused;
            // fewer than 8 of the word's bits complete the value
            let used = self.bits.wrapping_sub(self.n_buffered) & 31;
            self.buffer = word >> used;
            self.n_buffered = 32 - used;
            value
        };
        if signed { value as i32 >> unused } else { (value >> unused) as i32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cross_words() {
        // 6-bit values 1, 2, 3, 4, 5 fill 30 bits; 63 crosses into the next word, which goes on with 9
        let words = [0b11_000101_000100_000011_000010_000001, 0b00_1001_1111];
        let mut all = Bits::new(&words, 6, 0);
        assert_eq!([(); 7].map(|()| all.next_value(false)), [1, 2, 3, 4, 5, 63, 9]);
        let mut late = Bits::new(&words, 6, 5);
        assert_eq!(late.next_value(true), -1);
        assert_eq!(late.next_value(true), 9);
    }

    #[test]
    fn a_word_may_end_with_a_value() {
        let words = [0x8000_00FF, 0x0000_007F];
        let mut bytes = Bits::new(&words, 8, 3);
        assert_eq!([bytes.next_value(true), bytes.next_value(true)], [-128, 127]);
        assert_eq!(bytes.next_value(false), 0);
        let mut ones = Bits::new(&words, 1, 31);
        assert_eq!([(); 3].map(|()| ones.next_value(false)), [1, 1, 1]);
    }
}
