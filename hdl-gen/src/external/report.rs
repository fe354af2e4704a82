//! Bytes, cycles and utilisation of a plan, and how each segment runs, for people.

use std::fmt;

use super::minimum;
use super::select::Segment;
use super::shape::Order;
use super::simulate::Timeline;
use super::steps::{Lane, Program};
use super::types::{BytesMoved, ExternalConfig, ExternalReport, SegmentReport};
use super::view::View;

/// Reading and checking the end of both queues.
const END_CYCLES: u64 = 20;

/// The report of a simulated program.
pub fn report(
    view: &View,
    segments: &[Segment],
    program: &Program,
    timeline: &Timeline,
    buffers: ExternalConfig,
) -> ExternalReport {
    let mut reports: Vec<SegmentReport> =
        segments.iter().map(|segment| segment_report(view, segment)).collect();
    let mut moved = BytesMoved::default();
    for step in &program.steps {
        let bytes = step.work as usize;
        for total in [&mut moved, &mut reports[step.segment].moved] {
            match step.lane {
                Lane::Engine => {}
                Lane::Load => total.features_in += bytes,
                Lane::Store => total.features_out += bytes,
                Lane::Weights => total.weights += bytes,
            }
        }
    }
    let cycles = timeline.cycles + END_CYCLES;
    let digit_macs: u64 = view.operations.iter().map(|op| op.digit_macs).sum();
    ExternalReport {
        segments: reports,
        buffers,
        minimum: minimum(view),
        moved,
        floor_bytes: floor_bytes(view),
        cycles,
        stall_cycles: timeline.cycles - timeline.busy_cycles,
        bus_cycles: timeline.bus_cycles,
        utilization: digit_macs as f64 / (view.lanes as u64 * cycles) as f64,
    }
}

impl fmt::Display for ExternalReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BytesMoved { features_in, features_out, weights } = self.moved;
        for segment in &self.segments {
            writeln!(
                f,
                "{}: {} bytes, {} feature words, {} weight words",
                segment.text,
                segment.moved.total(),
                segment.feature_words,
                segment.weight_words
            )?;
        }
        let (buffers, least) = (&self.buffers, &self.minimum);
        writeln!(
            f,
            "buffers: {} feature words, at least {}; {} weight words, at least {}",
            buffers.feature_words, least.feature_words, buffers.weight_words, least.weight_words
        )?;
        writeln!(
            f,
            "{} bytes a frame: {features_in} of features in, {features_out} out, {weights} of \
             weights; {} with all skips outside and nothing else twice",
            self.moved.total(),
            self.floor_bytes
        )?;
        write!(
            f,
            "{} cycles, of which the engine waits {} and the bus is taken {}; {:.1} % of the \
             multipliers are busy",
            self.cycles,
            self.stall_cycles,
            self.bus_cycles,
            100.0 * self.utilization
        )
    }
}

fn segment_report(view: &View, segment: &Segment) -> SegmentReport {
    let shape = &segment.shape;
    let names: Vec<&str> =
        view.operations[shape.ops.clone()].iter().map(|op| op.name.as_str()).collect();
    let n_chunks = shape.chunks(view, shape.ops.start).len();
    let order = match shape.order {
        Order::Chain => "row by row".into(),
        Order::Strips { strip, .. } if strip >= view.operations[shape.ops.start].loop_rows => {
            format!("{n_chunks} chunks of channels")
        }
        Order::Strips { strip, .. } => format!("{n_chunks} chunks, strips of {strip} rows"),
    };
    let name = |tensor: &usize| view.tensors[*tensor].name.as_str();
    let resident: Vec<&str> = segment.before.iter().chain(&segment.kept).map(name).collect();
    let resident = match resident.is_empty() {
        true => String::new(),
        false => format!("; on chip {}", resident.join(", ")),
    };
    SegmentReport {
        text: format!("{} {order}{resident}", names.join(", ")),
        moved: BytesMoved::default(),
        feature_words: segment.feature_words(view),
        weight_words: weight_words(view, segment),
    }
}

/// Weight words on chip at once, the next chunk excepted.
fn weight_words(view: &View, segment: &Segment) -> usize {
    let largest = |idx: usize| {
        let chunks = segment.shape.chunks(view, idx).into_iter();
        chunks.map(|(_, n)| view.operations[idx].weight_words(n)).max().unwrap_or(0)
    };
    segment.shape.ops.clone().map(largest).sum()
}

/// Bytes with the input, the output and each tensor that is read later than by the next operation
/// outside, and each weight read once.
fn floor_bytes(view: &View) -> usize {
    let bytes = |tensor: usize| {
        let t = &view.tensors[tensor];
        t.rows * view.row_bytes(tensor, t.groups)
    };
    let is_skip = |tensor: &usize| match (view.writer(*tensor), view.last_read(*tensor)) {
        (Some(written), Some(read)) => read > written + 1,
        _ => false,
    };
    let skips: usize = (0..view.tensors.len()).filter(is_skip).map(|t| 2 * bytes(t)).sum();
    let weights: usize = view.operations.iter().map(|op| op.weight_words(op.out_groups)).sum();
    bytes(view.input) + bytes(view.output) + skips + weights * view.weight_bytes
}
