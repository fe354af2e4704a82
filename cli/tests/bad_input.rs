//! Bad input: a message that says what, where, expected and found, exit code 1, nothing lost.

mod common;

use std::path::Path;

use common::{
    assert_fails, fail, nifti_gz, qunet, succeed, text, write_folder, write_folder_config,
    write_model, write_png,
};
use tempfile::TempDir;

/// A folder with a picture data set and its configuration; returns (folder, config, run).
fn picture_project() -> (TempDir, String, String) {
    let folder = TempDir::new().unwrap();
    write_folder(&folder.path().join("data"));
    let config = folder.path().join("disc.toml");
    write_folder_config(&config, &folder.path().join("data"));
    let run = folder.path().join("run");
    let (config, run) = (text(&config).to_owned(), text(&run).to_owned());
    (folder, config, run)
}

fn fail_to_train(config: &str, run: &str, extra: &[&str], fragments: &[&str]) {
    let mut arguments = vec!["train", "--config", config, "--run", run];
    arguments.extend(extra);
    fail(&arguments, fragments);
    assert!(!Path::new(run).exists(), "a refused run leaves no folder");
}

#[test]
fn missing_data_folder() {
    let (folder, config, run) = picture_project();
    std::fs::remove_dir_all(folder.path().join("data")).unwrap();
    fail_to_train(&config, &run, &[], &["data", "not"]);
}

#[test]
fn missing_configuration() {
    fail(&["train", "--config", "no/such.toml"], &["no/such.toml"]);
}

#[test]
fn unknown_key() {
    let (_folder, config, run) = picture_project();
    let setting = ["--set", "train.stepps=4"];
    fail_to_train(&config, &run, &setting, &["train.stepps", "train.steps"]);
}

#[test]
fn unknown_layer_is_told_before_float_training() {
    let (folder, config, run) = picture_project();
    let setting = "quantize.layers.\"enc9.conv1\".weight_bits=2";
    fail(&["train", "--config", &config, "--run", &run, "--set", setting], &["enc9.conv1", "head"]);
    let data = text(&folder.path().join("data/label/01.png")).to_owned();
    fail_to_train(&config, &run, &["--data", &data], &["01.png", "a folder", "found a file"]);
}

#[test]
fn image_without_mask() {
    let (folder, config, run) = picture_project();
    std::fs::remove_file(folder.path().join("data/label/03.png")).unwrap();
    fail_to_train(&config, &run, &[], &["03", "mask"]);
}

#[test]
fn image_and_mask_of_different_sizes() {
    let (folder, config, run) = picture_project();
    write_png(&folder.path().join("data/label/02.png"), [64, 60], |_, _| 0);
    fail_to_train(&config, &run, &[], &["02", "64", "60"]);
}

#[test]
fn mask_with_unexpected_values() {
    let (folder, config, run) = picture_project();
    let odd = |x, y| if (x, y) == (5, 7) { 17 } else { 0 };
    write_png(&folder.path().join("data/label/01.png"), [64, 64], odd);
    fail_to_train(&config, &run, &[], &["01", "17", "255"]);
}

#[test]
fn bits_outside_one_to_eight() {
    let (_folder, config, run) = picture_project();
    for (key, found) in [("weight_bits", "0"), ("weight_bits", "9"), ("activation_bits", "12")] {
        let setting = format!("quantize.{key}={found}");
        let expected = ["quantize", key, "1..=8", found];
        fail_to_train(&config, &run, &["--set", &setting], &expected);
    }
}

/// A BIDS data set of one volume and its label in files of these bytes.
fn bids_project(image: &[u8], label: &[u8]) -> (TempDir, String, String) {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let anat = data.join("sub-01/anat");
    let labels = data.join("derivatives/labels/sub-01/anat");
    std::fs::create_dir_all(&anat).unwrap();
    std::fs::create_dir_all(&labels).unwrap();
    std::fs::write(anat.join("sub-01_T2starw.nii.gz"), image).unwrap();
    std::fs::write(labels.join("sub-01_T2starw_gmseg-manual.nii.gz"), label).unwrap();
    let config = folder.path().join("cord.toml");
    let content = format!(
        "[data]\nkind = \"bids\"\nroot = {:?}\nsuffix = \"T2starw\"\nmask_values = [0, 1]\n",
        text(&data)
    );
    std::fs::write(&config, content).unwrap();
    let run = text(&folder.path().join("run")).to_owned();
    (folder, text(&config).to_owned(), run)
}

const SHAPE: [usize; 3] = [32, 32, 2];

fn volume(special: f32) -> Vec<f32> {
    let mut values: Vec<f32> = (0..32 * 32 * 2).map(|i| (i % 97) as f32).collect();
    values[700] = special;
    values
}

