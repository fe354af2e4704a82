//! `qunet export`: the model as a file of another tool's format.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use clap::{Args, ValueEnum};
use export::{OnnxRuntime, Outputs, check, find_python, onnx_integer};
use quantizer::progress::write_atomically;
use serde::Serialize;
use sim::Comparison;

use crate::output::{bytes, print_json, say};
use crate::progress;
use crate::run_dir::{inputs, is_same_file, read_model, samples_dir};

/// Writes the model as an ONNX file of integer operators; compares it with the simulator.
#[derive(Args)]
#[command(
    after_help = "Example:\n  qunet export runs/em/model.qunet --format onnx-integer --check\
                        \n\n--check needs ONNX Runtime, which `scripts/setup.sh` installs in .venv; \
                        docs/export.md tells more."
)]
pub struct Export {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Format of the file
    #[arg(long, value_enum)]
    format: Format,
    /// File to write [default: beside the model, as model.onnx]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Let the file return the output of every layer, not only the network's
    #[arg(long)]
    layers: bool,
    /// Run the file in ONNX Runtime first and compare every value of every layer with the simulator
    #[arg(long)]
    check: bool,
    /// Number of inputs of the check: the run's samples first, then generated ones
    #[arg(long, default_value_t = 4)]
    samples: usize,
    /// Python that has ONNX Runtime [default: .venv/bin/python, then python3]
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// A format of other tools.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// ONNX with standard integer operators: the same integers in any ONNX runtime
    OnnxInteger,
}

#[derive(Serialize)]
struct Report {
    file: PathBuf,
    file_bytes: usize,
    check: Option<Checked>,
}

#[derive(Serialize)]
struct Checked {
    onnx_runtime: String,
    images: usize,
    #[serde(flatten)]
    comparison: Comparison,
}

impl Export {
    /// Exports, checks, writes, reports.
    pub fn run(self) -> Result<()> {
        ensure!(self.samples > 0, "--samples: expected 1 or more, found 0");
        let path = self.out.clone().unwrap_or_else(|| self.model.with_extension("onnx"));
        let same = is_same_file(&path, &self.model);
        ensure!(!same, "{}: expected a file other than the model, found it", path.display());
        let (_, network) = read_model(&self.model)?;
        let outputs = if self.layers { Outputs::Layers } else { Outputs::Network };
        let Format::OnnxInteger = self.format;
        let file = onnx_integer(&network, outputs)?;
        let check = self.check.then(|| self.compare(&network)).transpose()?;
        if let Some(first) = check.as_ref().and_then(|c| c.comparison.first()) {
            let n_different = check.as_ref().map_or(0, |c| c.comparison.n_different);
            bail!("ONNX Runtime: {n_different} values differ; first: {first}");
        }
        write_atomically(&path, &file)?;
        let report = Report { file: path, file_bytes: file.len(), check };
        if self.json {
            return print_json(&report);
        }
        if let Some(Checked { onnx_runtime, images, comparison }) = &report.check {
            let (layers, values) = (comparison.n_layers, comparison.n_values);
            say!(
                "ONNX Runtime {onnx_runtime}: {images} images, {layers} layers, {values} values: none differ"
            );
        }
        say!("{}: {}", report.file.display(), bytes(report.file_bytes));
        Ok(())
    }

    fn compare(&self, network: &network::Network) -> Result<Checked> {
        let python = match &self.python {
            Some(python) => python.clone(),
            None => find_python(&venv_folders())?,
        };
        let inputs = inputs(&samples_dir(&self.model), network, self.samples)?;
        let spinner = progress::spinner("running ONNX Runtime");
        let mut runtime = OnnxRuntime::start(&python)?;
        let onnx_runtime = runtime.version().to_owned();
        let comparison = check(network, &inputs, &mut runtime)?;
        spinner.finish_and_clear();
        Ok(Checked { onnx_runtime, images: inputs.len(), comparison })
    }
}

/// Where `.venv` may lie: here, or in the project that this program was built in.
fn venv_folders() -> Vec<PathBuf> {
    let program = std::env::current_exe().unwrap_or_default();
    let project = program.ancestors().nth(3).map(Path::to_path_buf);
    std::iter::once(PathBuf::from(".")).chain(project).collect()
}
