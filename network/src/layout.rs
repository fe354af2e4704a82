//! Where tensors lie on a board: rows of values in one arena, views that are not stored at all, and
//! outputs that overwrite an input as it dies.
//!
//! A tensor lies in rows of `[x][channel]`, each value in 8 bits or packed at exactly its own bits
//! (least significant first), each row starting at a 32-bit word. The output of a concat or of a
//! nearest upsampling need not be stored: whoever reads it reads its [`Sources`] instead. Planner
//! and loader share what stands here, so that what one plans the other can prove.

use crate::graph::{Graph, LayerInfo, Operation};
use crate::tensor::{TensorId, TensorSpec};
use crate::tiling::Shape;

/// Most stored tensors that a view is made of; a view of more is stored.
pub const MAX_SOURCES: usize = 8;
/// Bytes that offsets and sizes in the arena are multiples of.
pub const ALIGNMENT: usize = 4;

/// Where a tensor lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// First byte in the arena.
    pub offset: usize,
    /// Bits of a stored value: 8, the tensor's own bits, or 0 for a view.
    pub stored_bits: u8,
}

impl Placement {
    /// A tensor that is not stored.
    pub const VIEW: Placement = Placement { offset: 0, stored_bits: 0 };

    /// True if the tensor is not stored.
    pub fn is_view(&self) -> bool {
        self.stored_bits == 0
    }
}

/// Bytes of one row of values of `stored_bits` bits.
pub fn row_bytes(spec: &TensorSpec, stored_bits: u8) -> usize {
    (spec.width * spec.channels * usize::from(stored_bits)).div_ceil(32) * ALIGNMENT
}

/// Bytes of a tensor, as u64: the product of file values can pass 32 bits on a board.
pub fn tensor_bytes(spec: &TensorSpec, stored_bits: u8) -> u64 {
    row_bytes(spec, stored_bits) as u64 * spec.height as u64
}

/// A stored tensor that a view reads channels of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The stored tensor.
    pub tensor: TensorId,
    /// Doublings of rows and columns: position (y, x) of the view reads (y >> scale, x >> scale).
    pub scale: u8,
}

/// What a layer reads: stored tensors whose channels follow one another.
#[derive(Clone, Copy, Debug)]
pub struct Sources {
    list: [Source; MAX_SOURCES],
    len: usize,
}

impl Sources {
    const NONE: Sources =
        Sources { list: [Source { tensor: TensorId(0), scale: 0 }; MAX_SOURCES], len: 0 };

    /// In the order of their channels.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.list.iter().take(self.len)
    }

    #[must_use]
    fn push(&mut self, source: Source) -> Option<()> {
        *self.list.get_mut(self.len)? = source;
        self.len += 1;
        Some(())
    }

    fn pop(&mut self) -> Option<Source> {
        self.len = self.len.checked_sub(1)?;
        self.list.get(self.len).copied()
    }
}

/// A graph with the places of its tensors.
pub trait Layout: Graph {
    /// Where a tensor lies; the id must be below `n_tensors`.
    fn placement(&self, id: TensorId) -> Placement;
    /// 32-bit words of a layer's scratch memory.
    fn scratch_words(&self, layer: usize) -> usize;
}

/// The stored tensors that `id` is made of; none if they are more than [`MAX_SOURCES`].
pub fn sources(layout: &impl Layout, id: TensorId) -> Option<Sources> {
    let mut open = Sources::NONE;
    open.push(Source { tensor: id, scale: 0 })?;
    flatten(layout, open)
}

/// What a layer reads; a concat or upsampling reads what its output is made of.
pub fn layer_sources(layout: &impl Layout, info: &LayerInfo) -> Option<Sources> {
    let mut open = Sources::NONE;
    open_inputs(&mut open, info, 0)?;
    flatten(layout, open)
}

/// Puts a layer's inputs on the stack, the first one on top.
fn open_inputs(open: &mut Sources, info: &LayerInfo, scale: u8) -> Option<()> {
    let scale = scale + u8::from(info.operation == Operation::Upsample2d);
    for input in info.inputs().iter().rev() {
        open.push(Source { tensor: *input, scale })?;
    }
    Some(())
}

/// Replaces views by what they are made of; `open` is a stack.
fn flatten(layout: &impl Layout, mut open: Sources) -> Option<Sources> {
    let mut found = Sources::NONE;
    while let Some(source) = open.pop() {
        if !layout.placement(source.tensor).is_view() {
            found.push(source)?;
            continue;
        }
        let infos = (0..layout.n_layers()).map(|layer| layout.info(layer));
        let producer = infos.into_iter().find(|info| info.output == source.tensor)?;
        open_inputs(&mut open, &producer, source.scale)?;
    }
    Some(found)
}

