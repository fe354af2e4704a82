//! The memory planner: where each tensor lies in one arena, and how close to optimal that is.

use alloc::vec;
use alloc::vec::Vec;

use crate::graph::{Graph, lifetime};
use crate::tensor::TensorId;

/// Offsets of all tensors in one arena, one byte a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// First byte of each tensor, in tensor order.
    pub offsets: Vec<usize>,
    /// Bytes of the arena.
    pub arena_bytes: usize,
    /// Largest sum of live bytes at any layer; no plan of this graph can be smaller.
    pub lower_bound_bytes: usize,
    /// The layer at which that largest sum occurs.
    pub peak_layer: usize,
}

/// Places tensors greedily by size, each at the lowest offset free over its lifetime.
///
/// Greedy by size as in Pisarchyk & Lee 2020 ("Efficient Memory Management for Deep Neural Net
/// Inference", algorithm 3).
pub fn plan(network: &impl Graph) -> Plan {
    let n_tensors = network.n_tensors();
    let ids = (0..n_tensors).map(|i| TensorId(i as u16));
    let sizes: Vec<usize> = ids.clone().map(|id| network.spec(id).len()).collect();
    let lifetimes: Vec<(usize, usize)> = ids.map(|id| lifetime(network, id)).collect();
    let mut order: Vec<usize> = (0..n_tensors).collect();
    order.sort_by_key(|i| (core::cmp::Reverse(sizes[*i]), *i));

    let mut offsets = vec![0; n_tensors];
    let mut placed: Vec<usize> = Vec::new();
    for tensor in order {
        let (first, last) = lifetimes[tensor];
        let together =
            |other: &&usize| lifetimes[**other].0 <= last && first <= lifetimes[**other].1;
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(together)
            .map(|i| (offsets[*i], offsets[*i] + sizes[*i]))
            .collect();
        taken.sort_unstable();
        offsets[tensor] = lowest_gap(&taken, sizes[tensor]);
        placed.push(tensor);
    }
    let arena_bytes = (0..n_tensors).map(|i| offsets[i] + sizes[i]).max().unwrap_or(0);
    let live = |layer: usize| -> usize {
        let alive = |i: &usize| lifetimes[*i].0 <= layer && layer <= lifetimes[*i].1;
        (0..n_tensors).filter(alive).map(|i| sizes[i]).sum()
    };
    let peak_layer = (0..network.n_layers()).rev().max_by_key(|layer| live(*layer)).unwrap_or(0);
    Plan { offsets, arena_bytes, lower_bound_bytes: live(peak_layer), peak_layer }
}

/// The lowest offset at which `size` bytes fit between the sorted taken ranges.
fn lowest_gap(taken: &[(usize, usize)], size: usize) -> usize {
    let mut offset = 0;
    for (start, end) in taken {
        if offset + size <= *start {
            return offset;
        }
        offset = offset.max(*end);
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lowest_gap_between_two_ranges() {
        assert_eq!(lowest_gap(&[(0, 4), (6, 8)], 2), 4);
        assert_eq!(lowest_gap(&[(0, 4), (6, 8)], 3), 8);
        assert_eq!(lowest_gap(&[], 3), 0);
    }
}
