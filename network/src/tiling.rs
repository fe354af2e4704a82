//! How a layer is cut to fit its scratch memory: pixels of a row and input channels at a time.
//!
//! The planner asks how much scratch memory a layer wants, the kernel how to use what it was given;
//! both ask here.

use crate::graph::Operation;

/// Output channels, or phases of a transposed convolution, that are computed together.
pub const LANES: usize = 4;

/// What the scratch memory of a layer depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What the layer does.
    pub operation: Operation,
    /// Columns of a row of output; of input for a transposed convolution.
    pub width: usize,
    /// Input channels; output channels for a concat or upsampling that is stored.
    pub channels: usize,
}

/// Pixels and input channels of one piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    /// Columns computed together.
    pub pixels: usize,
    /// Input channels gathered and multiplied together.
    pub channels: usize,
}

impl Tiling {
    /// Channels filled up to pairs, which one word holds.
    pub fn channel_pairs(self) -> usize {
        self.channels.div_ceil(2)
    }
}

impl Shape {
    /// k of a convolution, else 1.
    pub fn kernel(&self) -> usize {
        match self.operation {
            Operation::Conv2d { kernel } => kernel,
            _ => 1,
        }
    }

    /// Words of a tiling: those that do not depend on channels, and those of a pair of channels.
    fn words_of(&self, pixels: usize) -> [usize; 2] {
        let kernel = self.kernel();
        // rows of values, columns of halo included, and weights of all lanes
        let rows = kernel * (pixels + kernel - 1);
        let weights = LANES * kernel * kernel;
        match self.operation {
            Operation::Conv2d { .. } | Operation::ConvTranspose2d => {
                [LANES * pixels, rows + weights]
            }
            Operation::Head { .. } => [(LANES + 1) * pixels, rows + weights],
            Operation::MaxPool2d => [0, 4 * pixels],
            Operation::Upsample2d | Operation::Concat => [0, pixels],
        }
    }

    /// 32-bit words of scratch memory that a tiling takes.
    pub fn words(&self, tiling: Tiling) -> usize {
        let [fixed, per_pair] = self.words_of(tiling.pixels);
        fixed + per_pair * tiling.channel_pairs()
    }

    /// Words with which the layer runs at all.
    pub fn least_words(&self) -> usize {
        self.words(Tiling { pixels: 1, channels: 1 })
    }

    /// Words with which it runs well: 16 columns, and all channels if they are 8 at most, else 6 at
    /// a time.
    pub fn compact_words(&self) -> usize {
        let channels = if self.channels <= 8 { self.channels } else { 6 };
        self.words(Tiling { pixels: self.width.min(16), channels })
    }

    /// Words beyond which nothing gets quicker: a whole row of all channels.
    pub fn most_words(&self) -> usize {
        self.words(Tiling { pixels: self.width, channels: self.channels })
    }

    /// The quickest tiling that fits; none if there are fewer than [`Self::least_words`].
    pub fn tiling(&self, words: usize) -> Option<Tiling> {
        let mut best: Option<(usize, Tiling)> = None;
        let mut pixels = self.width;
        loop {
            let [fixed, per_pair] = self.words_of(pixels);
            let pairs = words.saturating_sub(fixed).checked_div(per_pair).unwrap_or(0);
            if pairs > 0 {
                let tiling = Tiling { pixels, channels: self.channels.min(2 * pairs) };
                let cost = self.cost(tiling);
                if best.is_none_or(|(least, _)| cost < least) {
                    best = Some((cost, tiling));
                }
            }
            if pixels <= 1 {
                return best.map(|(_, tiling)| tiling);
            }
            pixels = pixels.div_ceil(2);
        }
    }

    /// Roughly the instructions beside a multiplication, times 1024: unpacking weights for the
    /// pixels, gathering channels again for each group of lanes, picking up sums.
    fn cost(&self, Tiling { pixels, channels }: Tiling) -> usize {
        let per = |cost: usize, of: usize| cost.checked_div(of).unwrap_or(0);
        let taps = self.kernel() * self.kernel();
        let gather = if channels < self.channels {
            per(1024 * (pixels + self.kernel() - 1), pixels * self.kernel())
        } else {
            0
        };
        per(8 * 1024, pixels) + gather + per(2 * 1024, taps * channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_all_channels_where_it_fits_and_less_where_not() {
        let operation = Operation::Conv2d { kernel: 3 };
        let shape = Shape { operation, width: 16, channels: 96 };
        // 16 pixels · 4 sums; 3 rows of 18 columns and 9 taps · 4 weights for 48 pairs
        assert_eq!(shape.most_words(), 64 + (54 + 36) * 48);
        let whole = Tiling { pixels: 16, channels: 96 };
        assert_eq!(shape.tiling(shape.most_words()), Some(whole));
        assert_eq!(shape.compact_words(), 64 + 90 * 3);
        let compact = Tiling { pixels: 16, channels: 6 };
        assert_eq!(shape.tiling(shape.compact_words()), Some(compact));
        let least = Tiling { pixels: 1, channels: 2 };
        assert_eq!(shape.tiling(shape.least_words()), Some(least));
        assert_eq!(shape.tiling(shape.least_words() - 1), None);
    }

    #[test]
    fn every_tiling_fits() {
        for operation in [
            Operation::Conv2d { kernel: 15 },
            Operation::ConvTranspose2d,
            Operation::MaxPool2d,
            Operation::Concat,
        ] {
            for (width, channels) in [(1, 1), (7, 3), (64, 24), (200, 2)] {
                let shape = Shape { operation, width, channels };
                for words in shape.least_words()..shape.most_words().min(3000) {
                    let tiling = shape.tiling(words).unwrap();
                    assert!(shape.words(tiling) <= words, "{shape:?} {words} {tiling:?}");
                }
            }
        }
    }
}
