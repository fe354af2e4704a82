//! Weights arranged for the sums of products: blocks of output channels, taps inside.

use network::TensorSpec;

/// Output channels that are summed together.
pub(crate) const BLOCK: usize = 8;

/// The weights of one layer.
pub(crate) struct Dense {
    pub(crate) blocks: Vec<Block>,
}

/// The weights of up to [`BLOCK`] output channels; missing channels have zero weights.
pub(crate) struct Block {
    /// First output channel.
    pub(crate) first: usize,
    /// Number of output channels.
    pub(crate) count: usize,
    /// One entry a tap: the weights of all channels of the block.
    pub(crate) taps: Vec<[i16; BLOCK]>,
    /// Ends of the runs of taps whose sums cannot leave 16 bits, whatever the input is.
    pub(crate) run_ends: Vec<usize>,
}

impl Dense {
    /// Arranges `weight(channel, tap)` for inputs of the format of `input`.
    pub(crate) fn new(
        [n_channels, n_taps]: [usize; 2],
        input: &TensorSpec,
        weight: impl Fn(usize, usize) -> i8,
    ) -> Dense {
        let largest = input.max_value().max(-input.min_value());
        let block = |first: usize| {
            let count = BLOCK.min(n_channels - first);
            let lane = |o: usize, tap: usize| if o < count { weight(first + o, tap) } else { 0 };
            let taps: Vec<[i16; BLOCK]> =
                (0..n_taps).map(|tap| std::array::from_fn(|o| i16::from(lane(o, tap)))).collect();
            let run_ends = run_ends(&taps, largest);
            Block { first, count, taps, run_ends }
        };
        Dense { blocks: (0..n_channels).step_by(BLOCK).map(block).collect() }
    }
}

/// Cuts the taps into the longest runs with `Σ|w|·largest ≤ 32767` in every channel.
///
/// One product always fits: |w| ≤ 128 and largest ≤ 255 give at most 32640.
fn run_ends(taps: &[[i16; BLOCK]], largest: i32) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut bounds = [0i32; BLOCK];
    for (index, weights) in taps.iter().enumerate() {
        let grown = add_magnitudes(bounds, weights, largest);
        if grown.iter().any(|b| *b > i32::from(i16::MAX)) {
            ends.push(index);
            bounds = add_magnitudes([0; BLOCK], weights, largest);
        } else {
            bounds = grown;
        }
    }
    ends.push(taps.len());
    ends
}

fn add_magnitudes(bounds: [i32; BLOCK], weights: &[i16; BLOCK], largest: i32) -> [i32; BLOCK] {
    std::array::from_fn(|o| bounds[o] + i32::from(weights[o]).abs() * largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: TensorSpec =
        TensorSpec { channels: 1, height: 1, width: 1, bits: 8, signed: false };

    #[test]
    fn runs_end_before_16_bits_overflow() {
        // 255·128 = 32640 fits, a second product does not; 255·64 twice is 32640
        let weights = [[-128, 1], [-128, 1], [64, 1], [64, 1], [0, 1]];
        let dense = Dense::new([2, 5], &INPUT, |o, tap| weights[tap][o]);
        assert_eq!(dense.blocks.len(), 1);
        assert_eq!(dense.blocks[0].run_ends, [1, 2, 5]);
        assert_eq!(dense.blocks[0].taps[0], [-128, 1, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn blocks_cover_all_channels() {
        let dense = Dense::new([19, 1], &INPUT, |o, _| o as i8);
        let ranges: Vec<_> = dense.blocks.iter().map(|b| (b.first, b.count)).collect();
        assert_eq!(ranges, [(0, 8), (8, 8), (16, 3)]);
        assert_eq!(dense.blocks[2].taps, [[16, 17, 18, 0, 0, 0, 0, 0]]);
    }
}
