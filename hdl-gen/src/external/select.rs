//! Chooses segments and resident tensors that move the fewest bytes: a dynamic programme from the
//! first operation, whose states are the tensors that stay on chip.

use std::collections::BTreeMap;

use super::shape::{Role, Shape, shapes};
use super::simulate::{BUS_BYTES, TRANSFER_START_CYCLES};
use super::types::ExternalConfig;
use super::view::View;

/// Most states kept before an operation.
const MOST_STATES: usize = 256;
/// Most outputs of a segment of which some may stay on chip.
const MOST_CHOICES: usize = 6;
/// A segment that cannot transfer while it computes counts this part of its bytes more.
const TIGHT_SHARE: usize = 16;

/// Bytes for which a transfer's start counts: the bus could move them in that time.
const TRANSFER_BYTES: usize = (TRANSFER_START_CYCLES * BUS_BYTES) as usize;

/// What a choice may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freedom {
    /// Tensors may stay on chip from segment to segment.
    pub resident: bool,
    /// Chunks may store their parts of a row by themselves.
    pub parts: bool,
}

/// A segment: a shape, and which of its outputs stay on chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// How it runs.
    pub shape: Shape,
    /// Tensors wholly on chip before it.
    pub before: Vec<usize>,
    /// Outputs that stay wholly on chip.
    pub kept: Vec<usize>,
}

impl Segment {
    /// True if the tensor is wholly on chip during the segment.
    pub fn is_resident(&self, tensor: usize) -> bool {
        self.before.contains(&tensor) || self.kept.contains(&tensor)
    }

    /// Rows on chip of a tensor that it touches.
    pub fn ring(&self, view: &View, tensor: usize) -> usize {
        if self.is_resident(tensor) {
            return view.tensors[tensor].rows;
        }
        self.shape.touches.iter().find(|t| t.tensor == tensor).map_or(0, |t| t.ring)
    }

    /// Feature words in use.
    pub fn feature_words(&self, view: &View) -> usize {
        let resident = self.before.iter().chain(&self.kept).map(|t| view.words(*t));
        let rings = self.shape.touches.iter().filter(|t| !self.is_resident(t.tensor));
        resident.sum::<usize>()
            + rings.map(|t| t.ring * view.tensors[t.tensor].pitch).sum::<usize>()
    }

    /// Bytes moved, and a share more if nothing overlaps.
    fn cost(&self, view: &View) -> usize {
        let mut bytes = self.shape.weight_words * view.weight_bytes;
        for touch in self.shape.touches.iter().filter(|t| !self.is_resident(t.tensor)) {
            let tensor = &view.tensors[touch.tensor];
            let size = tensor.rows * view.row_bytes(touch.tensor, tensor.groups);
            let transfers = touch.streams * tensor.rows * TRANSFER_BYTES;
            bytes += match touch.role {
                Role::Source => touch.streams * size + transfers,
                Role::Output => size + transfers,
                Role::Inner => 0,
            };
        }
        if self.shape.tight { bytes + bytes / TIGHT_SHARE } else { bytes }
    }
}

#[derive(Clone)]
struct State {
    cost: usize,
    /// The segment that led here and the tensors on chip before it.
    from: Option<Segment>,
}

/// The best segments of a freedom; none if nothing fits.
pub fn select(view: &View, config: ExternalConfig, freedom: Freedom) -> Option<Vec<Segment>> {
    let n_ops = view.operations.len();
    let mut states: Vec<BTreeMap<Vec<usize>, State>> = vec![BTreeMap::new(); n_ops + 1];
    states[0].insert(Vec::new(), State { cost: 0, from: None });
    for at in 0..n_ops {
        prune(&mut states[at]);
        if states[at].is_empty() {
            continue;
        }
        let mut shapes = shapes(view, at, config.weight_words);
        shapes.retain(|shape| freedom.parts || !shape.stores_parts());
        let here: Vec<(Vec<usize>, usize)> =
            states[at].iter().map(|(on_chip, state)| (on_chip.clone(), state.cost)).collect();
        for shape in &shapes {
            for (before, cost) in &here {
                extend(view, config, shape, (before, *cost), freedom.resident, &mut states);
            }
        }
    }
    trace(&states)
}

/// Keeps the cheapest states, and always the one with nothing on chip.
fn prune(states: &mut BTreeMap<Vec<usize>, State>) {
    if states.len() <= MOST_STATES {
        return;
    }
    let mut costs: Vec<usize> = states.values().map(|s| s.cost).collect();
    costs.sort_unstable();
    let limit = costs[MOST_STATES];
    states.retain(|on_chip, state| on_chip.is_empty() || state.cost <= limit);
}

/// Adds the states after a shape, for each choice of outputs that stay.
fn extend(
    view: &View,
    config: ExternalConfig,
    shape: &Shape,
    start: (&[usize], usize),
    resident: bool,
    states: &mut [BTreeMap<Vec<usize>, State>],
) {
    let (before, cost) = start;
    let may_stay = |tensor: usize| resident && tensor != view.output;
    let outputs = shape.touches.iter().filter(|t| t.role == Role::Output && may_stay(t.tensor));
    let outputs: Vec<usize> = outputs.map(|t| t.tensor).take(MOST_CHOICES).collect();
    for choice in 0..1usize << outputs.len() {
        let chosen = outputs.iter().enumerate().filter(|(bit, _)| choice >> bit & 1 == 1);
        let kept: Vec<usize> = chosen.map(|(_, tensor)| *tensor).collect();
        let segment = Segment { shape: shape.clone(), before: before.to_vec(), kept };
        if segment.feature_words(view) > config.feature_words {
            continue;
        }
        let lives = |tensor: &usize| view.last_read(*tensor).is_some_and(|op| op >= shape.ops.end);
        let on_chip = segment.before.iter().chain(&segment.kept).copied().filter(lives);
        let mut on_chip: Vec<usize> = on_chip.collect();
        on_chip.sort_unstable();
        let cost = cost + segment.cost(view);
        let slot = states[shape.ops.end].entry(on_chip);
        let better = State { cost, from: Some(segment) };
        slot.and_modify(|s| {
            if better.cost < s.cost {
                *s = better.clone();
            }
        })
        .or_insert(better);
    }
}

/// The segments that lead to the cheapest last state.
fn trace(states: &[BTreeMap<Vec<usize>, State>]) -> Option<Vec<Segment>> {
    let mut state = states.last()?.values().min_by_key(|s| s.cost)?;
    let mut segments = Vec::new();
    while let Some(segment) = &state.from {
        segments.push(segment.clone());
        state = states[segment.shape.ops.start].get(&segment.before)?;
    }
    segments.reverse();
    Some(segments)
}
