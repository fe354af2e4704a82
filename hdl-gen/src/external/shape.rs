//! The ways in which some consecutive operations can run: chains of rows, chunks of channels,
//! strips of rows.

use std::ops::Range;

use super::rows::{self, Stretch};
use super::view::{OperationView, View};

/// Most operations of a chain.
const MOST_CHAINED: usize = 6;
/// Cycles that a command should last, so that its start does not count.
const COMMAND_CYCLES: u64 = 2400;
/// Most rows of a command: a multiple of every step, in eight bits.
pub const MOST_ROWS: usize = 224;

/// The order of rows and chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// All operations row by row, all weights on chip.
    Chain,
    /// One operation: for each strip of rows, for each chunk of channels, its rows.
    Strips {
        /// Loop rows of a strip.
        strip: usize,
        /// Loop rows of a command.
        command: usize,
        /// Rows go outside once all chunks have made them, else each chunk's part by itself.
        whole_rows: bool,
    },
}

/// What a segment does with a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It was made before.
    Source,
    /// It is made here, and read later or by the host.
    Output,
    /// It is made here and read nowhere else.
    Inner,
}

/// A tensor that a segment reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Index of the tensor.
    pub tensor: usize,
    /// What is done with it.
    pub role: Role,
    /// Rows on chip, unless it is resident.
    pub ring: usize,
    /// How often a source is read from outside, or in how many parts an output goes there, unless
    /// it is resident.
    pub streams: usize,
}

/// One way to run some consecutive operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Range of [`View::operations`].
    pub ops: Range<usize>,
    /// The order of rows and chunks.
    pub order: Order,
    /// Output groups of a chunk, the last perhaps fewer.
    pub chunk: usize,
    /// Tensors read and written.
    pub touches: Vec<Touch>,
    /// Weight words read, repetitions counted.
    pub weight_words: usize,
    /// True if rings leave no room to transfer while the engine runs.
    pub tight: bool,
}

impl Shape {
    /// True if each chunk's part of an output row goes outside by itself.
    pub fn stores_parts(&self) -> bool {
        matches!(self.order, Order::Strips { whole_rows: false, .. })
    }

    /// First output group and number of groups of each chunk of an operation.
    pub fn chunks(&self, view: &View, op: usize) -> Vec<(usize, usize)> {
        let n = view.operations[op].out_groups;
        let size = if self.order == Order::Chain { n } else { self.chunk };
        (0..n).step_by(size).map(|first| (first, size.min(n - first))).collect()
    }
}

/// All shapes that begin at an operation and whose weights fit.
pub fn shapes(view: &View, first: usize, weight_words: usize) -> Vec<Shape> {
    let mut found = Vec::new();
    let mut words = 0;
    for end in first + 1..=view.operations.len().min(first + MOST_CHAINED) {
        let op = &view.operations[end - 1];
        words += op.weight_words(op.out_groups);
        if words > weight_words {
            break;
        }
        found.push(chain(view, first..end, words, true));
        found.push(chain(view, first..end, words, false));
    }
    let op = &view.operations[first];
    if op.splits {
        let mut sizes = [weight_words, weight_words / 2].map(|budget| chunk_size(op, budget));
        sizes.sort_unstable();
        let mut sizes: Vec<usize> = sizes.into_iter().flatten().collect();
        sizes.dedup();
        for size in sizes.into_iter().filter(|size| *size < op.out_groups) {
            chunked(view, first, size, &mut found);
        }
    }
    found
}

/// Largest balanced chunk of output groups whose weights fit a budget.
fn chunk_size(op: &OperationView, weight_words: usize) -> Option<usize> {
    let unit_words = op.weight_words(op.unit.min(op.out_groups));
    let n_units = op.out_groups.div_ceil(op.unit);
    let most = (weight_words / unit_words.max(1)).min(n_units);
    (most > 0).then(|| n_units.div_ceil(n_units.div_ceil(most)) * op.unit)
}

/// Smallest weight memory for an operation.
pub fn least_weight_words(op: &OperationView) -> usize {
    op.weight_words(if op.splits { op.unit.min(op.out_groups) } else { op.out_groups })
}

/// Smallest feature memory for an operation.
pub fn least_feature_words(view: &View, op: usize) -> usize {
    let tight = chain(view, op..op + 1, 0, true);
    tight.touches.iter().map(|t| t.ring * view.tensors[t.tensor].pitch).sum()
}

fn role(view: &View, ops: &Range<usize>, tensor: usize) -> Role {
    if !view.writer(tensor).is_some_and(|op| ops.contains(&op)) {
        return Role::Source;
    }
    let later = view.last_read(tensor).is_some_and(|op| op >= ops.end);
    if later || tensor == view.output { Role::Output } else { Role::Inner }
}

