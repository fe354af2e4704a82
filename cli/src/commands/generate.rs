//! `qunet generate`: Verilog, memory images, descriptor program and headers of a model.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use hdl_gen::external::ExternalReport;
use hdl_gen::targets::{Candidate, choose};
use hdl_gen::{GenerateReport, Target, energy, generate};
use sim::Simulator;

use crate::config::{foreign, load_optional};
use crate::output::{bytes, print_json, say, table};
use crate::run_dir::{read_model, read_samples, samples_dir};

/// Generates the accelerator of a model: Verilog, memory images, headers, a test bench.
#[derive(Args)]
#[command(
    after_help = "Example:\n  qunet generate runs/em/model.qunet --config configs/em.toml --out build/em\n  \
                        qunet generate runs/em/model.qunet --out build/em --set hardware.tp=8\n  \
                        qunet generate runs/em/model.qunet --out build/em --target ecp5-25k"
)]
pub struct Generate {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Folder to write; an earlier build there is replaced, files that are not part of it stay
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Configuration whose section `hardware` gives the shape of the engine [default: its defaults]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one key of the configuration, e.g. `--set hardware.tp=8`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Device to choose the shape of the engine for, instead of the configuration's: ecp5-25k,
    /// ecp5-85k, up5k or xc7; generic chooses nothing
    #[arg(long, value_name = "TARGET", default_value_t = Target::Generic)]
    target: Target,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Generate {
    /// Schedules and emits, reports.
    pub fn run(self) -> Result<()> {
        if let Some(setting) = foreign(&self.set, &["hardware"]).next() {
            bail!("--set {setting}: expected a key of [hardware], the section that generate reads");
        }
        let hardware = load_optional(self.config.as_deref(), &self.set)?.hardware;
        hardware.validate()?;
        let (_, network) = read_model(&self.model)?;
        let samples = read_samples(&samples_dir(&self.model), &network, 8)?;
        let choice = choose(&network, &hardware, self.target)?;
        let report = generate(&network, &choice.config, &self.out)
            .with_context(|| format!("generating from {}", self.model.display()))?;
        for (index, sample) in samples.iter().enumerate() {
            let path = self.out.join("samples").join(format!("input_{index}.bin"));
            quantizer::progress::write_atomically(&path, sample)?;
        }
        if self.json {
            return print_json(&report.manifest);
        }
        print_tried(&choice.tried);
        print_text(&report);
        let estimate = report.manifest.estimate(self.target);
        for (name, count) in estimate.counts() {
            say!("{name}: about {count}");
        }
        // a real image tells how many products have a zero operand
        let traced = samples.first().map(|sample| Simulator::new(&network)?.trace(sample));
        let tensors = traced.transpose()?.map(|trace| trace.tensors);
        let moved = report.external.as_ref().map(|plan| plan.moved).unwrap_or_default();
        let tensors = tensors.as_deref();
        say!("{}", energy::estimate(&network, &choice.config, moved, tensors)?);
        say!("build folder: {}", self.out.display());
        Ok(())
    }
}

/// Engines shown before the chosen one is reported.
const MOST_TRIED: usize = 12;

/// The best engines that were looked at.
fn print_tried(tried: &[Candidate]) {
    if tried.is_empty() {
        return;
    }
    let mut rows = table(&[
        "TN,TM,TP",
        "RQ",
        "D",
        "cell",
        "cycles",
        "lookup tables",
        "flip-flops",
        "block RAMs",
        "multipliers",
        "missing",
    ]);
    let first_fit = tried.iter().position(|candidate| candidate.missing.is_empty());
    let shown = MOST_TRIED.max(first_fit.map_or(0, |index| index + 1));
    for candidate in tried.iter().take(shown) {
        let engine = &candidate.engine;
        let mut row = vec![
            format!("{},{},{}", engine.tn, engine.tm, engine.tp),
            engine.requantize_lanes.to_string(),
            engine.digit_bits.to_string(),
            engine.mac_cell.to_string(),
            candidate.cycles.to_string(),
        ];
        row.extend(candidate.resources.counts().map(|(_, count)| count.to_string()));
        row.push(candidate.missing.join("; "));
        rows.add_row(row);
    }
    say!("{rows}");
    say!("{} engines looked at, {} shown", tried.len(), shown.min(tried.len()));
}

fn print_text(report: &GenerateReport) {
    let manifest = &report.manifest;
    let lanes = manifest.engine.lanes() as u64;
    let mut rows = table(&[
        "operation",
        "kind",
        "multiply-accumulates",
        "digit passes",
        "cycles",
        "lanes used",
    ]);
    for operation in &manifest.operations {
        let used = 100.0 * operation.digit_macs as f64 / (lanes * operation.model_cycles) as f64;
        rows.add_row([
            operation.name.clone(),
            operation.operation.clone(),
            operation.macs.to_string(),
            operation.digits.to_string(),
            operation.model_cycles.to_string(),
            format!("{used:.1} %"),
        ]);
    }
    say!("{rows}");
    let used = 100.0 * report.cycles.utilization;
    say!("{} lanes, {} cycles a frame by the model, {used:.1} % used", lanes, report.cycles.total);
    let memories = &manifest.memories;
    let mut kinds = vec![
        ("features", &memories.features),
        ("weights", &memories.weights),
        ("parameters", &memories.params),
        ("descriptors", &memories.descriptors),
        ("max-pool buffer", &memories.pool),
    ];
    if let Some(external) = &memories.external {
        kinds.extend([
            ("commands of the engine", &external.commands),
            ("commands of the DMA", &external.transfers),
            ("channels of the DMA", &external.channels),
            ("external memory", &external.region),
        ]);
    }
    for (name, memory) in kinds {
        let size = bytes((memory.depth * memory.word_bits).div_ceil(8));
        say!("{name}: {} words of {} bits, {size}", memory.depth, memory.word_bits);
    }
    if let Some(plan) = &report.external {
        print_plan(plan);
    }
}

/// How an external-memory build runs a frame, and what that moves beside the least there can be.
fn print_plan(plan: &ExternalReport) {
    say!("{plan}");
    let (moved, floor) = (plan.moved.total(), plan.floor_bytes);
    let times = moved as f64 / floor.max(1) as f64;
    say!(
        "{} moved a frame, {times:.2} times the {} of input, output, weights and skips outside",
        bytes(moved),
        bytes(floor)
    );
}
