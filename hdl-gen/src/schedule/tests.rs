//! What is folded, what is copied, where tensors lie, and what is refused.

use network::{Network, TensorId};
use qunet_tests::builder::{Builder, signed, unsigned};
use qunet_tests::random_network::random_network;
use qunet_tests::unet::{Unet, unet};

use super::*;

fn network(make: impl FnOnce(&mut Builder)) -> Network {
    let mut builder = Builder::new(Mode::Scaled, [2, 4, 6], signed(8), 5);
    make(&mut builder);
    builder.finish()
}

/// `conv2d a+bx2 -> c` per operation, tensors by number.
fn program(network: &Network) -> Vec<String> {
    let source = |s: &Source| format!("{}{}", s.tensor.0, if s.upsample { "x2" } else { "" });
    let line = |op: &Operation| {
        let sources: Vec<String> = op.sources.iter().map(source).collect();
        let name = crate::manifest::operation_name(op.kind);
        format!("{name} {} -> {}", sources.join("+"), op.output.0)
    };
    operations(network).iter().map(line).collect()
}

#[test]
fn upsample_and_concat_are_folded_into_reads() {
    let network = network(|b| {
        let a = b.conv2d(b.input(), [3, 3], 4, unsigned(6));
        let pooled = b.max_pool2d(a);
        let low = b.conv2d(pooled, [2, 3], 4, unsigned(6));
        let format = b.format(a);
        let low = b.conv2d(low, [2, 1], 4, format);
        let up = b.upsample2d(low);
        let both = b.concat(up, a);
        b.conv2d(both, [4, 3], 4, unsigned(6));
    });
    assert_eq!(
        program(&network),
        [
            "conv2d 0 -> 1",
            "max_pool2d 1 -> 2",
            "conv2d 2 -> 3",
            "conv2d 3 -> 4",
            "conv2d 4x2+1 -> 7"
        ]
    );
}

#[test]
fn what_cannot_be_read_is_copied() {
    // upsample of upsample; pool of upsample; concat as the output
    let twice = network(|b| {
        let up = b.upsample2d(b.input());
        b.upsample2d(up);
    });
    assert_eq!(program(&twice), ["copy 0x2 -> 1", "copy 1x2 -> 2"]);
    let pooled = network(|b| {
        let up = b.upsample2d(b.input());
        b.max_pool2d(up);
    });
    assert_eq!(program(&pooled), ["copy 0x2 -> 1", "max_pool2d 1 -> 2"]);
    let nested = network(|b| {
        let inner = b.concat(b.input(), b.input());
        b.concat(inner, b.input());
    });
    assert_eq!(program(&nested), ["copy 0+0 -> 1", "copy 1+0 -> 2"]);
}

#[test]
fn live_tensors_never_overlap() {
    for seed in 0..60 {
        let network = random_network(seed);
        let config =
            HardwareConfig { lane_bits: Some(8), scaled: Some(true), ..Default::default() };
        let schedule = schedule(&network, &config).unwrap();
        let layout = schedule.engine.layout();
        let range = |id: TensorId| {
            let base = schedule.features.bases[id.index()].expect("in memory");
            base..base + layout.words(network.spec(id))
        };
        // simulate who owns each word
        let mut owner = vec![None; schedule.features.words];
        owner[range(network.input)].fill(Some(network.input));
        for op in &schedule.operations {
            for source in &op.sources {
                let whole = owner[range(source.tensor)].iter().all(|o| *o == Some(source.tensor));
                assert!(whole, "seed {seed}: {} reads what was overwritten", op.name);
            }
            owner[range(op.output)].fill(Some(op.output));
            for source in &op.sources {
                let whole = owner[range(source.tensor)].iter().all(|o| *o == Some(source.tensor));
                assert!(whole, "seed {seed}: {} overwrites what it reads", op.name);
            }
        }
        assert!(owner[range(network.output)].iter().all(|o| *o == Some(network.output)));
        assert!(schedule.features.words >= schedule.features.lower_bound_words);
    }
}

#[test]
fn unet_reaches_the_lower_bound_of_memory() {
    // the figure of the design notes for virtual upsampling and concat: 60 KiB at 6 bits a lane
    let network = unet(&Unet { base: 8, depth: 3, size: [64, 64], ..Default::default() });
    let schedule = schedule(&network, &HardwareConfig::default()).unwrap();
    let bits_at_six = schedule.features.words * schedule.engine.feature_bits() * 6 / 8;
    assert_eq!(schedule.features.words, schedule.features.lower_bound_words);
    assert!(bits_at_six / 8192 <= 60, "{} KiB", bits_at_six / 8192);
}

#[test]
fn messages_say_which_layer_and_by_how_much() {
    let network = unet(&Unet { base: 8, depth: 2, size: [64, 64], ..Default::default() });
    let small = HardwareConfig { feature_memory_kib: Some(16), ..Default::default() };
    let text = schedule(&network, &small).unwrap_err().to_string();
    assert!(
        text.contains("layer l14.conv needs 10240 words") && text.contains("found 2048"),
        "{text}"
    );
    assert!(text.contains("words too few"), "{text}");
    let schedule_of = |c: &HardwareConfig| schedule(&network, c).unwrap();
    let tight = HardwareConfig { weight_memory_kib: Some(2), ..Default::default() };
    let error = crate::images::images(&network, &schedule_of(&tight), &tight).unwrap_err();
    assert!(error.to_string().contains("weight memory: with layer "), "{error}");
    let narrow = HardwareConfig { lane_bits: Some(6), ..Default::default() };
    let text = schedule(&network, &narrow).unwrap_err().to_string();
    assert!(text.contains("expected at most 6 bits (hardware.lane_bits), found 8"), "{text}");
    let fixed = HardwareConfig { scaled: Some(false), ..Default::default() };
    let text = schedule(&network, &fixed).unwrap_err().to_string();
    assert!(text.contains("expected a multiplier of 1 or -1"), "{text}");
}

#[test]
fn descriptor_of_an_upsampled_padded_source() {
    let network = network(|b| {
        let up = b.upsample2d(b.input());
        b.conv2d(up, [5, 3], 4, unsigned(6));
    });
    let config = HardwareConfig { lane_bits: Some(8), scaled: Some(true), ..Default::default() };
    let schedule = schedule(&network, &config).unwrap();
    let [op] = schedule.operations.as_slice() else { panic!("one operation") };
    let d = descriptor(&network, &schedule.engine, &schedule.features, op, ImageBase::default())
        .unwrap();
    use network::descriptor as f;
    let get = |field| d.get(field) as i32;
    assert_eq!((get(f::WIDTH_M1), get(f::HEIGHT_M1), get(f::PAD)), (11, 7, 1));
    assert_eq!((get(f::UPSAMPLE_A), get(f::SIGNED_A), get(f::SECOND_SOURCE)), (1, 1, 0));
    // row -1 >> 1 = -1 and column -1 >> 1 = -1: one row of two words and one word before the base
    let base = schedule.features.bases[0].unwrap() as i32;
    assert_eq!((get(f::PITCH_A), get(f::START_A)), (2, base - 3));
    assert_eq!((get(f::OUT_GROUPS_M1), get(f::LAST_LANES), get(f::OUT_STEP_M1)), (1, 1, 2));
}
