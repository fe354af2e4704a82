//! `qunet quantize`: fine-tuning with quantization in the loop, lowering to one integer file.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use quantizer::progress::write_atomically;
use quantizer::{QuantizeMode, QuantizeReport, Stage, quantize, quantize_compat};
use serde::Serialize;
use sim::InputRule;

use crate::commands::train::{announce, configs, note_fresh_start, resume};
use crate::config::RunArgs;
use crate::output::{bytes, print_json, say};
use crate::progress;
use crate::run_dir::{read_model, samples_dir};

/// Sample inputs written beside the model for co-simulation and firmware.
const N_SAMPLES: usize = 8;

/// Fine-tunes the run's float network with quantization in the loop; writes model.qunet.
#[derive(Args)]
#[command(after_help = "Example:\n  qunet quantize --config configs/em.toml --data DIR\n  \
                        qunet quantize --config configs/em.toml --data DIR --ptq\n  \
                        qunet quantize --config configs/em.toml --data DIR \
                        --set quantize.weight_bits=2 --set quantize.activation_bits=4")]
pub struct Quantize {
    #[command(flatten)]
    run: RunArgs,
    /// Continue from the newest checkpoint of the run, with the same result as without a break
    #[arg(long)]
    resume: bool,
    /// Quantize without training: steps and offsets from a few patches, in seconds
    #[arg(long, conflicts_with = "resume")]
    ptq: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    weight_bits: u8,
    activation_bits: u8,
    #[serde(flatten)]
    result: QuantizeReport,
}

impl Quantize {
    /// Loads the data, fine-tunes, lowers, reports.
    pub fn run(self) -> Result<()> {
        let mut config = self.run.load()?;
        if self.ptq {
            config.quantize.steps = 0;
        }
        let run_dir = self.run.run_dir();
        quantizer::float_report(&run_dir)?;
        let data = datasets::load(&config.data, &config.split)?;
        announce(&data);
        let mut show = progress::training();
        let (sections, prepare) = (configs(&config), config.data.preprocess());
        note_fresh_start(self.resume, &run_dir, Stage::Quantize);
        let resume = resume(self.resume);
        if config.quantize.mode == QuantizeMode::FxqCompat {
            let report = quantize_compat(&data, &sections, &run_dir, resume, &mut show)?;
            if self.json {
                return print_json(&report);
            }
            say!("fxq-compat: validation Dice {:.4}", report.validation_dice);
            say!("these level sets exist in float only: there is no model.qunet to simulate");
            return Ok(());
        }
        let result = quantize(&data, &sections, &prepare, &run_dir, resume, &mut show)?;
        write_samples(&result.model, &data.test)?;
        let (weight_bits, activation_bits) =
            (config.quantize.weight_bits, config.quantize.activation_bits);
        let report = Report { weight_bits, activation_bits, result };
        match self.json {
            true => print_json(&report),
            false => {
                print_text(&report);
                Ok(())
            }
        }
    }
}

fn print_text(report: &Report) {
    let Report { weight_bits, activation_bits, result } = report;
    let (small, float) = (result.quantized_bytes, result.float_bytes);
    say!("W{weight_bits}/A{activation_bits}: validation Dice {:.4}", result.validation_dice);
    let ratio = float as f64 / small as f64;
    say!("{} instead of {} in float32: {ratio:.2} times smaller", bytes(small), bytes(float));
    let (mismatches, pixels) = (result.fake_quant_mismatches, result.compared_pixels);
    say!("fake-quant evaluation against integers: {mismatches} of {pixels} pixels differ");
    say!("model: {}", result.model.display());
}

/// Middle tiles of evenly spread test images as the network's input bytes.
fn write_samples(model: &Path, test: &[datasets::Sample]) -> Result<()> {
    let (_, network) = read_model(model)?;
    let (rule, spec) = (InputRule::of(&network)?, *network.spec(network.input));
    let stride = test.len().div_ceil(N_SAMPLES).max(1);
    for (index, sample) in test.iter().step_by(stride).enumerate() {
        let tile = sample.image.middle(spec.height, spec.width);
        let path = samples_dir(model).join(format!("input_{index}.bin"));
        write_atomically(&path, &rule.quantize(&tile.data, &spec))?;
    }
    Ok(())
}
