//! The simulator equals the reference kernels on every tensor.

use network::Network;
use proptest::prelude::*;
use qunet_tests::cases::{self, Case};
use qunet_tests::random_network::random_network;
use qunet_tests::{inputs, unet};
use sim::{SimError, Simulator};

fn check(case: &Case) {
    let simulator = Simulator::new(&case.network).expect("valid");
    for (index, input) in case.inputs.iter().enumerate() {
        let expected = case.network.run_reference(input).expect("input fits");
        let found = simulator.trace(input).expect("input fits");
        for (tensor, (e, f)) in case.network.tensors.iter().zip(expected.iter().zip(&found.tensors))
        {
            assert!(e == f, "{}, input {index}: tensor {} differs", case.name, tensor.name);
        }
        let output = simulator.run(input).expect("input fits");
        assert!(output == expected[case.network.output.index()], "{}: run", case.name);
    }
}

#[test]
fn every_case_equals_the_reference() {
    cases::all().iter().for_each(check);
}

#[test]
fn random_networks_of_every_width_equal_the_reference() {
    cases::random_widths(1000).iter().for_each(check);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_random_network_equals_the_reference(seed in any::<u64>(), input in any::<u64>()) {
        let network = random_network(seed);
        let inputs = vec![inputs::random(&network, input)];
        check(&Case { name: format!("seed {seed}"), network, inputs });
    }
}

/// Images wider than a chunk of the kernels, and weights too large to sum in 16 bits.
#[test]
fn wide_images_and_large_weights_equal_the_reference() {
    let config = unet::Unet {
        base: 3,
        depth: 1,
        size: [4, 600],
        weight_bits: 8,
        activation_bits: 8,
        ..unet::Unet::default()
    };
    let network = unet::unet(&config);
    let inputs = vec![inputs::random(&network, 7), inputs::largest(&network)];
    check(&Case { name: "wide".into(), network, inputs });
}

#[test]
fn many_inputs_run_in_their_order() {
    let network = unet::unet(&unet::Unet::default());
    let simulator = Simulator::new(&network).expect("valid");
    let many: Vec<Vec<u8>> = (0..9).map(|seed| inputs::random(&network, seed)).collect();
    let found = simulator.run_all(&many).expect("inputs fit");
    for (input, output) in many.iter().zip(found) {
        assert_eq!(output, simulator.run(input).expect("input fits"));
    }
}

fn one_conv(make: impl FnOnce(&mut Network)) -> Network {
    let mut network = unet::unet(&unet::Unet { depth: 0, ..unet::Unet::default() });
    make(&mut network);
    network
}

#[test]
fn an_input_that_does_not_fit_is_refused() {
    let network = one_conv(|n| n.tensors[0].spec.bits = 4);
    let simulator = Simulator::new(&network).expect("valid");
    let message = |input: &[u8]| simulator.run(input).expect_err("refused").to_string();
    assert_eq!(message(&[0; 3]), "network unet-b4d0-1: input: expected 256 bytes (C*H*W), found 3");
    let mut input = vec![0; 256];
    input[9] = 100;
    assert_eq!(
        message(&input),
        "network unet-b4d0-1: input: value at byte 9 does not fit the input format of 4 bits"
    );
    let invalid = one_conv(|n| n.tensors[0].spec.bits = 9);
    assert!(matches!(Simulator::new(&invalid), Err(SimError::Network { .. })));
}

/// Saturation counted with exact integers from the accumulators of the first layer.
#[test]
fn saturation_equals_an_exact_count() {
    let network = one_conv(|_| ());
    let (conv, input) = match &network.layers[0] {
        network::Layer::Conv2d(l) => (l, inputs::random(&network, 3)),
        other => panic!("first layer is {}", other.operation()),
    };
    let spec = network.spec(conv.output);
    let (mut low, mut high) = (0, 0);
    for (o, params) in conv.requantize.channels.iter().enumerate() {
        for (y, x) in (0..16i64).flat_map(|y| (0..16i64).map(move |x| (y, x))) {
            let mut acc = 0i128;
            for (tap, weight) in conv.weights[o * 9..o * 9 + 9].iter().enumerate() {
                let (row, column) = (y + tap as i64 / 3 - 1, x + tap as i64 % 3 - 1);
                if (0..16).contains(&row) && (0..16).contains(&column) {
                    let value = input[(row * 16 + column) as usize] as i8;
                    acc += i128::from(*weight) * i128::from(value);
                }
            }
            let exact = acc * i128::from(params.multiplier) + i128::from(params.bias);
            let value = exact.div_euclid(1 << conv.requantize.shift);
            low += u64::from(value < i128::from(spec.min_value()));
            high += u64::from(value > i128::from(spec.max_value()));
        }
    }
    assert!(low > 0 && high > 0, "the case clamps at both ends");
    let simulator = Simulator::new(&network).expect("valid");
    let found = simulator.saturation(&[&input, &input]).expect("input fits");
    assert_eq!((found[0].clamped.low, found[0].clamped.high), (2 * low, 2 * high));
    assert_eq!(found[0].n_values, 2 * spec.len() as u64);
    let trace = simulator.trace(&input).expect("input fits");
    let zeros = trace.tensors[conv.output.index()].iter().filter(|b| **b == 0).count();
    assert_eq!(found[0].n_zeros, 2 * zeros as u64);
}
