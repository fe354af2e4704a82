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
        let outputs: Vec<String> = op.outputs().map(|id| id.0.to_string()).collect();
        format!("{name} {} -> {}", sources.join("+"), outputs.join(", "))
    };
    pooling::fuse(operations(network)).iter().map(line).collect()
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
        ["conv2d 0 -> 1, 2", "conv2d 2 -> 3", "conv2d 3 -> 4", "conv2d 4x2+1 -> 7"]
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
fn what_no_convolution_wrote_is_pooled_by_itself() {
    let network = network(|b| {
        let input = b.max_pool2d(b.input());
        let up = b.conv_transpose2d(input, 3, 4, unsigned(6));
        let pooled = b.max_pool2d(up);
        b.conv2d(pooled, [2, 3], 4, unsigned(6));
    });
    assert_eq!(
        program(&network),
        ["max_pool2d 0 -> 1", "conv_transpose2d 1 -> 2", "max_pool2d 2 -> 3", "conv2d 3 -> 4"]
    );
    // a second pool of one map
    let twice = self::network(|b| {
        let a = b.conv2d(b.input(), [2, 3], 4, unsigned(6));
        let [first, second] = [b.max_pool2d(a), b.max_pool2d(a)];
        b.concat(first, second);
    });
    let expected = ["conv2d 0 -> 1, 2", "max_pool2d 1 -> 3", "copy 2+3 -> 4"];
    assert_eq!(program(&twice), expected);
}

/// What the schedule makes of the input: parts, row taps, code bits, and the codes.
fn packing(network: &Network, tn: usize, lane_bits: Option<u8>) -> (InputPacking, u8, Vec<i16>) {
    let config = HardwareConfig { tn, lane_bits, ..Default::default() };
    let schedule = schedule(network, &config).unwrap();
    let first = &schedule.operations[0];
    (schedule.input, first.code_bits, first.weights.clone())
}

#[test]
fn input_is_packed_where_that_saves_cycles() {
    let network = self::network(|b| {
        let a = b.conv2d(b.input(), [1, 3], 4, unsigned(6));
        b.conv2d(a, [1, 3], 4, unsigned(6));
    });
    // two channels: six with row taps, twelve also split
    let chosen = |tn, lane_bits| {
        let (input, code_bits, _) = packing(&network, tn, lane_bits);
        (input.parts, input.row_taps, code_bits)
    };
    assert_eq!(chosen(2, Some(8)), (1, 1, 4));
    assert_eq!(chosen(4, Some(8)), (1, 3, 4));
    assert_eq!(chosen(8, Some(8)), (1, 3, 4));
    assert_eq!(chosen(4, None), (2, 1, 6));
    assert_eq!(chosen(8, Some(6)), (2, 3, 6));
    // parts of two bits below a signed lane's sign
    let narrow = self::network(|b| {
        b.conv2d(b.input(), [1, 3], 4, unsigned(3));
    });
    let narrowed = |lane_bits| {
        let (input, code_bits, _) = packing(&narrow, 2, Some(lane_bits));
        (input.parts, input.part_bits, code_bits)
    };
    assert_eq!(narrowed(3), (4, 2, 10));
    assert_eq!(narrowed(4), (3, 2, 8));
}

#[test]
fn packed_weights_by_hand() {
    let mut network = self::network(|b| {
        b.conv2d(b.input(), [1, 3], 4, unsigned(6));
    });
    let Layer::Conv2d(conv) = &mut network.layers[0] else { panic!("a convolution") };
    conv.weights = (-8..8).chain([7, 7]).collect();
    let (input, _, codes) = packing(&network, 8, Some(6));
    assert_eq!((input.parts, input.part_bits, input.row_taps), (2, 2, 3));
    assert_eq!(codes[..12], [-8, -7, -6, -32, -28, -24, -5, -4, -3, -20, -16, -12]);
}

#[test]
fn an_input_that_others_read_stays_plain() {
    let shared = self::network(|b| {
        let a = b.conv2d(b.input(), [2, 3], 4, signed(8));
        b.concat(a, b.input());
    });
    assert_eq!(packing(&shared, 8, None).0, InputPacking::PLAIN);
    let narrow = HardwareConfig { lane_bits: Some(6), ..Default::default() };
    let text = schedule(&shared, &narrow).unwrap_err().to_string();
    assert!(text.contains("expected at most 6 bits (hardware.lane_bits), found 8"), "{text}");
    let pooled = self::network(|b| {
        let pooled = b.max_pool2d(b.input());
        b.conv2d(pooled, [2, 3], 4, unsigned(6));
    });
    assert_eq!(packing(&pooled, 8, None).0, InputPacking::PLAIN);
}

#[test]
fn live_tensors_never_overlap() {
    for seed in 0..60 {
        let network = random_network(seed);
        let lane_bits = [Some(8), None][seed as usize % 2];
        let config = HardwareConfig { lane_bits, scaled: Some(true), ..Default::default() };
        let schedule = schedule(&network, &config).unwrap();
        let layout = schedule.engine.layout();
        let range = |id: TensorId| {
            let base = schedule.features.bases[id.index()].expect("in memory");
            base..base + layout.words(&schedule.spec(&network, id))
        };
        // simulate who owns each word
        let mut owner = vec![None; schedule.features.words];
        owner[range(network.input)].fill(Some(network.input));
        for op in &schedule.operations {
            for source in &op.sources {
                let whole = owner[range(source.tensor)].iter().all(|o| *o == Some(source.tensor));
                assert!(whole, "seed {seed}: {} reads what was overwritten", op.name);
            }
            op.outputs().for_each(|id| owner[range(id)].fill(Some(id)));
            for id in op.outputs() {
                let whole = owner[range(id)].iter().all(|o| *o == Some(id));
                assert!(whole, "seed {seed}: {} writes two maps to one place", op.name);
            }
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
        text.contains("layer l14.conv needs 10240 words") && text.contains("found 2730"),
        "{text}"
    );
    assert!(text.contains("words too few"), "{text}");
    let schedule_of = |c: &HardwareConfig| schedule(&network, c).unwrap();
    let tight = HardwareConfig { weight_memory_kib: Some(2), ..Default::default() };
    let error = crate::images::images(&network, &schedule_of(&tight), &tight).unwrap_err();
    assert!(error.to_string().contains("weight memory: with layer "), "{error}");
    let narrow = HardwareConfig { lane_bits: Some(5), ..Default::default() };
    let text = schedule(&network, &narrow).unwrap_err().to_string();
    assert!(text.contains("expected at most 5 bits (hardware.lane_bits), found 6"), "{text}");
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
    let d = descriptor(&network, &schedule.engine, op, &schedule.places(op, ImageBase::default()))
        .unwrap();
    use network::descriptor as f;
    let get = |field| d.get(field) as i32;
    assert_eq!((get(f::WIDTH_M1), get(f::HEIGHT_M1)), (11, 7));
    assert_eq!((get(f::PAD_H), get(f::PAD_W)), (1, 1));
    assert_eq!((get(f::UPSAMPLE_A), get(f::SIGNED_A), get(f::SECOND_SOURCE)), (1, 1, 0));
    // row -1 >> 1 = -1 and column -1 >> 1 = -1: one row of two words and one word before the base
    let base = schedule.features.bases[0].unwrap() as i32;
    assert_eq!((get(f::PITCH_A), get(f::START_A)), (2, base - 3));
    assert_eq!((get(f::OUT_GROUPS_M1), get(f::LAST_LANES), get(f::OUT_STEP_M1)), (1, 1, 2));
}
