//! `qunet report`: one HTML page about a run or a sweep, and a table.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use datasets::{Dataset, Mask, Sample};
use hdl_gen::HardwareConfig;
use network::Network;
use quantizer::progress::write_atomically;
use report::{DataSource, Images, Pictures, Trial, html, read_all};
use sim::EvaluateConfig;

use crate::commands::simulate::{Metadata, Split, side};
use crate::config::{ConfigArgs, RunConfig};
use crate::output::{bytes, say, table};
use crate::progress;
use crate::run_dir::{read_samples, samples_dir};

/// Most sample inputs beside a model on which saturation is counted.
const MAX_SAMPLES: usize = 64;

/// Writes one self-contained HTML page about a run or a sweep: plots, table, images, layers, training.
#[derive(Args)]
#[command(after_help = "Example:\n  qunet report runs/em --config configs/em.toml --data DIR\n  \
                        qunet report runs/em-sweep --out em.html\n  \
                        qunet report runs/em-base8 runs/em-base16 --out widths.html\n\n\
                        A sweep knows its data; the folder of a run does not, so that images, \
                        cycles and Dice on the test side need --config.")]
pub struct Report {
    /// Folder of a run, or of a sweep with its trials; several share the plots
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// File to write [default: report.html in the first RUN]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Configuration of the run, for its images (a sweep knows its own)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the data set, instead of the configured one
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Which side of the split is shown
    #[arg(long, value_enum, default_value_t = Split::Test)]
    split: Split,
    /// Most images shown of each trial, worst first; 0 shows none [default: 8, of a sweep 3]
    #[arg(long, value_name = "N")]
    images: Option<usize>,
}

impl Report {
    /// Reads the folder, simulates on its images, writes the page, prints the table.
    pub fn run(self) -> Result<()> {
        let mut report = read_all(&self.runs)?;
        let mut pictures = Pictures::default();
        let config = self.config()?;
        if let Some(config) = &config {
            add_cycles(&mut report, &config.hardware);
        }
        match self.source(&report, config)? {
            Some(source) => match datasets::load(&source.data, &source.split) {
                Ok(data) => self.examine(&mut report, (&data, &source), &mut pictures)?,
                // what the reader named must be there; what a sweep remembers may have moved
                Err(error) if self.config.is_some() || self.data.is_some() => {
                    return Err(error.into());
                }
                Err(error) => {
                    report.notes.push(format!("No images: {error}; name the folder with --data."));
                }
            },
            None => saturate(&mut report.trials)?,
        }
        let page = html(&report, &pictures)?;
        let path = self.out.clone().unwrap_or_else(|| self.runs[0].join("report.html"));
        write_atomically(&path, page.as_bytes())?;
        print_table(&report.trials);
        for note in &report.notes {
            say!("note: {note}");
        }
        say!("{}: {}", path.display(), bytes(page.len()));
        Ok(())
    }

    /// The configuration that `--config` names.
    fn config(&self) -> Result<Option<RunConfig>> {
        let Some(config) = &self.config else { return Ok(None) };
        let (config, data, set) = (config.clone(), self.data.clone(), Vec::new());
        ConfigArgs { config, data, set }.load().map(Some)
    }

    /// The data that the options name, else those that the sweep remembers.
    fn source(
        &self,
        report: &report::Report,
        config: Option<RunConfig>,
    ) -> Result<Option<DataSource>> {
        if let Some(config) = config {
            let (data, split, evaluate) = (config.data, config.split, config.evaluate);
            return Ok(Some(DataSource { data, split, evaluate }));
        }
        let Some(mut source) = report.data.clone() else {
            let unused = self.data.is_none();
            ensure!(
                unused,
                "--data: expected --config beside it, as the run does not tell its data"
            );
            return Ok(None);
        };
        if let Some(root) = &self.data {
            source.data.root.clone_from(root);
        }
        Ok(Some(source))
    }

