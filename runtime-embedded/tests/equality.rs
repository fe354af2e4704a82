//! Every layer of every network equals the reference kernels, bit for bit, inside its arena.

mod common;

use common::{Builder, Random, Upsampling, random_network, unet};
use network::arithmetic::{activation_max, activation_min, weight_max, weight_min};
use network::plan::{Packing, Plan, Scratch, plan, plan_with};
use network::{ChannelParams, Layer, Mode, Network};
use proptest::prelude::*;
use qunet_runtime_embedded::{Model, RunError, Session};

const GUARD: u8 = 0xA5;

/// Runs layer by layer with the default plan, with everything packed, and with the least of scratch
/// memory, in arenas of exactly the planned size with guard bytes around them.
fn check(network: &Network, input: &[u8]) -> Result<(), String> {
    let expected = network.run_reference(input).map_err(|e| e.to_string())?;
    let plans = [
        plan(network),
        plan_with(network, Packing::All, Scratch::Compact),
        plan_with(network, Packing::Bytes, Scratch::Least),
        plan_with(network, Packing::All, Scratch::Least),
    ];
    plans.iter().try_for_each(|plan| check_plan(network, plan, input, &expected))
}

fn check_plan(
    network: &Network,
    plan: &Plan,
    input: &[u8],
    expected: &[Vec<u8>],
) -> Result<(), String> {
    let bytes = network.to_bytes_with(plan).map_err(|e| e.to_string())?;
    let model = Model::from_bytes(&bytes).map_err(|e| format!("{e}: {plan:?}"))?;
    let n = model.arena_bytes();
    assert_eq!(n, plan.arena_bytes);
    let mut words = vec![u32::from_le_bytes([GUARD; 4]); n / 4 + 8];
    let memory: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
    let mut session = Session::new(model, &mut memory[16..16 + n]).map_err(|e| e.to_string())?;
    session.start(input).map_err(|e| e.to_string())?;
    while let Some(index) = session.step() {
        let layer = &network.layers[index];
        let expected = &expected[layer.output().index()];
        let mut found = vec![GUARD; expected.len()];
        assert_eq!(session.read_layer(index, &mut found), expected.len());
        if found != *expected {
            return Err(format!("layer {index} {}: {:?} differs, {plan:?}", layer.name(), layer));
        }
    }
    let expected = &expected[network.output.index()];
    let mut found = vec![GUARD; expected.len()];
    session.read_output(&mut found);
    if found != *expected {
        return Err("the output was overwritten".into());
    }
    let guards = memory[..16].iter().chain(&memory[16 + n..]);
    if guards.into_iter().any(|byte| *byte != GUARD) {
        return Err("a byte outside the arena was written".into());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2500))]

    #[test]
    fn random_networks_equal_the_reference(seed in any::<u64>()) {
        let (network, input) = random_network(seed);
        if let Err(problem) = check(&network, &input) {
            prop_assert!(false, "{problem}");
        }
    }
}

/// Layers whose weights exceed the kernels' buffers.
#[test]
fn wide_layers_equal_the_reference() {
    type Add = fn(&mut Builder);
    let cases: [(usize, Add); 6] = [
        (129, |b| b.conv2d(3, 3)),
        (300, |b| b.conv2d(2, 3)),
        (1200, |b| b.conv2d(5, 1)),
        (6, |b| b.conv2d(3, 15)),
        (300, |b| b.conv_transpose2d(3)),
        (700, |b| b.head(3)),
    ];
    for (seed, (channels, layer)) in (0..).zip(cases) {
        for size in [[1, 1], [5, 7], [8, 4]] {
            let mut builder =
                Builder::new(Random(seed), Mode::Scaled, [channels, size[0], size[1]]);
            layer(&mut builder);
            let input = builder.input();
            check(&builder.network, &input).unwrap();
        }
    }
}

