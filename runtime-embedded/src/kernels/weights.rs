//! Packed weight codes, unpacked for the output channels and input channels of one piece of work.

use network::format::PackedWeights;
use network::tiling::LANES;

use super::multiply::Multiply;

/// The codes of one layer from some index on; zeros past the end. BITS is W, or 0 for any.
struct Codes<'m, const BITS: u32> {
    bytes: core::slice::Iter<'m, u8>,
    bits: u32,
    /// Bits read and not yet handed out, lowest first.
    buffer: u32,
    n_buffered: u32,
}

impl<'m, const BITS: u32> Codes<'m, BITS> {
    /// Starts at code `first` of a layer.
    #[inline(always)]
    fn new(packed: PackedWeights<'m>, first: usize) -> Codes<'m, BITS> {
        let bits = if BITS == 0 { u32::from(packed.bits) } else { BITS };
        let first_bit = first.wrapping_mul(bits as usize);
        let mut bytes = packed.bytes.get(first_bit / 8..).unwrap_or_default().iter();
        let skip = (first_bit % 8) as u32;
        let buffer = bytes.next().map_or(0, |byte| u32::from(*byte)) >> skip;
        Codes { bytes, bits, buffer, n_buffered: 8 - skip }
    }

    /// The next code; one byte always suffices to refill, since W ≤ 8.
    #[inline(always)]
    fn next_code(&mut self) -> i32 {
        let bits = if BITS == 0 { self.bits } else { BITS };
        if self.n_buffered < bits {
            let byte = self.bytes.next().map_or(0, |byte| u32::from(*byte));
            self.buffer |= byte << (self.n_buffered & 31);
            self.n_buffered += 8;
        }
        let unused = 32u32.wrapping_sub(bits) & 31;
        let code = (self.buffer << unused) as i32 >> unused;
        self.buffer >>= bits & 31;
        self.n_buffered = self.n_buffered.wrapping_sub(bits);
        // one-bit codes are a sign: bit 0 is −1, bit 1, which reads as −1 here, is +1
        if bits == 1 { -1 - 2 * code } else { code }
    }
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
///
/// Four bits have a loop of their own, the quicker one.
pub(super) fn unpack(packed: PackedWeights, run: Run, multiply: Multiply, words: &mut [u32]) {
    match packed.bits {
        4 => unpack_codes::<4>(packed, run, multiply, words),
        _ => unpack_codes::<0>(packed, run, multiply, words),
    }
}

fn unpack_codes<const BITS: u32>(
    packed: PackedWeights,
    run: Run,
    multiply: Multiply,
    words: &mut [u32],
) {
    let (first, mask, second) = match multiply {
        Multiply::Pairs { .. } => (16, u32::MAX, 0),
        Multiply::Dual => (0, 0xFFFF, 16),
    };
    let stride = run.stride.max(1);
    let mut words = words.get_mut(run.first_word..).unwrap_or_default();
    let mut code = run.first_code;
    let mut left = run.channels;
    while left > 0 {
        let mut even = Codes::<BITS>::new(packed, code);
        if left > 1 {
            let mut odd = Codes::<BITS>::new(packed, code + run.taps);
            each_tap(words, stride, run.taps, || {
                let even = (even.next_code() as u32 & mask) << (first & 31);
                even.wrapping_add((odd.next_code() as u32) << (second & 31))
            });
        } else {
            each_tap(words, stride, run.taps, || (even.next_code() as u32 & mask) << (first & 31));
        }
        left = left.saturating_sub(2);
        code += 2 * run.taps;
        words = words.get_mut(LANES..).unwrap_or_default();
    }
}

/// Every `stride`th of the words, `taps` of them.
#[inline(always)]
fn each_tap(words: &mut [u32], stride: usize, taps: usize, mut next: impl FnMut() -> u32) {
    let mut at = 0;
    for _ in 0..taps {
        let Some(word) = words.get_mut(at) else { break };
        *word = next();
        at += stride;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_bit_codes_cross_bytes() {
        // -1 = 111, 2 = 010, -4 = 100, 3 = 011, lowest bit first: 00 010 111, 0000 011 1 in groups
        let packed = PackedWeights { bytes: &[0b0001_0111, 0b0000_0111], bits: 3 };
        let mut all = Codes::<0>::new(packed, 0);
        assert_eq!([(); 4].map(|()| all.next_code()), [-1, 2, -4, 3]);
        let mut late = Codes::<0>::new(packed, 2);
        assert_eq!([(); 2].map(|()| late.next_code()), [-4, 3]);
    }

    #[test]
    fn one_bit_is_a_sign_and_eight_bits_a_byte() {
        let packed = |bits| PackedWeights { bytes: &[0b1000_0101, 0x7F], bits };
        let mut signs = Codes::<0>::new(packed(1), 0);
        assert_eq!([(); 4].map(|()| signs.next_code()), [1, -1, 1, -1]);
        let mut bytes = Codes::<0>::new(packed(8), 0);
        assert_eq!([(); 2].map(|()| bytes.next_code()), [-123, 127]);
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
