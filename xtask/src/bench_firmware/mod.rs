//! Measures the board runtime in QEMU: instructions a multiply-accumulate, arenas, size of the code,
//! equality with the simulator on three cores; in Verilator the whole system.

mod bundle;
mod fits;
mod system;
mod tables;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use network::plan::{Packing, Scratch, plan_with};
use network::{Mode, Network};
use quantizer::progress::write_atomically;
use qunet_tests::builder::{Builder, unsigned};
use qunet_tests::cases::{self, Case};
use qunet_tests::inputs;
use qunet_tests::unet::{Unet, Upsampling, n_macs, unet};
use serde_json::{Value, json};
use sim::Simulator;

use bundle::Target;

/// The targets of QEMU; instructions are counted on the first three.
const TARGETS: [Target; 4] = [
    target("thumbv7em-none-eabihf", "mps2", 16 << 20, 3 << 20),
    target("riscv32imc-unknown-none-elf", "mps2", 16 << 20, 4 << 20),
    target("thumbv6m-none-eabi", "mps2", 16 << 20, 3 << 20),
    target("thumbv6m-none-eabi", "microbit", 192 << 10, 9 << 10),
];

const fn target(
    name: &'static str,
    board: &'static str,
    bundle_bytes: usize,
    arena_bytes: usize,
) -> Target {
    Target { name, board, bundle_bytes, arena_bytes }
}

/// Options of bench-firmware.
#[derive(Args)]
pub struct BenchFirmware {
    /// File to write the report to
    #[arg(long)]
    json: PathBuf,
    /// Only every so many cases of the case list
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    every: u32,
}

impl BenchFirmware {
    /// Runs every part, prints the tables, writes the report.
    pub fn run(self) -> Result<()> {
        let commit = Command::new("git").args(["rev-parse", "HEAD"]).output()?.stdout;
        let (arena, image) = (arenas()?, image()?);
        let kernels = kernels()?;
        let backends = backends(self.every as usize)?;
        let soc = system::run()?;
        let report = json!({
            "origin": {
                "command": "cargo xtask bench-firmware --json FILE",
                "commit": String::from_utf8_lossy(&commit).trim(),
                "seed": 11,
            },
            "kernels": kernels,
            "arena": arena,
            "fits": fits::fits()?,
            "text_bytes": image["text_bytes"],
            "stack_bytes": image["stack_bytes"],
            "panic_symbols": image["panic_symbols"],
            "float_symbols": image["float_symbols"],
            "backends": backends,
            "soc": soc,
        });
        tables::print(&report);
        write_atomically(&self.json, serde_json::to_string_pretty(&report)?.as_bytes())?;
        let mismatches = backends.iter().map(|b| b["mismatches"].as_u64().unwrap_or(1));
        let in_system = soc["mismatches"].as_u64().unwrap_or(1);
        ensure!(mismatches.sum::<u64>() + in_system == 0, "values differ from the simulator's");
        Ok(())
    }
}

