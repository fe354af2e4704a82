//! How a convolution multiplies one pixel with the weights of two output channels.

/// Pixels of one step.
pub(super) const PIXELS: usize = 4;
/// Output channels computed together.
pub(super) const LANES: usize = 2;

/// Sums of products of a step.
pub(super) type Sums = [[i32; PIXELS]; LANES];

/// One way to multiply; chosen once a layer.
pub(super) trait Taps {
    /// The weights of both channels for one tap.
    type Tap: Copy;
    /// Sums on the way.
    type Partial: Copy;
    /// Weights zero.
    const NO_TAP: Self::Tap;
    /// Sums zero.
    const NOTHING: Self::Partial;

    /// The weights of both channels as they are kept on the stack.
    fn tap(weights: [i8; LANES]) -> Self::Tap;
    /// Adds both channels' products of a tap with a pixel.
    fn multiply(partial: &mut Self::Partial, tap: Self::Tap, pixel: usize, value: i32);
    /// Adds what was summed up.
    fn finish(partial: &Self::Partial, sums: &mut Sums);
}

/// Two multiplications, for any number of bits.
pub(super) struct Wide;

impl Taps for Wide {
    type Tap = [i8; LANES];
    type Partial = Sums;
    const NO_TAP: [i8; LANES] = [0; LANES];
    const NOTHING: Sums = [[0; PIXELS]; LANES];

    #[inline(always)]
    fn tap(weights: [i8; LANES]) -> [i8; LANES] {
        weights
    }

    #[inline(always)]
    fn multiply(partial: &mut Sums, tap: [i8; LANES], pixel: usize, value: i32) {
        for lane in 0..LANES {
            let product = i32::from(tap[lane]) * value;
            partial[lane][pixel] = partial[lane][pixel].wrapping_add(product);
        }
    }

    #[inline(always)]
    fn finish(partial: &Sums, sums: &mut Sums) {
        for (sums, partial) in sums.iter_mut().zip(partial) {
            for (sum, part) in sums.iter_mut().zip(partial) {
                *sum = sum.wrapping_add(*part);
            }
        }
    }
}

/// One multiplication by `w0 + 2^16·w1`, whose sum holds both channels' sums as long as each fits
/// 16 bits with its sign.
pub(super) struct Paired;

impl Paired {
    /// Products of W-bit weights and values of the given largest magnitude that fit 16 bits.
    pub(super) fn n_products(weight_bits: u8, magnitude: i32) -> usize {
        let largest = (1usize << weight_bits.saturating_sub(1)) * magnitude.unsigned_abs() as usize;
        i16::MAX as usize / largest.max(1)
    }
}

impl Taps for Paired {
    type Tap = i32;
    type Partial = [i32; PIXELS];
    const NO_TAP: i32 = 0;
    const NOTHING: [i32; PIXELS] = [0; PIXELS];

    #[inline(always)]
    fn tap(weights: [i8; LANES]) -> i32 {
        i32::from(weights[0]) + i32::from(weights[1]) * (1 << 16)
    }

    #[inline(always)]
    fn multiply(partial: &mut [i32; PIXELS], tap: i32, pixel: usize, value: i32) {
        partial[pixel] = partial[pixel].wrapping_add(tap.wrapping_mul(value));
    }

    #[inline(always)]
    fn finish(partial: &[i32; PIXELS], sums: &mut Sums) {
        for (pixel, part) in partial.iter().enumerate() {
            let low = i32::from(*part as i16);
            let high = part.wrapping_sub(low) >> 16;
            sums[0][pixel] = sums[0][pixel].wrapping_add(low);
            sums[1][pixel] = sums[1][pixel].wrapping_add(high);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_hold_extreme_sums() {
        let check = |weights: [i8; 2], value: i32, n: usize| {
            let (mut partial, mut sums) = (Paired::NOTHING, [[1; PIXELS]; LANES]);
            for _ in 0..n {
                Paired::multiply(&mut partial, Paired::tap(weights), 2, value);
            }
            Paired::finish(&partial, &mut sums);
            let sum = |lane: usize| 1 + n as i32 * i32::from(weights[lane]) * value;
            assert_eq!([sums[0][2], sums[1][2]], [sum(0), sum(1)]);
            assert_eq!([sums[0][0], sums[1][3]], [1, 1]);
        };
        // 4 bits: magnitudes up to 8·63 = 504, and 65·504 = 32760
        assert_eq!(Paired::n_products(4, 63), 65);
        for weights in [[-8, -8], [-8, 7], [7, -8], [7, 7], [0, -1]] {
            check(weights, 63, 65);
            check(weights, -63, 65);
        }
        assert_eq!(Paired::n_products(8, 255), 1);
        check([-128, 127], 255, 1);
        assert_eq!(Paired::n_products(1, 1), 32767);
    }
}
