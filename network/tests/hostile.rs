//! Hostile files: whatever the bytes are, reading them does not panic, and what is accepted runs.
//!
//! Checksums are written anew after most mutations, so that the checks behind them are reached.

use network::format::{
    HEADER_BYTES, LAYER_BYTES, NetworkView, PLAN_BYTES, SECTION_BYTES, TENSOR_BYTES,
};
use network::{
    ChannelParams, Concat, Conv2d, ConvTranspose2d, Graph, Head, HeadKind, Layer, Mode, Network,
    NetworkError, Requantize, Resample, Tensor, TensorId, TensorSpec,
};
use proptest::prelude::*;
use proptest::sample::Index;
use qunet_network as network;

/// A network with every operation, over a 4×6 image.
fn small_network(mode: Mode) -> Network {
    let spec = |channels, height, width, bits| {
        let signed = bits == 8;
        TensorSpec { channels, height, width, bits, signed }
    };
    let specs = [
        spec(1, 4, 6, 8),
        spec(2, 4, 6, 4),
        spec(2, 2, 3, 4),
        spec(2, 4, 6, 4),
        spec(3, 4, 6, 4),
        spec(5, 4, 6, 4),
        spec(1, 4, 6, 2),
    ];
    let tensor = |(i, spec): (usize, &TensorSpec)| Tensor { name: format!("t{i}"), spec: *spec };
    let params = ChannelParams { multiplier: 1, bias: 2 };
    let requantize = |n| Requantize { channels: vec![params; n], shift: 2 };
    let weights = |n: usize| (0..n).map(|i| (i % 7) as i8 - 3).collect::<Vec<i8>>();
    let [t0, t1, t2, t3, t4, t5, t6] = [0, 1, 2, 3, 4, 5, 6].map(TensorId);
    let resample = |input, output| Resample { name: "move".into(), input, output };
    let layers = vec![
        Layer::Conv2d(Conv2d {
            name: "conv".into(),
            input: t0,
            output: t1,
            kernel: 3,
            weight_bits: 4,
            weights: weights(18),
            requantize: requantize(2),
        }),
        Layer::MaxPool2d(resample(t1, t2)),
        Layer::Upsample2d(resample(t2, t3)),
        Layer::ConvTranspose2d(ConvTranspose2d {
            name: "up".into(),
            input: t2,
            output: t4,
            weight_bits: 3,
            weights: weights(24),
            requantize: requantize(3),
        }),
        Layer::Concat(Concat { name: "concat".into(), inputs: [t3, t4], output: t5 }),
        Layer::Head(Head {
            name: "head".into(),
            input: t5,
            output: t6,
            weight_bits: 8,
            weights: weights(15),
            requantize: requantize(3),
            kind: HeadKind::Argmax,
        }),
    ];
    Network {
        name: "hostile".into(),
        mode,
        tensors: specs.iter().enumerate().map(tensor).collect(),
        layers,
        input: t0,
        output: t6,
        metadata: "{}".into(),
    }
}

/// Writes the length and both checksums anew.
fn fix_checksums(bytes: &mut [u8]) {
    if bytes.len() < HEADER_BYTES {
        return;
    }
    let file_bytes = bytes.len() as u32;
    bytes[16..20].copy_from_slice(&file_bytes.to_le_bytes());
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

/// Reads a file in every way; an accepted one is run and written again. True if accepted.
fn exercise(bytes: &[u8]) -> bool {
    let Ok(view) = NetworkView::new_checked(bytes) else { return false };
    for index in 0..view.n_tensors() {
        let record = view.tensor(index);
        let _ = view.name(record.name);
        let placement = view.placement(TensorId(index as u16));
        let bytes = network::layout::tensor_bytes(&record.spec, placement.stored_bits) as usize;
        let fits = placement.offset + bytes <= view.arena_bytes();
        assert!(!view.has_plan() || placement.is_view() || fits);
    }
    let _ = (view.model_name(), view.metadata(), view.model_hash());
    let owned = Network::from_bytes(bytes).expect("an accepted file can be owned");
    let n_values: usize = owned.tensors.iter().map(|t| t.spec.len()).sum();
    if n_values < 100_000 {
        run(&owned);
    }
    let again = owned.to_bytes().expect("an accepted network can be written");
    assert_eq!(Network::from_bytes(&again).as_ref(), Ok(&owned));
    true
}

/// Runs extreme inputs; every value stays in its tensor's range.
fn run(network: &Network) {
    let spec = *network.spec(network.input);
    for value in [spec.min_value(), 0, spec.max_value()] {
        let input = vec![value as u8; spec.len()];
        let values = network.run_reference(&input).expect("an accepted network runs");
        for (tensor, values) in network.tensors.iter().zip(values) {
            let spec = tensor.spec;
            let legal = spec.min_value()..=spec.max_value();
            assert!(values.iter().all(|byte| legal.contains(&spec.decode(*byte))));
        }
    }
}

fn any_mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Scaled), Just(Mode::Fixed)]
}

/// One change of a file.
#[derive(Clone, Debug)]
enum Mutation {
    /// Another byte at a place.
    Byte(Index, u8),
    /// One bit flipped.
    Bit(Index, u8),
    /// Four bytes that are a large, small or negative number.
    Number(Index, u32),
    /// A piece copied over another.
    Copy(Index, Index, usize),
    /// A piece taken out.
    Cut(Index, usize),
}

