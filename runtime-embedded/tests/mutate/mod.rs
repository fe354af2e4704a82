//! Mutations of small models that keep to the file's structure, so that deep checks are reached.

use std::ops::Range;

use network::format::{HEADER_BYTES, LAYER_BYTES, PLAN_BYTES, SECTION_BYTES, TENSOR_BYTES};

use crate::common::{Random, random_network};

/// Models that blobs are made from.
const N_ORIGINALS: usize = 1024;
/// Bytes of the largest of them: small models run quickly.
const MOST_BYTES: usize = 1200;
/// Their largest arena.
const MOST_ARENA: usize = 2048;

/// Makes one blob after the other in the same memory.
pub struct Mutator {
    random: Random,
    originals: Vec<Original>,
    blob: Vec<u8>,
}

struct Original {
    bytes: Vec<u8>,
    /// Where records lie, and the bytes of one.
    records: Vec<(Range<usize>, usize)>,
}

impl Mutator {
    /// The first small random networks from `seed` on.
    pub fn new(seed: u64) -> Mutator {
        let models = (seed..).map(|seed| random_network(seed).0);
        let small = models.filter(|network| network::plan::plan(network).arena_bytes <= MOST_ARENA);
        let files = small.map(|network| network.to_bytes().expect("a valid network"));
        let files = files.filter(|bytes| bytes.len() <= MOST_BYTES);
        let originals = files.take(N_ORIGINALS).map(Original::new).collect();
        Mutator { random: Random(seed), originals, blob: Vec::with_capacity(2 * MOST_BYTES) }
    }

    /// The blob that [`Self::next`] made.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// The blob that [`Self::next`] made.
    pub fn blob_mut(&mut self) -> &mut [u8] {
        &mut self.blob
    }

    /// A model as it was.
    pub fn original(&self, index: usize) -> &[u8] {
        &self.originals[index].bytes
    }

    /// Makes the next blob and returns the index of its original.
    pub fn next(&mut self) -> usize {
        let index = self.random.size(0, self.originals.len() - 1);
        let original = &self.originals[index];
        self.blob.clear();
        self.blob.extend_from_slice(&original.bytes);
        for _ in 0..self.random.size(1, 3) {
            mutate(&mut self.random, original, &mut self.blob);
        }
        if self.random.size(0, 15) == 0 {
            let length = self.random.size(0, self.blob.len() + 8);
            self.blob.resize(length, 0);
            if self.random.chance() && self.blob.len() > 20 {
                let length = self.blob.len() as u32;
                self.blob[16..20].copy_from_slice(&length.to_le_bytes());
            }
        }
        index
    }
}

impl Original {
    fn new(bytes: Vec<u8>) -> Original {
        let u32_at = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
        };
        let n_sections = usize::from(u16::from_le_bytes([bytes[20], bytes[21]]));
        let table = HEADER_BYTES..HEADER_BYTES + n_sections * SECTION_BYTES;
        let mut records = vec![(8..32, 4), (table.clone(), SECTION_BYTES)];
        for entry in table.step_by(SECTION_BYTES) {
            let record = match u32_at(entry) {
                0 => TENSOR_BYTES,
                1 => LAYER_BYTES,
                2 => 6,
                6 => PLAN_BYTES,
                _ => continue,
            };
            let start = u32_at(entry + 4);
            records.push((start..start + u32_at(entry + 8), record));
        }
        records.retain(|(place, record)| place.len() >= *record);
        Original { bytes, records }
    }
}

/// One change: a bit, a byte, a field of a record, or a whole record.
fn mutate(random: &mut Random, original: &Original, blob: &mut [u8]) {
    let at = random.size(0, blob.len() - 1);
    let (place, record) = &original.records[random.size(0, original.records.len() - 1)];
    let n_records = place.len() / record;
    let first = place.start + record * random.size(0, n_records - 1);
    match random.range(0, 7) {
        0 => blob[at] ^= 1 << random.range(0, 7),
        1 => blob[at] = random.range(0, 40) as u8,
        2 => blob[first + random.size(0, record - 1)] = random.range(0, 40) as u8,
        3 => {
            let other = place.start + record * random.size(0, n_records - 1);
            blob.copy_within(other..other + record, first);
        }
        // the same field of two records, e.g. the height of both sides of a layer
        4 => {
            let field = 2 * random.size(0, record / 2 - 1);
            let other = place.start + record * random.size(0, n_records - 1);
            let value = interesting(random, u16_at(blob, first + field).into()) as u16;
            for record in [first, other] {
                blob[record + field..][..2].copy_from_slice(&value.to_le_bytes());
            }
        }
        5 if record.is_multiple_of(4) => {
            let field = first + 4 * random.size(0, record / 4 - 1);
            let old = u32::from(u16_at(blob, field)) | u32::from(u16_at(blob, field + 2)) << 16;
            let value = interesting(random, old);
            blob[field..][..4].copy_from_slice(&value.to_le_bytes());
        }
        _ => {
            let field = first + 2 * random.size(0, record / 2 - 1);
            let value = interesting(random, u16_at(blob, field).into()) as u16;
            blob[field..][..2].copy_from_slice(&value.to_le_bytes());
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// A neighbour of a value, or one at which something overflows.
fn interesting(random: &mut Random, old: u32) -> u32 {
    let edges = [0, 1, 2, 7, 8, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 1 << 31, u32::MAX - 3, u32::MAX];
    match random.range(0, 5) {
        0 => edges[random.size(0, edges.len() - 1)],
        1 => old.wrapping_add(1),
        2 => old.wrapping_sub(1),
        3 => old.wrapping_add(4),
        4 => old.wrapping_mul(2),
        _ => old / 2,
    }
}