/// First and last layer during which a stored tensor holds values that someone needs.
///
/// As [`crate::graph::lifetime`], but layers that make views read nothing.
pub fn stored_lifetime(layout: &impl Layout, id: TensorId) -> (usize, usize) {
    let n_layers = layout.n_layers();
    let first = (0..n_layers).find(|layer| layout.info(*layer).output == id).unwrap_or(0);
    if id == layout.output() {
        return (first, n_layers);
    }
    let reads = |layer: &usize| {
        let info = layout.info(*layer);
        let computes = !layout.placement(info.output).is_view();
        computes && source_of(layout, &info, id).is_some()
    };
    (first, (0..n_layers).rev().find(reads).unwrap_or(first))
}

/// The source of a layer that is tensor `id`, the one of the largest scale.
fn source_of(layout: &impl Layout, info: &LayerInfo, id: TensorId) -> Option<Source> {
    let sources = layer_sources(layout, info)?;
    sources.iter().filter(|source| source.tensor == id).max_by_key(|source| source.scale).copied()
}

/// How a layer walks: step `u` writes rows `u·rows_written ..`; after it has written any of them it
/// reads rows from `u·rows_read + first_read` on.
struct Walk {
    rows_read: u64,
    rows_written: u64,
    first_read: i64,
}

/// The walk of a layer; that of a concat or upsampling is over the rows of its output.
fn walk(layout: &impl Layout, layer: usize, info: &LayerInfo) -> Walk {
    let (rows_read, rows_written, halo) = match info.operation {
        Operation::Conv2d { kernel } => (1, 1, kernel as i64 / 2),
        Operation::ConvTranspose2d => (1, 2, 0),
        Operation::MaxPool2d => (2, 1, 0),
        Operation::Upsample2d | Operation::Concat | Operation::Head { .. } => (1, 1, 0),
    };
    // a convolution that gathers whole rows once has them all before it writes
    let most_words = scratch_shape(layout, info).most_words();
    let gathers_once = info.operation.taps() > 0 && layout.scratch_words(layer) >= most_words;
    Walk { rows_read, rows_written, first_read: if gathers_once { halo + 1 } else { -halo } }
}

/// Bytes that a layer's input must begin behind its output, so that no row is overwritten that is
/// read later; the output's size if it would have to lie apart.
fn least_lead(layout: &impl Layout, layer: usize, info: &LayerInfo, source: Source) -> u64 {
    let Walk { rows_read, rows_written, first_read } = walk(layout, layer, info);
    let row_of =
        |id: TensorId| row_bytes(&layout.spec(id), layout.placement(id).stored_bits) as u64;
    let (read, written) = (row_of(source.tensor), row_of(info.output));
    let height = (layout.spec(source.tensor).height as u64) << (source.scale & 31);
    let n_steps = layout.spec(info.output).height as u64 / rows_written;
    let lead = |step: u64| {
        let first = (step * rows_read).saturating_add_signed(first_read);
        if first >= height {
            return 0;
        }
        ((step + 1) * rows_written * written).saturating_sub((first >> (source.scale & 31)) * read)
    };
    (0..n_steps).map(lead).max().unwrap_or(0)
}

/// What two stored tensors demand of their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Nothing: they do not live together.
    None,
    /// They may not overlap.
    Apart,
    /// They may not overlap unless the second begins this many bytes behind the first.
    Behind(u64),
}

/// What tensors `a` and `b` demand, seen from `a`: [`Conflict::Behind`] if `a` is written by the
/// layer that reads `b` last.
pub fn conflict(
    layout: &impl Layout,
    [a, b]: [TensorId; 2],
    [a_life, b_life]: [(usize, usize); 2],
) -> Conflict {
    if a_life.1 < b_life.0 || b_life.1 < a_life.0 {
        return Conflict::None;
    }
    // the input is there before layer 0 writes anything, so it is never an output
    if a_life.0 == b_life.1 && a != layout.input() {
        let info = layout.info(a_life.0);
        if info.output == a
            && let Some(source) = source_of(layout, &info, b)
        {
            return Conflict::Behind(least_lead(layout, a_life.0, &info, source));
        }
    }
    Conflict::Apart
}

/// The shape of a layer as its scratch memory depends on it.
pub fn scratch_shape(layout: &impl Layout, info: &LayerInfo) -> Shape {
    let output = layout.spec(info.output);
    let channels = match info.operation {
        Operation::Upsample2d | Operation::Concat => output.channels,
        _ => layout.spec(info.inputs[0]).channels,
    };
    let width = match info.operation {
        Operation::ConvTranspose2d => output.width / 2,
        _ => output.width,
    };
    Shape { operation: info.operation, width, channels }
}
