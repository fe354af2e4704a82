//! Float Dice here and in PyTorch: the same network, recipe and batches, judged by the same code.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;
use datasets::metrics::{evaluate, evaluate_classes};
use datasets::{Dataset, Image, Mask};
use explore::{Folder, Job, Settings};
use quantizer::evaluate::{Predictor, Validation};
use quantizer::recipe::{float_recipe, sampler, validation_samples};
use quantizer::topology::{LayerSpec, Operation, Topology};
use quantizer::train::{Recipe, learning_rate};
use quantizer::unet::{UNet, UnitValues};
use serde::Serialize;

use crate::files::read_json;
use crate::torch::{self, Script};

/// Options of compare-torch.
#[derive(Args)]
pub struct CompareTorch {
    /// Folder of a sweep whose float networks are trained
    #[arg(value_name = "SWEEP")]
    sweep: PathBuf,
    /// Which of its float networks
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Python interpreter with PyTorch: that of a scratch environment
    #[arg(long, value_name = "FILE")]
    torch_python: PathBuf,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Dice on the test side, mean over the classes but the background.
#[derive(Serialize)]
struct Figure {
    validation: f64,
    test: f64,
    test_pooled: f64,
    /// Of the background, where it is the larger structure: the interior of cells.
    test_background: f64,
    /// Step of the kept network.
    best_step: usize,
}

/// What was measured.
#[derive(Serialize)]
struct Report {
    dataset: String,
    seed: u64,
    steps: usize,
    qunet: Figure,
    torch: Figure,
}

/// What the script is told before the batches.
#[derive(Serialize)]
struct Header {
    layers: Vec<[usize; 2]>,
    depth: usize,
    steps: usize,
    batch: usize,
    patch: (usize, usize),
    channels: usize,
    rates: Vec<f64>,
    validation_every: usize,
    dice_weight: f64,
    cross_entropy_weight: f64,
    seed: u64,
}

impl CompareTorch {
    /// Trains in PyTorch on the batches of the sweep's float network and judges both.
    pub fn run(self) -> Result<()> {
        let path = self.sweep.join("sweep.json");
        let whole: Settings = read_json(&path)?;
        let job = Job::Float { seed: self.seed };
        let run_dir = Folder::open(&self.sweep, &whole)?.of(&job);
        let settings = whole.of(&job);
        let float = quantizer::float_report(&run_dir)?;
        ensure!(
            float.topology.n_outputs == 1,
            "{}: expected two classes, found {}",
            path.display(),
            float.topology.n_outputs
        );
        let data = settings.load()?;
        let model = &settings.configs.model;
        let overlap = settings.evaluate.overlap([model.height, model.width]);
        let masks = quantizer::float_masks(&run_dir, &data.test, overlap)?;
        let qunet = figure(&data, &masks, float.validation_dice, float.best_step);
        let torch = self.torch(&data, &settings, &float.topology)?;
        let (dataset, seed, steps) = (settings.name, self.seed, settings.configs.train.steps);
        let report = Report { dataset, seed, steps, qunet, torch };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
            return Ok(());
        }
        let line = |name: &str, f: &Figure| {
            println!(
                "{name}: test Dice {:.4}, pooled {:.4}, background {:.4}, validation {:.4} at step {}",
                f.test, f.test_pooled, f.test_background, f.validation, f.best_step
            );
        };
        println!("{}, seed {}, {} steps on the same batches", report.dataset, self.seed, steps);
        line("qunet", &report.qunet);
        line("PyTorch", &report.torch);
        println!("difference: {:+.2} points", 100.0 * (report.qunet.test - report.torch.test));
        Ok(())
    }

    fn torch(&self, data: &Dataset, settings: &Settings, topology: &Topology) -> Result<Figure> {
        let recipe = float_recipe(topology, &settings.configs);
        let folder = tempfile::tempdir()?;
        let script = Script::Train.write(folder.path())?;
        let mut child = Command::new(&self.torch_python)
            .arg(&script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("running {}", self.torch_python.display()))?;
        let output = child.stdout.take().context("output of PyTorch")?;
        let best = std::thread::scope(|scope| {
            let feeder = scope.spawn(|| feed(&mut child, data, &recipe));
            let best = judge(output, data, settings, &recipe);
            feeder.join().expect("the thread that feeds PyTorch")?;
            best
        })?;
        ensure!(child.wait()?.success(), "PyTorch: expected it to train, it failed");
        let plain = settings.configs.train.backend.device()?;
        let predictor = Predictor::float(&best.net, topology, &plain);
        let validation = predictor.validate(&data.validation);
        let model = &topology.model;
        let overlap = settings.evaluate.overlap([model.height, model.width]);
        let images: Vec<&Image> = data.test.iter().map(|sample| &sample.image).collect();
        let masks = predictor.segment(&images, overlap, validation.threshold);
        Ok(figure(data, &masks, validation.dice, best.step))
    }
}

