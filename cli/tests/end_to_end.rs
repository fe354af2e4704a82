//! The whole job on a small phantom: resume after a kill, JSON reports, segmentation of scans.

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{nifti_gz, qunet, succeed, text, write_png};
use network::Network;
use network::plan::{Packing, Scratch, plan_with};
use serde_json::Value;
use tempfile::TempDir;

const CONFIG: &str = "[data]\nkind = \"phantom-cord\"\ncount = 24\nsize = [32, 32]\n\
    [model]\nbase_width = 4\ndepth = 2\nheight = 32\nwidth = 32\n\
    [train]\nsteps = 40\nbatch = 6\ncheckpoint_every = 5\nvalidation_every = 10\n\
    [quantize]\nsteps = 20\n";

/// A folder with the configuration; returns (folder, path of the configuration).
fn project() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("tiny.toml");
    std::fs::write(&config, CONFIG).unwrap();
    let config = text(&config).to_owned();
    (folder, config)
}

fn json(output: &str) -> Value {
    serde_json::from_str(output).expect("a JSON report")
}

/// Trains and quantizes in `folder/run`; returns the run folder.
fn quantized(folder: &Path, config: &str) -> String {
    let run = text(&folder.join("run")).to_owned();
    succeed(&["train", "--config", config, "--run", &run]);
    let report = succeed(&["quantize", "--config", config, "--run", &run, "--json"]);
    let report = json(&report);
    assert_eq!(report["fake_quant_mismatches"], 0);
    assert_eq!((&report["weight_bits"], &report["activation_bits"]), (&4.into(), &6.into()));
    run
}

#[test]
fn killed_training_resumes_to_the_same_network() {
    let (folder, config) = project();
    let whole = folder.path().join("whole/run");
    succeed(&["train", "--config", &config, "--run", text(&whole)]);

    let broken = folder.path().join("broken/run");
    let mut child = qunet(&["train", "--config", &config, "--run", text(&broken)])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let checkpoints = broken.join("checkpoints");
    let started = Instant::now();
    let reached = || std::fs::read_dir(&checkpoints).is_ok_and(|mut files| files.next().is_some());
    while !reached() && started.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(reached(), "a checkpoint was written before the kill");
    succeed(&["train", "--config", &config, "--run", text(&broken), "--resume"]);

    // the file of float weights carries random parameter numbers, so what follows from it is compared
    for run in [&whole, &broken] {
        succeed(&["quantize", "--config", &config, "--run", text(run)]);
    }
    for name in ["model.qunet", "metrics-float.jsonl", "metrics-quantize.jsonl"] {
        let read = |run: &Path| std::fs::read(run.join(name)).unwrap();
        assert!(read(&whole) == read(&broken), "{name} differs after the resume");
    }
}

#[test]
fn the_whole_job() {
    let (folder, config) = project();
    let run = quantized(folder.path(), &config);
    let model = format!("{run}/model.qunet");

    let overlays = folder.path().join("overlays");
    let simulate = ["simulate", &model, "--config", &config, "--json", "--overlays"];
    let report = json(&succeed(&[&simulate[..], &[text(&overlays)]].concat()));
    for key in ["float_dice", "quantized_dice", "dice_drop", "memory_ratio"] {
        assert!(report[key].is_f64(), "simulate reports {key}");
    }
    let file_bytes = std::fs::metadata(&model).unwrap().len();
    assert_eq!(report["quantized_bytes"], file_bytes, "every byte of the file is counted");
    assert!(std::fs::read_dir(&overlays).unwrap().count() > 0, "pictures are written");

    report_shows(&run, &config, report["quantized_dice"].as_f64().expect("a number"));

    let report = json(&succeed(&["inspect", &model, "--json"]));
    assert_eq!(report["file_bytes"], file_bytes);
    assert!(report["arena_bytes"].as_u64() >= report["arena_lower_bound_bytes"].as_u64());

    let build = text(&folder.path().join("build")).to_owned();
    succeed(&["generate", &model, "--config", &config, "--out", &build]);
    let report = json(&succeed(&["cosim", &build, "--samples", "2", "--json"]));
    assert_eq!((&report["mismatches"], &report["images"]), (&0.into(), &2.into()));
    assert_eq!(report["cycles"], report["model_cycles"]);

    if common::root().join(".venv").exists() {
        let export = ["export", &model, "--format", "onnx-integer", "--check", "--json"];
        let report = json(&succeed(&export));
        assert_eq!(
            (&report["check"]["n_different"], &report["check"]["images"]),
            (&0.into(), &4.into())
        );
        assert!(Path::new(&run).join("model.onnx").exists());
    } else {
        assert!(std::env::var_os("CI").is_none(), ".venv is absent; scripts/setup.sh makes it");
        println!("skipped: qunet export --check (.venv is absent)");
    }

    let firmware = ["firmware", &model, "--run", "--samples", "2", "--json"];
    let report = json(&succeed(&firmware));
    assert_eq!(report["mismatches"], 0);
    assert!(report["values_compared"].as_u64() > Some(10_000));
}