    fn examine(
        &self,
        report: &mut report::Report,
        (data, source): (&Dataset, &DataSource),
        pictures: &mut Pictures,
    ) -> Result<()> {
        let (samples, side) = (side(data, self.split), self.split.name());
        ensure!(!samples.is_empty(), "--split: expected a side with images, found none in {side}");
        let n_shown = self.images.unwrap_or(if report.trials.len() > 1 { 3 } else { 8 });
        let bar = progress::bar(report.trials.len() as u64, "report");
        let mut floats = FloatMasks::default();
        let evaluate = &source.evaluate;
        for trial in &mut report.trials {
            let context = || format!("trial {}", trial.name);
            let Some(network) = &trial.network else { continue };
            let metadata: Metadata = serde_json::from_str(&network.metadata)
                .with_context(|| format!("trial {}: metadata of its model", trial.name))?;
            metadata.check_data(data, &source.data.preprocess()).with_context(context)?;
            let float = floats.of(&trial.folder, network, &metadata, (samples, evaluate))?;
            let images = Images { samples, float, evaluate, side, n_shown };
            report.notes.extend(trial.examine(&images, pictures)?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }
}

/// Cycles of trials that know none, on the accelerator that is configured.
fn add_cycles(report: &mut report::Report, hardware: &HardwareConfig) {
    for trial in report.trials.iter_mut().filter(|trial| trial.cycles.is_none()) {
        let Some(network) = &trial.network else { continue };
        match explore::cost_of(network, hardware) {
            Ok(cost) => {
                trial.cycles = Some(cost.cycles);
                trial.energy_uj = Some(cost.energy_uj);
            }
            Err(error) => report.notes.push(format!("{}: no cycles: {error}", trial.name)),
        }
    }
}

/// The masks of each float network, by the checksum of its weights: the trials of a seed share one.
#[derive(Default)]
struct FloatMasks {
    masks: Vec<(u32, Vec<Mask>)>,
}

impl FloatMasks {
    /// None for a trial without float network.
    fn of(
        &mut self,
        folder: &Path,
        network: &Network,
        metadata: &Metadata,
        (samples, evaluate): (&[Sample], &EvaluateConfig),
    ) -> Result<Option<&[Mask]>> {
        if !folder.join("float.json").exists() {
            return Ok(None);
        }
        let checksum = quantizer::float_report(folder)?.weights_crc32;
        metadata.check_float(folder, checksum)?;
        if !self.masks.iter().any(|(known, _)| *known == checksum) {
            let input = network.spec(network.input);
            let overlap = evaluate.overlap([input.height, input.width]);
            self.masks.push((checksum, quantizer::float_masks(folder, samples, overlap)?));
        }
        let found = self.masks.iter().find(|(known, _)| *known == checksum);
        Ok(found.map(|(_, masks)| masks.as_slice()))
    }
}

/// Counts saturation on the sample inputs beside each model, where there are some.
fn saturate(trials: &mut [Trial]) -> Result<()> {
    for trial in trials {
        let Some(network) = &trial.network else { continue };
        let folder = samples_dir(&trial.folder.join("model.qunet"));
        let inputs = read_samples(&folder, network, MAX_SAMPLES)?;
        trial.saturate(&inputs, "sample inputs of the run")?;
    }
    Ok(())
}

fn print_table(trials: &[Trial]) {
    let header =
        ["trial", "mode", "bits", "float", "Dice", "drop [95 %]", "file", "ratio", "cycles"];
    let mut rows = table(&header);
    let dash = || "–".to_owned();
    for trial in trials {
        let dice = trial.dice.as_ref();
        let drop = dice.map_or_else(dash, |dice| match dice.interval {
            Some([low, high]) => format!("{:+.4} [{low:+.4}, {high:+.4}]", dice.drop),
            None => format!("{:+.4}", dice.drop),
        });
        rows.add_row([
            trial.name.clone(),
            trial.mode.clone(),
            trial.bits(),
            dice.map_or_else(dash, |dice| format!("{:.4}", dice.float)),
            dice.map_or_else(dash, |dice| format!("{:.4}", dice.quantized)),
            drop,
            trial.bytes.map_or_else(dash, bytes),
            trial.ratio().map_or_else(dash, |ratio| format!("{ratio:.2}")),
            trial.cycles.map_or_else(dash, |cycles| cycles.to_string()),
        ]);
    }
    if !trials.is_empty() {
        say!("{rows}");
    }
}
