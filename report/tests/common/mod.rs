//! A sweep's folder to report on, and a browser to look with.

pub mod browser;

use std::path::Path;

use datasets::{DataConfig, SplitConfig};
use network::{Mode, Network};
use qunet_tests::unet::{Unet, unet};
use serde_json::json;

/// Rows and columns of the phantom and of the networks.
const SIZE: usize = 32;

/// Bytes of the float network, made up.
pub const FLOAT_BYTES: usize = 40_000;

/// A U-Net that takes the phantom's images.
fn network(name: &str, weight_bits: u8, activation_bits: u8, mode: Mode) -> Network {
    let config = Unet { weight_bits, activation_bits, mode, size: [SIZE; 2], ..Unet::default() };
    let mut network = unet(&config);
    network.name = name.into();
    network.metadata =
        json!({ "input_step": 0.05, "classes": ["background", "grey matter"] }).to_string();
    network
}

/// The phantom's images, split.
pub fn data() -> (DataConfig, SplitConfig) {
    let data = DataConfig { count: 24, size: Some([SIZE; 2]), ..DataConfig::default() };
    (data, SplitConfig::default())
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
    std::fs::write(path, text).expect("file");
}

fn metrics(steps: usize) -> String {
    let line = |step: usize| {
        let loss = 1.5 / (1.0 + step as f64 / 20.0) + 0.05 * (step % 7) as f64;
        let mut line = json!({ "stage": "quantize", "step": step, "steps": steps, "loss": loss });
        if step.is_multiple_of(50) {
            line["validation_dice"] = json!(0.82 - 0.3 / (1.0 + step as f64 / 50.0));
        }
        format!("{line}\n")
    };
    (1..=steps).map(line).collect()
}

/// One trial in the files that `qunet sweep` leaves.
fn write_trial(sweep: &Path, mode: Mode, weight_bits: u8, activation_bits: u8, seed: u64) {
    let mode_name = if mode == Mode::Scaled { "scaled" } else { "fixed" };
    let name = format!("{mode_name}-w{weight_bits}a{activation_bits}-s{seed}");
    let folder = sweep.join(&name);
    let bytes = network(&name, weight_bits, activation_bits, mode).to_bytes().expect("valid");
    std::fs::create_dir_all(&folder).expect("folder");
    std::fs::write(folder.join("model.qunet"), &bytes).expect("model");
    write(&folder.join("metrics-quantize.jsonl"), &metrics(200));
    // an invented trade-off: fewer bits lose more
    let loss = 0.03 / f64::from(weight_bits * weight_bits) + 0.02 / f64::from(activation_bits);
    let loss = loss + 0.001 * seed as f64 + if mode == Mode::Fixed { 0.006 } else { 0.0 };
    let dice = 0.81 - loss;
    let result = json!({
        "name": name, "dataset": "phantom", "foreground": "grey matter", "mode": mode_name,
        "weight_bits": weight_bits, "activation_bits": activation_bits, "seed": seed,
        "float_dice": 0.808, "control_dice": 0.81, "dice": dice, "drop": loss,
        "drop_low": loss - 0.002, "drop_high": loss + 0.003, "trivial_dice": 0.3,
        "float_bytes": FLOAT_BYTES, "bytes": bytes.len(), "cycles": 900_000 * u64::from(weight_bits),
        "energy_uj": 12.5, "compared_pixels": 20_480, "fake_quant_mismatches": 0,
        "a_field_of_a_later_version": [1, 2],
    });
    write(&folder.join("result.json"), &result.to_string());
}

/// Writes a sweep of 12 trials, of two seeds in part, with its float network.
pub fn write_sweep(sweep: &Path) {
    for (weight_bits, activation_bits) in [(8, 8), (4, 6), (2, 4), (1, 3), (1, 2)] {
        write_trial(sweep, Mode::Scaled, weight_bits, activation_bits, 1);
        write_trial(sweep, Mode::Fixed, weight_bits, activation_bits, 1);
    }
    write_trial(sweep, Mode::Scaled, 4, 6, 2);
    write_trial(sweep, Mode::Scaled, 1, 3, 2);
    let float = json!({ "name": "float-s1", "seed": 1, "validation_dice": 0.83, "steps": 300 });
    write(&sweep.join("float-s1/result.json"), &float.to_string());
    write(&sweep.join("float-s1/metrics-float.jsonl"), &metrics(300));
    let (data, split) = data();
    let settings = json!({ "name": "phantom", "data": data, "split": split });
    write(&sweep.join("sweep.json"), &settings.to_string());
}
