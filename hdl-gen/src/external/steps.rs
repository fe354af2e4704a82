//! Commands with all they touch, before they are sorted into two queues.

use super::types::{DmaChannel, Visit};

/// Who runs a command: the engine, or the DMA for one of three reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// The engine.
    Engine,
    /// The DMA loads rows.
    Load,
    /// The DMA stores rows.
    Store,
    /// The DMA loads weights.
    Weights,
}

/// A memory that commands use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Memory {
    /// Feature words.
    Features,
    /// Weight words.
    Weights,
    /// Units of 16 bytes.
    External,
}

/// Words that a command reads or writes: runs at a stride.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Where.
    pub memory: Memory,
    /// First word.
    pub start: usize,
    /// Words of a run.
    pub words: usize,
    /// Runs.
    pub runs: usize,
    /// Words from a run to the next.
    pub stride: usize,
    /// Written, else read.
    pub writes: bool,
}

impl Access {
    /// Words one behind the other.
    pub fn run(memory: Memory, start: usize, words: usize, writes: bool) -> Access {
        Access { memory, start, words, runs: 1, stride: 0, writes }
    }

    /// First words of the runs.
    pub fn starts(&self) -> impl Iterator<Item = usize> + use<> {
        let Access { start, stride, .. } = *self;
        (0..self.runs).map(move |run| start + run * stride)
    }

    /// The word behind the last.
    pub fn end(&self) -> usize {
        self.start + (self.runs - 1) * self.stride + self.words
    }
}

/// A command with all it touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Who runs it.
    pub lane: Lane,
    /// Visit or channel.
    pub target: usize,
    /// Rows.
    pub rows: usize,
    /// From row 0.
    pub first: bool,
    /// What it touches.
    pub accesses: Vec<Access>,
    /// Cycles of the engine without its start, or bytes of a transfer.
    pub work: u64,
    /// Feature words stored.
    pub stored_words: u64,
    /// The segment.
    pub segment: usize,
}

/// A program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Commands in a right order.
    pub steps: Vec<Step>,
    /// Visits.
    pub visits: Vec<Visit>,
    /// Channels.
    pub channels: Vec<DmaChannel>,
}
