//! Packed weight codes, unpacked for the output channels and input channels of one piece of work.

use network::format::PackedWeights;
use network::tiling::LANES;

use super::multiply::Multiply;

/// Codes that lie in 32 bits for each W, wherever in its first byte the first one begins: 25 bits of
/// them, more where W and 8 have a divisor.
const CODES: [usize; 9] = [1, 25, 13, 8, 7, 5, 4, 3, 4];

/// `n_bits` bits of the file from some bit on, in the upper end of a word; zeros past the end.
#[inline(always)]
fn window(bytes: &[u8], first_bit: usize, n_bits: usize) -> u32 {
    let word = match bytes.get(first_bit / 8..).and_then(<[u8]>::first_chunk) {
        Some(bytes) => u32::from_le_bytes(*bytes),
        None => last_window(bytes, first_bit / 8),
    };
    word >> (first_bit % 8) << (32usize.wrapping_sub(n_bits) & 31)
}

#[cold]
#[inline(never)]
fn last_window(bytes: &[u8], first: usize) -> u32 {
    let bytes = bytes.iter().skip(first).rev();
    bytes.fold(0, |word, byte| word << 8 | u32::from(*byte))
}

/// Where the codes of one run go: `taps` of each channel, one behind the other.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// Index of the first code in the layer.
    pub first_code: usize,
    /// Input channels.
    pub channels: usize,
    /// Codes of a channel.
    pub taps: usize,
    /// Word of the first code.
    pub first_word: usize,
    /// Words from a tap to the next.
    pub stride: usize,
}

/// Unpacks a run: channels `2i` and `2i + 1` share the word `first_word + LANES·i + stride·tap`.
pub(super) fn unpack(packed: PackedWeights, run: Run, multiply: Multiply, words: &mut [u32]) {
    let bits = usize::from(packed.bits);
    let most = CODES.get(bits).map_or(1, |most| *most);
    let mut words = words.get_mut(run.first_word..).unwrap_or_default();
    let mut first_bit = run.first_code.wrapping_mul(bits);
    let mut left = run.taps;
    while left > 0 {
        let n_taps = left.min(most);
        let taps = Taps {
            bits,
            n_bits: n_taps * bits,
            channel_bits: run.taps * bits,
            last_word: (n_taps - 1) * run.stride,
            stride: run.stride,
        };
        let channels = Channels { bytes: packed.bytes, first_bit, left: run.channels };
        match multiply {
            Multiply::Pairs { .. } => {
                taps.unpack(channels, words, |even, odd| (even << 16).wrapping_add(odd));
            }
            Multiply::Dual => taps.unpack(channels, words, |even, odd| even & 0xFFFF | odd << 16),
        }
        words = words.get_mut(n_taps * run.stride..).unwrap_or_default();
        first_bit += n_taps * bits;
        left -= n_taps;
    }
}

/// Taps whose codes, of one channel, lie in one window.
struct Taps {
    /// W.
    bits: usize,
    /// Bits of these taps.
    n_bits: usize,
    /// Bits of all taps of a channel.
    channel_bits: usize,
    /// Word of the last of these taps.
    last_word: usize,
    /// Words from a tap to the next.
    stride: usize,
}

/// Channels to unpack, the first one's first tap at a bit.
struct Channels<'m> {
    bytes: &'m [u8],
    first_bit: usize,
    left: usize,
}

impl Taps {
    /// Unpacks these taps of all channels.
    #[inline(always)]
    fn unpack(
        &self,
        channels: Channels,
        mut words: &mut [u32],
        join: impl Fn(u32, u32) -> u32 + Copy,
    ) {
        let Channels { bytes, first_bit: mut bit, mut left } = channels;
        // one-bit codes are a sign: bit 0 is −1 and bit 1, which inverted reads as 0, is 0 | 1
        let (flip, one) = if self.bits == 1 { (u32::MAX, 1) } else { (0, 0) };
        loop {
            let even = window(bytes, bit, self.n_bits) ^ flip;
            if left > 1 {
                let odd = window(bytes, bit + self.channel_bits, self.n_bits) ^ flip;
                self.join(words, [even, odd], |even, odd| join(even | one, odd | one));
            } else {
                self.join(words, [even, 0], |even, odd| join(even | one, odd));
            }
            let rest = words.get_mut(LANES..);
            let (true, Some(rest)) = (left > 2, rest) else { return };
            words = rest;
            bit += 2 * self.channel_bits;
            left -= 2;
        }
    }

