//! Hostile models: loading never panics, and whatever is accepted runs inside its arena and equals
//! the reference. Checksums are written anew, so that the checks behind them are reached.

mod common;
mod mutate;

use common::random_network;
use mutate::Mutator;
use network::Network;
use network::format::HEADER_BYTES;
use proptest::prelude::*;
use proptest::sample::Index;
use qunet_runtime_embedded::{Model, Session};

const GUARD: u8 = 0xA5;

fn fix_checksums(bytes: &mut [u8]) {
    if bytes.len() < HEADER_BYTES {
        return;
    }
    let header_bytes = u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]) as usize;
    if !(HEADER_BYTES..=bytes.len()).contains(&header_bytes) {
        return;
    }
    let payload = crc32fast::hash(&bytes[header_bytes..]);
    bytes[32..36].copy_from_slice(&payload.to_le_bytes());
    bytes[36..40].fill(0);
    let header = crc32fast::hash(&bytes[..header_bytes]);
    bytes[36..40].copy_from_slice(&header.to_le_bytes());
}

/// True if the bytes were accepted as a model that could be run.
fn exercise(bytes: &[u8]) -> bool {
    let Ok(model) = Model::from_bytes(bytes) else { return false };
    let n = model.arena_bytes();
    if n > 1 << 20 {
        return true; // a hostile size is legal; the caller's arena is not that large
    }
    let owned = Network::from_bytes(bytes).expect("an accepted model can be owned");
    let spec = model.input_spec();
    let mut words = vec![u32::from_le_bytes([GUARD; 4]); n / 4 + 8];
    let memory: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
    let mut output = vec![0; model.output_spec().len()];
    let mut session = Session::new(model, &mut memory[16..16 + n]).expect("the arena is planned");
    for value in [spec.min_value(), spec.max_value()] {
        let input = vec![value as u8; spec.len()];
        session.infer(&input, &mut output).expect("the buffers fit");
        let values = owned.run_reference(&input).expect("an accepted model runs");
        assert_eq!(output, values[owned.output.index()]);
    }
    let mut guards = memory[..16].iter().chain(&memory[16 + n..]);
    assert!(guards.all(|byte| *byte == GUARD), "a byte outside the arena was written");
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn mutated_models_never_panic(
        seed in 0..200u64,
        changes in prop::collection::vec((any::<Index>(), 0..8u32, any::<u8>()), 1..4),
    ) {
        let (network, _) = random_network(seed);
        let mut bytes = network.to_bytes().unwrap();
        for (at, bit, value) in &changes {
            let at = at.index(bytes.len());
            // small numbers in half of the cases: those are ids, sizes and bits
            bytes[at] = if value % 2 == 0 { value / 8 } else { bytes[at] ^ 1 << bit };
        }
        fix_checksums(&mut bytes);
        exercise(&bytes);
    }

    #[test]
    fn damaged_models_are_refused(seed in 0..200u64, at in any::<Index>(), bit in 0..8u32) {
        let (network, _) = random_network(seed);
        let mut bytes = network.to_bytes().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(Model::from_bytes(&bytes).is_err());
        bytes.truncate(at);
        prop_assert!(Model::from_bytes(&bytes).is_err());
    }
}

/// The mutations do reach accepted models.
#[test]
fn some_mutations_are_accepted() {
    let (network, _) = random_network(5);
    let original = network.to_bytes().unwrap();
    let accepted = (HEADER_BYTES..original.len()).filter(|at| {
        let mut bytes = original.clone();
        bytes[*at] ^= 1;
        fix_checksums(&mut bytes);
        exercise(&bytes)
    });
    assert!(accepted.count() > 20);
}

/// What became of the blobs of [`fuzz`].
#[derive(Debug, Default)]
struct Counts {
    damaged: u64,
    accepted: u64,
    compared: u64,
}

