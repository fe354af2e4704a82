//! Every pair of weight and activation bits, on every digit width.

mod common;

use common::{Bench, Lanes, config, has_verilator};
use network::Mode;
use qunet_tests::inputs;
use qunet_tests::random_network::{RandomConfig, random_network_with};

fn every_pair(lanes: Lanes, mode: Mode) {
    if !has_verilator(&format!("bit widths on {lanes:?}")) {
        return;
    }
    let mut bench = Bench::new(config(lanes));
    for weight_bits in 1..=8u8 {
        for activation_bits in 1..=8u8 {
            let seed = 1000 + u64::from(weight_bits) * 8 + u64::from(activation_bits);
            let network = random_network_with(RandomConfig {
                seed,
                mode: Some(mode),
                weight_bits: Some(weight_bits),
                activation_bits: Some(activation_bits),
            });
            let images = [inputs::random(&network, seed), inputs::largest(&network)];
            bench.check(&format!("W{weight_bits} A{activation_bits}"), &network, &images);
        }
    }
}

#[test]
fn one_bit_digits() {
    every_pair([4, 2, 2, 1], Mode::Scaled);
}

#[test]
fn two_bit_digits() {
    every_pair([1, 2, 16, 2], Mode::Fixed);
}

#[test]
fn four_bit_digits() {
    every_pair([2, 4, 4, 4], Mode::Scaled);
}

#[test]
fn eight_bit_digits() {
    every_pair([8, 2, 2, 8], Mode::Fixed);
}
