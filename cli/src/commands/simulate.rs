//! `qunet simulate`: the integer network on real images, against truth and float.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use datasets::metrics::position_prior;
use datasets::{Dataset, Mask, Preprocess, Sample, write_overlay};
use serde::{Deserialize, Serialize};
use sim::{ClassReport, Report, Simulator, evaluate};

use crate::config::{ConfigArgs, foreign};
use crate::output::{bytes, print_json, say, table};
use crate::progress;
use crate::run_dir::read_model;

/// Most pictures written by `--overlays`.
const MAX_OVERLAYS: usize = 8;

/// Runs the integer network bit-exactly; reports Dice, drop against float, memory, saturation.
#[derive(Args)]
#[command(after_help = "Example:\n  qunet simulate runs/em/model.qunet --config configs/em.toml \
                        --data DIR --split test\n\nThe drop is measured against the float \
                        network in the model's folder, on the same images and tiles.")]
pub struct Simulate {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
    /// Which side of the split
    #[arg(long, value_enum, default_value_t = Split::Test)]
    split: Split,
    /// Folder for pictures: image, truth, float answer, integer answer
    #[arg(long, value_name = "DIR")]
    overlays: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// A side of the split.
#[derive(Clone, Copy, ValueEnum)]
pub enum Split {
    /// Images the network was trained on
    Train,
    /// Images that chose threshold and best step
    Validation,
    /// Images for the reported figure
    Test,
}

/// The headline, then everything.
#[derive(Serialize)]
struct Summary {
    float_dice: Option<f64>,
    quantized_dice: f64,
    dice_drop: Option<f64>,
    float_bytes: usize,
    quantized_bytes: usize,
    memory_ratio: f64,
    #[serde(flatten)]
    details: Report,
}

/// What `simulate` and `report` read of a model's metadata.
#[derive(Deserialize)]
pub struct Metadata {
    preprocess: Preprocess,
    classes: Vec<String>,
    #[serde(default)]
    float_crc32: u32,
}

impl Metadata {
    /// The model was made for data of these classes, prepared in this way.
    pub fn check_data(&self, data: &Dataset, preprocess: &Preprocess) -> Result<()> {
        let (expected, found) = (&data.class_names, &self.classes);
        ensure!(
            expected == found,
            "model: expected the classes {expected:?} of the configuration, found {found:?}"
        );
        let (expected, found) = (preprocess, &self.preprocess);
        ensure!(
            expected == found,
            "model: expected data prepared as the configuration says, {expected:?}, found {found:?}"
        );
        Ok(())
    }

    /// The model was made from the float network that lies in its folder now.
    pub fn check_float(&self, run_dir: &Path, found: u32) -> Result<()> {
        let (folder, expected) = (run_dir.display(), self.float_crc32);
        ensure!(
            expected == found,
            "{folder}/float.bpk: expected the float network that the model was made from (checksum \
             {expected:#010x}), found another ({found:#010x}); run `qunet quantize` again"
        );
        Ok(())
    }
}

impl Simulate {
    /// Loads data and model, simulates, reports.
    pub fn run(self) -> Result<()> {
        let config = self.config.load()?;
        for setting in foreign(&self.config.set, &["data", "split", "evaluate"]) {
            eprintln!(
                "warning: --set {setting}: simulate reads [data], [split] and [evaluate] alone; \
                 the network is that of the model file"
            );
        }
        let (_, network) = read_model(&self.model)?;
        let input = network.spec(network.input);
        config.evaluate.validate_tiles([input.height, input.width])?;
        let metadata: Metadata = serde_json::from_str(&network.metadata)
            .with_context(|| format!("model {}: metadata", self.model.display()))?;
        if let Some(folder) = &self.overlays {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("folder for pictures {}", folder.display()))?;
        }
        let simulator = Simulator::new(&network)?;
        let data = datasets::load(&config.data, &config.split)?;
        metadata.check_data(&data, &config.data.preprocess())?;
        let samples = side(&data, self.split);
        let run_dir = self.model.parent().unwrap_or(Path::new("."));
        let float = match run_dir.join("float.json").exists() {
            true => {
                let found = quantizer::float_report(run_dir)?.weights_crc32;
                metadata.check_float(run_dir, found)?;
                let overlap = config.evaluate.overlap([input.height, input.width]);
                Some(quantizer::float_masks(run_dir, samples, overlap)?)
            }
            false => None,
        };
        let bar = progress::bar(samples.len() as u64, "simulate");
        let mut show = |n_done: usize| bar.set_position(n_done as u64);
        let (mut report, masks) =
            evaluate(&simulator, samples, float.as_deref(), &config.evaluate, &mut show)?;
        bar.finish();
        for class in &mut report.classes {
            class.position_prior_dice = position_prior(&data.train, samples, class.class);
        }
        if let Some(folder) = &self.overlays {
            write_overlays(folder, samples, float.as_deref(), &masks)?;
        }
        let summary = summarize(report)?;
        if self.json {
            return print_json(&summary);
        }
        print_text(&summary);
        Ok(())
    }
}

