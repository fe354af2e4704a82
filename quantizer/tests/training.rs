//! Training end to end on tiny networks: it learns, resumes bit for bit, and lowers exactly.

mod common;

use std::path::Path;

use common::{discs, tiny};
use datasets::{Augment, Dataset, Preprocess, metrics};
use qunet_quantizer::config::{QuantizeMode, Upsample};
use qunet_quantizer::masks::{compat_masks, control_masks, float_masks};
use qunet_quantizer::progress::{MetricsFile, ProgressEvent, Stage};
use qunet_quantizer::run::{Configs, QuantizeReport, quantize, quantize_compat, train_float};
use qunet_quantizer::train::Resume;
use qunet_quantizer::train_control;

fn silent(_: ProgressEvent) {}

fn run_quantize(data: &Dataset, configs: &Configs, dir: &Path) -> QuantizeReport {
    let preprocess = Preprocess::default();
    quantize(data, configs, &preprocess, dir, Resume::Fresh, &mut silent).unwrap()
}

#[test]
fn a_tiny_network_learns_and_stays_exact_in_integers() {
    let data = discs(16, 2);
    let configs = tiny(16, 80, 30);
    let dir = tempfile::tempdir().unwrap();
    let mut losses = Vec::new();
    let mut keep = |event: ProgressEvent| losses.push(event.loss);
    let float = train_float(&data, &configs, dir.path(), Resume::Fresh, &mut keep).unwrap();
    assert!(losses[79] < 0.3 && losses[79] < losses[0] / 3.0, "{} to {}", losses[0], losses[79]);
    assert!(float.validation_dice > 0.9, "{float:?}");
    let masks = float_masks(dir.path(), &data.test, 4).unwrap();
    assert!(metrics::evaluate(&data.test, &masks, 1).pooled > 0.85);
    let report = run_quantize(&data, &configs, dir.path());
    assert!(report.validation_dice > 0.88, "{report:?}");
    assert_eq!(report.fake_quant_mismatches, 0, "{report:?}");
    assert!(report.training_graph_differences * 50 < report.compared_pixels, "{report:?}");
    let bytes = std::fs::read(&report.model).unwrap();
    let network = network::Network::from_bytes(&bytes).unwrap();
    let metadata: serde_json::Value = serde_json::from_str(&network.metadata).unwrap();
    assert!(metadata["input_step"].as_f64().unwrap() > 0.0);
    assert_eq!(metadata["classes"][1], "class1");
    let lines = std::fs::read_to_string(MetricsFile::path(dir.path(), Stage::Float)).unwrap();
    let steps: Vec<usize> =
        lines.lines().map(|l| serde_json::from_str::<ProgressEvent>(l).unwrap().step).collect();
    assert_eq!(steps, (1..=80).collect::<Vec<_>>());
}

#[test]
fn three_classes_take_the_largest_logit() {
    let data = discs(16, 3);
    let mut configs = tiny(16, 240, 30);
    configs.model.upsample = Upsample::Transposed;
    let dir = tempfile::tempdir().unwrap();
    let float = train_float(&data, &configs, dir.path(), Resume::Fresh, &mut silent).unwrap();
    assert!(float.validation_dice > 0.7, "{float:?}");
    let report = run_quantize(&data, &configs, dir.path());
    assert_eq!(report.fake_quant_mismatches, 0, "{report:?}");
    assert!(report.validation_dice > 0.6, "{report:?}");
}

/// Stops after a step by panicking in the progress callback, as a kill between two writes would.
fn killed_after(step: usize, job: impl FnOnce(&mut dyn FnMut(ProgressEvent))) {
    let mut kill = |event: ProgressEvent| assert!(event.step < step, "killed");
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&mut kill)));
    assert!(outcome.is_err(), "the run ended before step {step}");
}

#[test]
fn a_resumed_run_gives_the_same_bytes_as_an_uninterrupted_one() {
    resumes_with(14, Vec::new());
}

/// Killed at step 10 it goes on from step 8, where the bits narrow for the second time.
#[test]
fn a_resumed_run_narrows_where_the_uninterrupted_one_does() {
    resumes_with(12, vec![[4, 6], [2, 3]]);
}

