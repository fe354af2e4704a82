//! The commands of a frame in an order that is right if each one ends before the next begins.

use std::collections::BTreeMap;
use std::ops::Range;

use super::outside::{Outside, TRANSFER_BYTES};
use super::place::Placement;
use super::rows::{self, Stretch};
use super::select::Segment;
use super::shape::{MOST_ROWS, Order, Role, Touch};
use super::steps::{Access, Lane, Memory, Program, Step};
use super::types::{DmaChannel, DmaKind, ExternalPart, Ring, Visit, WeightChunk};
use super::view::{TensorView, View};

/// Everything that the writer knows.
struct Writer<'a> {
    view: &'a View,
    outside: &'a Outside,
    segment: &'a Segment,
    at: usize,
    rings: &'a BTreeMap<usize, Ring>,
    weights: &'a BTreeMap<(usize, usize), usize>,
    program: &'a mut Program,
    /// Visit of an operation and first output group.
    visits: BTreeMap<(usize, usize), usize>,
    /// First channel of the parts of a tensor that is read.
    loads: BTreeMap<usize, usize>,
    /// Channel of a tensor and part that is written.
    stores: BTreeMap<(usize, usize), usize>,
    /// Channel of an operation's chunk.
    weight_loads: BTreeMap<(usize, usize), usize>,
    /// Rows of each source read from outside so far.
    loaded: BTreeMap<usize, usize>,
}

/// Writes the program of all segments.
pub fn program(
    view: &View,
    segments: &[Segment],
    placement: &Placement,
    outside: &Outside,
) -> Program {
    let mut program = Program::default();
    for (at, segment) in segments.iter().enumerate() {
        let mut writer = Writer {
            view,
            outside,
            segment,
            at,
            rings: &placement.rings[at],
            weights: &placement.weights[at],
            program: &mut program,
            visits: BTreeMap::new(),
            loads: BTreeMap::new(),
            stores: BTreeMap::new(),
            weight_loads: BTreeMap::new(),
            loaded: BTreeMap::new(),
        };
        match segment.shape.order {
            Order::Chain => writer.chain(),
            Order::Strips { strip, command, .. } => writer.strips(strip, command),
        }
    }
    program
}