#[test]
fn truncated_volume() {
    let image = nifti_gz(SHAPE, &volume(1.0));
    let label = nifti_gz(SHAPE, &vec![0.0; 2048]);
    let (_folder, config, run) = bids_project(&image[..image.len() / 2], &label);
    fail_to_train(&config, &run, &[], &["sub-01_T2starw.nii.gz"]);
}

#[test]
fn voxels_that_are_not_numbers() {
    let label = nifti_gz(SHAPE, &vec![0.0; 2048]);
    for special in [f32::NAN, f32::INFINITY] {
        let (_folder, config, run) = bids_project(&nifti_gz(SHAPE, &volume(special)), &label);
        fail_to_train(&config, &run, &[], &["sub-01_T2starw.nii.gz", "finite"]);
    }
}

/// Every subcommand that reads a model refuses these bytes with these words.
fn refuse_model(bytes: &[u8], fragments: &[&str]) {
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("model.qunet");
    std::fs::write(&model, bytes).unwrap();
    let out = folder.path().join("out");
    fail(&["inspect", text(&model)], fragments);
    fail(&["generate", text(&model), "--out", text(&out)], fragments);
    assert!(!out.exists(), "a refused model generates nothing");
}

#[test]
fn damaged_models() {
    let folder = TempDir::new().unwrap();
    let bytes = write_model(&folder.path().join("model.qunet"));
    refuse_model(&[], &["model.qunet", "truncated", "found 0"]);
    refuse_model(&bytes[..30], &["truncated", "found 30"]);
    let found = format!("found {}", bytes.len() - 1);
    refuse_model(&bytes[..bytes.len() - 1], &["truncated", &found]);
    refuse_model(b"PNG or so, but certainly not a model, whatever its name", &["magic"]);
    for at in [20, 60, bytes.len() / 2, bytes.len() - 1] {
        let mut flipped = bytes.clone();
        flipped[at] ^= 4;
        refuse_model(&flipped, &["checksum", "expected", "found"]);
    }
    let mut newer = bytes;
    newer[8] = 2;
    refuse_model(&newer, &["version", "expected", "1", "found 2"]);
}

#[test]
fn network_too_large_for_the_memory() {
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("model.qunet");
    write_model(&model);
    let config = folder.path().join("small.toml");
    std::fs::write(&config, "[hardware]\nfeature_memory_kib = 1\n").unwrap();
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("keep.txt"), "earlier work").unwrap();
    let arguments = ["generate", text(&model), "--config", text(&config), "--out", text(&out)];
    fail(&arguments, &["feature memory", "layer", "needs", "too few"]);
    assert_eq!(std::fs::read(out.join("keep.txt")).unwrap(), b"earlier work");
}

#[test]
fn verilator_not_installed() {
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("model.qunet");
    write_model(&model);
    let out = folder.path().join("out");
    succeed(&["generate", text(&model), "--out", text(&out)]);
    let output = qunet(&["cosim", text(&out)]).env("PATH", "").output().unwrap();
    assert_fails(&output, &["erilator", "install"]);
}

#[test]
fn bad_usage_exits_with_two() {
    assert_eq!(qunet(&["quantise"]).output().unwrap().status.code(), Some(2));
    assert_eq!(qunet(&["train"]).output().unwrap().status.code(), Some(2));
}

/// A full disk as a file-size limit: writes fail, the signal is ignored.
#[test]
fn disk_full_keeps_the_old_file() {
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("model.qunet");
    write_model(&model);
    let out = folder.path().join("out");
    succeed(&["generate", text(&model), "--out", text(&out)]);
    let listing = |path: &Path| {
        let mut names: Vec<_> =
            std::fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let (before, beside) = (listing(&out), listing(folder.path()));
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$@\"";
    let output = std::process::Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_qunet")])
        .args(["generate", text(&model), "--out", text(&out)])
        .output()
        .unwrap();
    assert_fails(&output, &[text(&out)]);
    assert_eq!(listing(&out), before, "the old folder is untouched");
    assert_eq!(listing(folder.path()), beside, "nothing half-written stays beside it");
}

/// A phantom run of a few steps; returns (folder, configuration, model).
fn phantom_run() -> (TempDir, String, String) {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("cord.toml");
    let content = "[data]\ncount = 16\nsize = [32, 32]\n[model]\nbase_width = 2\ndepth = 1\n\
                   height = 32\nwidth = 32\n[train]\nsteps = 2\nbatch = 5\n[quantize]\nsteps = 2\n";
    std::fs::write(&config, content).unwrap();
    let (config, run) = (text(&config).to_owned(), folder.path().join("run"));
    succeed(&["train", "--config", &config, "--run", text(&run)]);
    succeed(&["quantize", "--config", &config, "--run", text(&run)]);
    let model = text(&run.join("model.qunet")).to_owned();
    (folder, config, model)
}

#[test]
fn a_model_and_what_does_not_belong_to_it() {
    let (folder, config, model) = phantom_run();
    let simulate = ["simulate", &model, "--config", &config, "--set"];
    let with = |setting: &'static str| [&simulate[..], &[setting]].concat();
    fail(&with("evaluate.tile_overlap=32"), &["evaluate.tile_overlap", "below 32", "found 32"]);
    fail(&with("data.kind=phantom-membrane"), &["model", "expected", "membrane", "grey matter"]);
    fail(&with("data.normalisation=minmax"), &["model", "expected", "Minmax", "Zscore"]);
    let output = qunet(&with("quantize.weight_bits=3")).output().unwrap();
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && warned.contains("that of the model file"), "{warned}");

    // another float network in the same folder
    let run = text(&folder.path().join("run")).to_owned();
    succeed(&["train", "--config", &config, "--run", &run, "--set", "train.seed=9"]);
    fail(&simulate[..4], &["float.bpk", "expected", "found", "qunet quantize"]);
}

