//! The inner loop: sums of products of gathered rows with unpacked weights, for four output
//! channels ([`LANES`]) at every pixel.
//!
//! A word of a row holds the values `a0`, `a1` of two neighbouring input channels, a word of the
//! weights their codes `w0`, `w1` for one output channel. There are two ways to multiply them:
//!
//! * [`Multiply::Dual`]: halves times halves, exact for any W and A; one instruction where a
//!   processor has it (SMLAD).
//! * [`Multiply::Pairs`]: one 32-bit multiplication of `a0 + 2^16·a1` with `w1 + 2^16·w0`. Modulo
//!   2^32 it is `a0·w1 + 2^16·(a0·w0 + a1·w1)`; as long as the sums of both parts fit 16 bits with
//!   their signs, the upper half of the sum, rounded to nearest, is the sum of products.
//!
//! [`super::weights`] makes the words of weights for either.

#[cfg(all(any(target_arch = "arm", target_arch = "riscv32"), not(feature = "portable")))]
mod assembly;
#[cfg(all(any(target_arch = "arm", target_arch = "riscv32"), not(feature = "portable")))]
use assembly as chosen;
#[cfg(not(all(any(target_arch = "arm", target_arch = "riscv32"), not(feature = "portable"))))]
mod portable;
#[cfg(not(all(
    any(target_arch = "arm", target_arch = "riscv32"),
    not(feature = "portable")
)))]
use portable as chosen;

use network::TensorSpec;
use network::tiling::LANES;
use network::validate::MAX_KERNEL;

/// Pairs of products below which [`Multiply::Pairs`] spends more on taking sums apart than it
/// saves.
const LEAST_INTERVAL: usize = 3;

/// How a layer multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Multiply {
    /// Both halves at once in one multiplication; sums are taken apart after `interval` words.
    Pairs {
        /// Words.
        interval: usize,
    },
    /// Each half with its own.
    Dual,
}

impl Multiply {
    /// The quickest way that is exact for W-bit weights and values of a tensor.
    pub(super) fn new(weight_bits: u8, spec: &TensorSpec) -> Multiply {
        if cfg!(all(target_arch = "arm", feature = "arm-dsp", not(feature = "portable"))) {
            return Multiply::Dual;
        }
        let largest = spec.max_value().max(-spec.min_value()) as usize;
        let largest_weight = 1usize << (weight_bits.saturating_sub(1) & 7);
        // both products of a pair
        let interval = 32767usize.checked_div(2 * largest * largest_weight).unwrap_or(0);
        if interval < LEAST_INTERVAL { Multiply::Dual } else { Multiply::Pairs { interval } }
    }
}

/// Rows of values and the weights that meet them, at pixels side by side.
pub(super) struct Sweep<'a> {
    /// [`LANES`] sums for each pixel, which products are added to.
    pub sums: &'a mut [u32],
    /// For each row and each of its words, [`LANES`] words of weights.
    pub weights: &'a [u32],
    /// All rows.
    pub values: &'a [u32],
    /// Where each row begins in `values`.
    pub starts: [usize; MAX_KERNEL],
    /// Rows.
    pub n_rows: usize,
    /// Words of a row that one pixel reads.
    pub row_words: usize,
    /// Words from one pixel to the next.
    pub stride: usize,
}

impl Sweep<'_> {
    /// Adds all products to the sums.
    pub(super) fn run(self, multiply: Multiply) {
        debug_assert!(self.is_inside());
        chosen::run(self, multiply);
    }

    /// True if every word that is read or written lies in its slice.
    fn is_inside(&self) -> bool {
        let n_pixels = self.sums.len() / LANES;
        let reach = n_pixels.saturating_sub(1) * self.stride + self.row_words;
        let starts = self.starts.iter().take(self.n_rows);
        self.n_rows <= MAX_KERNEL
            && self.weights.len() >= self.n_rows * self.row_words * LANES
            && starts.into_iter().all(|start| start + reach <= self.values.len())
    }
}
