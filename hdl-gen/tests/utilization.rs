//! A whole U-Net from its own memory images: equal layer by layer, and the array is kept busy.

mod common;

use common::{cache_dir, has_verilator};
use hdl_gen::{HardwareConfig, generate};
use qunet_tests::inputs;
use qunet_tests::unet::{Unet, Upsampling, unet};
use sim::verilated::{CosimReport, Verilated, cosim_on};

/// Base 8, depth 3, 64×64, W4 A6 with W8 first layer and head.
fn base_8_depth_3(upsampling: Upsampling) -> CosimReport {
    let network =
        unet(&Unet { base: 8, depth: 3, size: [64, 64], upsampling, ..Default::default() });
    // a fixed place, so that the compiled design is found again
    let build = cache_dir().join(format!("unet-{upsampling:?}"));
    let report = generate(&network, &HardwareConfig::default(), &build).expect("generates");
    let mut design = Verilated::build(&build, &cache_dir()).expect("builds");
    let found = cosim_on(&mut design, &build, &[inputs::random(&network, 7)]).expect("runs");
    assert_eq!(found.first_mismatch, None);
    assert!(found.values_compared > 150_000, "{found:?}");
    assert_eq!(found.cycles, report.cycles.total);
    found
}

#[test]
fn nearest() {
    if has_verilator("utilization: nearest") {
        let report = base_8_depth_3(Upsampling::Nearest);
        assert!(report.utilization >= 0.97, "{report:?}");
    }
}

#[test]
fn transposed() {
    if has_verilator("utilization: transposed") {
        let report = base_8_depth_3(Upsampling::Transposed);
        assert!(report.utilization >= 0.97, "{report:?}");
    }
}
