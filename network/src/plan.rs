//! The memory planner: where each tensor lies in one arena, and how close to optimal that is.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::graph::{Graph, LayerInfo, Operation};
use crate::layout::{
    ALIGNMENT, Conflict, Layout, Placement, conflict, layer_sources, scratch_shape,
    stored_lifetime, tensor_bytes,
};
use crate::tensor::{TensorId, TensorSpec};
use crate::tiling::Shape;

/// Orders in which the search places tensors, before it is content with the best.
const N_ORDERS: usize = 2000;
/// Choices of layers that get scratch memory for whole rows.
const N_CHOICES: usize = 12;

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
    /// The smallest of several plans: with the least scratch memory for all layers, and with whole
    /// rows for those that have room for them below the peak, only before it, everywhere, or here
    /// and there. Whole rows let an output lie right over the input that dies.
    fn place_best(&mut self, scratch: Scratch) -> Plan {
        let shapes: Vec<Option<Shape>> = (0..self.n_layers()).map(|l| self.shape(l)).collect();
        let of_level = |shape: &Option<Shape>| match (shape, scratch) {
            (Some(shape), Scratch::Most) => shape.most_words(),
            (Some(shape), Scratch::Compact) => shape.compact_words(),
            (Some(shape), Scratch::Least) => shape.least_words(),
            (None, _) => 0,
        };
        self.scratch_words = shapes.iter().map(of_level).collect();
        let mut best = place(self);
        let (levels, bound) = (self.scratch_words.clone(), best.lower_bound_bytes as i64);
        let mut whole = levels.clone();
        for (layer, shape) in shapes.iter().enumerate() {
            self.scratch_words[layer] = shape.map_or(0, |shape| shape.most_words());
            if live_bytes(self, &Problem::new(self), layer) <= bound {
                whole[layer] = self.scratch_words[layer];
            }
            self.scratch_words[layer] = levels[layer];
        }
        // before the peak tensors pile up that must stay; behind it they go and leave room
        let (peak, mut random) = (best.peak_layer, Random(1));
        for choice in 0..N_CHOICES {
            if best.is_optimal() {
                break;
            }
            for layer in 0..whole.len() {
                let is_whole = match choice {
                    0 => layer < peak,
                    1 => true,
                    _ => random.below(2) == 0,
                };
                self.scratch_words[layer] = if is_whole { whole[layer] } else { levels[layer] };
            }
            let plan = place(self);
            if plan.arena_bytes < best.arena_bytes {
                best = plan;
            }
        }
        best
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

/// Something that needs a place: a stored tensor, or the scratch memory of a layer.
#[derive(Clone, Copy)]
struct Item {
    tensor: Option<TensorId>,
    bytes: i64,
    life: (usize, usize),
}

/// The items, and for each pair the offsets that the second may not have relative to the first:
/// those strictly between the two numbers.
struct Problem {
    items: Vec<Item>,
    forbidden: Vec<Vec<Option<(i64, i64)>>>,
}

impl Problem {
    fn new(planned: &impl Layout) -> Problem {
        let mut items = Vec::new();
        for id in (0..planned.n_tensors()).map(|tensor| TensorId(tensor as u16)) {
            let placement = planned.placement(id);
            if !placement.is_view() {
                let bytes = tensor_bytes(&planned.spec(id), placement.stored_bits) as i64;
                items.push(Item { tensor: Some(id), bytes, life: stored_lifetime(planned, id) });
            }
        }
        for layer in 0..planned.n_layers() {
            let bytes = (planned.scratch_words(layer) * ALIGNMENT) as i64;
            if bytes > 0 {
                items.push(Item { tensor: None, bytes, life: (layer, layer) });
            }
        }
        let row = |a: &Item| items.iter().map(|b| forbidden(planned, a, b)).collect();
        let forbidden = items.iter().map(row).collect();
        Problem { items, forbidden }
    }

    /// Places the items in an order, each at the lowest offset that the earlier ones allow, or at
    /// the highest below `limit` if its flag says so.
    fn offsets(&self, order: &[(usize, bool)], limit: i64) -> (Vec<i64>, i64) {
        let mut offsets = vec![0; self.items.len()];
        let mut peak = 0;
        let mut taken: Vec<(i64, i64)> = Vec::new();
        for (position, (item, is_high)) in order.iter().enumerate() {
            taken.clear();
            taken.extend(order[..position].iter().filter_map(|(other, _)| {
                let (low, high) = self.forbidden[*other][*item]?;
                Some((offsets[*other] + low, offsets[*other] + high))
            }));
            let bytes = self.items[*item].bytes;
            let high = is_high.then(|| highest_free(&mut taken, limit - bytes)).flatten();
            offsets[*item] = high.unwrap_or_else(|| lowest_free(&mut taken));
            peak = peak.max(offsets[*item] + bytes);
        }
        (offsets, peak)
    }

    /// The best offsets of a search over orders, which stops at the lower bound.
    ///
    /// Starts from greedy by size as in Pisarchyk & Lee 2020 ("Efficient Memory Management for
    /// Deep Neural Net Inference", algorithm 3), also with what lives at the peak before everything
    /// else and from above, then places earlier what ends highest, exchanges two, or has one come
    /// down from above instead of up from below.
    fn search(&self, lower_bound: i64, peak_layer: usize) -> (Vec<i64>, i64) {
        let by_size = |(i, _): &(usize, bool)| (core::cmp::Reverse(self.items[*i].bytes), *i);
        let lives = |item: &Item| item.life.0 <= peak_layer && peak_layer <= item.life.1;
        let starts = [(false, false), (true, false), (false, true), (true, true)];
        let orders = starts.map(|(peak_first, is_high)| {
            let mut order: Vec<_> = (0..self.items.len()).map(|i| (i, is_high)).collect();
            order.sort_by_key(|i| (peak_first && !lives(&self.items[i.0]), by_size(i)));
            order
        });
        let found = orders.map(|order| (self.offsets(&order, lower_bound), order));
        let Some((mut best, mut order)) = found.into_iter().min_by_key(|((_, peak), _)| *peak)
        else {
            return (vec![], 0);
        };
        let mut random = Random(1);
        for _ in 0..N_ORDERS {
            if best.1 <= lower_bound || order.len() < 2 {
                break;
            }
            let mut other = order.clone();
            let highest = |(i, _): &(usize, bool)| best.0[*i] + self.items[*i].bytes == best.1;
            let last = other.iter().position(highest).unwrap_or(0);
            for _ in 0..1 + random.below(3) {
                match random.below(3) {
                    0 if last > 0 => {
                        let item = other.remove(last);
                        other.insert(random.below(last), item);
                    }
                    1 => {
                        let item = &mut other[random.below(order.len())];
                        item.1 = !item.1;
                    }
                    _ => other.swap(random.below(order.len()), random.below(order.len())),
                }
            }
            let found = self.offsets(&other, lower_bound);
            if found.1 <= best.1 {
                (best, order) = (found, other);
            }
        }
        best
    }
}

/// A linear congruential generator (Numerical Recipes): any order will do.
struct Random(u32);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % n
    }
}

