//! `qunet firmware`: a no_std image of a model, run in QEMU against the simulator.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use network::Network;
use network::plan::plan;
use serde_json::{Value, json};
use sim::Simulator;

use crate::output::{bytes, print_json, say, table};
use crate::run_dir::{inputs, read_model, samples_dir};

/// Builds firmware that carries the model, and checks it in QEMU against the simulator.
#[derive(Args)]
#[command(after_help = "Example:\n  qunet firmware runs/em/model.qunet \
                        --target thumbv7em-none-eabihf --run")]
pub struct Firmware {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Rust target of the board
    #[arg(long, default_value = "thumbv7em-none-eabihf")]
    target: String,
    /// Run the image in QEMU and compare every value of every layer
    #[arg(long)]
    run: bool,
    /// Number of inputs to check: the run's samples first, then generated ones
    #[arg(long, default_value_t = 2)]
    samples: usize,
    /// Seconds that QEMU may run
    #[arg(long, default_value_t = 1800)]
    timeout: u64,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Firmware {
    /// Writes the golden values, builds the image, runs it, reports.
    pub fn run(self) -> Result<()> {
        ensure!(self.samples > 0, "--samples: expected 1 or more, found 0");
        let (file, network) = read_model(&self.model)?;
        let folder = tempfile::tempdir()?;
        let samples = inputs(&samples_dir(&self.model), &network, self.samples)?;
        write_golden(folder.path(), &file, &network, &samples)?;
        let mut report = self.script(folder.path())?;
        report["arena_lower_bound_bytes"] = json!(plan(&network).lower_bound_bytes);
        if self.json {
            print_json(&report)?;
        } else {
            print_text(&report, &network);
        }
        match report["mismatches"].as_u64() {
            Some(0) | None => Ok(()),
            Some(n) => bail!("firmware: {n} values differ; first: {}", place(&report, &network)),
        }
    }

    /// Runs scripts/firmware.sh and reads the JSON of its last line.
    fn script(&self, data: &Path) -> Result<Value> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
        let script = root.join("scripts/firmware.sh");
        let mut command = Command::new(&script);
        command.args(["--target", &self.target]);
        if !self.run {
            command.arg("--build");
        }
        command.env("QUNET_FIRMWARE_DATA", data);
        command.env("QUNET_FIRMWARE_TIMEOUT", self.timeout.to_string());
        let output = command.stderr(Stdio::inherit()).output();
        let output = output.with_context(|| format!("running {}", script.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let report = text.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok());
        let Some(report) = report else { bail!("firmware script: {}", output.status) };
        if let Some(error) = report["error"].as_str() {
            bail!("firmware: {error}");
        }
        Ok(report)
    }
}

/// model.qunet, and for each input its bytes and what every layer writes.
fn write_golden(folder: &Path, file: &[u8], network: &Network, samples: &[Vec<u8>]) -> Result<()> {
    std::fs::write(folder.join("model.qunet"), file)?;
    let simulator = Simulator::new(network)?;
    for (index, input) in samples.iter().enumerate() {
        let trace = simulator.trace(input)?;
        let outputs = network.layers.iter().map(|layer| &trace.tensors[layer.output().index()]);
        let golden: Vec<u8> = outputs.flatten().copied().collect();
        std::fs::write(folder.join(format!("input_{index}.bin")), input)?;
        std::fs::write(folder.join(format!("golden_{index}.bin")), golden)?;
    }
    Ok(())
}

/// Layer, channel, row, column, expected and found of the first mismatch.
fn place(report: &Value, network: &Network) -> String {
    let first = &report["first_mismatch"];
    let layer = first["layer"].as_u64().unwrap_or(0) as usize;
    let Some(layer) = network.layers.get(layer) else { return first.to_string() };
    let spec = network.spec(layer.output());
    let offset = first["offset"].as_u64().unwrap_or(0) as usize;
    let (channel, rest) = (offset / spec.plane(), offset % spec.plane());
    let (y, x) = (rest / spec.width, rest % spec.width);
    let (expected, found) = (&first["expected"], &first["found"]);
    let name = layer.name();
    format!("layer {name}, channel {channel}, y {y}, x {x}: expected {expected}, found {found}")
}

fn print_text(report: &Value, network: &Network) {
    let count = |key: &str| report[key].as_u64().unwrap_or(0);
    if report["image"].is_string() {
        say!("image: {}", report["image"].as_str().unwrap_or_default());
        return;
    }
    let mut rows = table(&["layer", "operation", "instructions"]);
    let sums = report["layer_instructions"].as_array().into_iter().flatten();
    for (layer, sum) in network.layers.iter().zip(sums) {
        rows.add_row([layer.name(), layer.operation(), &sum.to_string()]);
    }
    say!("{rows}");
    let (compared, mismatches) = (count("values_compared"), count("mismatches"));
    say!("{}: {compared} values compared, {mismatches} differ", report["target"]);
    let per_mac = count("instructions") as f64 / count("macs").max(1) as f64;
    say!("{} instructions, {per_mac:.2} a multiply-accumulate", count("instructions"));
    let sizes = ["arena_bytes", "stack_bytes", "text_bytes", "model_bytes"];
    let [arena, stack, text, model] = sizes.map(|key| bytes(count(key) as usize));
    say!("memory: arena {arena}, stack {stack}; flash: code {text}, model {model}");
}