/// Tensors that operations read or write, each once.
fn touched(view: &View, ops: &Range<usize>) -> Vec<usize> {
    let mut tensors: Vec<usize> = Vec::new();
    for op in &view.operations[ops.clone()] {
        tensors.extend(op.sources.iter().map(|s| s.tensor).chain(op.written()));
    }
    tensors.sort_unstable();
    tensors.dedup();
    tensors
}

fn chain(view: &View, ops: Range<usize>, weight_words: usize, tight: bool) -> Shape {
    let order = rows::rolling(view, ops.clone());
    let touches = touched(view, &ops).into_iter().map(|tensor| {
        let role = role(view, &ops, tensor);
        let slack = if tight { 0 } else { slack(view, &ops, tensor, role, 1) };
        let ring = (rows::span(view, &order, tensor) + slack).min(view.tensors[tensor].rows);
        Touch { tensor, role, ring, streams: 1 }
    });
    let touches = touches.collect();
    Shape { ops, order: Order::Chain, chunk: 0, touches, weight_words, tight }
}

/// Rows of a ring that let transfers overlap commands of `steps` steps.
fn slack(view: &View, ops: &Range<usize>, tensor: usize, role: Role, steps: usize) -> usize {
    let rows = |op: &OperationView| {
        let loop_rows = op.step * steps;
        if op.pooled == Some(tensor) {
            return loop_rows / 2;
        }
        if op.output == tensor {
            return loop_rows * op.out_rows;
        }
        let source = op.sources.iter().find(|s| s.tensor == tensor);
        source.map_or(0, |s| (loop_rows * op.stride).div_ceil(1 + usize::from(s.upsample)) + 1)
    };
    let relevant = |op: &&OperationView| role == Role::Source || op.written().any(|t| t == tensor);
    let most = view.operations[ops.clone()].iter().filter(relevant).map(rows).max().unwrap_or(0);
    if role == Role::Inner { 0 } else { most }
}

/// All orders of one operation in chunks.
fn chunked(view: &View, idx: usize, chunk: usize, found: &mut Vec<Shape>) {
    let op = &view.operations[idx];
    let sources: Vec<usize> = op.sources.iter().map(|s| s.tensor).collect();
    for tight in [true, false] {
        let plain = Strips { idx, chunk, strip: op.loop_rows, kept: &[], whole_rows: false, tight };
        for kept in [&sources[..0], &sources[..1], &sources[1..], &sources[..]] {
            found.push(strips(view, Strips { kept, ..plain }));
        }
        let mut strip = op.loop_rows.next_multiple_of(op.step);
        loop {
            let kept = Strips { strip, kept: &sources, ..plain };
            found.push(strips(view, Strips { whole_rows: true, ..kept }));
            if strip == op.step {
                break;
            }
            strip = (strip / 2).next_multiple_of(op.step);
            found.push(strips(view, Strips { strip, ..kept }));
        }
    }
}

/// One operation in chunks and strips.
#[derive(Clone, Copy)]
struct Strips<'a> {
    idx: usize,
    chunk: usize,
    strip: usize,
    /// Sources read once and kept for all chunks of a strip.
    kept: &'a [usize],
    whole_rows: bool,
    tight: bool,
}

fn strips(view: &View, of: Strips) -> Shape {
    let Strips { idx, chunk, strip, kept, whole_rows, tight } = of;
    let op = &view.operations[idx];
    let ops = idx..idx + 1;
    let wanted = COMMAND_CYCLES.div_ceil(op.cycles(0, chunk, 1).max(1)) as usize;
    let command = if tight { 1 } else { wanted.min(strip).min(MOST_ROWS) };
    let command = command.next_multiple_of(op.step);
    let (by_command, by_strip) = (stretches(op, idx, command), stretches(op, idx, strip));
    let touch = |tensor| {
        let role = role(view, &ops, tensor);
        let by_strip_too = kept.contains(&tensor) || (whole_rows && role == Role::Output);
        let span = rows::span(view, if by_strip_too { &by_strip } else { &by_command }, tensor);
        let slack = if tight { 0 } else { slack(view, &ops, tensor, role, command / op.step) };
        let ring = (span + slack).min(view.tensors[tensor].rows);
        let streams = if by_strip_too { 1 } else { op.out_groups.div_ceil(chunk) };
        Touch { tensor, role, ring, streams }
    };
    let touches = touched(view, &ops).into_iter().map(touch).collect();
    let weight_words = op.weight_words(op.out_groups) * op.loop_rows.div_ceil(strip);
    let order = Order::Strips { strip, command, whole_rows };
    Shape { ops, order, chunk, touches, weight_words, tight }
}

fn stretches(op: &OperationView, idx: usize, rows: usize) -> Vec<Stretch> {
    let firsts = (0..op.loop_rows).step_by(rows);
    firsts.map(|first| Stretch { op: idx, first, n: rows.min(op.loop_rows - first) }).collect()
}
