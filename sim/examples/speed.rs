//! Times the simulator on U-Nets: `cargo run --release -p qunet-sim --example speed`.

use std::time::Instant;

use qunet_tests::inputs;
use qunet_tests::unet::{Unet, Upsampling, n_macs, unet};
use sim::Simulator;

fn main() -> Result<(), sim::SimError> {
    let large = Unet { base: 16, depth: 4, size: [256, 256], ..Unet::default() };
    let small = Unet { base: 8, depth: 3, size: [64, 64], ..Unet::default() };
    let transposed = Upsampling::Transposed;
    time("base 16 depth 4 256² W4 A6 nearest", &large)?;
    time("base 16 depth 4 256² W4 A6 transposed", &Unet { upsampling: transposed, ..large })?;
    time("base 16 depth 4 256² W8 A8", &Unet { weight_bits: 8, activation_bits: 8, ..large })?;
    time("base 16 depth 4 256² W2 A4", &Unet { weight_bits: 2, activation_bits: 4, ..large })?;
    time("base 8 depth 3 64² W4 A6", &small)
}

/// Best of five runs on one thread.
fn time(name: &str, config: &Unet) -> Result<(), sim::SimError> {
    let network = unet(config);
    let simulator = Simulator::new(&network)?;
    let input = inputs::random(&network, 1);
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        simulator.run(&input)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    let speed = n_macs(&network) as f64 / best / 1e9;
    println!("{name}: {:.1} ms, {speed:.1} GMAC/s", best * 1e3);
    Ok(())
}
