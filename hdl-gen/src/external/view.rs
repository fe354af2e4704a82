//! What the planner knows of a network: rows, words and cycles of each operation.

use network::{Network, TensorId};

use crate::cycles::{ARRAY_LATENCY_CYCLES, DRAIN_LATENCY_CYCLES, POOL_LATENCY_CYCLES};
use crate::engine::Engine;
use crate::schedule::{Operation, OperationKind, Schedule};

/// A scheduled network in words and rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Operations in the order they run.
    pub operations: Vec<OperationView>,
    /// Every tensor of the network.
    pub tensors: Vec<TensorView>,
    /// The tensor that the host writes.
    pub input: usize,
    /// The tensor that the host reads.
    pub output: usize,
    /// Bytes of a feature word in external memory.
    pub feature_bytes: usize,
    /// Bytes of a weight word in external memory.
    pub weight_bytes: usize,
    /// Multiply-accumulates a cycle.
    pub lanes: usize,
    /// Rows that a command takes at least; 1 unless there would be too many commands.
    pub grain: usize,
}

/// A tensor in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorView {
    /// Name, for messages.
    pub name: String,
    /// Words of a row.
    pub pitch: usize,
    /// Groups of TN channels.
    pub groups: usize,
    /// Rows.
    pub rows: usize,
}

/// A tensor that an operation reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceView {
    /// Index of the tensor.
    pub tensor: usize,
    /// Read through a nearest ×2.
    pub upsample: bool,
}

/// An operation in rows, words and cycles.
///
/// Loop row y reads rows `y * stride - pad ..` of its sources, `kernel` of them, those outside
/// excepted, and writes rows `y * out_rows ..` of its output, `out_rows` of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationView {
    /// Name, for messages.
    pub name: String,
    /// Index in `Schedule::operations`.
    pub operation: usize,
    /// Tensors read: one or two.
    pub sources: Vec<SourceView>,
    /// Tensor written.
    pub output: usize,
    /// Tensor written by the fused 2×2 max-pool.
    pub pooled: Option<usize>,
    /// Rows of the loop nest.
    pub loop_rows: usize,
    /// Rows of which commands take multiples, the last excepted; a fused max-pool takes pairs.
    pub step: usize,
    /// Rows read for a loop row.
    pub kernel: usize,
    /// Rows above row 0 that loop row 0 would read.
    pub pad: usize,
    /// Rows from what a loop row reads to what the next reads.
    pub stride: usize,
    /// Rows written by a loop row.
    pub out_rows: usize,
    /// Groups of TM output channels, or of TN channels without weights.
    pub out_groups: usize,
    /// Output groups that fill whole words: visits begin at multiples of it.
    pub unit: usize,
    /// Whether visits may compute some of the output groups.
    pub splits: bool,
    /// Weight words of one output group, all phases.
    pub group_words: usize,
    /// Parts into which the weights of one output group can be cut: its phases.
    pub phases: usize,
    /// Channel groups of the output that one unit fills.
    pub unit_groups: usize,
    /// Cycles of a loop row for an output group.
    pub group_cycles: u64,
    /// Cycles of a loop row for the last output group.
    pub last_group_cycles: u64,
    /// Cycles from the last iteration of a command to its last write.
    pub drain_cycles: u64,
    /// Useful digit products of the whole operation.
    pub digit_macs: u64,
}

impl OperationView {
    /// Weight words of a visit.
    pub fn weight_words(&self, n_out_groups: usize) -> usize {
        n_out_groups * self.group_words
    }

    /// Cycles of a command, its start excepted.
    pub fn cycles(&self, first: usize, n_groups: usize, rows: usize) -> u64 {
        let last = u64::from(first + n_groups == self.out_groups);
        let full = n_groups as u64 - last;
        (full * self.group_cycles + last * self.last_group_cycles) * rows as u64 + self.drain_cycles
    }

    /// Tensors written.
    pub fn written(&self) -> impl Iterator<Item = usize> {
        [Some(self.output), self.pooled].into_iter().flatten()
    }
}

impl View {
    /// The view of a scheduled network.
    pub fn new(network: &Network, schedule: &Schedule) -> View {
        let engine = &schedule.engine;
        let layout = engine.layout();
        let view = |(idx, tensor): (usize, &network::Tensor)| {
            let spec = schedule.spec(network, TensorId(idx as u16));
            TensorView {
                name: tensor.name.clone(),
                pitch: layout.pitch(&spec),
                groups: layout.groups(&spec),
                rows: spec.height,
            }
        };
        let tensors = network.tensors.iter().enumerate().map(view);
        View {
            operations: operations(network, schedule),
            tensors: tensors.collect(),
            input: network.input.index(),
            output: network.output.index(),
            feature_bytes: engine.feature_bits().div_ceil(32) * 4,
            weight_bytes: engine.weight_bits().div_ceil(32) * 4,
            lanes: engine.lanes(),
            grain: 1,
        }
    }

