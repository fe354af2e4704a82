//! The memory planner: where each tensor lies in one arena, and how close to optimal that is.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

mod search;

use crate::graph::{Graph, LayerInfo, Operation};
use crate::layout::{
    ALIGNMENT, Layout, Placement, layer_sources, scratch_shape, stored_lifetime, tensor_bytes,
};
use crate::tensor::{TensorId, TensorSpec};
use crate::tiling::Shape;
use search::{Problem, Random, Search, live_bytes, peak};

/// Choices of layers that get scratch memory for whole rows, a power of two.
const N_CHOICES: usize = 32;
/// Which tensors take less than a byte a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// None: a value is a byte.
    Bytes,
    /// All whose values have fewer than 8 bits.
    All,
    /// As many as it takes to fit an arena of this many bytes, the largest at the peak first.
    Fit(usize),
}

/// Scratch memory that every layer has at least; it gets what lies free beside the tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scratch {
    /// Whole rows of all channels: nothing is quicker.
    Most,
    /// Pieces of a row and of its channels, at some instructions more a multiplication.
    Compact,
    /// Only what it takes to run.
    Least,
}

/// Offsets of all tensors and of each layer's scratch memory in one arena.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Place of each tensor, in tensor order.
    pub placements: Vec<Placement>,
    /// Bytes of each layer's scratch memory; empty for a layer that makes a view.
    pub scratch: Vec<Range<usize>>,
    /// Bytes of the arena.
    pub arena_bytes: usize,
    /// Largest sum of live bytes at any layer, an output that overwrites a dying input counted
    /// once; no plan with these views and this packing can be smaller.
    pub lower_bound_bytes: usize,
    /// The layer at which that largest sum occurs.
    pub peak_layer: usize,
}

impl Plan {
    /// True if no plan with these views and this packing is smaller.
    pub fn is_optimal(&self) -> bool {
        self.arena_bytes == self.lower_bound_bytes
    }
}

/// The plan that a file carries unless another is asked for: a byte a value, quick layers.
pub fn plan(network: &impl Graph) -> Plan {
    plan_with(network, Packing::Bytes, Scratch::Compact)
}

/// A plan with other packing or less scratch memory.
///
/// The network must be valid.
pub fn plan_with(network: &impl Graph, packing: Packing, scratch: Scratch) -> Plan {
    let n_layers = network.n_layers();
    let mut planned = Planned { network, placements: vec![], scratch_words: vec![0; n_layers] };
    planned.choose_views();
    if packing == Packing::All {
        let all = 0..network.n_tensors();
        all.for_each(|tensor| planned.pack(tensor));
    }
    loop {
        let plan = planned.place_best(scratch);
        let Packing::Fit(most) = packing else { return plan };
        if plan.arena_bytes <= most || !planned.pack_at(plan.peak_layer) {
            return plan;
        }
    }
}

/// A network with the placements found so far.
struct Planned<'n, G> {
    network: &'n G,
    placements: Vec<Placement>,
    scratch_words: Vec<usize>,
}

