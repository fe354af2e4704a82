//! Accumulators of a layer under construction, at sampled positions.

use network::TensorSpec;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::calibrate::Spread;

/// Output positions at which accumulators are measured, per channel.
const N_SAMPLES: usize = 64;

/// A layer's sums of products, on sampled positions.
pub(crate) struct Sums<'a> {
    pub(crate) weights: &'a [i8],
    pub(crate) kernel: usize,
    pub(crate) from: TensorSpec,
    pub(crate) values: &'a [u8],
}

impl Sums<'_> {
    /// Of every output channel at the same sampled positions.
    pub(crate) fn spreads(
        &self,
        channels: usize,
        rng: &mut ChaCha8Rng,
        sum: impl Fn(&Self, usize, [usize; 2], usize) -> i32,
    ) -> Vec<Spread> {
        let draws: Vec<([usize; 2], usize)> = (0..N_SAMPLES)
            .map(|_| {
                let y = rng.random_range(0..self.from.height);
                ([y, rng.random_range(0..self.from.width)], rng.random_range(0..4))
            })
            .collect();
        let of_channel = |o| {
            let sums: Vec<i32> =
                draws.iter().map(|(at, phase)| sum(self, o, *at, *phase)).collect();
            Spread::of(&sums)
        };
        (0..channels).map(of_channel).collect()
    }

    fn value(&self, c: usize, y: usize, x: usize) -> i32 {
        self.from.decode(self.values[(c * self.from.height + y) * self.from.width + x])
    }

    /// Of a same-padded convolution.
    pub(crate) fn window(&self, o: usize, [y, x]: [usize; 2], _: usize) -> i32 {
        let (k, pad) = (self.kernel, self.kernel / 2);
        let mut sum = 0;
        for c in 0..self.from.channels {
            for i in (0..k).filter(|i| (pad..self.from.height + pad).contains(&(y + i))) {
                for j in (0..k).filter(|j| (pad..self.from.width + pad).contains(&(x + j))) {
                    let weight = self.weights[((o * self.from.channels + c) * k + i) * k + j];
                    sum += i32::from(weight) * self.value(c, y + i - pad, x + j - pad);
                }
            }
        }
        sum
    }

    /// Of one of the four phases of a transposed convolution.
    pub(crate) fn block(&self, o: usize, [y, x]: [usize; 2], phase: usize) -> i32 {
        let product = |c: usize| {
            let weight = self.weights[(o * self.from.channels + c) * 4 + phase];
            i32::from(weight) * self.value(c, y, x)
        };
        (0..self.from.channels).map(product).sum()
    }
}
