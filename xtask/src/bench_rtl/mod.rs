//! Measures the generated Verilog: cycles, equality on many networks, a peer.
//!
//! One file a part; [`report`] is the JSON that they fill, [`tables`] prints it and writes the
//! measured tables of docs/hardware.md from it.

mod bit_widths;
mod engine;
mod icarus;
mod mixed;
mod networks;
mod peer;
mod progress;
mod random;
mod report;
mod synthesis;
mod tables;

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use quantizer::progress::write_atomically;

use crate::files;
use report::{Origin, Report};

/// Options of bench-rtl.
#[derive(Args)]
pub struct BenchRtl {
    /// File to write the report to
    #[arg(long)]
    json: PathBuf,
    /// Only what fits in ten minutes
    #[arg(long)]
    quick: bool,
    /// Seed of all weights and images
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(..1_000_000))]
    seed: u64,
    /// Number of random networks [default: 500, with --quick 20]
    #[arg(long, value_parser = clap::value_parser!(u64).range(..1_000_000))]
    random_networks: Option<u64>,
    /// Parts to run [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    parts: Vec<Part>,
    /// Python that has NNgen, for the comparison with it
    #[arg(long)]
    nngen_python: Option<PathBuf>,
}

/// A part of the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Time from the largest model to its Verilog
    Generation,
    /// Whole U-Nets: cycles, utilisation, the cycle model
    Networks,
    /// Every pair of weight and activation bits in Verilator and Icarus
    BitWidths,
    /// A network of many weight widths, and 4-bit against 8-bit weights
    Mixed,
    /// Random networks on several array shapes
    Random,
    /// Area and clock of single engines by Yosys and nextpnr
    Synthesis,
    /// NNgen and ours on the same layer and U-Net
    Peer,
}

/// Options of hardware-tables.
#[derive(Args)]
pub struct HardwareTables {
    /// Report that bench-rtl wrote
    json: PathBuf,
}

impl BenchRtl {
    /// Runs the parts, prints their tables, writes the report.
    pub fn run(self) -> Result<()> {
        let root = files::workspace_root();
        ensure!(sim::verilated::is_installed(), "verilator: not found (apt install verilator)");
        let started = Instant::now();
        let work = root.join("target/bench-rtl");
        let mut report = Report { origin: self.origin()?, ..Report::default() };
        let wants = |part| self.parts.is_empty() || self.parts.contains(&part);
        if wants(Part::Generation) {
            report.generation_seconds = Some(networks::generation_seconds(&work, self.seed)?);
        }
        if wants(Part::Networks) {
            report.networks = networks::measure(&work, self.seed, self.quick)?;
        }
        if wants(Part::BitWidths) {
            report.bit_width_pairs = bit_widths::measure(&work, self.seed)?;
        }
        if wants(Part::Mixed) {
            report.mixed_precision = Some(mixed::measure(&work, self.seed)?);
        }
        if wants(Part::Random) {
            let n = self.random_networks.unwrap_or(if self.quick { 20 } else { 500 });
            report.random_networks = random::measure(&work, self.seed, n, self.quick)?;
        }
        if wants(Part::Synthesis) {
            report.synthesis = synthesis::measure(&work, self.quick)?;
        }
        if wants(Part::Peer) && !self.quick {
            match &self.nngen_python {
                Some(python) => report.peer = peer::measure(&root, &work, python, self.seed)?,
                None => println!("peer: skipped, no --nngen-python"),
            }
        }
        report.origin.seconds = started.elapsed().as_secs();
        let text = serde_json::to_string_pretty(&report)? + "\n";
        write_atomically(&self.json, text.as_bytes())?;
        println!("{}", tables::printed(&report));
        println!("report: {}, {} s", self.json.display(), report.origin.seconds);
        let problems = report.problems();
        ensure!(problems.is_empty(), "{}", problems.join("\n"));
        Ok(())
    }

    fn origin(&self) -> Result<Origin> {
        let mut command = format!("cargo xtask bench-rtl --json FILE --seed {}", self.seed);
        if self.quick {
            command += " --quick";
        }
        if let Some(n) = self.random_networks {
            command += &format!(" --random-networks {n}");
        }
        let names = self.parts.iter().filter_map(clap::ValueEnum::to_possible_value);
        let names: Vec<String> = names.map(|value| value.get_name().to_owned()).collect();
        if !names.is_empty() {
            command += &format!(" --parts {}", names.join(","));
        }
        Ok(Origin { command, commit: commit()?, seed: self.seed, seconds: 0 })
    }
}

impl HardwareTables {
    /// Writes the measured tables of docs/hardware.md.
    pub fn run(self) -> Result<()> {
        let text =
            std::fs::read_to_string(&self.json).with_context(|| self.json.display().to_string())?;
        let report: Report = serde_json::from_str(&text)
            .with_context(|| format!("{}: a report of bench-rtl", self.json.display()))?;
        let path = files::workspace_root().join("docs/hardware.md");
        let document = std::fs::read_to_string(&path)?;
        write_atomically(&path, tables::rewritten(&document, &report)?.as_bytes())?;
        Ok(())
    }
}

/// The commit that is measured, with a plus sign if files differ from it.
fn commit() -> Result<String> {
    let git = |arguments: &[&str]| -> Result<String> {
        let output = Command::new("git")
            .current_dir(files::workspace_root())
            .args(arguments)
            .output()
            .context("git")?;
        if !output.status.success() {
            bail!("git {}: {}", arguments.join(" "), output.status);
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let sign = if changed.is_empty() { "" } else { "+" };
    Ok(git(&["rev-parse", "--short", "HEAD"])? + sign)
}