impl<G: Graph> Planned<'_, G> {
    /// The smallest plan found with the least scratch memory for all layers, or with whole rows
    /// for those that have room for them, only before the peak, everywhere, or here and there. Whole
    /// rows let an output lie right over the input that dies.
    fn place_best(&mut self, scratch: Scratch) -> Plan {
        let shapes: Vec<Option<Shape>> = (0..self.n_layers()).map(|l| self.shape(l)).collect();
        let words = |of: fn(&Shape) -> usize| -> Vec<usize> {
            shapes.iter().map(|shape| shape.as_ref().map_or(0, of)).collect()
        };
        let whole = words(Shape::most_words);
        let level = words(match scratch {
            Scratch::Most => Shape::most_words,
            Scratch::Compact => Shape::compact_words,
            Scratch::Least => Shape::least_words,
        });
        let [live, live_whole] = [&level, &whole].map(|words| {
            self.scratch_words.clone_from(words);
            live_bytes(self, &Problem::new(self))
        });
        let least: Vec<i64> = live.iter().zip(&live_whole).map(|(a, b)| *a.min(b)).collect();
        let (lower_bound, peak_layer) = peak(&least);
        // before the peak tensors pile up that must stay; behind it they go and leave room
        let mut random = Random(1);
        let searches = (0..N_CHOICES).map(|choice| {
            let most = if choice % 2 == 0 { lower_bound } else { lower_bound + lower_bound / 32 };
            for layer in 0..level.len() {
                let is_whole = match choice {
                    0 => false,
                    1 => layer < peak_layer,
                    2 | 3 => true,
                    _ => random.below(2) == 0,
                } && live_whole[layer] <= most;
                self.scratch_words[layer] = if is_whole { whole[layer] } else { level[layer] };
            }
            Search::new(self)
        });
        let searches = searches.collect();
        let search = Search::best(searches, lower_bound);
        self.plan_of(&search, lower_bound as usize, peak_layer)
    }

    fn plan_of(&self, search: &Search, lower_bound_bytes: usize, peak_layer: usize) -> Plan {
        let Search { problem, offsets, peak, .. } = search;
        let mut placements = self.placements.clone();
        for (item, offset) in problem.items.iter().zip(offsets) {
            if let Some(id) = item.tensor {
                placements[id.index()].offset = *offset as usize;
            }
        }
        let arena_bytes = *peak as usize;
        let scratch = (0..self.n_layers()).map(|layer| {
            let Some(shape) = self.shape(layer) else { return 0..0 };
            let most = shape.most_words() * ALIGNMENT;
            let gap = largest_gap(problem, offsets, layer, arena_bytes);
            gap.start..gap.end.min(gap.start + most)
        });
        let scratch = scratch.collect();
        Plan { placements, scratch, arena_bytes, lower_bound_bytes, peak_layer }
    }

    /// The shape of a layer that computes.
    fn shape(&self, layer: usize) -> Option<Shape> {
        let info = self.info(layer);
        (!self.placement(info.output).is_view()).then(|| scratch_shape(self, &info))
    }

    /// Stores every tensor as bytes but the outputs of concats and upsamplings that readers can
    /// read through.
    fn choose_views(&mut self) {
        let stored = Placement { offset: 0, stored_bits: 8 };
        self.placements = vec![stored; self.network.n_tensors()];
        for layer in 0..self.network.n_layers() {
            let info = self.network.info(layer);
            let moves = matches!(info.operation, Operation::Upsample2d | Operation::Concat);
            if !moves || info.output == self.network.output() {
                continue;
            }
            self.placements[info.output.index()] = Placement::VIEW;
            if !self.all_readers_can_read() {
                self.placements[info.output.index()] = stored;
            }
        }
    }

    fn all_readers_can_read(&self) -> bool {
        let mut layers = (0..self.n_layers()).map(|layer| self.info(layer));
        layers.all(|info| layer_sources(self, &info).is_some())
    }

    fn pack(&mut self, tensor: usize) {
        let placement = &mut self.placements[tensor];
        if !placement.is_view() {
            placement.stored_bits = self.network.spec(TensorId(tensor as u16)).bits;
        }
    }

    /// Packs the largest tensor of bytes that is alive at a layer, else anywhere; false if none is
    /// left.
    fn pack_at(&mut self, layer: usize) -> bool {
        let gain = |tensor: usize| {
            let (id, stored) = (TensorId(tensor as u16), self.placements[tensor].stored_bits);
            let spec = self.spec(id);
            tensor_bytes(&spec, stored) - tensor_bytes(&spec, stored.min(spec.bits))
        };
        let alive = |tensor: usize| {
            let (first, last) = stored_lifetime(self, TensorId(tensor as u16));
            first <= layer && layer <= last
        };
        let candidates = (0..self.n_tensors()).filter(|tensor| gain(*tensor) > 0);
        let best = candidates.max_by_key(|tensor| (alive(*tensor), gain(*tensor)));
        best.into_iter().for_each(|tensor| self.pack(tensor));
        best.is_some()
    }
}

impl<G: Graph> Graph for Planned<'_, G> {
    type Data<'a>
        = G::Data<'a>
    where
        Self: 'a;

    fn mode(&self) -> crate::Mode {
        self.network.mode()
    }
    fn input(&self) -> TensorId {
        self.network.input()
    }
    fn output(&self) -> TensorId {
        self.network.output()
    }
    fn n_tensors(&self) -> usize {
        self.network.n_tensors()
    }
    fn spec(&self, id: TensorId) -> TensorSpec {
        self.network.spec(id)
    }
    fn n_layers(&self) -> usize {
        self.network.n_layers()
    }
    fn info(&self, layer: usize) -> LayerInfo {
        self.network.info(layer)
    }
    fn data(&self, layer: usize) -> G::Data<'_> {
        self.network.data(layer)
    }
}

impl<G: Graph> Layout for Planned<'_, G> {
    fn placement(&self, id: TensorId) -> Placement {
        self.placements[id.index()]
    }
    fn scratch_words(&self, layer: usize) -> usize {
        self.scratch_words[layer]
    }
}

/// The largest range of the arena that no tensor alive at a layer takes, the lowest of equals.
fn largest_gap(problem: &Problem, offsets: &[i64], layer: usize, arena: usize) -> Range<usize> {
    let placed = problem.items.iter().zip(offsets);
    let live = placed
        .filter(|(item, _)| item.tensor.is_some() && item.life.0 <= layer && layer <= item.life.1);
    let mut taken: Vec<Range<usize>> =
        live.map(|(item, offset)| *offset as usize..(*offset + item.bytes) as usize).collect();
    taken.push(arena..arena);
    taken.sort_by_key(|range| range.start);
    let (mut best, mut free) = (0..0, 0);
    for range in taken {
        if range.start.saturating_sub(free) > best.len() {
            best = free..range.start;
        }
        free = free.max(range.end);
    }
    best
}
