//! What all convolutions share: rows of the input are gathered, weights unpacked, products summed,
//! a group of output channels at a time; an operation says where weights come from and what becomes
//! of the sums.

use core::ops::Range;

use network::tiling::LANES;
use network::validate::MAX_KERNEL;

use super::Job;
use super::gather::{Window, to_pairs};
use super::memory::Memory;
use super::multiply::{Multiply, Sweep};
use super::weights::{Run, unpack};

/// How weights are laid out in the file, by which lanes are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lanes {
    /// A lane is an output channel; a channel's codes follow one another.
    Outputs,
    /// A lane is a tap of one output channel.
    Taps,
}

/// Sums of a group of lanes at some pixels of a row.
pub(super) struct Group {
    /// Index of the group.
    pub index: usize,
    /// Row of the input.
    pub y: usize,
    /// Columns.
    pub columns: Range<usize>,
}

/// A convolution ready to run.
pub(super) struct Convolution<'j, 'l, 'm> {
    pub job: &'j Job<'l, 'm>,
    /// k of the window that slides over the input.
    pub kernel: usize,
    pub lanes: Lanes,
    pub n_groups: usize,
    /// Words at the start of scratch memory that are the operation's own.
    pub n_own_words: usize,
}

/// Scratch memory behind the operation's own words: sums first.
struct Scratch<'a> {
    sums: &'a mut [u32],
    weights: &'a mut [u32],
    rows: &'a mut [u32],
}