/// Mutates small models `n_blobs` times, half of them with their checksums written anew; each
/// accepted one runs inside its arena, and one of 16 is compared with the reference.
fn fuzz(n_blobs: u64, seed: u64) -> Counts {
    let mut mutator = Mutator::new(seed);
    let mut bench = Bench::default();
    let mut counts = Counts::default();
    for blob in 0..n_blobs {
        let original = mutator.next();
        if blob % 2 == 0 {
            counts.damaged += 1;
            let bytes = mutator.blob();
            let is_same = bytes == mutator.original(original);
            assert!(is_same || Model::from_bytes(bytes).is_err(), "blob {blob}: a bad checksum");
            continue;
        }
        fix_checksums(mutator.blob_mut());
        let bytes = mutator.blob();
        let Ok(model) = Model::from_bytes(bytes) else { continue };
        assert!(has_right_checksums(bytes), "blob {blob}: a bad checksum");
        counts.accepted += 1;
        let expected = (counts.accepted % 16 == 0)
            .then(|| Network::from_bytes(bytes).expect("an accepted model can be owned"));
        counts.compared += u64::from(expected.is_some());
        bench.run(&model, expected.as_ref(), blob);
    }
    counts
}

/// By another program than the loader's.
fn has_right_checksums(bytes: &[u8]) -> bool {
    let word = |at| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let header_bytes = word(12) as usize;
    let mut header = crc32fast::Hasher::new();
    header.update(&bytes[..36]);
    header.update(&[0; 4]);
    header.update(&bytes[40..header_bytes]);
    header.finalize() == word(36) && crc32fast::hash(&bytes[header_bytes..]) == word(32)
}

/// Buffers that grow to the largest model and stay.
#[derive(Default)]
struct Bench {
    words: Vec<u32>,
    input: Vec<u8>,
    output: Vec<u8>,
}

/// Bytes on each side of an arena.
const GUARD_BYTES: usize = 64;
/// Arenas above this many words get memory of their own, of which few pages are ever touched.
const MOST_WORDS: usize = 1 << 16;

impl Bench {
    /// Runs a model on its least or greatest input, guard bytes around the arena.
    fn run(&mut self, model: &Model<'_>, reference: Option<&Network>, blob: u64) {
        let (n, spec) = (model.arena_bytes(), model.input_spec());
        let n_words = (n + 2 * GUARD_BYTES).div_ceil(4);
        let mut large = if n_words > MOST_WORDS { vec![0; n_words] } else { vec![] };
        self.words.resize(MOST_WORDS, 0);
        let words = if large.is_empty() { &mut self.words } else { &mut large };
        let memory: &mut [u8] = bytemuck::cast_slice_mut(words);
        memory[..GUARD_BYTES].fill(GUARD);
        memory[GUARD_BYTES + n..][..GUARD_BYTES].fill(GUARD);
        let value = if blob % 4 == 1 { spec.min_value() } else { spec.max_value() };
        self.input.clear();
        self.input.resize(spec.len(), value as u8);
        self.output.resize(model.output_spec().len(), 0);
        let arena = &mut memory[GUARD_BYTES..GUARD_BYTES + n];
        let mut session = Session::new(*model, arena).expect("the arena is planned");
        session.infer(&self.input, &mut self.output).expect("the buffers fit");
        let mut guards =
            memory[..GUARD_BYTES].iter().chain(&memory[GUARD_BYTES + n..][..GUARD_BYTES]);
        assert!(guards.all(|byte| *byte == GUARD), "blob {blob}: a byte outside the arena");
        if let Some(network) = reference {
            let values = network.run_reference(&self.input).expect("an accepted model runs");
            assert_eq!(self.output, values[network.output.index()], "blob {blob}");
        }
    }
}

#[test]
fn fuzzed_models_run_inside_their_arenas() {
    let counts = fuzz(60_000, 1);
    assert_eq!(counts.damaged, 30_000);
    assert!(counts.accepted > 3000 && counts.compared > 200, "{counts:?}");
}

/// QUNET_FUZZ_BLOBS (ten million) from QUNET_FUZZ_SEED (1) on; prints its counts.
#[test]
#[ignore = "runs for a minute: `make fuzz`"]
fn ten_million_fuzzed_models_run_inside_their_arenas() {
    let number = |name: &str, other: u64| {
        std::env::var(name).map_or(other, |text| text.parse().expect("a number"))
    };
    let n_blobs = number("QUNET_FUZZ_BLOBS", 10_000_000);
    let seed = number("QUNET_FUZZ_SEED", 1);
    let Counts { damaged, accepted, compared } = fuzz(n_blobs, seed);
    println!(
        "{n_blobs} blobs from seed {seed}, no panic: {damaged} without new checksums refused \
         (unless unchanged); of the rest {accepted} accepted, each run with its guard bytes \
         intact, {compared} of them compared with the reference"
    );
}
