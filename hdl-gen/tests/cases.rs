//! Every hand-picked case on shapes that divide nothing in it.

mod common;

use common::{Bench, Lanes, config, has_verilator};
use qunet_tests::cases;

fn run_all(lanes: Lanes) {
    if !has_verilator(&format!("cases on {lanes:?}")) {
        return;
    }
    let mut bench = Bench::new(config(lanes));
    for case in cases::all() {
        bench.check(&case.name, &case.network, &case.inputs);
    }
}

#[test]
fn one_bit_digits() {
    run_all([4, 2, 2, 1]);
}

#[test]
fn eight_bit_digits() {
    run_all([8, 2, 2, 8]);
}