/// Extreme weights and inputs of every W, A and sign, with a bias that makes the largest sum
/// come out as 3: one unit lost anywhere shows.
#[test]
fn extreme_sums_equal_the_reference() {
    for weight_bits in 1..=8u8 {
        let weights = [weight_min(weight_bits), weight_max(weight_bits)];
        for (bits, signed) in (1..=8u8).flat_map(|bits| [(bits, false), (bits, true)]) {
            if (bits, signed) == (1, true) {
                continue;
            }
            let values = [activation_min(bits, signed), activation_max(bits, signed)];
            for (weight, value) in weights.into_iter().flat_map(|w| values.map(|v| (w, v))) {
                let mut builder = Builder::new(Random(1), Mode::Scaled, [40, 5, 9]);
                let spec = &mut builder.network.tensors[0].spec;
                (spec.bits, spec.signed) = (bits, signed);
                builder.conv2d(3, 3);
                let output = builder.network.output.index();
                let spec = &mut builder.network.tensors[output].spec;
                (spec.bits, spec.signed) = (8, true);
                let Some(Layer::Conv2d(conv)) = builder.network.layers.last_mut() else { return };
                conv.weight_bits = weight_bits;
                // the second channel has the other extreme, beside which the first must stand
                let other = weights[0] + weights[1] - weight;
                let n = conv.weights.len() / 3;
                conv.weights.fill(weight as i8);
                conv.weights[n..2 * n].fill(other as i8);
                conv.requantize.shift = 0;
                for (params, weight) in
                    conv.requantize.channels.iter_mut().zip([weight, other, weight])
                {
                    *params = ChannelParams { multiplier: 1, bias: 3 - 40 * 9 * weight * value };
                }
                let input = vec![value as u8; 40 * 5 * 9];
                check(&builder.network, &input).unwrap();
                let expected = builder.network.run_reference(&input).unwrap();
                assert_eq!(expected[output][9 + 1], 3);
            }
        }
    }
}

/// Sizes of arenas are pinned: base 8, depth 3 over 64×64, both ways of upsampling, a byte a value
/// and packed; and what was planned runs.
///
/// The peak of the first is where the last of three skips is read beside the deepest tensor: 32 + 16
/// + 8 + 4 KiB of values, two rows of lead and the scratch memory of 16 columns and 6 channels.
#[test]
fn arenas_of_unets_are_as_large_as_pinned() {
    let cases = [
        (Upsampling::Nearest, Packing::Bytes, 63_800, 63_800),
        (Upsampling::Nearest, Packing::All, 49_024, 48_184),
        (Upsampling::Transposed, Packing::Bytes, 67_896, 67_896),
        (Upsampling::Transposed, Packing::All, 51_256, 51_256),
    ];
    let found = cases.map(|(upsampling, packing, ..)| {
        let (network, input) = unet(64, 8, 3, upsampling);
        let plan = plan_with(&network, packing, Scratch::Compact);
        let expected = network.run_reference(&input).unwrap();
        check_plan(&network, &plan, &input, &expected).unwrap();
        (upsampling, packing, plan.arena_bytes, plan.lower_bound_bytes)
    });
    assert_eq!(found, cases);
}

/// The generator reaches every operation with every W and every A.
#[test]
fn random_networks_cover_all_bits() {
    let (mut weight_bits, mut bits, mut operations) =
        ([0; 9], [0; 9], std::collections::BTreeSet::new());
    for seed in 0..400 {
        let (network, _) = random_network(seed);
        for layer in &network.layers {
            operations.insert(layer.operation());
            bits[usize::from(network.spec(layer.inputs()[0]).bits)] += 1;
            if let Layer::Conv2d(conv) = layer {
                weight_bits[usize::from(conv.weight_bits)] += 1;
            }
        }
    }
    assert!(
        weight_bits[1..].iter().chain(&bits[1..]).all(|n| *n >= 10),
        "{weight_bits:?} {bits:?}"
    );
    assert_eq!(operations.len(), 6);
}

#[test]
fn wrong_buffers_are_refused() {
    let (network, input) = random_network(3);
    let bytes = network.to_bytes().unwrap();
    let model = Model::from_bytes(&bytes).unwrap();
    let needed = model.arena_bytes();
    let mut words = vec![0u32; needed / 4];
    let arena: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
    let too_small = Session::new(model, &mut arena[1..]).err();
    assert_eq!(too_small, Some(RunError::Arena { expected: needed, found: needed - 4 }));

    let mut session = Session::new(model, arena).unwrap();
    let mut output = vec![0; model.output_spec().len()];
    let short = session.infer(&input[1..], &mut output).err();
    assert!(matches!(short, Some(RunError::Input(_))), "{short:?}");
    let mut long = vec![0; output.len() + 1];
    let found = session.infer(&input, &mut long).err();
    assert_eq!(found, Some(RunError::Output { expected: output.len(), found: long.len() }));
    assert_eq!(session.infer(&input, &mut output), Ok(()));
}
