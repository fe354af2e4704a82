//! Time of a training step here and in PyTorch, on the same network, batch and loss, in one run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Args;
use datasets::{DataConfig, SplitConfig};
use quantizer::topology::Topology;
use quantizer::{Configs, ModelConfig, Resume, train_float};
use serde::{Deserialize, Serialize};

use crate::torch::{self, Script};

/// Steps that warm caches and allocators up and are not counted.
const WARM_UP: usize = 3;

/// Options of bench-train.
#[derive(Args)]
pub struct BenchTrain {
    /// Python interpreter with PyTorch: that of a scratch environment, as
    /// `python3 -m venv DIR && DIR/bin/pip install torch`
    #[arg(long, value_name = "FILE")]
    torch_python: PathBuf,
    /// Channels of the first level
    #[arg(long, default_value_t = 16)]
    base_width: usize,
    /// Number of max-pools
    #[arg(long, default_value_t = 3)]
    depth: usize,
    /// Rows and columns of a patch
    #[arg(long, default_value_t = 128)]
    side: usize,
    /// Patches a step
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// Steps timed in each turn
    #[arg(long, default_value_t = 12)]
    steps: usize,
    /// Turns of each; they alternate, so that a busy machine slows both
    #[arg(long, default_value_t = 3)]
    turns: usize,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// What was measured.
#[derive(Serialize)]
struct Report {
    qunet_ms: f64,
    torch_ms: f64,
    ratio: f64,
    n_parameters: usize,
    threads: usize,
    torch_version: String,
}

/// What the script prints.
#[derive(Deserialize)]
struct TorchReport {
    milliseconds: Vec<f64>,
    n_parameters: usize,
    loss: f64,
    version: String,
}

impl BenchTrain {
    /// Times both in turns, prints medians and their ratio.
    pub fn run(self) -> Result<()> {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        let folder = tempfile::tempdir()?;
        let script = Script::TimeSteps.write(folder.path())?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let mut parameters = None;
        let mut version = String::new();
        for turn in 0..self.turns {
            let (found, n_ours) = self.qunet(&folder.path().join(format!("run{turn}")))?;
            let torch = self.torch(&script, threads)?;
            ensure!(
                torch.loss.is_finite(),
                "PyTorch: expected a finite loss, found {}",
                torch.loss
            );
            let n_theirs = torch.n_parameters;
            ensure!(
                n_ours == n_theirs,
                "parameters: expected the same network, found {n_ours} here, {n_theirs} in PyTorch"
            );
            ours.extend_from_slice(found.get(WARM_UP..).unwrap_or_default());
            theirs.extend_from_slice(torch.milliseconds.get(WARM_UP..).unwrap_or_default());
            (parameters, version) = (Some(n_ours), torch.version);
        }
        let (qunet_ms, torch_ms) = (median(&mut ours)?, median(&mut theirs)?);
        let ratio = qunet_ms / torch_ms;
        let n_parameters = parameters.unwrap_or_default();
        let torch_version = version;
        let report = Report { qunet_ms, torch_ms, ratio, n_parameters, threads, torch_version };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
            return Ok(());
        }
        println!(
            "a step of {} patches of {}x{}, {n_parameters} parameters, {threads} threads: \
             {qunet_ms:.1} ms here, {torch_ms:.1} ms in PyTorch {}, ratio {ratio:.2}",
            self.batch, self.side, self.side, report.torch_version
        );
        Ok(())
    }

    fn model(&self) -> ModelConfig {
        let Self { base_width, depth, side, .. } = *self;
        ModelConfig { base_width, depth, height: side, width: side, ..ModelConfig::default() }
    }

    /// Milliseconds between steps of float training on phantoms, and the parameters.
    fn qunet(&self, run_dir: &Path) -> Result<(Vec<f64>, usize)> {
        let n_steps = self.steps + WARM_UP;
        let data = DataConfig {
            size: Some([self.side; 2]),
            count: 24,
            slices_per_subject: 1,
            ..DataConfig::default()
        };
        let data = datasets::load(&data, &SplitConfig::default())?;
        let mut configs = Configs { model: self.model(), ..Configs::default() };
        // the last step validates and is left out
        configs.train.steps = n_steps + 1;
        configs.train.batch = self.batch;
        configs.train.validation_every = usize::MAX;
        configs.train.checkpoint_every = usize::MAX;
        configs.train.validation_images = 1;
        let mut times = vec![Instant::now()];
        let mut note = |_| times.push(Instant::now());
        let report = train_float(&data, &configs, run_dir, Resume::Fresh, &mut note)?;
        let between = |pair: &[Instant]| 1e3 * (pair[1] - pair[0]).as_secs_f64();
        let times: Vec<f64> = times.windows(2).map(between).collect();
        Ok((times[..n_steps].to_vec(), report.n_parameters))
    }

    fn torch(&self, script: &Path, threads: usize) -> Result<TorchReport> {
        let Self { depth, side, batch, steps, .. } = self;
        let layers = torch::layers(&Topology::new(&self.model(), 1, 2));
        let output = Command::new(&self.torch_python)
            .arg(script)
            .arg(serde_json::to_string(&layers)?)
            .args([*depth, *side, *batch, threads, steps + WARM_UP].map(|n| n.to_string()))
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("running {}", self.torch_python.display()))?;
        let program = self.torch_python.display();
        ensure!(output.status.success(), "{program}: expected PyTorch to train, {}", output.status);
        serde_json::from_slice(&output.stdout).with_context(|| format!("{program}: JSON report"))
    }
}

fn median(values: &mut [f64]) -> Result<f64> {
    ensure!(!values.is_empty(), "--steps, --turns: expected at least 1, found 0");
    values.sort_by(f64::total_cmp);
    Ok(values[values.len() / 2])
}
