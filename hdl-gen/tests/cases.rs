//! Every hand-picked case on shapes that divide nothing in it.

mod common;

use common::{Bench, Lanes, config, has_verilator};
use network::Mode;
use qunet_tests::builder::{Builder, signed, unsigned};
use qunet_tests::{cases, inputs};

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

#[test]
fn kernels_up_to_fifteen() {
    if !has_verilator("kernels up to fifteen") {
        return;
    }
    let mut bench = Bench::new(config([8, 2, 2, 8]));
    for kernel in [9, 11, 13, 15] {
        for [height, width] in [[5, 9], [1, 17], [16, 1]] {
            let mut builder = Builder::new(Mode::Scaled, [2, height, width], signed(8), 3);
            let wide = builder.conv2d(builder.input(), [3, kernel], 5, unsigned(6));
            let up = builder.upsample2d(wide);
            builder.conv2d(up, [2, kernel], 4, signed(7));
            let network = builder.finish();
            let images = [inputs::random(&network, 1), inputs::largest(&network)];
            bench.check(&format!("k{kernel} {height}x{width}"), &network, &images);
        }
    }
}