#[test]
fn segment_does_not_overwrite_its_input() {
    let (folder, _, model) = phantom_run();
    let scan = folder.path().join("scan.png");
    write_png(&scan, [40, 40], |x, y| (x * y % 200) as u8);
    let before = std::fs::read(&scan).unwrap();
    fail(&["segment", &model, text(&scan), "-o", text(&scan)], &["scan.png", "itself"]);
    assert_eq!(std::fs::read(&scan).unwrap(), before);
    let mask = folder.path().join("new/mask.png");
    let segment = ["segment", &model, text(&scan), "-o", text(&mask)];
    fail(&[&segment[..], &["--overlap", "32"]].concat(), &["--overlap 32", "below 32"]);
    let of_folder = ["segment", &model, text(folder.path()), "-o", text(&mask)];
    fail(&of_folder, &["one volume or picture", "found a folder"]);
    succeed(&segment);
    assert!(mask.exists(), "its folder is made");
}

#[test]
fn export_without_python_or_onto_the_model() {
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("model.qunet");
    let before = write_model(&model);
    let export = ["export", text(&model), "--format", "onnx-integer"];
    let with = |more: &[&'static str]| [&export[..], more].concat();
    fail(&with(&["--check", "--python", "no/such/python"]), &["no/such/python"]);
    // a program that is no Python answers nothing
    fail(&with(&["--check", "--python", "true"]), &["true: ended without an answer"]);
    fail(&with(&["--check", "--samples", "0"]), &["--samples", "1 or more", "found 0"]);
    let onto = [&export[..], &["--out", text(&model)]].concat();
    fail(&onto, &["model.qunet", "other than the model"]);
    assert_eq!(std::fs::read(&model).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is written");
    succeed(&export);
    assert!(folder.path().join("model.onnx").exists());
}

#[test]
fn report_on_what_is_no_run() {
    let (folder, config, model) = phantom_run();
    let run = text(&folder.path().join("run")).to_owned();
    fail(&["report", "no/such/run"], &["no/such/run", "expected the folder", "no such folder"]);
    fail(&["report", &model], &["model.qunet", "expected the folder", "found a file"]);
    fail(&["report", text(folder.path())], &["expected a run", "or a sweep", "found neither"]);
    fail(&["report", &run, "--data", "x"], &["--data", "--config"]);
    let wrong = folder.path().join("membrane.toml");
    std::fs::write(&wrong, "[data]\nkind = \"phantom-membrane\"\n").unwrap();
    fail(&["report", &run, "--config", text(&wrong)], &["trial run", "expected the classes"]);
    succeed(&["train", "--config", &config, "--run", &run, "--set", "train.seed=9"]);
    fail(&["report", &run, "--config", &config], &["float.bpk", "qunet quantize"]);
    assert!(!Path::new(&run).join("report.html").exists(), "no page is left by a failure");
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("model.qunet");
    write_model(&model);
    let script = "\"$0\" inspect \"$1\" --json | head -1; echo done";
    let output = std::process::Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_qunet"), text(&model)])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn settings_that_a_subcommand_does_not_read() {
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("model.qunet");
    write_model(&model);
    let out = text(&folder.path().join("out")).to_owned();
    let generate = ["generate", text(&model), "--out", &out, "--set"];
    let with = |setting: &'static str| [&generate[..], &[setting]].concat();
    fail(&with("quantize.weight_bits=2"), &["quantize.weight_bits=2", "[hardware]"]);
    fail(&with("hardware.tpp=8"), &["--set hardware.tpp=8", "hardware.tp"]);
    fail(&with("hardware.tp=3"), &["hardware.tp", "a power of two", "found 3"]);
    for build in [&["cosim", text(folder.path())][..], &["synth", &out, "--target", "up5k"]] {
        fail(build, &["expected a folder written by `qunet generate`"]);
    }
}