    /// The same with commands of so many times as many rows.
    pub fn with_grain(mut self, grain: usize) -> View {
        self.operations.iter_mut().for_each(|op| op.step *= grain);
        self.grain = grain;
        self
    }

    /// Words of a tensor.
    pub fn words(&self, tensor: usize) -> usize {
        self.tensors[tensor].pitch * self.tensors[tensor].rows
    }

    /// Bytes of a row of a tensor, or of some of its channel groups, in external memory.
    pub fn row_bytes(&self, tensor: usize, n_groups: usize) -> usize {
        let tensor = &self.tensors[tensor];
        (tensor.pitch / tensor.groups * n_groups * self.feature_bytes).next_multiple_of(16)
    }

    /// First channel group and number of groups of an output that some output groups fill.
    pub fn groups_of(
        &self,
        op: &OperationView,
        tensor: usize,
        (first, n): (usize, usize),
    ) -> (usize, usize) {
        let total = self.tensors[tensor].groups;
        let start = first / op.unit * op.unit_groups;
        let is_last = first + n == op.out_groups;
        let end = if is_last { total } else { (first + n) / op.unit * op.unit_groups };
        (start, end - start)
    }

    /// Last operation that reads a tensor.
    pub fn last_read(&self, tensor: usize) -> Option<usize> {
        let reads = |op: &OperationView| op.sources.iter().any(|s| s.tensor == tensor);
        self.operations.iter().rposition(reads)
    }

    /// Operation that writes a tensor.
    pub fn writer(&self, tensor: usize) -> Option<usize> {
        self.operations.iter().position(|op| op.written().any(|t| t == tensor))
    }
}

fn operations(network: &Network, schedule: &Schedule) -> Vec<OperationView> {
    let operations = schedule.operations.iter().enumerate();
    operations.map(|(idx, op)| operation(network, &schedule.engine, idx, op)).collect()
}

fn operation(network: &Network, engine: &Engine, idx: usize, op: &Operation) -> OperationView {
    let layout = engine.layout();
    let (loop_rows, width) = op.loop_extent(network);
    let is_pool = op.kind == OperationKind::MaxPool2d;
    let kernel = match op.kind {
        OperationKind::Conv2d => op.kernel_rows(),
        OperationKind::MaxPool2d => 2,
        _ => 1,
    };
    let in_groups: usize = op.source_specs(network).iter().map(|spec| layout.groups(spec)).sum();
    let out_groups = if is_pool {
        layout.groups(network.spec(op.output))
    } else {
        op.out_channels().div_ceil(engine.tm)
    };
    let pass = op.digits(engine) * in_groups * op.taps();
    let words = if is_pool { 0 } else { pass * op.phases() };
    let (group_cycles, last_group_cycles) = row_cycles(engine, op, width, pass);
    OperationView {
        name: op.name.clone(),
        operation: idx,
        sources: op
            .sources
            .iter()
            .map(|s| SourceView { tensor: s.tensor.index(), upsample: s.upsample })
            .collect(),
        output: op.output.index(),
        pooled: op.pooled.map(|id| id.index()),
        loop_rows,
        step: if op.pooled.is_some() { 2 } else { 1 },
        kernel,
        pad: if op.kind == OperationKind::Conv2d { (kernel - 1) / 2 } else { 0 },
        stride: if is_pool { 2 } else { 1 },
        out_rows: if op.phases() > 1 { 2 } else { 1 },
        out_groups,
        unit: (engine.tn / engine.tm).max(1),
        unit_groups: (engine.tm / engine.tn).max(1),
        splits: !is_pool && !matches!(op.kind, OperationKind::Head(_)),
        group_words: words,
        phases: op.phases(),
        group_cycles,
        last_group_cycles,
        drain_cycles: drain_cycles(engine, op),
        digit_macs: op.digit_macs(network, engine),
    }
}

/// Cycles from the last iteration of a command to its last write.
fn drain_cycles(engine: &Engine, op: &Operation) -> u64 {
    if op.kind == OperationKind::MaxPool2d {
        return POOL_LATENCY_CYCLES;
    }
    let blocks = if op.drains_slowly(engine) { 2 } else { engine.drain_blocks() };
    let drain = engine.tm.min(op.out_channels()) * blocks;
    ARRAY_LATENCY_CYCLES + drain as u64 + DRAIN_LATENCY_CYCLES
}

/// Cycles of a loop row for a full and for the last output group.
fn row_cycles(engine: &Engine, op: &Operation, width: usize, pass: usize) -> (u64, u64) {
    if op.kind == OperationKind::MaxPool2d {
        let across = if engine.tp == 1 { 2 * width } else { (2 * width).div_ceil(engine.tp) };
        return (2 * across as u64, 2 * across as u64);
    }
    let places = width.div_ceil(engine.tp) * op.phases();
    let blocks = if op.drains_slowly(engine) { 2 } else { engine.drain_blocks() };
    let last_lanes = (op.out_channels() - 1) % engine.tm + 1;
    let cycles = |lanes: usize| (places * pass.max(lanes * blocks)) as u64;
    (cycles(engine.tm), cycles(last_lanes))
}
