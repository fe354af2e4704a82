//! `qunet soc`: a processor, its firmware and the accelerator as one system, run in Verilator.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use hdl_gen::HardwareConfig;
use hdl_gen::soc::{SocBuild, SocParts, find_processor, generate_soc};
use serde_json::json;
use sim::verilated::soc::{Soc as System, SocPlan, SocReport, soc_report};

use crate::config::{foreign, load_optional};
use crate::output::{bytes, print_json, say, table};
use crate::progress;
use crate::run_dir::{inputs, read_model, samples_dir};

/// Generates a whole system, PicoRV32 with memory and the accelerator, and its firmware; runs it.
#[derive(Args)]
#[command(after_help = "Example:\n  qunet soc runs/em/model.qunet --run\n  \
                        qunet soc runs/em/model.qunet --out build/em-soc --lanes 16")]
pub struct Soc {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Folder to write; an earlier system there is replaced
    #[arg(long, value_name = "DIR", default_value = "build/soc")]
    out: PathBuf,
    /// Multiply-accumulate lanes of the accelerator: 8, 16, 32, 64, 128 or 256, instead of the
    /// configuration's shape
    #[arg(long, value_name = "N")]
    lanes: Option<usize>,
    /// Configuration whose section `hardware` gives the engine [default: its defaults]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one key of the configuration, e.g. `--set hardware.digit_bits=2`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// KiB of memory [default: what model, arena, images, code and stack need]
    #[arg(long, value_name = "KIB")]
    ram: Option<usize>,
    /// Verilog of the processor [default: QUNET_PICORV32, else that in .venv of the checkout]
    #[arg(long, value_name = "FILE")]
    picorv32: Option<PathBuf>,
    /// Run the firmware in Verilator and compare with the simulator
    #[arg(long)]
    run: bool,
    /// Number of inputs: the run's samples first, then generated ones
    #[arg(long, default_value_t = 1)]
    samples: usize,
    /// Number of these that also run in software, where every layer is compared
    #[arg(long, value_name = "N", default_value_t = 1)]
    software: usize,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Soc {
    /// Generates, builds the firmware, runs, reports.
    pub fn run(self) -> Result<()> {
        ensure!(self.samples > 0, "--samples: expected 1 or more, found 0");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
        let hardware = self.hardware()?;
        let (_, network) = read_model(&self.model)?;
        let processor = match &self.picorv32 {
            Some(path) => path.clone(),
            None => find_processor(root)?,
        };
        let text = std::fs::read_to_string(&processor)
            .with_context(|| format!("processor {}", processor.display()))?;
        let ram_bytes = self.ram.map(|kib| kib.saturating_mul(1024));
        let script = root.join("scripts/boards.sh");
        let parts = SocParts { processor: &text, script: &script, ram_bytes };
        let spinner = progress::spinner("generating the system and building its firmware");
        let built = generate_soc(&network, &hardware, &parts, &self.out)
            .with_context(|| format!("generating from {}", self.model.display()))?;
        spinner.finish_and_clear();
        let macs = network.layers.iter().map(|layer| macs(&network, layer)).sum();
        if !self.run {
            return self.print(&built, None, macs);
        }
        let samples = inputs(&samples_dir(&self.model), &network, self.samples)?;
        let spinner = progress::spinner("building the Verilated system");
        let mut system = System::build(&self.out, &self.out.join("obj_dir"))
            .with_context(|| format!("system {}", self.out.display()))?;
        let plan = SocPlan {
            lanes: built.accelerator.manifest.engine.lanes(),
            in_software: self.software,
            // far beyond what any kernel takes, so that a program that hangs ends
            limit: 1000 * macs + 100_000_000,
        };
        let seen = |step: &str| spinner.set_message(format!("running: {step}"));
        let report = soc_report(&mut system, &network, &samples, plan, seen)?;
        spinner.finish_and_clear();
        self.print(&built, Some(&report), macs)?;
        match &report.first_mismatch {
            None if report.mismatches == 0 => Ok(()),
            None => bail!("{} values are missing", report.mismatches),
            Some(first) => bail!("{} values differ; first: {first}", report.mismatches),
        }
    }

    fn hardware(&self) -> Result<HardwareConfig> {
        if let Some(setting) = foreign(&self.set, &["hardware"]).next() {
            bail!("--set {setting}: expected a key of [hardware], the section that soc reads");
        }
        let mut hardware = load_optional(self.config.as_deref(), &self.set)?.hardware;
        if let Some(lanes) = self.lanes {
            let shaped = hardware.of_lanes(lanes);
            hardware = shaped.with_context(|| format!("--lanes {lanes}"))?;
        }
        hardware.validate()?;
        Ok(hardware)
    }

    fn print(&self, built: &SocBuild, report: Option<&SocReport>, macs: u64) -> Result<()> {
        let folder = self.out.display().to_string();
        if self.json {
            return print_json(&json!({
                "folder": folder,
                "ram_bytes": built.manifest.ram_bytes,
                "program_bytes": 4 * built.program_words,
                "panic_symbols": built.panic_symbols,
                "float_symbols": built.float_symbols,
                "macs": macs,
                "run": report,
            }));
        }
        if let Some(report) = report {
            print_report(report, macs);
        }
        say!(
            "memory: {}, of which model and program take {}",
            bytes(built.manifest.ram_bytes),
            bytes(4 * built.program_words)
        );
        say!("system: {folder}");
        Ok(())
    }
}

/// Multiplications of weights of a layer, padding included.
fn macs(network: &network::Network, layer: &network::Layer) -> u64 {
    layer.weights().map_or(0, |(weights, ..)| weights.len() as u64)
        * network.spec(layer.inputs()[0]).plane() as u64
}

fn print_report(report: &SocReport, macs: u64) {
    if !report.layers.is_empty() {
        let mut rows = table(&["layer in software", "cycles", "instructions"]);
        for (name, cycles, instructions) in &report.layers {
            rows.add_row([name, &cycles.to_string(), &instructions.to_string()]);
        }
        say!("{rows}");
    }
    let mut rows = table(&["whole system", "measured"]);
    let mut row = |name: &str, value: String| {
        rows.add_row([name.to_string(), value]);
    };
    row("lanes", report.lanes.to_string());
    row("images", report.images.to_string());
    row("values compared", report.values_compared.to_string());
    row("mismatches", report.mismatches.to_string());
    if let (Some(cycles), Some(instructions)) =
        (report.software_cycles, report.software_instructions)
    {
        row("cycles in software", cycles.to_string());
        row("instructions in software", instructions.to_string());
        let per_mac = instructions as f64 / macs.max(1) as f64;
        row("instructions a multiply-accumulate", format!("{per_mac:.2}"));
    }
    row("cycles with the accelerator", report.accelerator_cycles.to_string());
    row("  input to the accelerator", report.load_cycles.to_string());
    row("  frame, as the processor sees it", report.run_cycles.to_string());
    row("  frame, by the engine's counter", report.engine_cycles.to_string());
    row("  output from the accelerator", report.read_cycles.to_string());
    if let Some(speedup) = report.speedup {
        row("times fewer cycles", format!("{speedup:.0}"));
    }
    row("code", bytes(report.text_bytes as usize));
    row("stack", bytes(report.stack_bytes as usize));
    say!("{rows}");
}
