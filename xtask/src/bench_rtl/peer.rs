//! NNgen and ours on the same convolution and the same U-Net.
//!
//! `peers/nngen_bench.py` makes and simulates NNgen's designs; ours are checked as everywhere.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use hdl_gen::generate;
use network::{Mode, Network};
use qunet_tests::builder::{Builder, unsigned};
use qunet_tests::inputs;
use qunet_tests::unet::{Unet, n_macs, unet};
use sim::verilated::{Verilated, cosim_on};

use super::engine::{Shape, cache, config};
use super::progress::Progress;
use super::report::PeerRow;

/// Runs the peer's cases and ours.
pub fn measure(root: &Path, work: &Path, python: &Path, seed: u64) -> Result<Vec<PeerRow>> {
    let cases: [(&str, Network, Shape); 3] = [
        ("conv-int8", convolution(8, seed), [2, 4, 8, 8]),
        ("conv-int4", convolution(4, seed), [2, 4, 8, 4]),
        ("unet-int8", small_unet(seed), [2, 4, 8, 8]),
    ];
    let progress = Progress::new(2 * cases.len() as u64, "peer");
    let mut rows = Vec::new();
    for (name, network, shape) in cases {
        progress.doing(&format!("NNgen, {name}"));
        rows.push(nngen(root, python, name)?);
        progress.step();
        progress.doing(&format!("qunet, {name}"));
        rows.push(ours(work, name, &network, shape, seed)?);
        progress.step();
    }
    Ok(rows)
}

fn nngen(root: &Path, python: &Path, name: &str) -> Result<PeerRow> {
    let script = root.join("xtask/peers/nngen_bench.py");
    // NNgen and its parser leave tables where they run
    let folder = tempfile::tempdir()?;
    // a path is taken from here, a bare name from the search path; links are kept, because an
    // environment is known by the place of its interpreter
    let python = match python.components().count() {
        1 => python.to_path_buf(),
        _ => std::path::absolute(python)?,
    };
    let output = Command::new(&python)
        .arg(script)
        .arg(name)
        .current_dir(folder.path())
        .output()
        .with_context(|| python.display().to_string())?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "NNgen, {name}: {errors}");
    let mut rows: Vec<PeerRow> =
        serde_json::from_slice(&output.stdout).with_context(|| format!("NNgen, {name}: JSON"))?;
    let row = rows.pop().with_context(|| format!("NNgen, {name}: an empty report"))?;
    Ok(PeerRow { generator: "NNgen 1.3.4".into(), ..row })
}

fn ours(work: &Path, name: &str, network: &Network, shape: Shape, seed: u64) -> Result<PeerRow> {
    let folder = work.join(format!("peer-{name}"));
    let started = Instant::now();
    generate(network, &config(shape), &folder)?;
    let generation_seconds = started.elapsed().as_secs_f64();
    let mut design = Verilated::build(&folder, &cache(work))?;
    let report = cosim_on(&mut design, &folder, &[inputs::random(network, seed)])?;
    let mut row = PeerRow {
        generator: "qunet".into(),
        name: name.into(),
        lanes: design.manifest().engine.lanes(),
        macs: n_macs(network),
        cycles: report.cycles,
        utilization: report.utilization,
        compared: report.values_compared,
        mismatches: report.mismatches,
        generation_seconds,
        ..PeerRow::default()
    };
    for file in design.manifest().verilog.iter().map(String::as_str).chain(["qunet_defs.vh"]) {
        let text = std::fs::read_to_string(folder.join(file))?;
        row.verilog_lines += text.lines().count() as u64;
        row.verilog_bytes += text.len() as u64;
    }
    Ok(row)
}

/// 16 → 16 channels, 3×3, 64×64, weights and activations of `bits` bits.
fn convolution(bits: u8, seed: u64) -> Network {
    let mut builder = Builder::new(Mode::Scaled, [16, 64, 64], unsigned(bits), seed);
    builder.conv2d(builder.input(), [16, 3], bits, unsigned(bits));
    builder.finish()
}

/// Base 8, depth 1, 32×32, weights and activations of 8 bits.
fn small_unet(seed: u64) -> Network {
    let shape = Unet { base: 8, depth: 1, size: [32, 32], seed, ..Unet::default() };
    unet(&Unet { weight_bits: 8, activation_bits: 8, ..shape })
}
