//! Where tensors, rings and weight chunks lie on chip.

use std::collections::BTreeMap;

use super::select::Segment;
use super::shape::{Role, Touch};
use super::types::{ExternalConfig, Ring};
use super::view::View;

/// Places on chip, for each segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Place of each tensor that a segment touches.
    pub rings: Vec<BTreeMap<usize, Ring>>,
    /// First weight word of each chunk, by operation and first output group.
    pub weights: Vec<BTreeMap<(usize, usize), usize>>,
}

/// A range of words over a range of segments.
#[derive(Clone, Copy)]
struct Block {
    tensor: usize,
    words: usize,
    first: usize,
    last: usize,
    /// Read from outside: better placed apart from what the segment before uses.
    loaded: bool,
    base: usize,
}

/// Places everything; none if the feature memory is too fragmented.
pub fn place(view: &View, segments: &[Segment], config: ExternalConfig) -> Option<Placement> {
    let features = place_features(view, segments, config.feature_words)?;
    let rings = segments.iter().enumerate().map(|(at, segment)| {
        let here = features.iter().filter(|b| b.first <= at && at <= b.last);
        let touches = |b: &&Block| segment.shape.touches.iter().any(|t| t.tensor == b.tensor);
        let ring = |b: &Block| Ring { base: b.base, ring: segment.ring(view, b.tensor) };
        here.filter(touches).map(|b| (b.tensor, ring(b))).collect()
    });
    let rings = rings.collect();
    Some(Placement { rings, weights: place_weights(view, segments, config.weight_words) })
}

/// Resident tensors first, the largest first; then the rings of each segment, where it is possible
/// apart from what the segment before uses.
fn place_features(view: &View, segments: &[Segment], words: usize) -> Option<Vec<Block>> {
    let mut blocks = resident(view, segments);
    blocks.sort_by_key(|b| (std::cmp::Reverse(b.words), b.first, b.tensor));
    let mut placed = Vec::new();
    add(&mut placed, &blocks, words, false)?;
    for (at, segment) in segments.iter().enumerate() {
        let rings = rings(view, segment, at);
        let apart = add(&mut placed, &rings, words, true);
        apart.or_else(|| add(&mut placed, &rings, words, false))?;
    }
    Some(placed)
}

/// The tensors of a segment that are not resident.
fn rings(view: &View, segment: &Segment, at: usize) -> Vec<Block> {
    let touches = segment.shape.touches.iter().filter(|t| !segment.is_resident(t.tensor));
    let block = |t: &Touch| Block {
        tensor: t.tensor,
        words: t.ring * view.tensors[t.tensor].pitch,
        first: at,
        last: at,
        loaded: t.role == Role::Source,
        base: 0,
    };
    touches.map(block).collect()
}

/// Places all blocks or none of them.
fn add(placed: &mut Vec<Block>, blocks: &[Block], words: usize, apart: bool) -> Option<()> {
    let n_before = placed.len();
    for block in blocks {
        let early = Block { first: block.first.saturating_sub(1), ..*block };
        let base = if apart && block.loaded { lowest(placed, &early, words) } else { None };
        let Some(base) = base.or_else(|| lowest(placed, block, words)) else {
            placed.truncate(n_before);
            return None;
        };
        placed.push(Block { base, ..*block });
    }
    Some(())
}

fn resident(view: &View, segments: &[Segment]) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        blocks.extend(segment.kept.iter().map(|&tensor| {
            let reads = |s: &Segment| s.before.contains(&tensor);
            let last = segments.iter().rposition(reads).unwrap_or(at);
            let words = view.words(tensor);
            Block { tensor, words, first: at, last, loaded: false, base: 0 }
        }));
    }
    blocks
}

/// The lowest base free over the block's segments.
fn lowest(placed: &[Block], block: &Block, words: usize) -> Option<usize> {
    let meets = |b: &&Block| b.first <= block.last && block.first <= b.last;
    let mut taken: Vec<&Block> = placed.iter().filter(meets).collect();
    taken.sort_by_key(|b| b.base);
    let mut base = 0;
    for other in taken {
        if base + block.words <= other.base {
            break;
        }
        base = base.max(other.base + other.words);
    }
    (base + block.words <= words).then_some(base)
}

/// Chunks one behind the other around the memory, so that a chunk loads while another is used.
fn place_weights(
    view: &View,
    segments: &[Segment],
    words: usize,
) -> Vec<BTreeMap<(usize, usize), usize>> {
    let mut next = 0;
    let mut found = Vec::new();
    for segment in segments {
        let ops = segment.shape.ops.clone();
        let chunks = ops.flat_map(|op| {
            let size = |n| view.operations[op].weight_words(n);
            let chunks = segment.shape.chunks(view, op).into_iter();
            chunks.map(move |(first, n)| ((op, first), size(n))).collect::<Vec<_>>()
        });
        let chunks: Vec<((usize, usize), usize)> = chunks.collect();
        let mut bases = around(&chunks, next, words);
        if segment.shape.ops.len() > 1 && overlap(&bases, &chunks) {
            bases = around(&chunks, 0, words);
        }
        next = chunks.last().map_or(next, |(_, size)| bases[bases.len() - 1] + size);
        found.push(chunks.iter().map(|(key, _)| *key).zip(bases).collect());
    }
    found
}

fn around(chunks: &[((usize, usize), usize)], mut next: usize, words: usize) -> Vec<usize> {
    let mut bases = Vec::new();
    for (_, size) in chunks {
        if next + size > words {
            next = 0;
        }
        bases.push(next);
        next += size;
    }
    bases
}

fn overlap(bases: &[usize], chunks: &[((usize, usize), usize)]) -> bool {
    let mut ranges: Vec<(usize, usize)> =
        bases.iter().zip(chunks).map(|(base, (_, size))| (*base, base + size)).collect();
    ranges.sort_unstable();
    ranges.windows(2).any(|pair| pair[1].0 < pair[0].1)
}
