//! `qunet sweep`: many bit widths from a few float networks, each a trial that can be resumed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;
use explore::{Failure, Folder, Grid, Job, Parallel, Row, Settings};
use quantizer::QuantizeMode;

use crate::commands::train::configs;
use crate::config::{ConfigArgs, RunConfig};
use crate::output::{bytes, print_json, say, table};
use crate::progress;

/// Quantizes a float network of each seed at every bit width; a table of Dice, drop and bytes.
///
/// Each trial is a command of its own with its own folder and an atomic result.json. A sweep that
/// was killed goes on where it stopped; finished trials are not redone.
#[derive(Args)]
#[command(after_help = "Example:\n  qunet sweep --config configs/em.toml --data DIR \
                        --weights 8,4,2,1 --activations 8,6,4,2 --seeds 3 --jobs 2\n  \
                        qunet sweep --config configs/em.toml --data DIR --snakemake SWEEP && \
                        snakemake --snakefile SWEEP/Snakefile --cores 2")]
pub struct Sweep {
    #[command(flatten)]
    config: ConfigArgs,
    /// Folder of the sweep [default: runs/NAME-sweep for a configuration called NAME.toml]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Widths of the weights (the first layer and the head keep those of the configuration)
    #[arg(long, value_name = "BITS", value_delimiter = ',', default_value = "8,6,4,3,2,1")]
    weights: Vec<u8>,
    /// Widths of the activations
    #[arg(long, value_name = "BITS", value_delimiter = ',', default_value = "8,6,4,2")]
    activations: Vec<u8>,
    /// Modes: scaled, fixed, or fxq-compat for the baseline
    #[arg(long, value_name = "MODES", value_delimiter = ',', default_value = "scaled")]
    modes: Vec<QuantizeMode>,
    /// Number of float networks; seed n adds n - 1 to train.seed and quantize.seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,
    /// Trials at a time
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: usize,
    /// Run this one trial, as scaled-w4a6-s1, or float network, as float-s1, in this process
    #[arg(long, value_name = "NAME", conflicts_with = "snakemake")]
    trial: Option<Job>,
    /// Write SWEEP/Snakefile with a rule for each trial instead of running anything; SWEEP becomes
    /// the folder of the sweep
    #[arg(long, value_name = "SWEEP", conflicts_with = "out")]
    snakemake: Option<PathBuf>,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
}

impl Sweep {
    /// Runs one trial, or writes the Snakefile, or runs all trials and prints the table.
    pub fn run(self) -> Result<()> {
        let config = self.config.load()?;
        let grid = Grid {
            weights: self.weights.clone(),
            activations: self.activations.clone(),
            modes: self.modes.clone(),
            n_seeds: self.seeds,
        };
        grid.validate()?;
        if self.jobs == 0 {
            bail!("--jobs: expected at least 1, found 0");
        }
        let settings = settings(&self.config, &config);
        let folder = Folder::open(&self.folder(), &settings)?;
        if let Some(job) = &self.trial {
            return Ok(explore::run_job(job, &settings, &folder, &mut progress::training())?);
        }
        let arguments = self.arguments(&folder)?;
        let binary = std::env::current_exe().context("path of this program")?;
        if self.snakemake.is_some() {
            let text = explore::snakefile(&grid.jobs(), &folder, &binary, &arguments);
            let path = folder.root().join("Snakefile");
            quantizer::progress::write_atomically(&path, text.as_bytes())?;
            say!("{}", path.display());
            return Ok(());
        }
        let failures = self.run_all(&grid, &folder, &binary, &arguments)?;
        let results = folder.results(&grid.trials())?;
        let evaluate = &config.evaluate;
        let rows = explore::summarize(&results, evaluate.n_resamples, evaluate.seed);
        match self.json {
            true => print_json(&rows)?,
            false => print_rows(&rows, &folder),
        }
        report_failures(&failures)
    }

    fn folder(&self) -> PathBuf {
        let name = self.config.config.file_stem().unwrap_or_default().to_string_lossy();
        let default = || Path::new("runs").join(format!("{name}-sweep"));
        self.snakemake.clone().or(self.out.clone()).unwrap_or_else(default)
    }

