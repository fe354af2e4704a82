//! `qunet cosim`: the generated Verilog in Verilator, against the reference kernels.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use sim::verilated::{CosimReport, cosim};

use crate::output::{print_json, say, table};
use crate::progress;
use crate::run_dir::{inputs, read_model};

/// Runs the generated accelerator in Verilator; compares every value of every layer.
#[derive(Args)]
#[command(after_help = "Example:\n  qunet cosim build/em --samples 4")]
pub struct Cosim {
    /// Folder written by `qunet generate`
    #[arg(value_name = "BUILD")]
    build: PathBuf,
    /// Number of inputs: the run's samples first, then generated ones
    #[arg(long, default_value_t = 4)]
    samples: usize,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Cosim {
    /// Builds the model of the design, runs it, reports.
    pub fn run(self) -> Result<()> {
        ensure!(self.samples > 0, "--samples: expected 1 or more, found 0");
        let is_build = self.build.join("manifest.json").is_file();
        let build = self.build.display();
        ensure!(is_build, "{build}: expected a folder written by `qunet generate`, found none");
        let (_, network) = read_model(&self.build.join("model.qunet"))?;
        let inputs = inputs(&self.build.join("samples"), &network, self.samples)?;
        let context = || format!("build folder {}", self.build.display());
        let spinner = progress::spinner("building the Verilated model and running it");
        let report = cosim(&self.build, &inputs).with_context(context)?;
        spinner.finish_and_clear();
        if self.json {
            print_json(&report)?;
        } else {
            let mut rows = table(&["co-simulation", "measured"]);
            rows.add_row(["images", &report.images.to_string()]);
            rows.add_row(["layers", &report.layers.to_string()]);
            rows.add_row(["values compared", &report.values_compared.to_string()]);
            rows.add_row(["mismatches", &report.mismatches.to_string()]);
            rows.add_row(["cycles a frame", &report.cycles.to_string()]);
            rows.add_row(["cycles by the model", &report.model_cycles.to_string()]);
            rows.add_row(["lanes used", &format!("{:.1} %", 100.0 * report.utilization)]);
            if let Some(traffic) = &report.traffic {
                let stalls = [traffic.stall_input, traffic.stall_weights, traffic.stall_output];
                rows.add_row(["bytes read a frame", &traffic.bytes_read.to_string()]);
                rows.add_row(["bytes written a frame", &traffic.bytes_written.to_string()]);
                rows.add_row([
                    "waits for features, weights, stores",
                    &stalls.map(|n| n.to_string()).join(", "),
                ]);
            }
            say!("{rows}");
            say!("{}", per_layer(&report));
        }
        match &report.first_mismatch {
            None => Ok(()),
            Some(first) => bail!("{} values differ; first: {first}", report.mismatches),
        }
    }
}

/// What the engine counted in each operation of the first image.
fn per_layer(report: &CosimReport) -> comfy_table::Table {
    let mut rows = table(&["layer", "cycles", "array busy", "waits for output", "by the model"]);
    for layer in &report.per_layer {
        rows.add_row([
            layer.name.clone(),
            layer.cycles.to_string(),
            format!("{:.1} %", 100.0 * layer.busy as f64 / layer.cycles.max(1) as f64),
            layer.stall.to_string(),
            layer.model_cycles.to_string(),
        ]);
    }
    rows
}
