//! What a plan is: channels, visits, the commands of both queues, and where tensors lie outside.

use serde::{Deserialize, Serialize};

/// Sizes of the memories on chip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExternalConfig {
    /// Words of the feature memory.
    pub feature_words: usize,
    /// Words of the weight memory.
    pub weight_words: usize,
}

/// How a network that lies in external memory is computed.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalPlan {
    /// Visits, named by index in engine commands.
    pub visits: Vec<Visit>,
    /// Transfers, named by index in DMA commands.
    pub channels: Vec<DmaChannel>,
    /// Commands of the engine, in order.
    pub engine: Vec<EngineCommand>,
    /// Commands of the DMA, in order.
    pub dma: Vec<DmaCommand>,
    /// Tensors that lie in external memory, the network input and output among them.
    pub tensors: Vec<ExternalTensor>,
    /// Weights in external memory.
    pub weights: Vec<WeightChunk>,
    /// Bytes of external memory in use, from address 0.
    pub external_bytes: usize,
    /// The memories that the plan was made for.
    pub config: ExternalConfig,
    /// What the plan costs.
    pub report: ExternalReport,
}

/// Rows of a tensor in feature memory: row y lies at `base + (y mod ring) * pitch`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ring {
    /// First word.
    pub base: usize,
    /// Rows held; the tensor's height if it is wholly resident.
    pub ring: usize,
}

/// An operation restricted to a range of output-channel groups, with a row cursor of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Index in `Schedule::operations`.
    pub operation: usize,
    /// First group of TM output channels; 0 for an operation without weights.
    pub first_out_group: usize,
    /// Groups of TM output channels; all of TN channels for an operation without weights.
    pub n_out_groups: usize,
    /// First word of its weights in weight memory.
    pub weight_base: usize,
    /// Sources, as in the operation.
    pub sources: Vec<Ring>,
    /// The output; of a head the map of decisions.
    pub output: Ring,
    /// The output of the fused max-pool.
    pub pooled: Option<Ring>,
}

/// Direction and memory of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DmaKind {
    /// External to feature memory.
    LoadFeature,
    /// Feature memory to external.
    StoreFeature,
    /// External to weight memory.
    LoadWeights,
}

/// A transfer of rows, with a row cursor of its own.
///
/// Row y lies at `external_address + y * row_bytes` outside, and on chip as `runs` runs of
/// `run_words` words, the first words of the runs `run_stride` apart, the first run at
/// `base + (y mod ring) * pitch`. Outside the words follow each other without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmaChannel {
    /// Direction and memory.
    pub kind: DmaKind,
    /// Byte address of row 0, a multiple of 16.
    pub external_address: usize,
    /// Bytes from a row to the next, a multiple of 16.
    pub row_bytes: usize,
    /// First word of row 0 on chip.
    pub base: usize,
    /// Words from a row to the next on chip.
    pub pitch: usize,
    /// Rows held on chip.
    pub ring: usize,
    /// Contiguous words on chip.
    pub run_words: usize,
    /// Runs in a row.
    pub runs: usize,
    /// Words from a run to the next.
    pub run_stride: usize,
}

/// A command of the engine's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineCommand {
    /// It starts once so many DMA commands of this frame have completed.
    pub wait: u16,
    /// Index of the visit.
    pub visit: u16,
    /// Rows of the loop nest to compute, at least 1.
    pub rows: u8,
    /// Start at row 0, else where the visit's last command stopped.
    pub first: bool,
}

/// A command of the DMA's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmaCommand {
    /// It starts once so many engine commands of this frame have completed.
    pub wait: u16,
    /// Index of the channel.
    pub channel: u16,
    /// Rows to transfer, at least 1.
    pub rows: u8,
    /// Start at row 0, else where the channel's last command stopped.
    pub first: bool,
}

/// A tensor in external memory, in one part or one for each chunk that writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalTensor {
    /// Index of the tensor in the network.
    pub tensor: usize,
    /// Parts, in channel order.
    pub parts: Vec<ExternalPart>,
}

/// Some channel groups of a tensor in external memory.
///
/// A row holds pixel groups, each of them the part's channel groups, a word each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternalPart {
    /// First group of TN channels.
    pub first_group: usize,
    /// Groups of TN channels.
    pub n_groups: usize,
    /// Byte address of row 0, a multiple of 16.
    pub address: usize,
    /// Bytes from a row to the next, a multiple of 16.
    pub row_bytes: usize,
}

/// Weights of some output groups of an operation in external memory.
///
/// The words follow the order of the weight image restricted to the output groups: phase, output
/// group, digit, source, input group, ky, kx; cut into `rows` rows of `row_words` words, each
/// padded to `row_bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightChunk {
    /// Index in `Schedule::operations`.
    pub operation: usize,
    /// First group of TM output channels.
    pub first_out_group: usize,
    /// Groups of TM output channels.
    pub n_out_groups: usize,
    /// Byte address, a multiple of 16.
    pub address: usize,
    /// Rows of the transfer.
    pub rows: usize,
    /// Words of a row.
    pub row_words: usize,
    /// Bytes from a row to the next, a multiple of 16.
    pub row_bytes: usize,
}

/// What a plan costs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExternalReport {
    /// Segments in the order they run.
    pub segments: Vec<SegmentReport>,
    /// The memories that the plan was made for.
    pub buffers: ExternalConfig,
    /// Smallest memories with which this network runs.
    pub minimum: ExternalConfig,
    /// Bytes moved.
    pub moved: BytesMoved,
    /// Bytes with only the input, the output and skips outside, and each weight read once.
    pub floor_bytes: usize,
    /// Cycles of a frame by the model.
    pub cycles: u64,
    /// Cycles in which the engine waits.
    pub stall_cycles: u64,
    /// Cycles in which the memory bus is taken.
    pub bus_cycles: u64,
    /// Useful digit products / (lanes × cycles).
    pub utilization: f64,
}

/// Bytes between the chip and external memory in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BytesMoved {
    /// Feature bytes read.
    pub features_in: usize,
    /// Feature bytes written.
    pub features_out: usize,
    /// Weight bytes read.
    pub weights: usize,
}

impl BytesMoved {
    /// All bytes.
    pub fn total(&self) -> usize {
        self.features_in + self.features_out + self.weights
    }
}

/// One segment of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentReport {
    /// How it runs, for people: `chain l1.conv, l2.conv`.
    pub text: String,
    /// Bytes moved.
    pub moved: BytesMoved,
    /// Feature words in use, resident tensors included.
    pub feature_words: usize,
    /// Weight words in use.
    pub weight_words: usize,
}
