use hdl_gen::{HardwareConfig, config::MemoryPlace, generate};
use qunet_tests::unet::{Unet, unet};
fn main() {
    let a: Vec<usize> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let network = unet(&Unet { base: a[0], depth: a[1], size: [a[2], a[3]], ..Default::default() });
    let config = HardwareConfig {
        tn: a[4],
        tm: a[5],
        tp: a[6],
        memory: MemoryPlace::External,
        feature_memory_kib: Some(a[7]),
        weight_memory_kib: Some(a[8]),
        lane_bits: std::env::var("LB").ok().map(|b| b.parse().unwrap()),
        ..Default::default()
    };
    let r = generate(&network, &config, std::path::Path::new("/tmp/ext_build")).unwrap();
    println!("{}", r.external.unwrap());
    println!("{:?}", r.manifest.memories);
    if a.len() > 9 {
        return;
    }
    let input = qunet_tests::inputs::random(&network, 3);
    let report = sim::verilated::cosim(std::path::Path::new("/tmp/ext_build"), &[input]).unwrap();
    println!(
        "{} values, {} mismatches, first {:?}, cycles {} model {} util {}",
        report.values_compared,
        report.mismatches,
        report.first_mismatch,
        report.cycles,
        report.model_cycles,
        report.utilization
    );
}