    /// Gives the words, from the last on, a code of each window, from above.
    #[inline(always)]
    fn join(
        &self,
        words: &mut [u32],
        [mut even, mut odd]: [u32; 2],
        join: impl Fn(u32, u32) -> u32,
    ) {
        let (bits, unused) = (self.bits & 31, 32usize.wrapping_sub(self.bits) & 31);
        let mut at = Some(self.last_word);
        while let Some(word) = at.and_then(|at| words.get_mut(at)) {
            *word = join((even as i32 >> unused) as u32, (odd as i32 >> unused) as u32);
            even <<= bits;
            odd <<= bits;
            at = at.and_then(|at| at.checked_sub(self.stride));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first `n` codes of one channel from some code on.
    fn codes(bytes: &[u8], bits: u8, first_code: usize, n: usize) -> std::vec::Vec<i16> {
        let run = Run { first_code, channels: 1, taps: n, first_word: 0, stride: 1 };
        let mut words = std::vec![9; n];
        unpack(PackedWeights { bytes, bits }, run, Multiply::Dual, &mut words);
        words.iter().map(|word| *word as i16).collect()
    }

    #[test]
    fn three_bit_codes_cross_bytes() {
        // -1 = 111, 2 = 010, -4 = 100, 3 = 011, lowest bit first: 00 010 111, 0000 011 1 in groups
        let bytes = [0b0001_0111, 0b0000_0111];
        assert_eq!(codes(&bytes, 3, 0, 4), [-1, 2, -4, 3]);
        assert_eq!(codes(&bytes, 3, 2, 2), [-4, 3]);
    }

    #[test]
    fn one_bit_is_a_sign_and_eight_bits_a_byte() {
        assert_eq!(codes(&[0b1000_0101, 0x7F], 1, 0, 4), [1, -1, 1, -1]);
        assert_eq!(codes(&[0b1000_0101, 0x7F], 8, 0, 2), [-123, 127]);
    }

    #[test]
    fn every_code_of_every_width_equals_the_format() {
        let bytes: std::vec::Vec<u8> = (0..40u32).map(|i| (i * i * 37 + 11 * i) as u8).collect();
        for bits in 1..=8 {
            let packed = PackedWeights { bytes: &bytes, bits };
            let n_codes = 8 * bytes.len() / usize::from(bits);
            for first in 0..16 {
                let expected = (first..n_codes).map(|code| packed.get(code) as i16);
                let found = codes(&bytes, bits, first, n_codes - first);
                assert!(found.into_iter().eq(expected), "{bits} bits from code {first}");
            }
        }
    }

    #[test]
    fn channels_share_words_and_an_odd_one_stands_alone() {
        // two taps of three channels: 1, 2; -3, 4; 5, -6
        let packed = PackedWeights { bytes: &[0x21, 0x4D, 0xA5], bits: 4 };
        let run = Run { first_code: 0, channels: 3, taps: 2, first_word: 1, stride: 8 };
        let mut words = [9; 16];
        unpack(packed, run, Multiply::Dual, &mut words);
        assert_eq!([words[1], words[9]], [0xFFFD_0001, 0x0004_0002]);
        assert_eq!([words[5], words[13]], [0x0005, 0xFFFA]);
        let mut words = [9; 16];
        unpack(packed, run, Multiply::Pairs { interval: 8 }, &mut words);
        // first·2^16 + second
        assert_eq!([words[1], words[9]], [0x0000_FFFD, 0x0002_0004]);
        assert_eq!([words[5], words[13]], [0x0005_0000, 0xFFFA_0000]);
        assert_eq!(words[0], 9);
    }
}
