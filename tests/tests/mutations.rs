//! The comparison can fail: small faults put into a network must be seen, and named by layer.

use network::arithmetic::is_weight;
use network::{Layer, Network, Requantize};
use qunet_tests::cases::{self, Case};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sim::{Simulator, compare};

/// The layer in which the simulator, running `faulty`, first differs from the exact values.
fn first_difference(case: &Case, faulty: &Network) -> Option<String> {
    let simulator = Simulator::new(faulty).expect("the fault leaves a valid network");
    case.inputs.iter().find_map(|input| {
        let expected = qunet_tests::oracle::run(&case.network, input);
        let found = simulator.trace(input).expect("input fits").tensors;
        let comparison = compare(&case.network, &expected, &found).expect("shapes are equal");
        comparison.first().map(|mismatch| mismatch.layer.clone())
    })
}

fn parts(layer: &mut Layer) -> Option<(&mut Vec<i8>, u8, &mut Requantize)> {
    match layer {
        Layer::Conv2d(l) => Some((&mut l.weights, l.weight_bits, &mut l.requantize)),
        Layer::ConvTranspose2d(l) => Some((&mut l.weights, l.weight_bits, &mut l.requantize)),
        Layer::Head(l) => Some((&mut l.weights, l.weight_bits, &mut l.requantize)),
        Layer::MaxPool2d(_) | Layer::Upsample2d(_) | Layer::Concat(_) => None,
    }
}

/// Puts `fault` into each layer in turn; counts the layers it changes and those where it is seen.
fn seen(cases: &[Case], fault: impl Fn(&mut Layer) -> bool) -> (usize, usize) {
    let (mut n_faults, mut n_seen) = (0, 0);
    for case in cases {
        for index in 0..case.network.layers.len() {
            let mut faulty = case.network.clone();
            if !fault(&mut faulty.layers[index]) || faulty == case.network {
                continue;
            }
            n_faults += 1;
            if let Some(layer) = first_difference(case, &faulty) {
                assert_eq!(layer, faulty.layers[index].name(), "{}: the layer named", case.name);
                n_seen += 1;
            }
        }
    }
    (n_faults, n_seen)
}

#[test]
fn nothing_differs_without_a_fault() {
    assert_eq!(seen(&cases::small_unets(), |_| true), (0, 0));
    for case in cases::small_unets() {
        assert_eq!(first_difference(&case, &case.network), None);
    }
}

/// The lowest bit of one weight of each layer.
#[test]
fn one_flipped_weight_bit_is_seen() {
    let mut n_total = 0;
    for seed in 0..5 {
        let (n_faults, n_seen) = seen(&cases::small_unets(), |layer| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let Some((weights, bits, _)) = parts(layer) else { return false };
            let index = rng.random_range(0..weights.len());
            let bit = rng.random_range(0..bits);
            // two's complement within W bits
            let shift = 8 - u32::from(bits);
            let flipped = ((weights[index] ^ (1 << bit)) << shift) >> shift;
            assert!(is_weight(i32::from(flipped), bits));
            weights[index] = flipped;
            true
        });
        assert_eq!(n_seen, n_faults, "seed {seed}");
        n_total += n_faults;
    }
    assert!(n_total > 200, "{n_total}");
}

/// A window one column off is the same as weights one column off, with a column of zeros.
#[test]
fn padding_shifted_by_one_is_seen() {
    let (n_faults, n_seen) = seen(&cases::small_unets(), |layer| {
        let Layer::Conv2d(conv) = layer else { return false };
        for row in conv.weights.chunks_exact_mut(conv.kernel) {
            row.rotate_right(1);
            row[0] = 0;
        }
        true
    });
    assert!(n_faults > 40);
    assert_eq!(n_seen, n_faults);
}

/// Rounding down instead of to nearest: B without its half.
#[test]
fn rounding_down_is_seen() {
    let (n_faults, n_seen) = seen(&cases::small_unets(), |layer| {
        let Some((_, _, requantize)) = parts(layer) else { return false };
        let half = (1u32 << requantize.shift >> 1) as i32;
        requantize.channels.iter_mut().for_each(|c| c.bias = c.bias.saturating_sub(half));
        true
    });
    assert!(n_faults > 40);
    // a head's logit may round either way without a pixel changing its class
    assert!(n_seen * 10 >= n_faults * 9, "{n_seen} of {n_faults}");
}

/// Number of cases in which a fault of every layer is seen.
fn n_cases_that_see(fault: impl Fn(&mut Requantize)) -> usize {
    let sees = |case: &Case| {
        let mut faulty = case.network.clone();
        faulty.layers.iter_mut().filter_map(parts).for_each(|(_, _, r)| fault(r));
        faulty != case.network && first_difference(case, &faulty).is_some()
    };
    cases::all().iter().filter(|case| sees(case)).count()
}

/// One too little in B: only ties round otherwise. Rare in one layer, not in the case list.
#[test]
fn ties_rounded_down_are_seen_by_the_case_list() {
    let n_cases = n_cases_that_see(|requantize| {
        requantize.channels.iter_mut().for_each(|c| c.bias = c.bias.saturating_sub(1));
    });
    assert!(n_cases >= 60, "{n_cases} cases see it");
}

/// The lowest bit of every M.
#[test]
fn a_multiplier_off_by_one_is_seen_by_the_case_list() {
    let n_cases = n_cases_that_see(|requantize| {
        let scaled = requantize.channels.iter_mut().filter(|c| c.multiplier.unsigned_abs() > 2);
        scaled.for_each(|c| c.multiplier ^= 1);
    });
    assert!(n_cases >= 40, "{n_cases} cases see it");
}