/// A small model, and the arenas of its plans from the quickest to the smallest.
fn planned_model(folder: &Path) -> (String, Vec<usize>, usize) {
    let path = folder.join("model.qunet");
    let file = common::write_model(&path);
    let network = Network::from_bytes(&file).unwrap();
    let kinds = [
        (Packing::Bytes, Scratch::Most),
        (Packing::Bytes, Scratch::Compact),
        (Packing::All, Scratch::Compact),
        (Packing::All, Scratch::Least),
    ];
    let arenas = kinds.map(|(packing, scratch)| plan_with(&network, packing, scratch).arena_bytes);
    assert!(arenas.is_sorted_by(|a, b| a >= b) && arenas[0] > arenas[3], "{arenas:?}");
    (text(&path).to_owned(), arenas.to_vec(), file.len())
}

/// Each amount of RAM gets the quickest plan that fits it.
#[test]
fn firmware_takes_the_quickest_plan_that_fits() {
    if !has_firmware_tools() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let (model, arenas, _) = planned_model(folder.path());
    let firmware = |most: usize, more: &[&str]| {
        let most = most.to_string();
        let arguments = [&["firmware", &model, "--json", "--max-ram", &most], more].concat();
        json(&succeed(&arguments))
    };

    for expected in &arenas[..2] {
        let report = firmware(*expected, &["--max-flash", "1MiB"]);
        assert_eq!(report["arena_bytes"], *expected);
        assert_eq!(report["packed_tensors"], 0);
    }
    // between the plans some tensors are packed, and the board computes the same
    let most = (arenas[1] + arenas[2]) / 2;
    let saved = text(&folder.path().join("saved.qunet")).to_owned();
    let report = firmware(most, &["--run", "--samples", "1", "--save", &saved]);
    assert_eq!(report["mismatches"], 0);
    assert!(report["packed_tensors"].as_u64() > Some(0), "{report}");
    let found = report["arena_bytes"].as_u64().unwrap() as usize;
    assert!((arenas[2]..=most).contains(&found), "{found} of {most}");
    // the saved model keeps its plan
    assert_eq!(json(&succeed(&["inspect", &saved, "--json"]))["arena_bytes"], found);
    assert_eq!(json(&succeed(&["firmware", &saved, "--json"]))["arena_bytes"], found);
}