impl Convolution<'_, '_, '_> {
    /// Runs all rows; `start` is called before a row is written, `finish` with the sums of each group.
    ///
    /// All operations share one copy of this in the image.
    pub(super) fn run(
        &self,
        memory: &mut Memory,
        start: &dyn Fn(&mut Memory, usize),
        finish: &dyn Fn(&mut Memory, &Group),
    ) {
        let multiply = Multiply::new(self.job.data.weights.bits, &self.job.input.spec);
        let (tiling, input) = (self.job.tiling, self.job.input);
        let all_channels = tiling.channels >= input.channels;
        let is_ring = all_channels && tiling.pixels >= input.width;
        // the weights of a single group and all channels stay where they are
        let unpack_once = all_channels && self.n_groups == 1;
        let mut n_gathered = 0;
        for y in 0..input.height {
            let mut x = 0;
            while x < input.width {
                let columns = x..input.width.min(x + tiling.pixels.max(1));
                x = columns.end;
                let all = 0..input.channels;
                if all_channels {
                    let first = if is_ring { n_gathered } else { 0 };
                    n_gathered = self.gather_rows(memory, multiply, first, y, &columns, &all);
                }
                if columns.start == 0 {
                    // only now: where whole rows are gathered once, the output may lie over them
                    start(memory, y);
                }
                for index in 0..self.n_groups {
                    let group = Group { index, y, columns: columns.clone() };
                    let mut first = 0;
                    while first < input.channels {
                        let channels = first..input.channels.min(first + tiling.channels.max(1));
                        if !all_channels {
                            self.gather_rows(memory, multiply, 0, y, &columns, &channels);
                        }
                        if !unpack_once || (y == 0 && columns.start == 0) {
                            self.unpack_group(memory, multiply, index, &channels);
                        }
                        self.multiply_group(memory, multiply, &group, &channels);
                        first = channels.end;
                    }
                    finish(memory, &group);
                }
            }
        }
    }

    /// Rows of the image that the window at row `y` reaches.
    fn reach(&self, y: usize) -> Range<usize> {
        let halo = self.kernel / 2;
        y.saturating_sub(halo)..self.job.input.height.min(y + halo + 1)
    }

    /// Gathers those of the rows `first..` that the window at `y` reaches; returns their end.
    ///
    /// Row `y` lies in slot `y mod k`.
    fn gather_rows(
        &self,
        memory: &mut Memory,
        multiply: Multiply,
        first: usize,
        y: usize,
        columns: &Range<usize>,
        channels: &Range<usize>,
    ) -> usize {
        let rows = self.reach(y);
        for y in rows.start.max(first)..rows.end {
            let window = Window {
                y,
                x: columns.start as isize - (self.kernel / 2) as isize,
                n_columns: columns.len() + self.kernel - 1,
                channels: channels.clone(),
            };
            self.gather_row(memory, multiply, &window);
        }
        rows.end
    }

    fn gather_row(&self, memory: &mut Memory, multiply: Multiply, window: &Window) {
        let (scratch, tensors) = memory.split();
        let scratch = self.scratch(scratch);
        let slot = self.slot(window.y);
        let words = window.n_columns * window.channels.len().div_ceil(2);
        let row = scratch.rows.get_mut(slot..slot + words).unwrap_or_default();
        self.job.input.gather(tensors, window, row);
        if self.job.input.spec.signed && multiply != Multiply::Dual {
            to_pairs(row);
        }
    }

    /// First word of a row's slot.
    fn slot(&self, y: usize) -> usize {
        let tiling = self.job.tiling;
        let columns = tiling.pixels + self.kernel - 1;
        y.checked_rem(self.kernel).unwrap_or(0) * columns * tiling.channel_pairs()
    }

    fn unpack_group(
        &self,
        memory: &mut Memory,
        multiply: Multiply,
        group: usize,
        channels: &Range<usize>,
    ) {
        let words = self.scratch(memory.scratch).weights;
        let (all, taps) = (self.job.input.channels, self.kernel * self.kernel);
        let packed = self.job.data.weights;
        let channels_of = |output: usize| output * all + channels.start;
        let n_channels = channels.len();
        if self.lanes == Lanes::Taps {
            let first_code = channels_of(group) * LANES;
            let run =
                Run { first_code, channels: n_channels, taps: LANES, first_word: 0, stride: 1 };
            return unpack(packed, run, multiply, words);
        }
        let stride = LANES * n_channels.div_ceil(2);
        for lane in 0..LANES {
            let output = LANES * group + lane;
            let first_code = channels_of(output) * taps;
            // lanes without a channel multiply whatever lies there, and are not stored
            if output < self.job.info.n_channels {
                let run = Run { first_code, channels: n_channels, taps, first_word: lane, stride };
                unpack(packed, run, multiply, words);
            }
        }
    }

    fn multiply_group(
        &self,
        memory: &mut Memory,
        multiply: Multiply,
        group: &Group,
        channels: &Range<usize>,
    ) {
        let Scratch { sums, weights, rows } = self.scratch(memory.scratch);
        let sums = sums.get_mut(..LANES * group.columns.len()).unwrap_or_default();
        if channels.start == 0 {
            sums.fill(0);
        }
        let reach = self.reach(group.y);
        let stride = channels.len().div_ceil(2);
        let row_words = self.kernel * stride;
        let mut starts = [0; MAX_KERNEL];
        for (start, y) in starts.iter_mut().zip(reach.clone()) {
            *start = self.slot(y);
        }
        // weights of rows above the image meet nothing
        let skipped = (reach.start + self.kernel / 2 - group.y) * row_words * LANES;
        let weights = weights.get(skipped..).unwrap_or_default();
        let n_rows = reach.len();
        Sweep { sums, weights, values: rows, starts, n_rows, row_words, stride }.run(multiply);
    }

    /// The operation's own words and the sums of a group, a pixel after the other.
    pub(super) fn sums<'a>(
        &self,
        scratch: &'a mut [u32],
        group: &Group,
    ) -> (&'a mut [u32], &'a [[u32; LANES]]) {
        let (own, rest) = scratch.split_at_mut_checked(self.n_own_words).unwrap_or_default();
        (own, rest.as_chunks().0.get(..group.columns.len()).unwrap_or_default())
    }

    fn scratch<'a>(&self, words: &'a mut [u32]) -> Scratch<'a> {
        let tiling = self.job.tiling;
        let taps = self.kernel * self.kernel;
        let words = words.get_mut(self.n_own_words..).unwrap_or_default();
        let n_sums = LANES * tiling.pixels;
        let (sums, rest) = words.split_at_mut_checked(n_sums).unwrap_or_default();
        let n_weights = LANES * taps * tiling.channel_pairs();
        let (weights, rows) = rest.split_at_mut_checked(n_weights).unwrap_or_default();
        Scratch { sums, weights, rows }
    }

    /// Bound of the magnitude of every sum.
    pub(super) fn largest_sum(&self) -> u64 {
        let spec = &self.job.input.spec;
        let largest = spec.max_value().max(-spec.min_value()) as u64;
        let weight = 1u64 << (self.job.data.weights.bits.saturating_sub(1) & 7);
        let n_products = self.job.input.channels * self.kernel * self.kernel;
        n_products as u64 * largest * weight
    }
}