fn any_mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<Index>;
    let number = prop_oneof![
        Just(0),
        Just(u32::MAX),
        Just(i32::MIN as u32),
        Just(0x0001_0001),
        Just(4096),
        Just(0x1000_1000),
        0..300u32,
        any::<u32>(),
    ];
    prop_oneof![
        4 => (index(), any::<u8>()).prop_map(|(at, byte)| Mutation::Byte(at, byte)),
        4 => (index(), 0..8u8).prop_map(|(at, bit)| Mutation::Bit(at, bit)),
        4 => (index(), number).prop_map(|(at, number)| Mutation::Number(at, number)),
        2 => (index(), index(), 1..40usize).prop_map(|(from, to, n)| Mutation::Copy(from, to, n)),
        1 => (index(), 1..40usize).prop_map(|(at, n)| Mutation::Cut(at, n)),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    if bytes.len() < HEADER_BYTES {
        return;
    }
    match mutation {
        Mutation::Byte(at, byte) => *at.get_mut(bytes) = *byte,
        Mutation::Bit(at, bit) => *at.get_mut(bytes) ^= 1 << bit,
        Mutation::Number(at, number) => {
            let at = at.index(bytes.len() - 3);
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        Mutation::Copy(from, to, n) => {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            let n = (*n).min(bytes.len() - from.max(to));
            bytes.copy_within(from..from + n, to);
        }
        Mutation::Cut(at, n) => {
            let at = at.index(bytes.len());
            bytes.drain(at..(at + n).min(bytes.len()));
        }
    }
}

/// First byte of the plan in a file of seven sections, behind which lie the tensor records.
const PLAN: usize = HEADER_BYTES + 7 * SECTION_BYTES;
/// First byte of the tensor records.
const RECORDS: usize = PLAN + (7 + 6) * PLAN_BYTES;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn mutated_files_with_fixed_checksums_never_panic(
        mode in any_mode(), mutations in prop::collection::vec(any_mutation(), 1..4),
    ) {
        let mut bytes = small_network(mode).to_bytes().unwrap();
        for mutation in &mutations {
            mutate(&mut bytes, mutation);
        }
        fix_checksums(&mut bytes);
        exercise(&bytes);
    }

    /// Two bytes of the plan and of the tensor and layer records, where the graph and its numbers lie.
    #[test]
    fn mutated_records_with_fixed_checksums_never_panic(
        mode in any_mode(), places in any::<[Index; 2]>(), values in [0..40u8, 0..40u8],
    ) {
        let mut bytes = small_network(mode).to_bytes().unwrap();
        for (place, value) in places.into_iter().zip(values) {
            let n_bytes = 13 * PLAN_BYTES + 7 * TENSOR_BYTES + 6 * LAYER_BYTES;
            bytes[PLAN + place.index(n_bytes)] = value;
        }
        fix_checksums(&mut bytes);
        exercise(&bytes);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..300), fixed in any::<bool>(),
    ) {
        if let (true, Some(magic)) = (fixed, bytes.get_mut(..16)) {
            magic.copy_from_slice(b"QUNET\0\r\n\x01\0\0\0\x70\0\0\0");
            fix_checksums(&mut bytes);
        }
        prop_assert!(!exercise(&bytes));
    }
}

/// Every truncation, with and without fixed checksums.
#[test]
fn truncations_never_panic() {
    let bytes = small_network(Mode::Scaled).to_bytes().unwrap();
    for len in 0..bytes.len() {
        let mut short = bytes[..len].to_vec();
        assert!(!exercise(&short), "{len} bytes");
        fix_checksums(&mut short);
        exercise(&short);
    }
}

/// Every flipped bit is found by a checksum.
#[test]
fn every_flipped_bit_is_found() {
    let bytes = small_network(Mode::Fixed).to_bytes().unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            assert!(NetworkView::new_checked(&flipped).is_err(), "byte {at}, bit {bit}");
        }
    }
}

/// The mutations get past the checksums: some files are accepted, and every kind of error is seen.
#[test]
fn single_byte_changes_reach_every_check() {
    let original = small_network(Mode::Fixed).to_bytes().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    let mut n_accepted = 0;
    for at in 0..original.len() {
        for value in [0, 1, 2, 3, 7, 9, 16, 64, 128, 255] {
            let mut bytes = original.clone();
            bytes[at] = value;
            fix_checksums(&mut bytes);
            n_accepted += usize::from(exercise(&bytes));
            if let Err(error) = NetworkView::new_checked(&bytes) {
                let kind = format!("{error:?}");
                seen.insert(kind.split([' ', '(']).next().unwrap_or_default().to_string());
            }
        }
    }
    assert!(n_accepted > 100, "{n_accepted}");
    let kinds = [
        "BadMagic",
        "Graph",
        "Mismatch",
        "Range",
        "Section",
        "Truncated",
        "UnknownCode",
        "Version",
    ];
    let missing = kinds.iter().find(|kind| !seen.contains(**kind));
    assert_eq!(missing, None, "{seen:?}");
}

/// Tensors and layers whose sizes pass 32 bits as products do not wrap into something small.
#[test]
fn huge_extents_are_refused() {
    let original = small_network(Mode::Scaled).to_bytes().unwrap();
    let wide = 4096u16.to_le_bytes();
    for tensor in 0..7 {
        let mut bytes = original.clone();
        for at in [0, 2, 4] {
            let at = RECORDS + tensor * TENSOR_BYTES + at;
            bytes[at..at + 2].copy_from_slice(&wide);
        }
        fix_checksums(&mut bytes);
        let found = NetworkView::new_checked(&bytes).err();
        let is_size =
            matches!(found, Some(NetworkError::Mismatch { .. } | NetworkError::Range { .. }));
        assert!(is_size, "tensor {tensor}: {found:?}");
    }
}