fn resumes_with(fine_tuning: usize, progressive: Vec<[u8; 2]>) {
    let data = discs(16, 2);
    let mut configs = tiny(16, 18, fine_tuning);
    configs.quantize.progressive = progressive;
    configs.augment = Augment { elastic: 2.0, rotation: 10.0, noise: 0.1, ..Default::default() };
    let [whole, parts] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let preprocess = Preprocess::default();
    let (a, b) = (whole.path(), parts.path());
    train_float(&data, &configs, a, Resume::Fresh, &mut silent).unwrap();
    let report = run_quantize(&data, &configs, a);
    killed_after(11, |kill| {
        let _ = train_float(&data, &configs, b, Resume::Fresh, kill);
    });
    train_float(&data, &configs, b, Resume::Continue, &mut silent).unwrap();
    killed_after(10, |kill| {
        let _ = quantize(&data, &configs, &preprocess, b, Resume::Fresh, kill);
    });
    let resumed = quantize(&data, &configs, &preprocess, b, Resume::Continue, &mut silent).unwrap();
    let metrics =
        |dir: &Path, stage| std::fs::read_to_string(MetricsFile::path(dir, stage)).unwrap();
    for stage in [Stage::Float, Stage::Quantize] {
        assert_eq!(metrics(a, stage), metrics(b, stage), "{stage:?}");
    }
    assert_eq!(
        (report.validation_dice, report.best_step),
        (resumed.validation_dice, resumed.best_step)
    );
    // The name of the model is that of the folder; everything else must be equal.
    let network = |path: &Path| {
        let bytes = std::fs::read(path).unwrap();
        let network = network::Network::from_bytes(&bytes).unwrap();
        network::Network { name: String::new(), ..network }
    };
    assert!(network(&report.model) == network(&resumed.model), "model.qunet differs");
}

/// One-bit weights after wider ones, in both modes: only the last bits are validated and lowered.
#[test]
fn bits_narrow_while_fine_tuning() {
    let data = discs(16, 2);
    let dir = tempfile::tempdir().unwrap();
    let mut configs = tiny(16, 80, 0);
    let float = train_float(&data, &configs, dir.path(), Resume::Fresh, &mut silent).unwrap();
    configs.quantize.steps = 60;
    configs.quantize.progressive = vec![[4, 8], [2, 4]];
    for (mode, weight_bits) in [(QuantizeMode::Scaled, 1), (QuantizeMode::Fixed, 3)] {
        (configs.quantize.weight_bits, configs.quantize.activation_bits) = (weight_bits, 3);
        configs.quantize.mode = mode;
        let report = run_quantize(&data, &configs, dir.path());
        assert_eq!(report.fake_quant_mismatches, 0, "{mode:?}");
        assert_eq!(report.plan.bits[1].weight, weight_bits);
        assert!(report.validation_dice > float.validation_dice - 0.05, "{mode:?}: {report:?}");
        let lines =
            std::fs::read_to_string(MetricsFile::path(dir.path(), Stage::Quantize)).unwrap();
        let events = lines.lines().map(|l| serde_json::from_str::<ProgressEvent>(l).unwrap());
        let validated: Vec<usize> = events
            .filter(|event| event.validation_dice.is_some())
            .map(|event| event.step)
            .collect();
        assert_eq!(validated, [48, 56, 60], "{mode:?}");
    }
}

/// Fine-tuning of one float network at different bits, each beside calibration alone.
#[test]
fn low_bits_hold_after_fine_tuning() {
    let data = discs(16, 2);
    let dir = tempfile::tempdir().unwrap();
    let float = tiny(16, 80, 0);
    let report = train_float(&data, &float, dir.path(), Resume::Fresh, &mut silent).unwrap();
    let cases = [
        (8, 8, QuantizeMode::Scaled),
        (2, 4, QuantizeMode::Scaled),
        (1, 3, QuantizeMode::Scaled),
        (3, 4, QuantizeMode::Fixed),
    ];
    for (weight_bits, activation_bits, mode) in cases {
        let mut configs = float.clone();
        let bits = (weight_bits, activation_bits, mode);
        (configs.quantize.weight_bits, configs.quantize.activation_bits, configs.quantize.mode) =
            bits;
        let calibrated = run_quantize(&data, &configs, dir.path());
        configs.quantize.steps = 60;
        let tuned = run_quantize(&data, &configs, dir.path());
        assert_eq!(tuned.fake_quant_mismatches, 0, "{bits:?}");
        let (float, tuned) = (report.validation_dice, tuned.validation_dice);
        assert!(tuned > float - 0.04, "{bits:?}: {tuned}, float {float}");
        if weight_bits == 8 {
            assert!(calibrated.validation_dice > float - 0.01, "{calibrated:?}, float {float}");
        }
    }
}

