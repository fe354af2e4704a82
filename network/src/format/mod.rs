//! `.qunet` version 1: little-endian, checksummed, read in place.
//!
//! | bytes | header field |
//! |---|---|
//! | 0..8 | magic `QUNET\0\r\n` |
//! | 8, 10 | major and minor version (u16); a reader refuses a newer major |
//! | 12 | bytes of header and section table (u32) |
//! | 16 | bytes of the file (u32) |
//! | 20 | number of sections (u16) |
//! | 22 | mode: 0 `scaled`, 1 `fixed` (u8); byte 23 is 0 |
//! | 24, 26 | input and output tensor (u16) |
//! | 28 | bytes of the arena that the plan needs (u32) |
//! | 32 | CRC-32 of everything after header and section table |
//! | 36 | CRC-32 of header and section table, with these four bytes zero |
//! | 40.. | sections: kind, offset from the start of the file, bytes (u32 each) |
//! | behind the table | the plan of the arena, section 6, since minor version 1 |
//!
//! The plan belongs to the header: it says where a board puts the tensors and changes none of their
//! integers, so the payload's CRC-32, which identifies the model, does not depend on it. It holds for
//! each tensor its first byte in the arena (u32), the bits of a stored value (u8: 8, the tensor's own
//! bits, or 0 for a view that is not stored, see [`crate::layout`]) and three zeros; then for each
//! layer the first byte and the bytes of its scratch memory (u32 each). A file without it can be
//! run on a host only.
//!
//! Unknown section kinds are skipped. `tensors` holds records of [`TENSOR_BYTES`], `layers` of
//! [`LAYER_BYTES`], `channels` (M i16, B i32) pairs, `weights` the codes of each layer packed at
//! exactly W bits (least significant bit first, each layer starting at a byte), `names` UTF-8
//! text that records point into, `metadata` JSON for the host.

mod crc;
mod pack;
mod plan;
mod records;
mod view;
#[cfg(feature = "alloc")]
mod write;

#[cfg(feature = "alloc")]
pub use pack::pack;
pub use pack::{PackedWeights, packed_bytes};
pub use records::{LayerRecord, TensorRecord};
pub use view::{LayerData, NetworkView};

/// First bytes of every file.
pub const MAGIC: [u8; 8] = *b"QUNET\0\r\n";
/// Major version of this writer and reader.
pub const MAJOR: u16 = 1;
/// Minor version of this writer.
pub const MINOR: u16 = 1;
/// Bytes of the header without the section table.
pub const HEADER_BYTES: usize = 40;
/// Bytes of one entry of the section table.
pub const SECTION_BYTES: usize = 12;
/// Bytes of one tensor record.
pub const TENSOR_BYTES: usize = 16;
/// Bytes of one layer record.
pub const LAYER_BYTES: usize = 32;
/// Bytes of one (M, B) pair.
pub const CHANNEL_BYTES: usize = 6;

/// Bytes of one record of the plan: of a tensor or of a layer.
pub const PLAN_BYTES: usize = 8;

const N_SECTIONS: usize = 7;
const SECTION_NAMES: [&str; N_SECTIONS] =
    ["tensors", "layers", "channels", "weights", "names", "metadata", "plan"];

/// A section of the file; the discriminant is its kind in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Tensors = 0,
    Layers = 1,
    Channels = 2,
    Weights = 3,
    Names = 4,
    Metadata = 5,
    Plan = 6,
}

#[inline(always)]
const fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

#[inline(always)]
const fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// CRC-32 of the header with its own field read as zero.
fn header_crc(header: &[u8]) -> u32 {
    let (start, end) = (header.get(..36).unwrap_or(header), header.get(40..).unwrap_or_default());
    crc::crc32(&[start, &[0; 4], end])
}
