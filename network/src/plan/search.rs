//! The search for places: orders in which tensors and scratch memory are put into the arena.

use alloc::vec;
use alloc::vec::Vec;

use crate::layout::{ALIGNMENT, Conflict, Layout, conflict, stored_lifetime, tensor_bytes};
use crate::tensor::TensorId;

/// Orders in which the search places tensors for each choice, before the worse half is dropped.
const N_ORDERS: usize = 300;

/// Something that needs a place: a stored tensor, or the scratch memory of a layer.
#[derive(Clone, Copy)]
pub(super) struct Item {
    pub(super) tensor: Option<TensorId>,
    pub(super) bytes: i64,
    pub(super) life: (usize, usize),
}

/// The items, and for each pair the offsets that the second may not have relative to the first:
/// those strictly between the two numbers.
pub(super) struct Problem {
    pub(super) items: Vec<Item>,
    forbidden: Vec<Vec<Option<(i64, i64)>>>,
}

impl Problem {
    pub(super) fn new(planned: &impl Layout) -> Problem {
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
}

/// Bytes that are in use at each layer whatever the places are.
pub(super) fn live_bytes(planned: &impl Layout, problem: &Problem) -> Vec<i64> {
    (0..planned.n_layers()).map(|layer| live_bytes_at(planned, problem, layer)).collect()
}

/// The most bytes in use, and the first layer with as many.
pub(super) fn peak(live: &[i64]) -> (i64, usize) {
    let layer = (0..live.len()).rev().max_by_key(|layer| live[*layer]).unwrap_or(0);
    (live.get(layer).copied().unwrap_or(0), layer)
}

/// Bytes that are in use at a layer whatever the places are: scratch memory, live tensors, and of
/// the output what cannot lie over inputs that die here.
fn live_bytes_at(planned: &impl Layout, problem: &Problem, layer: usize) -> i64 {
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

/// A search over orders in which the items are placed, with the best found so far.
pub(super) struct Search {
    pub(super) problem: Problem,
    /// Bytes below which no order can get.
    limit: i64,
    order: Vec<(usize, bool)>,
    pub(super) offsets: Vec<i64>,
    pub(super) peak: i64,
    random: Random,
}

impl Search {
    /// The best of four orders.
    ///
    /// Greedy by size as in Pisarchyk & Lee 2020 ("Efficient Memory Management for Deep Neural Net
    /// Inference", algorithm 3), also with what lives at the peak before everything else and from
    /// above.
    pub(super) fn new(planned: &impl Layout) -> Search {
        let problem = Problem::new(planned);
        let (limit, peak_layer) = peak(&live_bytes(planned, &problem));
        let items = &problem.items;
        let by_size = |(i, _): &(usize, bool)| (core::cmp::Reverse(items[*i].bytes), *i);
        let lives = |item: &Item| item.life.0 <= peak_layer && peak_layer <= item.life.1;
        let starts = [(false, false), (true, false), (false, true), (true, true)];
        let orders = starts.map(|(peak_first, is_high)| {
            let mut order: Vec<_> = (0..items.len()).map(|i| (i, is_high)).collect();
            order.sort_by_key(|i| (peak_first && !lives(&items[i.0]), by_size(i)));
            order
        });
        let found = orders.map(|order| (problem.offsets(&order, limit), order));
        let best = found.into_iter().min_by_key(|((_, peak), _)| *peak);
        let ((offsets, peak), order) = best.unwrap_or_default();
        Search { problem, limit, order, offsets, peak, random: Random(1) }
    }

    /// Tries orders for all searches, then twice as many for the better half of them, until one
    /// is left or one has reached the lower bound.
    pub(super) fn best(mut searches: Vec<Search>, lower_bound: i64) -> Search {
        let mut n_orders = N_ORDERS;
        loop {
            for search in &mut searches {
                search.improve(n_orders);
                if search.peak <= lower_bound {
                    break;
                }
            }
            searches.sort_by_key(|search| search.peak);
            if searches.len() == 1 || searches[0].peak <= lower_bound {
                return searches.swap_remove(0);
            }
            searches.truncate(searches.len() / 2);
            n_orders *= 2;
        }
    }

    /// Tries more orders until one reaches the limit: places earlier what ends highest,
    /// exchanges two, or has one come down from above instead of up from below.
    fn improve(&mut self, n_orders: usize) {
        let Search { problem, order, random, .. } = self;
        for _ in 0..n_orders {
            if self.peak <= self.limit || order.len() < 2 {
                return;
            }
            let mut other = order.clone();
            let highest =
                |(i, _): &(usize, bool)| self.offsets[*i] + problem.items[*i].bytes == self.peak;
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
            let (offsets, peak) = problem.offsets(&other, self.limit);
            if peak <= self.peak {
                (self.offsets, self.peak, *order) = (offsets, peak, other);
            }
        }
    }
}

/// A linear congruential generator (Numerical Recipes): any order will do.
pub(super) struct Random(pub(super) u32);

impl Random {
    pub(super) fn below(&mut self, n: usize) -> usize {
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
