//! Random networks on several array shapes: the design equals the reference on every layer.
//!
//! `QUNET_RANDOM_NETWORKS=80` runs 80 networks on each shape instead of 25; the seeds of a shape
//! follow each other from the one in its test.

mod common;

use common::{Bench, Lanes, config, has_verilator};
use qunet_tests::inputs;
use qunet_tests::random_network::random_network;

fn sweep(lanes: Lanes, first_seed: u64) {
    if !has_verilator(&format!("random networks on {lanes:?}")) {
        return;
    }
    let wanted = std::env::var("QUNET_RANDOM_NETWORKS").ok().and_then(|n| n.parse().ok());
    let mut bench = Bench::new(config(lanes));
    for seed in first_seed..first_seed + wanted.unwrap_or(25) {
        let network = random_network(seed);
        let input = inputs::random(&network, seed);
        let report = bench.check(&format!("seed {seed}"), &network, &[input]);
        assert_eq!(report.cycles, report.model_cycles, "seed {seed}: cycles against the model");
    }
}

#[test]
fn two_by_four_by_four() {
    sweep([2, 4, 4, 4], 0);
}

#[test]
fn one_of_everything() {
    sweep([1, 1, 1, 1], 10000);
}

#[test]
fn one_bit_digits_and_one_pixel() {
    sweep([4, 2, 1, 1], 20000);
}

#[test]
fn two_bit_digits_and_wide_pixels() {
    sweep([1, 2, 16, 2], 30000);
}

#[test]
fn more_inputs_than_outputs() {
    sweep([8, 2, 2, 8], 40000);
}

#[test]
fn many_outputs() {
    sweep([4, 16, 4, 4], 50000);
}