#[test]
fn the_control_goes_on_from_the_float_network() {
    let data = discs(16, 2);
    let configs = tiny(16, 30, 30);
    let dir = tempfile::tempdir().unwrap();
    let float = train_float(&data, &configs, dir.path(), Resume::Fresh, &mut silent).unwrap();
    let before = std::fs::read(dir.path().join("float.bpk")).unwrap();
    let mut steps = Vec::new();
    let mut keep = |event: ProgressEvent| steps.push((event.stage, event.step));
    let control = train_control(&data, &configs, dir.path(), Resume::Fresh, &mut keep).unwrap();
    assert_eq!(steps, (1..=30).map(|step| (Stage::Control, step)).collect::<Vec<_>>());
    assert_eq!(control.float_crc32, float.weights_crc32);
    // a control that betters nothing is the float network itself
    assert!(control.validation_dice >= float.validation_dice, "{control:?} {float:?}");
    assert_eq!(before, std::fs::read(dir.path().join("float.bpk")).unwrap(), "float is untouched");
    let [before, after] =
        [float_masks, control_masks].map(|masks| masks(dir.path(), &data.test, 4).unwrap());
    assert_eq!(before == after, control.best_step == 0, "the control was trained");
}

#[test]
fn fxq_compat_is_evaluated_in_float_only() {
    let data = discs(16, 2);
    let mut configs = tiny(16, 60, 30);
    configs.quantize.mode = QuantizeMode::FxqCompat;
    let dir = tempfile::tempdir().unwrap();
    train_float(&data, &configs, dir.path(), Resume::Fresh, &mut silent).unwrap();
    let report = quantize_compat(&data, &configs, dir.path(), Resume::Fresh, &mut silent).unwrap();
    assert!(report.validation_dice > 0.3, "{report:?}");
    let masks = compat_masks(dir.path(), &data.test, 4).unwrap();
    let dice = metrics::evaluate(&data.test, &masks, 1).pooled;
    assert!((dice - report.validation_dice).abs() < 0.3, "{dice} {report:?}");
    let preprocess = Preprocess::default();
    let error =
        quantize(&data, &configs, &preprocess, dir.path(), Resume::Fresh, &mut silent).unwrap_err();
    assert!(error.to_string().contains("in float only"), "{error}");
    assert!(!dir.path().join("model.qunet").exists());
}

#[test]
fn a_checkpoint_of_other_settings_is_refused() {
    let data = discs(16, 2);
    let mut configs = tiny(16, 8, 0);
    let dir = tempfile::tempdir().unwrap();
    train_float(&data, &configs, dir.path(), Resume::Fresh, &mut silent).unwrap();
    let before = std::fs::read(dir.path().join("float.bpk")).unwrap();
    configs.train.learning_rate = 2e-2;
    let error =
        train_float(&data, &configs, dir.path(), Resume::Continue, &mut silent).unwrap_err();
    assert!(error.to_string().contains("a checkpoint of other settings"), "{error}");
    assert_eq!(before, std::fs::read(dir.path().join("float.bpk")).unwrap());
}

#[test]
fn quantizing_without_a_float_network_says_what_is_missing() {
    let data = discs(16, 2);
    let configs = tiny(16, 8, 0);
    let dir = tempfile::tempdir().unwrap();
    let preprocess = Preprocess::default();
    let error = quantize(&data, &configs, &preprocess, dir.path(), Resume::Fresh, &mut silent);
    let message = error.unwrap_err().to_string();
    assert!(message.contains("float.json: expected the result of `qunet train`"), "{message}");
}

#[test]
fn training_needs_samples() {
    let mut data = discs(16, 2);
    data.validation.clear();
    let dir = tempfile::tempdir().unwrap();
    let error = train_float(&data, &tiny(16, 8, 0), dir.path(), Resume::Fresh, &mut silent);
    let message = error.unwrap_err().to_string();
    assert_eq!(message, "data for validation: expected at least one sample, found none");
}

#[test]
fn fixed_mode_learns() {
    let data = discs(16, 2);
    let mut configs = tiny(16, 80, 30);
    configs.quantize.mode = QuantizeMode::Fixed;
    let dir = tempfile::tempdir().unwrap();
    train_float(&data, &configs, dir.path(), Resume::Fresh, &mut silent).unwrap();
    let report = run_quantize(&data, &configs, dir.path());
    assert!(report.validation_dice > 0.85, "{report:?}");
    assert_eq!(report.fake_quant_mismatches, 0, "{report:?}");
}