/// Sends the header and every batch.
fn feed(child: &mut Child, data: &Dataset, recipe: &Recipe) -> Result<()> {
    let mut input = child.stdin.take().context("input of PyTorch")?;
    let header = Header {
        layers: torch::layers(&recipe.topology),
        depth: recipe.topology.model.depth,
        steps: recipe.steps,
        batch: recipe.batch,
        patch: recipe.patch,
        channels: recipe.topology.input_channels,
        rates: (0..recipe.steps).map(|s| recipe.learning_rate * learning_rate(recipe, s)).collect(),
        validation_every: recipe.validation_every,
        dice_weight: recipe.dice_weight,
        cross_entropy_weight: recipe.cross_entropy_weight,
        seed: recipe.seed,
    };
    writeln!(input, "{}", serde_json::to_string(&header)?)?;
    let sampler = sampler(data, recipe);
    for step in 0..recipe.steps {
        let batch = sampler.batch(step as u64);
        let images: Vec<u8> = batch.images.iter().flat_map(|v| v.to_le_bytes()).collect();
        input.write_all(&images)?;
        input.write_all(&batch.masks)?;
    }
    Ok(())
}

/// The best network of those that PyTorch sends.
struct Best {
    dice: f64,
    step: usize,
    net: UNet,
}

fn judge(
    mut output: ChildStdout,
    data: &Dataset,
    settings: &Settings,
    recipe: &Recipe,
) -> Result<Best> {
    let chosen = validation_samples(data, &settings.configs);
    let plain = settings.configs.train.backend.device()?;
    let mut best: Option<Best> = None;
    for step in 1..=recipe.steps {
        if step != recipe.steps && !step.is_multiple_of(recipe.validation_every) {
            continue;
        }
        let values: Result<Vec<UnitValues>> =
            recipe.topology.layers().iter().map(|spec| unit(&mut output, spec)).collect();
        let net = UNet::from_values(&recipe.topology, &values?, &plain);
        let Validation { dice, .. } =
            Predictor::float(&net, &recipe.topology, &plain).validate(&chosen);
        eprintln!("PyTorch {step}/{}: validation Dice {dice:.4}", recipe.steps);
        if best.as_ref().is_none_or(|best| dice >= best.dice) {
            best = Some(Best { dice, step, net });
        }
    }
    best.context("a network from PyTorch")
}

/// Reads weights, gain, offset, mean and variance of a layer; of the head weights and bias.
fn unit(output: &mut ChildStdout, spec: &LayerSpec) -> Result<UnitValues> {
    let n = spec.out_channels;
    let mut read = |count: usize| -> Result<Vec<f32>> {
        let mut bytes = vec![0; 4 * count];
        output.read_exact(&mut bytes).context("weights from PyTorch")?;
        Ok(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
    };
    let weight = read(spec.weight_shape().iter().product())?;
    let [gamma, beta, mean, variance] = match spec.operation {
        Operation::Head => [vec![1.0; n], read(n)?, vec![0.0; n], vec![1.0; n]],
        _ => [read(n)?, read(n)?, read(n)?, read(n)?],
    };
    let weight_step = vec![0.0; n];
    Ok(UnitValues { weight, gamma, beta, mean, variance, weight_step, activation_step: 0.0 })
}

fn figure(data: &Dataset, masks: &[Mask], validation: f64, best_step: usize) -> Figure {
    let classes = evaluate_classes(&data.test, masks, data.n_classes);
    let n = classes.len().max(1) as f64;
    Figure {
        validation,
        test: classes.iter().map(|c| c.mean_volume).sum::<f64>() / n,
        test_pooled: classes.iter().map(|c| c.pooled).sum::<f64>() / n,
        test_background: evaluate(&data.test, masks, 0).mean_volume,
        best_step,
    }
}
