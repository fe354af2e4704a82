//! The channel table and the commands of an external-memory build.
//!
//! A channel is a region of external memory and a ring of rows on chip between which the DMA moves
//! rows; a command names a channel, or a descriptor, and how many rows move or run now. Like the
//! descriptor, this table is the only definition.

use crate::descriptor::Field;

/// Words from one channel to the next in the table.
pub const CHANNEL_WORDS: usize = 8;

/// `kind`: external memory to feature memory.
pub const KIND_LOAD_FEATURES: u32 = 0;
/// `kind`: feature memory to external memory.
pub const KIND_STORE_FEATURES: u32 = 1;
/// `kind`: external memory to weight memory.
pub const KIND_LOAD_WEIGHTS: u32 = 2;

const fn field(name: &'static str, word: usize, lsb: u32, width: u32, doc: &'static str) -> Field {
    Field { name, word, lsb, width, doc }
}

/// What moves where: [`KIND_LOAD_FEATURES`], [`KIND_STORE_FEATURES`] or [`KIND_LOAD_WEIGHTS`].
pub const KIND: Field =
    field("kind", 0, 0, 2, "0 loads features, 1 stores features, 2 loads weights");
/// Rows on chip less one.
pub const RING_M1: Field =
    field("ring_m1", 0, 2, 12, "rows kept on chip, less one: row y is y modulo them");
/// Length of a row in external memory.
pub const BEATS: Field = field("beats", 0, 14, 16, "16-byte beats of a row in external memory");
/// Place in external memory.
pub const EXTERNAL: Field =
    field("external", 1, 0, 32, "byte of row 0, from the start of the region of external memory");
/// Place on chip.
pub const BASE: Field = field("base", 2, 0, 32, "word of row 0 on chip");
/// Rows on chip.
pub const PITCH: Field = field("pitch", 3, 0, 32, "words from one row to the next on chip");
/// Length of a run less one.
pub const RUN_M1: Field = field("run_m1", 4, 0, 16, "neighbouring words on chip, less one");
/// Runs of a row less one.
pub const RUNS_M1: Field = field("runs_m1", 4, 16, 16, "runs of a row, less one");
/// From run to run.
pub const STRIDE: Field = field("stride", 5, 0, 32, "words from one run to the next on chip");
/// Written by the DMA.
pub const AT_EXTERNAL: Field =
    field("at_external", 6, 0, 32, "written by the DMA: byte address of the next row");
/// Written by the DMA.
pub const AT_ROW: Field =
    field("at_row", 7, 0, 32, "written by the DMA: word (20 bits) and ring row of the next row");

/// Every field, in word and bit order.
pub const FIELDS: &[Field] =
    &[KIND, RING_M1, BEATS, EXTERNAL, BASE, PITCH, RUN_M1, RUNS_M1, STRIDE, AT_EXTERNAL, AT_ROW];

/// Bits of an address on chip: what the state of a ring leaves free in its word.
pub const ADDRESS_BITS: u32 = 20;

/// Most rows of one command.
pub const MAX_ROWS: usize = 255;
/// Most descriptors or channels that commands can name.
pub const MAX_INDEX: usize = (1 << 15) - 1;
/// Largest wait of one command.
pub const MAX_WAIT: usize = 255;

/// A command word: `index` is a descriptor or a channel, `rows` 1..=255 of it move or run now, from
/// row 0 if `first`; before that `wait` more commands of the other queue must have completed.
///
/// # Panics
/// If `index`, `rows` or `wait` exceed [`MAX_INDEX`], [`MAX_ROWS`] or [`MAX_WAIT`].
pub fn command(index: u16, rows: usize, first: bool, wait: usize) -> u32 {
    let fits = usize::from(index) <= MAX_INDEX && rows <= MAX_ROWS && wait <= MAX_WAIT;
    assert!(fits, "index {index}, rows {rows}, wait {wait}");
    (wait as u32) << 24 | u32::from(first) << 23 | (rows as u32) << 15 | u32::from(index)
}

/// The word that ends a queue.
pub const COMMAND_END: u32 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_overlap() {
        let mut used = [0u32; CHANNEL_WORDS];
        for field in FIELDS {
            assert_eq!(used[field.word] & field.mask(), 0, "{}", field.name);
            used[field.word] |= field.mask();
        }
    }

    #[test]
    fn command_by_hand() {
        assert_eq!(command(0x1234, 5, true, 2), 0x0282_9234);
    }
}