/// One byte too few is refused with how many and where; nothing needs to be built for that.
#[test]
fn firmware_says_by_how_much_a_model_does_not_fit() {
    let folder = TempDir::new().unwrap();
    let (model, arenas, file_bytes) = planned_model(folder.path());
    let network = Network::from_bytes(&std::fs::read(&model).unwrap()).unwrap();
    let smallest = plan_with(&network, Packing::All, Scratch::Least);
    let layer = network.layers[smallest.peak_layer].name();
    let refused = |key: &str, most: usize, fragments: &[&str]| {
        common::fail(&["firmware", &model, key, &most.to_string()], fragments);
    };
    let at = format!("the most is alive at layer {layer}");
    refused("--max-ram", arenas[3] - 1, &["RAM", ", 1 B more than", &at]);
    refused("--max-ram", arenas[3] - 1000, &[", 1000 B more than", &at]);
    refused("--max-ram", 0, &["RAM", &at]);
    // base 4, depth 2: 16 to 16 channels at the bottom, 2304 weights of 4 bits
    let at = "the most weights are of layer l7.conv";
    let code = 40 << 10;
    refused("--max-flash", file_bytes + code - 1, &["flash", "by 1 B;", at]);
    refused("--max-flash", file_bytes, &["flash", "by 40.0 KiB;", at]);
    for wrong in ["64kB", "", "KiB", "-1", "99999999999999MiB"] {
        let output = common::qunet(&["firmware", &model, "--max-ram", wrong]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}

/// The target's tools are there; if not, says what is skipped, and fails where nothing may be.
fn has_firmware_tools() -> bool {
    let found = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    if found("qemu-system-arm") && found("arm-none-eabi-ld") {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "QEMU is absent; scripts/setup.sh installs it");
    println!("skipped: qunet firmware (QEMU or the linker is absent)");
    false
}

/// The page of the run tells the Dice that `simulate` found, and without data that of validation.
fn report_shows(run: &str, config: &str, dice: f64) {
    let page = Path::new(run).join("report.html");
    let table = succeed(&["report", run]);
    assert!(table.contains("W4/A6"), "{table}");
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.contains("(validation images)") && text.contains("sample inputs of the run"));

    let table = succeed(&["report", run, "--config", config, "--images", "2"]);
    assert!(table.contains(&format!("{dice:.4}")), "{dice} in:\n{table}");
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.contains(&format!("Dice {:.2} (test images)", 100.0 * dice)), "{dice}");
    assert_eq!(text.matches("class=\"panel\"").count(), 2 * 4);
    assert_eq!(text.matches("class=\"curves\"").count(), 2, "float training and fine-tuning");
}

#[test]
fn segment_keeps_shape_and_geometry() {
    let (folder, config) = project();
    let run = quantized(folder.path(), &config);
    let model = format!("{run}/model.qunet");

    // a picture whose sides no pooling divides, larger than the network
    let picture = folder.path().join("scan.png");
    write_png(&picture, [45, 71], |x, y| ((x * 31 + y * 17) % 200) as u8);
    let mask = folder.path().join("mask.png");
    succeed(&["segment", &model, text(&picture), "-o", text(&mask)]);
    let mask = image::open(&mask).unwrap().to_luma8();
    assert_eq!(mask.dimensions(), (71, 45));

    let shape = [37, 41, 3];
    let values: Vec<f32> = (0..37 * 41 * 3).map(|i| (i * 7 % 101) as f32).collect();
    let scan = folder.path().join("scan.nii.gz");
    std::fs::write(&scan, nifti_gz(shape, &values)).unwrap();
    let mask = folder.path().join("mask.nii.gz");
    succeed(&["segment", &model, text(&scan), "-o", text(&mask)]);
    let header = |path: &Path| {
        let mut decoder = flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap());
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut decoder, &mut bytes).unwrap();
        (bytes[40..56].to_vec(), bytes[252..328].to_vec(), bytes.len())
    };
    let ((dims, affine, _), (mask_dims, mask_affine, n_bytes)) = (header(&scan), header(&mask));
    assert_eq!((dims, affine), (mask_dims, mask_affine), "dimensions, form codes and affine");
    assert_eq!(n_bytes, 352 + 37 * 41 * 3);
}

#[test]
fn help_shows_an_example() {
    let subcommands = [
        "train", "quantize", "sweep", "search", "simulate", "generate", "cosim", "firmware",
        "export", "segment", "inspect", "report",
    ];
    let all = succeed(&["--help"]);
    for subcommand in subcommands {
        assert!(all.contains(subcommand), "qunet --help names {subcommand}");
        let help = succeed(&[subcommand, "--help"]);
        assert!(help.contains("Example") && help.contains("Usage"), "qunet {subcommand} --help");
    }
}
