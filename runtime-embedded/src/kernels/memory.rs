//! The arena as a layer sees it: its scratch memory, and the tensors below and above that.

use core::ops::Range;

use network::TensorSpec;
use network::layout::{ALIGNMENT, Placement, row_bytes};

/// A stored tensor: its format and where its rows lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Shape and format.
    pub spec: TensorSpec,
    /// Bits of a stored value.
    pub bits: u8,
    first_word: usize,
    row_words: usize,
}

impl Place {
    pub(crate) fn new(spec: TensorSpec, placement: Placement) -> Place {
        Place {
            spec,
            bits: placement.stored_bits,
            first_word: placement.offset / ALIGNMENT,
            row_words: row_bytes(&spec, placement.stored_bits) / ALIGNMENT,
        }
    }

    fn words(&self, y: usize) -> Range<usize> {
        let start = self.first_word + y * self.row_words;
        start..start + self.row_words
    }
}

/// The arena around the scratch memory of a layer.
pub(crate) struct Memory<'a> {
    low: &'a mut [u32],
    /// Scratch memory.
    pub scratch: &'a mut [u32],
    high: &'a mut [u32],
    high_start: usize,
}

impl<'a> Memory<'a> {
    /// Takes the words of `scratch` out of the arena.
    pub(crate) fn new(arena: &'a mut [u32], scratch: Range<usize>) -> Memory<'a> {
        let (low, rest) = arena.split_at_mut_checked(scratch.start).unwrap_or_default();
        let (scratch_words, high) = rest.split_at_mut_checked(scratch.len()).unwrap_or_default();
        Memory { low, scratch: scratch_words, high, high_start: scratch.end }
    }

    /// Scratch memory, and everything else to read.
    pub(crate) fn split(&mut self) -> (&mut [u32], Tensors<'_>) {
        let tensors = Tensors { low: self.low, high: self.high, high_start: self.high_start };
        (self.scratch, tensors)
    }

    /// Scratch memory, and a row of a tensor to write.
    pub(crate) fn split_row(&mut self, place: &Place, y: usize) -> (&mut [u32], &mut [u32]) {
        let words = place.words(y);
        let row = if words.start >= self.high_start {
            self.high.get_mut(words.start - self.high_start..words.end - self.high_start)
        } else {
            self.low.get_mut(words)
        };
        (self.scratch, row.unwrap_or_default())
    }

    /// A row of a tensor to write.
    pub(crate) fn row(&mut self, place: &Place, y: usize) -> &mut [u32] {
        self.split_row(place, y).1
    }
}

/// The tensors around the scratch memory, to read.
#[derive(Clone, Copy)]
pub(crate) struct Tensors<'a> {
    low: &'a [u32],
    high: &'a [u32],
    high_start: usize,
}

impl<'a> Tensors<'a> {
    /// The whole arena, nothing of it being scratch memory.
    pub(crate) fn whole(arena: &'a [u32]) -> Tensors<'a> {
        Tensors { low: &[], high: arena, high_start: 0 }
    }

    /// A row of a tensor.
    #[inline]
    pub(crate) fn row(&self, place: &Place, y: usize) -> &'a [u32] {
        let words = place.words(y);
        let row = if words.start >= self.high_start {
            self.high.get(words.start - self.high_start..words.end - self.high_start)
        } else {
            self.low.get(words)
        };
        row.unwrap_or_default()
    }
}
