//! `qunet firmware`: a no_std image of a model, run in QEMU against the simulator.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use network::format::NetworkView;
use network::layout::Placement;
use network::plan::{Packing, Plan, Scratch, plan, plan_with};
use network::{Graph, Network};
use quantizer::progress::write_atomically;
use serde_json::{Value, json};
use sim::Simulator;

use crate::output::{bytes, print_json, say, table};
use crate::run_dir::{inputs, read_model, samples_dir};

/// Flash that the code of a firmware image takes at most.
const CODE_BYTES: usize = 40 << 10;

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
    /// RAM for the arena, e.g. 64KiB: the quickest plan that fits, or by how much none does
    #[arg(long, value_parser = byte_count)]
    max_ram: Option<usize>,
    /// Flash for code and model, e.g. 256KiB
    #[arg(long, value_parser = byte_count)]
    max_flash: Option<usize>,
    /// Write the model with the plan that was chosen, for firmware of your own
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
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
        let (bytes_read, network) = read_model(&self.model)?;
        let plan = self.plan(&network)?;
        let file = self.file(bytes_read, &network, &plan)?;
        if let Some(most) = self.max_flash {
            ensure!(
                file.len() + CODE_BYTES <= most,
                "flash: {} of model and {} of code exceed {} by {}; the most weights are of layer {}",
                bytes(file.len()),
                bytes(CODE_BYTES),
                bytes(most),
                bytes(file.len() + CODE_BYTES - most),
                largest_layer(&network)
            );
        }
        if let Some(path) = &self.save {
            write_atomically(path, &file).with_context(|| format!("model {}", path.display()))?;
        }
        let folder = tempfile::tempdir()?;
        let samples = inputs(&samples_dir(&self.model), &network, self.samples)?;
        write_golden(folder.path(), &file, &network, &samples)?;
        let mut report = self.script(folder.path())?;
        let arena_bytes = NetworkView::new_checked(&file)?.arena_bytes();
        report["arena_bytes"] = json!(arena_bytes);
        if arena_bytes == plan.arena_bytes {
            report["arena_lower_bound_bytes"] = json!(plan.lower_bound_bytes);
            report["arena_is_optimal"] = json!(plan.is_optimal());
            report["peak_layer"] = json!(network.layers[plan.peak_layer].name());
            report["packed_tensors"] = json!(n_packed(&plan));
        }
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

    /// The file for the board: as it is, unless a limit chose a plan or it has none.
    fn file(&self, file: Vec<u8>, network: &Network, plan: &Plan) -> Result<Vec<u8>> {
        match self.max_ram.is_none() && NetworkView::new_checked(&file).is_ok() {
            true => Ok(file),
            false => Ok(network.to_bytes_with(plan)?),
        }
    }

    /// The quickest plan that fits the RAM: first whole rows of scratch memory, then pieces of rows,
    /// then values packed at their own bits, as few tensors as it takes.
    fn plan(&self, network: &Network) -> Result<Plan> {
        let Some(most) = self.max_ram else { return Ok(plan(network)) };
        let tries = [
            (Packing::Bytes, Scratch::Most),
            (Packing::Bytes, Scratch::Compact),
            (Packing::Fit(most), Scratch::Compact),
            (Packing::Fit(most), Scratch::Least),
        ];
        let mut smallest: Option<Plan> = None;
        for (packing, scratch) in tries {
            let plan = plan_with(network, packing, scratch);
            if plan.arena_bytes <= most {
                return Ok(plan);
            }
            if smallest.as_ref().is_none_or(|least| plan.arena_bytes < least.arena_bytes) {
                smallest = Some(plan);
            }
        }
        let Some(plan) = smallest else { bail!("no plan was tried") };
        bail!(
            "RAM: the smallest arena takes {}, {} more than {}; the most is alive at layer {} \
             (lower bound {})",
            bytes(plan.arena_bytes),
            bytes(plan.arena_bytes - most),
            bytes(most),
            network.layers[plan.peak_layer].name(),
            bytes(plan.lower_bound_bytes)
        )
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

/// The layer whose weights take the most flash.
fn largest_layer(network: &Network) -> &str {
    let weight_bits = |index: &usize| {
        let info = network.info(*index);
        info.n_weights * usize::from(info.weight_bits)
    };
    let index = (0..network.layers.len()).max_by_key(weight_bits);
    index.map_or("", |index| network.layers[index].name())
}

/// Tensors that take less than a byte a value.
fn n_packed(plan: &Plan) -> usize {
    let packed = |place: &&Placement| !place.is_view() && place.stored_bits < 8;
    plan.placements.iter().filter(packed).count()
}

/// A number of bytes with a unit: B, KiB or MiB.
fn byte_count(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "B" => 1,
        "KiB" => 1024,
        "MiB" => 1 << 20,
        other => return Err(format!("unit: expected B, KiB or MiB, found {other}")),
    };
    let count: usize =
        digits.parse().map_err(|_| format!("expected 64KiB or alike, found {text}"))?;
    count.checked_mul(unit).ok_or_else(|| format!("{text} is too large"))
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
    if report["peak_layer"].is_null() {
        return;
    }
    let bound = bytes(count("arena_lower_bound_bytes") as usize);
    let optimal = if report["arena_is_optimal"] == true { "yes" } else { "no" };
    let peak = report["peak_layer"].as_str().unwrap_or_default();
    say!("arena: lower bound {bound}, optimal: {optimal}, the most is alive at {peak}");
}
