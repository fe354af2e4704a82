//! The whole job on phantom data, as a user would type it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Args;
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use quantizer::progress::write_atomically;
use serde_json::{Value, json};

use crate::files;

/// Options of the demo.
#[derive(Args)]
pub struct Demo {
    /// Folder of everything the demo writes
    #[arg(long, default_value = "target/demo")]
    out: PathBuf,
    /// Configuration to run
    #[arg(long, default_value = "configs/phantom.toml")]
    config: PathBuf,
    /// Number of images that Verilator and QEMU check
    #[arg(long, default_value_t = 4)]
    samples: usize,
    /// Passed on to qunet, e.g. `--set train.steps=100`
    #[arg(long)]
    set: Vec<String>,
}

impl Demo {
    /// Runs every step, prints the table, writes report.json.
    pub fn run(self) -> Result<()> {
        std::env::set_current_dir(files::workspace_root())?;
        let started = Instant::now();
        let (run, build) = (self.out.join("run"), self.out.join("build"));
        let model = run.join("model.qunet");
        let config = self.config_arguments();
        let mut training = config.clone();
        training.extend(["--run".into(), run.clone()]);
        let samples = self.samples.to_string();

        qunet_with("train", &training)?;
        let quantize = qunet_with("quantize", &training)?;
        let overlays = self.out.join("overlays");
        let mut simulate: Vec<PathBuf> = vec![model.clone()];
        simulate.extend(config.iter().cloned());
        simulate.extend(["--split".into(), "test".into(), "--overlays".into(), overlays.clone()]);
        let simulate = qunet_with("simulate", &simulate)?;
        let mut generate: Vec<PathBuf> = vec![model.clone(), "--out".into(), build.clone()];
        generate.extend(config);
        qunet_with("generate", &generate)?;
        let samples = Path::new(&samples);
        let cosim = qunet(&["cosim".as_ref(), &build, "--samples".as_ref(), samples])?;
        let target = Path::new("thumbv7em-none-eabihf");
        let firmware = qunet(&[
            "firmware".as_ref(),
            &model,
            "--target".as_ref(),
            target,
            "--run".as_ref(),
            "--samples".as_ref(),
            samples,
        ])?;

        let report = compose(&quantize, &simulate, &cosim, &firmware);
        let path = self.out.join("report.json");
        write_atomically(&path, serde_json::to_string_pretty(&report)?.as_bytes())?;
        print_table(&report);
        let (path, overlays) = (path.display(), overlays.display());
        println!("report: {path}, pictures: {overlays}, {:.0} s", started.elapsed().as_secs_f64());
        check(&report)
    }

    fn config_arguments(&self) -> Vec<PathBuf> {
        let mut arguments: Vec<PathBuf> = vec!["--config".into(), self.config.clone()];
        for setting in &self.set {
            arguments.extend(["--set".into(), setting.into()]);
        }
        arguments
    }
}

fn qunet_with(subcommand: &str, arguments: &[PathBuf]) -> Result<Value> {
    let mut all: Vec<&Path> = vec![subcommand.as_ref()];
    all.extend(arguments.iter().map(PathBuf::as_path));
    qunet(&all)
}

/// Runs the qunet binary beside this one with `--json` and returns what it printed.
fn qunet(arguments: &[&Path]) -> Result<Value> {
    let binary = std::env::current_exe()?.with_file_name("qunet");
    let line: Vec<String> = arguments.iter().map(|a| a.display().to_string()).collect();
    let line = format!("qunet {}", line.join(" "));
    println!("$ {line}");
    let output = Command::new(&binary)
        .args(arguments)
        .arg("--json")
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("running {}: build the workspace first", binary.display()))?;
    ensure!(output.status.success(), "{line}: {}", output.status);
    serde_json::from_slice(&output.stdout).with_context(|| format!("{line}: JSON report"))
}

fn compose(quantize: &Value, simulate: &Value, cosim: &Value, firmware: &Value) -> Value {
    let pick = |from: &Value, keys: &[&str]| -> Value {
        keys.iter().map(|key| ((*key).to_owned(), from[*key].clone())).collect()
    };
    let mut report = pick(
        simulate,
        &[
            "float_dice",
            "quantized_dice",
            "dice_drop",
            "float_bytes",
            "quantized_bytes",
            "memory_ratio",
        ],
    );
    for key in ["weight_bits", "activation_bits", "fake_quant_mismatches"] {
        report[key] = quantize[key].clone();
    }
    let cosim_keys = [
        "images",
        "layers",
        "values_compared",
        "mismatches",
        "cycles",
        "model_cycles",
        "utilization",
    ];
    report["cosim"] = pick(cosim, &cosim_keys);
    let firmware_keys = [
        "target",
        "values_compared",
        "mismatches",
        "instructions",
        "arena_bytes",
        "arena_lower_bound_bytes",
    ];
    report["firmware"] = pick(firmware, &firmware_keys);
    report
}

fn print_table(report: &Value) {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header(["figure", "measured"]);
    let mut rows = json!({});
    for (key, value) in report.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(inner) => inner.iter().for_each(|(k, v)| rows[format!("{key}.{k}")] = v.clone()),
            None => rows[key] = value.clone(),
        }
    }
    for (key, value) in rows.as_object().into_iter().flatten() {
        table.add_row([key.clone(), value.to_string()]);
    }
    println!("{table}");
}

/// The floors that the demo must reach.
fn check(report: &Value) -> Result<()> {
    let number = |value: &Value, what: &str| {
        value.as_f64().with_context(|| format!("report: {what} is missing"))
    };
    let float_dice = number(&report["float_dice"], "float_dice")?;
    let drop = number(&report["dice_drop"], "dice_drop")?;
    ensure!(float_dice >= 0.90, "float Dice: expected 0.90 or more, found {float_dice:.4}");
    ensure!(drop <= 0.02, "Dice drop: expected 0.02 or less, found {drop:.4}");
    for (value, what) in [
        (&report["fake_quant_mismatches"], "fake_quant_mismatches"),
        (&report["cosim"]["mismatches"], "cosim.mismatches"),
        (&report["firmware"]["mismatches"], "firmware.mismatches"),
    ] {
        let found = number(value, what)?;
        ensure!(found == 0.0, "{what}: expected 0, found {found}");
    }
    Ok(())
}
