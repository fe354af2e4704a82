//! Which rows a command reads and writes.

use std::ops::Range;

use super::view::{OperationView, SourceView, View};

/// Rows of a source that `n` loop rows from `first` read.
pub fn read(
    view: &View,
    op: &OperationView,
    source: SourceView,
    first: usize,
    n: usize,
) -> Range<usize> {
    let shift = usize::from(source.upsample);
    let height = view.tensors[source.tensor].rows << shift;
    let low = (first * op.stride).saturating_sub(op.pad);
    let high = ((first + n - 1) * op.stride + op.kernel).saturating_sub(op.pad).min(height);
    low >> shift..high.div_ceil(1 << shift)
}

/// Rows of an output, the pooled one among them, that `n` loop rows from `first` complete.
pub fn written(op: &OperationView, tensor: usize, first: usize, n: usize) -> Range<usize> {
    if op.pooled == Some(tensor) {
        return first / 2..(first + n) / 2;
    }
    first * op.out_rows..(first + n) * op.out_rows
}

/// Some loop rows of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Index in [`View::operations`].
    pub op: usize,
    /// First loop row.
    pub first: usize,
    /// Loop rows.
    pub n: usize,
}

/// The rows of a chain: always the last operation whose sources are there.
pub fn rolling(view: &View, ops: Range<usize>) -> Vec<Stretch> {
    let mut cursor = vec![0; ops.len()];
    let mut made = vec![usize::MAX; view.tensors.len()];
    let inside = ops.clone().flat_map(|op| view.operations[op].written());
    inside.for_each(|tensor| made[tensor] = 0);
    let mut order = Vec::new();
    loop {
        let next = ops.clone().rev().find_map(|idx| {
            let op = &view.operations[idx];
            let first = cursor[idx - ops.start];
            let n = op.step.min(op.loop_rows - first);
            let there = |s: &SourceView| read(view, op, *s, first, n).end <= made[s.tensor];
            let ready = n > 0 && op.sources.iter().all(there);
            ready.then_some(Stretch { op: idx, first, n })
        });
        let Some(stretch) = next else { return order };
        let op = &view.operations[stretch.op];
        cursor[stretch.op - ops.start] += stretch.n;
        for tensor in op.written() {
            made[tensor] = written(op, tensor, stretch.first, stretch.n).end;
        }
        order.push(stretch);
    }
}

/// Fewest rows of a tensor on chip for an order of rows, from the first still needed to the
/// last made or read.
pub fn span(view: &View, order: &[Stretch], tensor: usize) -> usize {
    // the first row needed from each place of the order on
    let mut needed = vec![usize::MAX; order.len() + 1];
    for (at, stretch) in order.iter().enumerate().rev() {
        needed[at] =
            needed[at + 1].min(reads(view, stretch, tensor).map_or(usize::MAX, |r| r.start));
    }
    let (mut end, mut most) = (0, 1);
    for (at, stretch) in order.iter().enumerate() {
        let op = &view.operations[stretch.op];
        let mut low = needed[at];
        if op.written().any(|t| t == tensor) {
            let rows = written(op, tensor, stretch.first, stretch.n);
            low = low.min(rows.start);
            end = end.max(rows.end);
        }
        end = end.max(reads(view, stretch, tensor).map_or(0, |r| r.end));
        most = most.max(end.saturating_sub(low));
    }
    most.min(view.tensors[tensor].rows)
}

fn reads(view: &View, stretch: &Stretch, tensor: usize) -> Option<Range<usize>> {
    let op = &view.operations[stretch.op];
    let source = op.sources.iter().find(|s| s.tensor == tensor)?;
    Some(read(view, op, *source, stretch.first, stretch.n))
}