/// Base 8, depth 3 over 64×64, whose arenas are pinned.
fn unets() -> [(&'static str, Network); 2] {
    let config = Unet { base: 8, depth: 3, size: [64, 64], ..Unet::default() };
    let transposed = Unet { upsampling: Upsampling::Transposed, ..config };
    [("unet-b8d3-64-nearest", unet(&config)), ("unet-b8d3-64-transposed", unet(&transposed))]
}

fn arenas() -> Result<Vec<Value>> {
    let mut rows = vec![];
    for (name, network) in unets() {
        for (packing, stored_bits) in [(Packing::Bytes, 8), (Packing::All, 6)] {
            let plan = plan_with(&network, packing, Scratch::Compact);
            rows.push(json!({
                "network": name,
                "bytes": plan.arena_bytes,
                "lower_bound_bytes": plan.lower_bound_bytes,
                "stored_bits": stored_bits,
                "optimal": plan.is_optimal(),
                "peak_layer": network.layers[plan.peak_layer].name(),
            }));
        }
    }
    Ok(rows)
}

/// Runs a whole U-Net on the Cortex-M4: code, stack, symbols; every value compared.
fn image() -> Result<Value> {
    let folder = tempfile::tempdir()?;
    let [_, (_, network)] = unets();
    let input = inputs::random(&network, 1);
    let tensors = Simulator::new(&network)?.trace(&input)?.tensors;
    let outputs = network.layers.iter().map(|layer| &tensors[layer.output().index()]);
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes);
    write("model.qunet", &network.to_bytes()?)?;
    write("input_0.bin", &input)?;
    write("golden_0.bin", &outputs.flatten().copied().collect::<Vec<u8>>())?;
    let data: &Path = folder.path();
    let lines = bundle::script(&["--target", TARGETS[0].name], None, Some(data))?;
    let image = lines.last().context("a report")?;
    ensure!(image["mismatches"] == 0, "whole U-Net: {image}");
    Ok(image.clone())
}

/// Whole convolutions, 3×3 over 32×32, with gathering, unpacking and requantization.
fn kernels() -> Result<Vec<Value>> {
    let mut rows = vec![];
    let mut cases = vec![];
    for (weight_bits, bits) in [(4, 6), (8, 8), (2, 4), (1, 3)] {
        for channels in [8, 16, 32] {
            let mut builder = Builder::new(Mode::Scaled, [channels, 32, 32], unsigned(bits), 11);
            builder.conv2d(builder.input(), [channels, 3], weight_bits, unsigned(bits));
            let network = builder.finish();
            let input = inputs::random(&network, 1);
            let plan = plan_with(&network, Packing::Bytes, Scratch::Most);
            cases.push(bundle::case(&network, &[input], &plan)?);
            rows.push((weight_bits, bits, channels, n_macs(&network)));
        }
    }
    let cases: Vec<&[u8]> = cases.iter().map(Vec::as_slice).collect();
    let mut kernels = vec![];
    for target in &TARGETS[..3] {
        let (lines, last) = bundle::run(*target, &cases)?;
        ensure!(last["mismatches"] == 0, "{}: a kernel is wrong: {last}", target.name);
        for ((weight_bits, bits, channels, macs), line) in rows.iter().zip(&lines) {
            let instructions = line["instructions"].as_f64().context("instructions")?;
            kernels.push(json!({
                "core": target.name,
                "weight_bits": weight_bits,
                "activation_bits": bits,
                "shape": format!("{channels}->{channels}, 3x3, 32x32"),
                "instructions_per_mac": (instructions / *macs as f64 * 1000.0).round() / 1000.0,
            }));
        }
    }
    Ok(kernels)
}

/// Every case, a byte a value and packed, on every board that has room for it.
fn backends(every: usize) -> Result<Vec<Value>> {
    let all: Vec<Case> = cases::all().into_iter().step_by(every).collect();
    let mut rows = vec![];
    for target in TARGETS {
        let (mut n_cases, mut mismatches) = (0, 0);
        for packing in [Packing::Bytes, Packing::All] {
            let mut fitting = vec![];
            for case in &all {
                let plan = plan_with(&case.network, packing, Scratch::Compact);
                let bytes = bundle::case(&case.network, &case.inputs, &plan)?;
                if plan.arena_bytes + 16 <= target.arena_bytes && bytes.len() < target.bundle_bytes
                {
                    fitting.push(bytes);
                }
            }
            for group in bundle::groups(&fitting, target.bundle_bytes) {
                let (_, last) = bundle::run(target, &group)?;
                n_cases += last["cases"].as_u64().context("cases")?;
                mismatches += last["mismatches"].as_u64().context("mismatches")?;
            }
        }
        rows.push(json!({
            "target": target.name,
            "board": target.board,
            "cases": n_cases,
            "mismatches": mismatches,
        }));
    }
    Ok(rows)
}
