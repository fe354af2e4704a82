//! Requantization in 32 bits: equal to [`network::requantize`], which takes 64.

use network::ChannelParams;
use network::tiling::LANES;

/// Shift and clamp of a layer.
#[derive(Clone, Copy)]
pub(super) struct Clamp {
    /// S.
    pub shift: u8,
    /// Smallest result, −32768 or more.
    pub low: i32,
    /// Largest result, 32767 or less.
    pub high: i32,
}

/// Scale and bias of one output channel.
#[derive(Clone, Copy)]
pub(super) struct Rescale {
    multiplier: i32,
    bias: i32,
    clamp: Clamp,
    /// `acc·M + B` fits 32 bits for every sum of the layer.
    is_narrow: bool,
}

impl Rescale {
    /// `largest_sum` bounds the magnitude of the layer's sums.
    pub(super) fn new(params: ChannelParams, clamp: Clamp, largest_sum: u64) -> Rescale {
        let magnitude = u64::from(params.multiplier.unsigned_abs());
        let largest = largest_sum.saturating_mul(magnitude);
        let largest = largest.saturating_add(params.bias.unsigned_abs().into());
        Rescale {
            multiplier: params.multiplier.into(),
            bias: params.bias,
            clamp,
            is_narrow: largest <= i32::MAX as u64,
        }
    }

    /// Results of a lane's sums at all pixels, as `store` takes them.
    #[inline(always)]
    pub(super) fn all(self, sums: &[[u32; LANES]], lane: usize, mut store: impl FnMut(i32)) {
        let Clamp { shift, low, high } = self.clamp;
        let sums = sums.iter().map_while(|sums| sums.get(lane % LANES));
        if self.is_narrow {
            for sum in sums {
                let scaled = (*sum as i32).wrapping_mul(self.multiplier).wrapping_add(self.bias);
                store((scaled >> (shift & 31)).max(low).min(high));
            }
        } else {
            for sum in sums {
                store(self.wide(*sum as i32).max(low).min(high));
            }
        }
    }

    /// `(acc·M + B) >> S`, exact wherever it lies in 16 bits and beyond them on the same side.
    ///
    /// acc = h·2^16 + l and B likewise, so that every part fits: `y = l·M + B_l` is at least
    /// −65535·32768 and at most 65535·32767 + 65535, and `x = h·M + B_h + (y >> 16)` is small. Then
    /// acc·M + B = x·2^16 + (y mod 2^16).
    #[inline(always)]
    fn wide(&self, acc: i32) -> i32 {
        let (m, bias, shift) = (self.multiplier, self.bias, u32::from(self.clamp.shift));
        let y = (acc & 0xFFFF).wrapping_mul(m).wrapping_add(bias & 0xFFFF);
        let x = (acc >> 16).wrapping_mul(m).wrapping_add(bias >> 16).wrapping_add(y >> 16);
        if shift >= 16 {
            return x >> ((shift - 16) & 31);
        }
        let x = x.clamp(-32768, 32767);
        x << ((16 - shift) & 31) | (y & 0xFFFF) >> shift
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::arithmetic::{LOGIT_MAX, LOGIT_MIN};
    use proptest::prelude::*;

    fn check(acc: i32, multiplier: i16, bias: i32, shift: u8, low: i32, high: i32) {
        let params = ChannelParams { multiplier, bias };
        let expected = network::requantize(acc, params, shift, low, high);
        let clamp = Clamp { shift, low, high };
        for largest_sum in [u64::MAX, acc.unsigned_abs().into()] {
            let rescale = Rescale::new(params, clamp, largest_sum);
            let mut found = None;
            rescale.all(&[[0, 0, acc as u32, 0]], 2, |value| found = Some(value));
            assert_eq!(found, Some(expected), "{acc} {multiplier} {bias} {shift} {largest_sum}");
        }
    }

    #[test]
    fn extremes_equal_the_64_bit_formula() {
        let accs = [i32::MIN, i32::MIN + 1, -65537, -65536, -1, 0, 1, 65535, 65536, i32::MAX];
        for acc in accs {
            for multiplier in [i16::MIN, -1, 0, 1, i16::MAX] {
                for bias in accs {
                    for shift in 0..=31 {
                        check(acc, multiplier, bias, shift, LOGIT_MIN, LOGIT_MAX);
                        check(acc, multiplier, bias, shift, 0, 255);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_sum_equals_the_64_bit_formula(
            acc in any::<i32>(), narrow in -70000..70000i32, multiplier in any::<i16>(),
            bias in any::<i32>(), shift in 0..=31u8,
        ) {
            check(acc, multiplier, bias, shift, LOGIT_MIN, LOGIT_MAX);
            check(narrow, multiplier, bias >> 8, shift, -128, 127);
            check(narrow, multiplier, bias, shift, 0, 63);
        }
    }
}
