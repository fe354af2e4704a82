//! Mixed precision on digits of two bits: cycles follow ceil(W/D).

use std::path::Path;

use anyhow::Result;
use hdl_gen::generate;
use network::{Mode, Network};
use qunet_tests::builder::{Builder, signed, unsigned};
use qunet_tests::inputs;
use sim::verilated::{CosimReport, Verilated, cosim_on};

use super::engine::{cache, config};
use super::progress::Progress;
use super::report::MixedPrecision;

const WEIGHT_BITS: [u8; 8] = [8, 4, 2, 6, 1, 3, 7, 5];

/// Runs a network of every weight width, and one convolution at W8 and at W4.
pub fn measure(work: &Path, seed: u64) -> Result<MixedPrecision> {
    let progress = Progress::new(3, "mixed");
    let run = |name: &str, network: &Network| -> Result<CosimReport> {
        progress.doing(name);
        let folder = work.join("mixed");
        generate(network, &config([2, 4, 4, 2]), &folder)?;
        let mut design = Verilated::build(&folder, &cache(work))?;
        let report = cosim_on(&mut design, &folder, &[inputs::random(network, seed)])?;
        progress.step();
        Ok(report)
    };
    let mixed = run("all widths", &all_widths(seed))?;
    let w8 = run("W8", &convolution(8, seed))?;
    let w4 = run("W4", &convolution(4, seed))?;
    Ok(MixedPrecision {
        weight_bits: WEIGHT_BITS.to_vec(),
        cycles: mixed.cycles,
        model_cycles: mixed.model_cycles,
        mismatches: mixed.mismatches + w8.mismatches + w4.mismatches,
        cycles_w8: w8.cycles,
        cycles_w4: w4.cycles,
    })
}

fn all_widths(seed: u64) -> Network {
    let mut builder = Builder::new(Mode::Scaled, [1, 16, 24], signed(8), seed);
    let mut at = builder.input();
    for bits in WEIGHT_BITS {
        at = builder.conv2d(at, [8, 3], bits, unsigned(6));
    }
    builder.finish()
}

/// 16 → 16 channels, 3×3, 32×32.
fn convolution(weight_bits: u8, seed: u64) -> Network {
    let mut builder = Builder::new(Mode::Scaled, [16, 32, 32], unsigned(6), seed);
    builder.conv2d(builder.input(), [16, 3], weight_bits, unsigned(6));
    builder.finish()
}