    fn run_all(
        &self,
        grid: &Grid,
        folder: &Folder,
        binary: &Path,
        arguments: &[String],
    ) -> Result<Vec<Failure>> {
        let jobs = grid.jobs();
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        let threads = (cores / self.jobs).max(1).to_string();
        let command = |job: &Job| {
            let mut command = Command::new(binary);
            command.arg("sweep").args(arguments).args(["--trial", &job.name()]);
            command.env("RAYON_NUM_THREADS", &threads);
            command
        };
        let bar = progress::bar(jobs.len() as u64, "sweep");
        let mut shown = usize::MAX;
        let mut show = |done: usize, running: &[String]| {
            bar.set_position(done as u64);
            bar.set_message(running.join(", "));
            if bar.is_hidden() && done != shown {
                eprintln!("sweep: {done} of {} done", jobs.len());
                shown = done;
            }
        };
        let parallel = Parallel { n_jobs: self.jobs, command: &command, progress: &mut show };
        let failures = explore::run_all(&jobs, folder, parallel)?;
        bar.finish_and_clear();
        Ok(failures)
    }

    /// The arguments of a trial's command, with absolute paths.
    fn arguments(&self, folder: &Folder) -> Result<Vec<String>> {
        let text = |path: &Path| match path.to_str() {
            Some(text) => Ok(text.to_owned()),
            None => bail!("{}: expected a path in UTF-8, found other bytes", path.display()),
        };
        let absolute = |path: &Path| -> Result<String> {
            text(&std::path::absolute(path).with_context(|| path.display().to_string())?)
        };
        let mut arguments = vec!["--config".to_owned(), absolute(&self.config.config)?];
        if let Some(data) = &self.config.data {
            arguments.extend(["--data".to_owned(), absolute(data)?]);
        }
        for setting in &self.config.set {
            arguments.extend(["--set".to_owned(), setting.clone()]);
        }
        arguments.extend(["--out".to_owned(), text(folder.root())?]);
        Ok(arguments)
    }
}

/// What the crate `explore` reads of a configuration.
pub fn settings(arguments: &ConfigArgs, config: &RunConfig) -> Settings {
    let name = arguments.config.file_stem().unwrap_or_default();
    let mut data = config.data.clone();
    // one data set, whatever folder it is named from
    data.root = data.root.canonicalize().unwrap_or(data.root);
    Settings {
        name: name.to_string_lossy().into_owned(),
        data,
        split: config.split.clone(),
        configs: configs(config),
        hardware: config.hardware.clone(),
        evaluate: config.evaluate.clone(),
    }
}

fn print_rows(rows: &[Row], folder: &Folder) {
    let header = [
        "mode",
        "W",
        "A",
        "seeds",
        "float",
        "Dice",
        "drop [95 %]",
        "bytes",
        "ratio",
        "cycles",
        "≠",
    ];
    let mut shown = table(&header);
    for row in rows {
        let ratio = row.bytes.map(|n| format!("{:.2}", row.float_bytes as f64 / n as f64));
        shown.add_row([
            row.mode.clone(),
            row.weight_bits.to_string(),
            row.activation_bits.to_string(),
            row.seeds.to_string(),
            format!("{:.4}", row.float_dice),
            format!("{:.4}", row.dice),
            format!("{:+.4} [{:+.4}, {:+.4}]", row.drop, row.drop_low, row.drop_high),
            row.bytes.map_or("–".into(), bytes),
            ratio.unwrap_or("–".into()),
            row.cycles.map_or("–".into(), |cycles| cycles.to_string()),
            row.fake_quant_mismatches.to_string(),
        ]);
    }
    say!("{shown}");
    say!("drop: control (float, trained for the same steps) - quantized; ≠: pixels that differ");
    say!("between fake quantization and integers. {}", folder.root().display());
}

fn report_failures(failures: &[Failure]) -> Result<()> {
    let Some(first) = failures.first() else { return Ok(()) };
    for failure in &failures[1..] {
        eprintln!("{}: {}", failure.job, failure.reason);
    }
    bail!("{} of the jobs failed; {}: {}", failures.len(), first.job, first.reason)
}
