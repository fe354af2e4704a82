//! A whole U-Net from its own memory images: equal layer by layer, and the array is kept busy.

mod common;

use common::{cache_dir, has_verilator};
use hdl_gen::{HardwareConfig, generate};
use qunet_tests::inputs;
use qunet_tests::unet::{Unet, Upsampling, unet};
use sim::verilated::{CosimReport, Verilated, cosim_on};

/// Base 8, depth 3, 64×64, W4 A6 with W8 first layer and head.
fn base_8_depth_3(upsampling: Upsampling, lane_bits: Option<u8>) -> CosimReport {
    let network =
        unet(&Unet { base: 8, depth: 3, size: [64, 64], upsampling, ..Default::default() });
    let config = HardwareConfig { lane_bits, ..Default::default() };
    // a fixed place, so that the compiled design is found again
    let build = cache_dir().join(format!("unet-{upsampling:?}"));
    let report = generate(&network, &config, &build).expect("generates");
    let mut design = Verilated::build(&build, &cache_dir()).expect("builds");
    let found = cosim_on(&mut design, &build, &[inputs::random(&network, 7)]).expect("runs");
    assert_eq!(found.first_mismatch, None);
    assert!(found.values_compared > 150_000, "{found:?}");
    assert_eq!(found.cycles, report.cycles.total);
    let of_layers: Vec<u64> = found.per_layer.iter().map(|layer| layer.cycles).collect();
    assert_eq!(of_layers, report.cycles.operations);
    found
}

/// The input of 8 bits split over lanes of 6.
#[test]
fn nearest() {
    if has_verilator("utilization: nearest") {
        let report = base_8_depth_3(Upsampling::Nearest, None);
        assert!(report.utilization >= 0.967, "{report:?}");
    }
}

/// The input whole in lanes of 8 bits, its rows side by side.
#[test]
fn transposed() {
    if has_verilator("utilization: transposed") {
        let report = base_8_depth_3(Upsampling::Transposed, Some(8));
        assert!(report.utilization >= 0.985, "{report:?}");
    }
}