impl Split {
    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }
}

/// The samples of a side.
pub fn side(data: &Dataset, split: Split) -> &[Sample] {
    match split {
        Split::Train => &data.train,
        Split::Validation => &data.validation,
        Split::Test => &data.test,
    }
}

/// Means over the classes of the Dice by volume (by image where an image is a file of its own).
fn summarize(details: Report) -> Result<Summary> {
    let n_classes = details.classes.len() as f64;
    if details.classes.is_empty() {
        bail!("model {}: expected a class beside the background, found none", details.model);
    }
    let mean =
        |value: fn(&ClassReport) -> f64| details.classes.iter().map(value).sum::<f64>() / n_classes;
    let has_float = details.classes.iter().all(|c| c.float.is_some());
    let quantized_dice = mean(|c| c.quantized.mean_volume);
    let float_dice = mean(|c| c.float.as_ref().map_or(0.0, |f| f.mean_volume));
    Ok(Summary {
        float_dice: has_float.then_some(float_dice),
        quantized_dice,
        dice_drop: has_float.then_some(float_dice - quantized_dice),
        float_bytes: details.memory.float_bytes,
        quantized_bytes: details.memory.file_bytes,
        memory_ratio: details.memory.ratio,
        details,
    })
}

/// Pictures of evenly spread samples.
fn write_overlays(
    folder: &Path,
    samples: &[Sample],
    float: Option<&[Mask]>,
    masks: &[Mask],
) -> Result<()> {
    let stride = samples.len().div_ceil(MAX_OVERLAYS).max(1);
    for index in (0..samples.len()).step_by(stride) {
        let sample = &samples[index];
        let mut panels = vec![&sample.mask];
        panels.extend(float.map(|float| &float[index]));
        panels.push(&masks[index]);
        let name = sample.name.replace(['#', '/'], "-");
        write_overlay(&folder.join(format!("{name}.png")), &sample.image, &panels)?;
    }
    Ok(())
}

fn print_text(summary: &Summary) {
    let report = &summary.details;
    say!("{} on {} images", report.model, report.n_images);
    let header = [
        "Dice",
        "float",
        "quantized",
        "drop [95 %]",
        "all ones",
        "best threshold",
        "position prior",
        "empty images",
    ];
    let number = |dice: Option<f64>| dice.map_or("–".into(), |dice| format!("{dice:.4}"));
    let mut rows = table(&header);
    for class in &report.classes {
        let drop = class.drop.map(|d| d.volume);
        let drop = drop.map(|d| format!("{:+.4} [{:+.4}, {:+.4}]", d.mean, d.low, d.high));
        rows.add_row([
            class.name.clone(),
            number(class.float.as_ref().map(|f| f.mean_volume)),
            format!("{:.4}", class.quantized.mean_volume),
            drop.unwrap_or("–".into()),
            format!("{:.4}", class.quantized.trivial_all),
            number(class.best_threshold_dice),
            number(class.position_prior_dice),
            class.quantized.n_empty_images.to_string(),
        ]);
    }
    say!("{rows}");
    say!(
        "all ones: Dice of calling every pixel foreground; best threshold: of the best single grey"
    );
    say!(
        "threshold on these images; position prior: of marking the same pixels in every image, as"
    );
    say!("the training masks suggest; drop: float - quantized, by volume, paired bootstrap");
    print_layers(report);
    let (small, float) = (bytes(summary.quantized_bytes), bytes(summary.float_bytes));
    say!("whole file {small} instead of {float}: {:.2} times smaller", summary.memory_ratio);
}

fn print_layers(report: &Report) {
    let header = ["layer", "W", "float32 bytes", "packed bytes", "ratio", "at maximum", "zeros"];
    let mut rows = table(&header);
    for layer in &report.memory.layers {
        let packed = layer.weight_bytes + layer.parameter_bytes;
        let saturation = report.saturation.iter().find(|s| s.layer == layer.layer);
        let share = |count: u64, of: u64| format!("{:.2} %", 100.0 * count as f64 / of as f64);
        let (high, zeros) = saturation.map_or(("–".into(), "–".into()), |s| {
            (share(s.clamped.high, s.n_values.max(1)), share(s.n_zeros, s.n_values.max(1)))
        });
        rows.add_row([
            layer.layer.clone(),
            layer.weight_bits.to_string(),
            layer.float_bytes.to_string(),
            packed.to_string(),
            format!("{:.2}", layer.float_bytes as f64 / packed as f64),
            high,
            zeros,
        ]);
    }
    say!("{rows}");
}
