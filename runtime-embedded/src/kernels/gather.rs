//! Rows of a layer's input, gathered from wherever they lie into 16-bit halves of scratch memory.
//!
//! A column of a gathered row is its channels, two to a word, the first in the low half.

use core::ops::Range;

use network::layout::{Layout, MAX_SOURCES, Sources};
use network::{Graph, TensorSpec};

use super::memory::{Place, Tensors};
use crate::bits::Bits;
use crate::model::Model;

/// A stored tensor whose channels are part of an input.
#[derive(Clone, Copy, Debug)]
struct Part {
    place: Place,
    scale: u8,
    /// First of its channels in the input.
    first: usize,
}

/// What a layer reads: channels of one or more stored tensors, some of them upsampled.
pub(crate) struct Input {
    parts: [Option<Part>; MAX_SOURCES],
    /// Channels of all parts.
    pub channels: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Format of every part.
    pub spec: TensorSpec,
}

/// Columns and channels of a row that are gathered.
#[derive(Clone)]
pub(crate) struct Window {
    /// Row.
    pub y: usize,
    /// Column of the first one; columns outside the image are zeros.
    pub x: isize,
    /// Columns.
    pub n_columns: usize,
    /// Channels.
    pub channels: Range<usize>,
}

impl Input {
    /// The input that `sources` make.
    pub(crate) fn new(model: &Model, sources: &Sources) -> Input {
        let mut parts = [None; MAX_SOURCES];
        let (mut channels, mut size) = (0, [0, 0]);
        let mut format = TensorSpec { channels: 0, height: 0, width: 0, bits: 1, signed: false };
        for (part, source) in parts.iter_mut().zip(sources.iter()) {
            let spec = model.view().spec(source.tensor);
            let place = Place::new(spec, Layout::placement(model.view(), source.tensor));
            *part = Some(Part { place, scale: source.scale, first: channels });
            channels += spec.channels;
            size = [spec.height << source.scale, spec.width << source.scale];
            format = spec;
        }
        Input { parts, channels, height: size[0], width: size[1], spec: format }
    }

    /// Gathers a window into `words` of scratch memory, `channel_pairs` words a column; an odd last
    /// channel leaves its neighbour half as it is.
    pub(crate) fn gather(&self, tensors: Tensors, window: &Window, words: &mut [u32]) {
        let pairs = window.channels.len().div_ceil(2);
        let before = (-window.x).max(0) as usize;
        let end = (self.width as isize - window.x).max(0) as usize;
        let inside = before.min(window.n_columns)..end.min(window.n_columns);
        // zeros beside the image
        let (left, rest) = words.split_at_mut_checked(inside.start * pairs).unwrap_or_default();
        let n_inside = inside.len() * pairs;
        let (words, right) = rest.split_at_mut_checked(n_inside).unwrap_or_default();
        left.fill(0);
        right.fill(0);
        let x = (window.x + inside.start as isize) as usize;
        for part in self.parts.iter().map_while(Option::as_ref) {
            part.gather(tensors, window, x..x + inside.len(), words);
        }
    }

    /// The byte that stores a value.
    pub(crate) fn value(&self, tensors: Tensors, [c, y, x]: [usize; 3]) -> u8 {
        let owner = |part: &&Part| (part.first..part.first + part.place.spec.channels).contains(&c);
        let Some(part) = self.parts.iter().flatten().find(owner) else { return 0 };
        let row = tensors.row(&part.place, y >> part.scale);
        let index = (x >> part.scale) * part.place.spec.channels + c - part.first;
        Bits::new(row, part.place.bits, index).next_value(self.spec.signed) as u8
    }

    /// The bytes of a row of a tensor of one channel that is stored as such.
    pub(crate) fn bytes<'a>(&self, tensors: Tensors<'a>, y: usize) -> Option<&'a [u8]> {
        let part = self.parts.first()?.as_ref()?;
        let plain = self.channels == 1 && part.place.bits == 8 && part.scale == 0;
        plain.then(|| bytemuck::cast_slice(tensors.row(&part.place, y)))
    }
}

impl Part {
    /// Gathers those channels of the window that are this part's.
    fn gather(&self, tensors: Tensors, window: &Window, columns: Range<usize>, words: &mut [u32]) {
        let n_channels = self.place.spec.channels;
        let start = window.channels.start.max(self.first);
        let end = window.channels.end.min(self.first + n_channels);
        if start >= end {
            return;
        }
        let row = tensors.row(&self.place, window.y >> self.scale);
        let pairs = window.channels.len().div_ceil(2);
        // where this part's channels lie in the window's, and in the part's own
        let (to, from, mut count) =
            (start - window.channels.start, start - self.first, end - start);
        let (mut stride, mut n_columns) = (2 * pairs, columns.len());
        if self.scale == 0 && count == 2 * pairs && count == n_channels {
            // all columns follow one another as they are stored
            (count, stride, n_columns) = (count * n_columns, count * n_columns, 1);
        }
        let plain = self.place.bits == 8
            && !self.place.spec.signed
            && (n_channels | from | to | count).is_multiple_of(2);
        for (column, words) in words.chunks_mut(stride.max(2) / 2).take(n_columns).enumerate() {
            let index = ((columns.start + column) >> self.scale) * n_channels + from;
            if plain {
                let words = words.get_mut(to / 2..to / 2 + count / 2).unwrap_or_default();
                expand(row, index / 2, words);
            } else {
                let halves: &mut [u16] = bytemuck::cast_slice_mut(words);
                let halves = halves.get_mut(to..to + count).unwrap_or_default();
                let mut values = Bits::new(row, self.place.bits, index);
                if self.place.spec.signed {
                    halves.iter_mut().for_each(|half| *half = values.next_value(true) as u16);
                } else {
                    halves.iter_mut().for_each(|half| *half = values.next_value(false) as u16);
                }
            }
        }
    }
}

/// The bytes of every half from half `first` on become the halves of a word.
#[inline(always)]
fn expand(from: &[u32], first: usize, to: &mut [u32]) {
    let halves: &[u16] = bytemuck::cast_slice(from);
    for (to, half) in to.iter_mut().zip(halves.get(first..).unwrap_or_default()) {
        let half = u32::from(*half);
        *to = (half & 0xFF) | (half & 0xFF00) << 8;
    }
}

/// Makes of halves `a0`, `a1` the number `a0 + 2^16·a1`, which differs if `a0` is negative.
pub(super) fn to_pairs(words: &mut [u32]) {
    for word in words {
        *word = word.wrapping_sub((*word & 0x8000) << 1);
    }
}
