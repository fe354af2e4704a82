//! Where each tensor lies in feature memory.

use network::Network;
use network::registers::InputPacking;

use super::operation::Operation;
use crate::engine::Engine;

/// Feature addresses of the tensors that lie in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureMap {
    /// First word of each tensor of the network; none if it is folded into reads.
    pub bases: Vec<Option<usize>>,
    /// Words in use.
    pub words: usize,
    /// Largest sum of live words; no map can be smaller.
    pub lower_bound_words: usize,
    /// Operation at which that largest sum occurs.
    pub peak_operation: usize,
}

#[derive(Clone, Copy)]
struct Interval {
    tensor: usize,
    words: usize,
    first: usize,
    last: usize,
}

impl Interval {
    fn meets(&self, other: &Interval) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// Places every tensor that an operation reads or writes; tries largest first and program order.
pub fn place(network: &Network, operations: &[Operation], engine: &Engine) -> FeatureMap {
    let intervals = lifetimes(network, operations, engine);
    let mut by_size = intervals.clone();
    by_size.sort_by_key(|i| (std::cmp::Reverse(i.words), i.first, i.tensor));
    let by_size = place_in_order(network, &by_size);
    let in_order = place_in_order(network, &intervals);
    if in_order.words < by_size.words { in_order } else { by_size }
}

fn lifetimes(network: &Network, operations: &[Operation], engine: &Engine) -> Vec<Interval> {
    let layout = engine.layout();
    let mut found: Vec<Interval> = Vec::new();
    for tensor in 0..network.tensors.len() {
        let id = network::TensorId(tensor as u16);
        let written = operations.iter().position(|op| op.outputs().any(|output| output == id));
        let reads = |op: &Operation| op.sources.iter().any(|s| s.tensor == id);
        let read = operations.iter().rposition(reads);
        if written.is_none() && id != network.input {
            continue;
        }
        let first = written.unwrap_or(0);
        let end = if id == network.output { operations.len() } else { first };
        let last = read.unwrap_or(first).max(end);
        // a reader of the packed input is the only one
        let reader = read.filter(|_| id == network.input).map(|at| operations[at].packing);
        let spec = reader.unwrap_or(InputPacking::PLAIN).spec(network.spec(id));
        found.push(Interval { tensor, words: layout.words(&spec), first, last });
    }
    found
}

fn place_in_order(network: &Network, order: &[Interval]) -> FeatureMap {
    let mut bases = vec![None; network.tensors.len()];
    let mut placed: Vec<(Interval, usize)> = Vec::new();
    for interval in order {
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|(other, _)| other.meets(interval))
            .map(|(other, base)| (*base, base + other.words))
            .collect();
        taken.sort_unstable();
        let mut base = 0;
        for (start, end) in taken {
            if base + interval.words <= start {
                break;
            }
            base = base.max(end);
        }
        bases[interval.tensor] = Some(base);
        placed.push((*interval, base));
    }
    let live = |at: usize| -> usize {
        order.iter().filter(|i| i.first <= at && at <= i.last).map(|i| i.words).sum()
    };
    let n_times = order.iter().map(|i| i.last + 1).max().unwrap_or(0);
    let peak = (0..n_times).rev().max_by_key(|at| live(*at)).unwrap_or(0);
    FeatureMap {
        words: placed.iter().map(|(interval, base)| base + interval.words).max().unwrap_or(0),
        lower_bound_words: live(peak),
        bases,
        peak_operation: peak,
    }
}
