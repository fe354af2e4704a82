//! Generates the build folder of a U-Net with random weights, and prints what came out.
//!
//! `cargo run --release -p qunet-hdl-gen --example generate_unet -- FOLDER BASE DEPTH SIZE`

use std::path::Path;
use std::time::Instant;

use hdl_gen::{HardwareConfig, generate};
use qunet_tests::unet::{Unet, unet};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, folder, base, depth, size] = args.as_slice() else {
        return Err("expected FOLDER BASE DEPTH SIZE".into());
    };
    let size: usize = size.parse()?;
    let network = unet(&Unet {
        base: base.parse()?,
        depth: depth.parse()?,
        size: [size, size],
        ..Default::default()
    });
    let start = Instant::now();
    let report = generate(&network, &HardwareConfig::default(), Path::new(folder))?;
    for (line, cycles) in report.operations.iter().zip(&report.cycles.operations) {
        println!("{cycles:>10}  {line}");
    }
    println!(
        "{:>10}  all, utilisation {:.2} %",
        report.cycles.total,
        100.0 * report.cycles.utilization
    );
    println!("memories {} KiB, {:.1} s", report.memory_bits / 8192, start.elapsed().as_secs_f64());
    Ok(())
}