/// Offsets of `b` relative to `a` that are forbidden, strictly between the two.
fn forbidden(planned: &impl Layout, a: &Item, b: &Item) -> Option<(i64, i64)> {
    let (before, behind) = (-b.bytes, a.bytes);
    let (Some(a_id), Some(b_id)) = (a.tensor, b.tensor) else {
        let together = a.life.0 <= b.life.1 && b.life.0 <= a.life.1;
        return together.then_some((before, behind));
    };
    match conflict(planned, [a_id, b_id], [a.life, b.life]) {
        Conflict::None => None,
        Conflict::Behind(lead) => Some((before, behind.min(lead as i64))),
        Conflict::Apart => match conflict(planned, [b_id, a_id], [b.life, a.life]) {
            Conflict::Behind(lead) => Some((before.max(-(lead as i64)), behind)),
            _ => Some((before, behind)),
        },
    }
}

/// The lowest offset that lies strictly inside none of the ranges.
fn lowest_free(taken: &mut [(i64, i64)]) -> i64 {
    taken.sort_unstable();
    let mut offset = 0;
    for (low, high) in taken {
        if offset <= *low {
            return offset;
        }
        offset = offset.max(*high);
    }
    offset
}

/// The highest offset up to `limit` that lies strictly inside none of the ranges.
fn highest_free(taken: &mut [(i64, i64)], limit: i64) -> Option<i64> {
    taken.sort_unstable_by_key(|(_, high)| core::cmp::Reverse(*high));
    let mut offset = limit;
    for (low, high) in taken {
        if offset >= *high {
            break;
        }
        offset = offset.min(*low);
    }
    (offset >= 0).then_some(offset)
}

