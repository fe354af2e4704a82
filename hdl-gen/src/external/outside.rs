//! Where tensors and weights lie in external memory.

use super::select::Segment;
use super::shape::Role;
use super::types::{ExternalPart, ExternalTensor, WeightChunk};
use super::view::View;

/// Bytes of a transfer of several rows, so that others need not wait for long.
pub const TRANSFER_BYTES: usize = 4096;

/// A map of external memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// Tensors that lie outside.
    pub tensors: Vec<ExternalTensor>,
    /// Weights, in the order of first use.
    pub weights: Vec<WeightChunk>,
    /// Bytes in use.
    pub bytes: usize,
}

impl Outside {
    /// The parts of a tensor; none if it stays on chip.
    pub fn parts(&self, tensor: usize) -> &[ExternalPart] {
        self.tensors.iter().find(|t| t.tensor == tensor).map_or(&[], |t| &t.parts)
    }

    fn reserve(&mut self, bytes: usize) -> usize {
        let address = self.bytes;
        self.bytes += bytes;
        address
    }
}

/// The network input first, then outputs and weights in the order they are made and read.
pub fn outside(view: &View, segments: &[Segment]) -> Outside {
    let mut map = Outside::default();
    add_tensor(view, &mut map, view.input, &[(0, view.tensors[view.input].groups)]);
    for segment in segments {
        let outputs = segment.shape.touches.iter().filter(|t| t.role == Role::Output);
        for touch in outputs.filter(|t| !segment.is_resident(t.tensor)) {
            let groups = parts(view, segment, touch.tensor);
            add_tensor(view, &mut map, touch.tensor, &groups);
        }
        for op in segment.shape.ops.clone() {
            for chunk in segment.shape.chunks(view, op) {
                add_weights(view, &mut map, op, chunk);
            }
        }
    }
    map
}

/// First channel group and number of groups that each chunk of the writer makes.
pub fn parts(view: &View, segment: &Segment, tensor: usize) -> Vec<(usize, usize)> {
    let total = view.tensors[tensor].groups;
    let Some(idx) = view.writer(tensor) else { return vec![(0, total)] };
    let op = &view.operations[idx];
    if !segment.shape.stores_parts() {
        return vec![(0, total)];
    }
    let chunks = segment.shape.chunks(view, idx).into_iter();
    chunks.map(|chunk| view.groups_of(op, tensor, chunk)).collect()
}

fn add_tensor(view: &View, map: &mut Outside, tensor: usize, groups: &[(usize, usize)]) {
    let rows = view.tensors[tensor].rows;
    let mut found = Vec::new();
    for &(first_group, n_groups) in groups {
        let row_bytes = view.row_bytes(tensor, n_groups);
        let address = map.reserve(rows * row_bytes);
        found.push(ExternalPart { first_group, n_groups, address, row_bytes });
    }
    map.tensors.push(ExternalTensor { tensor, parts: found });
}

/// Weights of a chunk, cut at output groups (of each phase) into rows of equal words.
fn add_weights(view: &View, map: &mut Outside, idx: usize, (first, n): (usize, usize)) {
    let op = &view.operations[idx];
    let words = op.weight_words(n);
    if words == 0 {
        return;
    }
    let pieces = n * op.phases;
    let fits = |rows: &usize| words / rows * view.weight_bytes <= TRANSFER_BYTES;
    let rows =
        (1..=pieces).filter(|rows| pieces.is_multiple_of(*rows)).find(fits).unwrap_or(pieces);
    let row_words = words / rows;
    let row_bytes = (row_words * view.weight_bytes).next_multiple_of(16);
    let address = map.reserve(rows * row_bytes);
    map.weights.push(WeightChunk {
        operation: op.operation,
        first_out_group: first,
        n_out_groups: n,
        address,
        rows,
        row_words,
        row_bytes,
    });
}