impl Writer<'_> {
    fn chain(&mut self) {
        for stretch in rows::rolling(self.view, self.segment.shape.ops.clone()) {
            let groups = self.view.operations[stretch.op].out_groups;
            if stretch.first == 0 {
                self.load_weights(stretch.op, (0, groups));
            }
            self.stretch(stretch, 0, (0, groups));
        }
    }

    fn strips(&mut self, strip: usize, command: usize) {
        let op = self.segment.shape.ops.start;
        let height = self.view.operations[op].loop_rows;
        let chunks = self.segment.shape.chunks(self.view, op);
        for strip_first in (0..height).step_by(strip) {
            for (part, chunk) in chunks.iter().enumerate() {
                self.load_weights(op, *chunk);
                self.restart_streams(part);
                let end = height.min(strip_first + strip);
                for first in (strip_first..end).step_by(command) {
                    let n = command.min(end - first);
                    self.stretch(Stretch { op, first, n }, part, *chunk);
                }
            }
        }
    }

    /// Sources that are not kept are read again from row 0 for each chunk.
    fn restart_streams(&mut self, part: usize) {
        let streamed = self.segment.shape.touches.iter().filter(|t| t.streams > 1 && part > 0);
        for touch in streamed {
            self.loaded.remove(&touch.tensor);
        }
    }

    fn stretch(&mut self, stretch: Stretch, part: usize, chunk: (usize, usize)) {
        let op = &self.view.operations[stretch.op];
        for source in &op.sources {
            let end = rows::read(self.view, op, *source, stretch.first, stretch.n).end;
            self.load_rows(source.tensor, end);
        }
        self.visit(stretch, chunk);
        let is_last = chunk.0 + chunk.1 == op.out_groups;
        let parts = self.segment.shape.stores_parts();
        for tensor in op.written().filter(|_| parts || is_last) {
            let rows = rows::written(op, tensor, stretch.first, stretch.n);
            self.store_rows(tensor, if parts { part } else { 0 }, rows);
        }
    }

    fn load_weights(&mut self, idx: usize, chunk: (usize, usize)) {
        let op = &self.view.operations[idx];
        let of_chunk =
            |w: &&WeightChunk| (w.operation, w.first_out_group) == (op.operation, chunk.0);
        let Some(stored) = self.outside.weights.iter().find(of_chunk) else { return };
        let base = self.weights[&(idx, chunk.0)];
        let words = stored.row_words;
        let target = match self.weight_loads.get(&(idx, chunk.0)) {
            Some(target) => *target,
            None => self.channel(DmaChannel {
                kind: DmaKind::LoadWeights,
                external_address: stored.address,
                row_bytes: stored.row_bytes,
                base,
                pitch: words,
                ring: stored.rows,
                run_words: words,
                runs: 1,
                run_stride: words,
            }),
        };
        self.weight_loads.insert((idx, chunk.0), target);
        for row in 0..stored.rows {
            let words = Access::run(Memory::Weights, base + row * words, words, true);
            let outside = (stored.address, stored.row_bytes);
            self.transfer(Lane::Weights, target, row..row + 1, outside, vec![words]);
        }
    }

    /// Loads the rows before `end` that are not there yet.
    fn load_rows(&mut self, tensor: usize, end: usize) {
        let is_source = |t: &Touch| t.tensor == tensor && t.role == Role::Source;
        let touched = self.segment.shape.touches.iter().any(is_source);
        if !touched || self.segment.is_resident(tensor) {
            return;
        }
        let parts = self.outside.parts(tensor);
        let first = match self.loads.get(&tensor) {
            Some(first) => *first,
            None => {
                let first = self.program.channels.len();
                for part in parts {
                    self.row_channel(DmaKind::LoadFeature, tensor, part);
                }
                first
            }
        };
        self.loads.insert(tensor, first);
        let mut row = self.loaded.get(&tensor).copied().unwrap_or(0);
        while row < end {
            let rows = row..end.min(row + self.rows_together(parts[0].row_bytes));
            for (nth, part) in parts.iter().enumerate() {
                let groups = (part.first_group, part.n_groups);
                let words = rows.clone().map(|row| self.row(tensor, row, groups, true)).collect();
                let outside = (part.address, part.row_bytes);
                self.transfer(Lane::Load, first + nth, rows.clone(), outside, words);
            }
            row = rows.end;
        }
        let loaded = self.loaded.entry(tensor).or_insert(0);
        *loaded = end.max(*loaded);
    }

    fn store_rows(&mut self, tensor: usize, part: usize, rows: Range<usize>) {
        let Some(place) = self.outside.parts(tensor).get(part) else { return };
        let target = match self.stores.get(&(tensor, part)) {
            Some(target) => *target,
            None => self.row_channel(DmaKind::StoreFeature, tensor, place),
        };
        self.stores.insert((tensor, part), target);
        let groups = (place.first_group, place.n_groups);
        let most = self.rows_together(place.row_bytes);
        for first in rows.clone().step_by(most) {
            let some = first..rows.end.min(first + most);
            let words = some.clone().map(|row| self.row(tensor, row, groups, false)).collect();
            let outside = (place.address, place.row_bytes);
            self.transfer(Lane::Store, target, some, outside, words);
        }
    }

    /// Rows of a transfer.
    fn rows_together(&self, row_bytes: usize) -> usize {
        (TRANSFER_BYTES / row_bytes).clamp(self.view.grain, MOST_ROWS)
    }

    fn visit(&mut self, stretch: Stretch, chunk: (usize, usize)) {
        let idx = stretch.op;
        let op = &self.view.operations[idx];
        let target = match self.visits.get(&(idx, chunk.0)) {
            Some(target) => *target,
            None => {
                self.program.visits.push(Visit {
                    operation: op.operation,
                    first_out_group: chunk.0,
                    n_out_groups: chunk.1,
                    weight_base: self.weights[&(idx, chunk.0)],
                    sources: op.sources.iter().map(|s| self.rings[&s.tensor]).collect(),
                    output: self.rings[&op.output],
                    pooled: op.pooled.map(|tensor| self.rings[&tensor]),
                });
                self.program.visits.len() - 1
            }
        };
        self.visits.insert((idx, chunk.0), target);
        let mut accesses = Vec::new();
        for source in &op.sources {
            let rows = rows::read(self.view, op, *source, stretch.first, stretch.n);
            let groups = self.all_groups(source.tensor);
            accesses.extend(rows.map(|row| self.row(source.tensor, row, groups, false)));
        }
        for tensor in op.written() {
            let rows = rows::written(op, tensor, stretch.first, stretch.n);
            let groups = self.view.groups_of(op, tensor, chunk);
            accesses.extend(rows.map(|row| self.row(tensor, row, groups, true)));
        }
        let (start, words) = (self.weights[&(idx, chunk.0)], op.weight_words(chunk.1));
        accesses.push(Access::run(Memory::Weights, start, words, false));
        self.program.steps.push(Step {
            lane: Lane::Engine,
            target,
            rows: stretch.n,
            first: stretch.first == 0,
            accesses,
            work: op.cycles(chunk.0, chunk.1, stretch.n),
            stored_words: 0,
            segment: self.at,
        });
    }

    /// Transfers rows that lie outside from an address on, so many bytes each.
    fn transfer(
        &mut self,
        lane: Lane,
        target: usize,
        rows: Range<usize>,
        (address, row_bytes): (usize, usize),
        mut accesses: Vec<Access>,
    ) {
        let channel = &self.program.channels[target];
        let stored = if lane == Lane::Store { channel.runs * channel.run_words } else { 0 };
        let (start, units) = (address / 16, row_bytes / 16);
        let outside = (start + rows.start * units, rows.len() * units);
        let writes = lane == Lane::Store;
        accesses.push(Access::run(Memory::External, outside.0, outside.1, writes));
        self.program.steps.push(Step {
            lane,
            target,
            rows: rows.len(),
            first: rows.start == 0,
            accesses,
            work: (rows.len() * row_bytes) as u64,
            stored_words: (rows.len() * stored) as u64,
            segment: self.at,
        });
    }

    /// A new channel for the rows of a part of a tensor.
    fn row_channel(&mut self, kind: DmaKind, tensor: usize, part: &ExternalPart) -> usize {
        let Ring { base, ring } = self.rings[&tensor];
        let TensorView { pitch, groups, .. } = self.view.tensors[tensor];
        let whole = part.n_groups == groups;
        let (run_words, runs, run_stride) =
            if whole { (pitch, 1, pitch) } else { (part.n_groups, pitch / groups, groups) };
        self.channel(DmaChannel {
            kind,
            external_address: part.address,
            row_bytes: part.row_bytes,
            base: base + part.first_group,
            pitch,
            ring,
            run_words,
            runs,
            run_stride,
        })
    }

    fn channel(&mut self, channel: DmaChannel) -> usize {
        self.program.channels.push(channel);
        self.program.channels.len() - 1
    }

    /// The words of a row on chip of some channel groups.
    fn row(&self, tensor: usize, row: usize, part: (usize, usize), writes: bool) -> Access {
        let Ring { base, ring } = self.rings[&tensor];
        let TensorView { pitch, groups, .. } = self.view.tensors[tensor];
        let start = base + row % ring * pitch;
        if part == (0, groups) {
            return Access::run(Memory::Features, start, pitch, writes);
        }
        Access {
            memory: Memory::Features,
            start: start + part.0,
            words: part.1,
            runs: pitch / groups,
            stride: groups,
            writes,
        }
    }

    fn all_groups(&self, tensor: usize) -> (usize, usize) {
        (0, self.view.tensors[tensor].groups)
    }
}