fn place<G: Graph>(planned: &Planned<G>) -> Plan {
    let problem = Problem::new(planned);
    let bounds = (0..planned.n_layers()).map(|layer| live_bytes(planned, &problem, layer));
    let bounds: Vec<i64> = bounds.collect();
    let peak_layer = (0..bounds.len()).rev().max_by_key(|layer| bounds[*layer]).unwrap_or(0);
    let lower_bound = bounds.iter().copied().max().unwrap_or(0);
    let (offsets, peak) = problem.search(lower_bound, peak_layer);
    let mut placements = planned.placements.clone();
    for (item, offset) in problem.items.iter().zip(&offsets) {
        if let Some(id) = item.tensor {
            placements[id.index()].offset = *offset as usize;
        }
    }
    let scratch = (0..planned.n_layers()).map(|layer| {
        let Some(shape) = planned.shape(layer) else { return 0..0 };
        let most = shape.most_words() * ALIGNMENT;
        let gap = largest_gap(&problem, &offsets, layer, peak as usize);
        gap.start..gap.end.min(gap.start + most)
    });
    Plan {
        scratch: scratch.collect(),
        placements,
        arena_bytes: peak as usize,
        lower_bound_bytes: lower_bound as usize,
        peak_layer,
    }
}

/// Bytes that are in use at a layer whatever the places are: scratch memory, live tensors, and of
/// the output what cannot lie over inputs that die here.
fn live_bytes(planned: &impl Layout, problem: &Problem, layer: usize) -> i64 {
    let info = planned.info(layer);
    let live = |item: &&Item| item.life.0 <= layer && layer <= item.life.1;
    let live: Vec<&Item> = problem.items.iter().filter(live).collect();
    let sum: i64 = live.iter().map(|item| item.bytes).sum();
    let Some(output) = live.iter().find(|item| item.tensor == Some(info.output)) else {
        return sum;
    };
    let (mut dying, mut least_lead) = (0, output.bytes);
    for item in &live {
        let Some(id) = item.tensor else { continue };
        let demand = conflict(planned, [info.output, id], [output.life, item.life]);
        if let Conflict::Behind(lead) = demand
            && id != info.output
        {
            dying += item.bytes;
            least_lead = least_lead.min(lead as i64);
        }
    }
    sum - dying.min(output.bytes - least_lead)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lowest_offset_between_forbidden_ranges() {
        // ranges of 4 bytes at 0 and of 2 at 6, for something of 2 and of 3 bytes
        assert_eq!(lowest_free(&mut [(4, 8), (-2, 4)]), 4);
        assert_eq!(lowest_free(&mut [(-3, 4), (3, 8)]), 8);
        assert_eq!(lowest_free(&mut []), 0);
        assert_eq!(highest_free(&mut [(-2, 4), (4, 8)], 7), Some(4));
        assert_eq!(highest_free(&mut [(-2, 4), (4, 8)], 9), Some(9));
        assert_eq!(highest_free(&mut [(-3, 4), (3, 8)], 7), None);
    }
}
