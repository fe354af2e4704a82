//! Hostile models: loading never panics, and whatever is accepted runs inside its arena and equals
//! the reference. Checksums are written anew, so that the checks behind them are reached.

mod common;

use common::{Random, random_network};
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

/// Mutates models of random networks `n_blobs` times, every other one with its checksums written
/// anew; returns how many were accepted.
fn fuzz(n_blobs: u64, seed: u64) -> u64 {
    let mut random = Random(seed);
    let mut n_accepted = 0;
    let mut original = Vec::new();
    for blob in 0..n_blobs {
        if blob % 64 == 0 {
            original = random_network(seed + blob / 64).0.to_bytes().unwrap();
        }
        let mut bytes = original.clone();
        for _ in 0..random.size(1, 3) {
            let at = random.size(0, bytes.len() - 1);
            bytes[at] = match random.chance() {
                true => random.range(0, 40) as u8,
                false => bytes[at] ^ 1 << random.range(0, 7),
            };
        }
        if random.size(0, 15) == 0 {
            bytes.truncate(random.size(0, bytes.len()));
        }
        if blob % 2 == 0 {
            assert!(bytes == original || Model::from_bytes(&bytes).is_err(), "a bad checksum");
        } else {
            fix_checksums(&mut bytes);
            n_accepted += u64::from(exercise(&bytes));
        }
    }
    n_accepted
}

#[test]
fn fuzzed_models_run_inside_their_arenas() {
    let n_accepted = fuzz(20_000, 1);
    assert!(n_accepted > 500, "{n_accepted}");
}

/// QUNET_FUZZ_BLOBS (ten million) from QUNET_FUZZ_SEED (1) on; prints its count.
#[test]
#[ignore = "runs for an hour"]
fn ten_million_fuzzed_models_run_inside_their_arenas() {
    let number = |name: &str, other: u64| {
        std::env::var(name).map_or(other, |text| text.parse().expect("a number"))
    };
    let n_blobs = number("QUNET_FUZZ_BLOBS", 10_000_000);
    let n_accepted = fuzz(n_blobs, number("QUNET_FUZZ_SEED", 1));
    println!("{n_blobs} blobs, {n_accepted} accepted and run, no panic, guard bytes intact");
}
