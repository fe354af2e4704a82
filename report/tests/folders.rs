//! Folders that are runs, sweeps, unfinished, damaged or something else.

mod common;

use std::path::Path;

use common::{FLOAT_BYTES, write_sweep};
use report::{Pictures, html, read, read_all};
use tempfile::TempDir;

fn sweep() -> (TempDir, std::path::PathBuf) {
    let folder = TempDir::new().expect("folder");
    let sweep = folder.path().join("em-sweep");
    write_sweep(&sweep);
    (folder, sweep)
}

fn message(folder: &Path) -> String {
    read(folder).expect_err("refused").to_string()
}

#[test]
fn a_sweep_is_read_in_the_order_of_bits() {
    let (_folder, sweep) = sweep();
    let report = read(&sweep).expect("a sweep");
    let names: Vec<&str> = report.trials.iter().map(|trial| trial.name.as_str()).collect();
    assert_eq!(names[..2], ["fixed-w8a8-s1", "fixed-w4a6-s1"]);
    assert_eq!(names[5..8], ["scaled-w8a8-s1", "scaled-w4a6-s1", "scaled-w4a6-s2"]);
    assert_eq!((report.title.as_str(), report.dataset.as_str()), ("em-sweep", "phantom"));
    assert_eq!(report.floats.len(), 1);
    let trial = &report.trials[0];
    let dice = trial.dice.as_ref().expect("known");
    assert!((dice.float - 0.81).abs() < 1e-12, "the control, where there is one");
    assert!((dice.drop - (0.81 - dice.quantized)).abs() < 1e-12);
    let bytes = std::fs::metadata(trial.folder.join("model.qunet")).expect("a model").len();
    assert_eq!(trial.ratio(), Some(FLOAT_BYTES as f64 / bytes as f64));
    assert_eq!((trial.curves.len(), trial.curves[0].stage.as_str()), (1, "fine-tuning"));
    assert!(trial.network.is_some());
}

#[test]
fn one_trial_of_a_sweep_is_a_report_of_its_own() {
    let (_folder, sweep) = sweep();
    let report = read(&sweep.join("scaled-w4a6-s1")).expect("a trial");
    assert_eq!(report.trials.len(), 1);
    assert!(report.data.is_some(), "the sweep's settings lie beside it");
    let page = html(&report, &Pictures::default()).expect("a page");
    assert!(page.contains("Saturation is not counted"), "and the page says so");
}

#[test]
fn sweeps_share_a_report_under_names_of_their_own() {
    let (folder, narrow) = sweep();
    let wide = folder.path().join("em-wide");
    write_sweep(&wide);
    let report = read_all(&[narrow.clone(), wide.clone()]).expect("two sweeps");
    assert_eq!((report.title.as_str(), report.trials.len()), ("em-sweep, em-wide", 24));
    assert_eq!(report.trials[12].name, "em-wide/fixed-w8a8-s1");
    let page = html(&report, &Pictures::default()).expect("a page");
    assert!(page.contains("href=\"#trial-em-wide-fixed-w8a8-s1\""), "each point leads to its own");
    assert!(page.contains("<td>W4/A6 em-wide</td>"), "means over seeds keep the sweeps apart");
    let message = read_all(&[narrow.clone(), narrow.clone()]).expect_err("refused").to_string();
    assert!(message.contains("names of their own, found em-sweep/"), "{message}");
    for trial in read(&wide).expect("a sweep").trials {
        let path = trial.folder.join("result.json");
        let text = std::fs::read_to_string(&path).expect("reads");
        std::fs::write(&path, text.replace("\"phantom\"", "\"other\"")).expect("writes");
    }
    let message = read_all(&[narrow, wide]).expect_err("refused").to_string();
    assert!(message.contains("the data set of the first folder"), "{message}");
}

#[test]
fn a_trial_without_integers_or_with_an_unfinished_neighbour_is_reported() {
    let (_folder, sweep) = sweep();
    std::fs::remove_file(sweep.join("scaled-w8a8-s1/model.qunet")).expect("removes");
    std::fs::remove_file(sweep.join("scaled-w1a2-s1/result.json")).expect("removes");
    std::fs::write(sweep.join("scaled-w1a2-s1/float.json"), "{}").expect("writes");
    let report = read(&sweep).expect("a sweep");
    assert_eq!(report.trials.len(), 11);
    assert_eq!(report.notes, ["Not finished and left out: scaled-w1a2-s1."]);
    html(&report, &Pictures::default()).expect("a page");
}

#[test]
fn what_is_wrong_is_named() {
    let (folder, sweep) = sweep();
    let found = message(&folder.path().join("nowhere"));
    assert!(
        found
            .ends_with("nowhere: expected the folder of a run or of a sweep, found no such folder")
    );
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).expect("folder");
    let found = message(&empty);
    assert!(
        found.contains("empty: expected a run (model.qunet, float.json) or a sweep"),
        "{found}"
    );

    let result = sweep.join("scaled-w4a6-s1/result.json");
    let good = std::fs::read_to_string(&result).expect("reads");
    std::fs::write(&result, good.replace("\"mode\"", "\"mood\"")).expect("writes");
    let found = message(&sweep);
    assert!(
        found.contains("result.json: expected the result of a trial, found missing field `mode`"),
        "{found}"
    );
    std::fs::write(&result, &good[..40]).expect("writes");
    assert!(message(&sweep).contains("result.json: expected the result of a trial"));
    std::fs::write(&result, good.replace("scaled-w4a6-s1", "scaled-w4a6-s2")).expect("writes");
    assert!(message(&sweep).contains("found scaled-w4a6-s2 twice"), "{}", message(&sweep));
    std::fs::write(&result, &good).expect("writes");

    let model = sweep.join("scaled-w4a6-s1/model.qunet");
    std::fs::write(&model, b"no model").expect("writes");
    assert!(message(&sweep).contains("model.qunet"), "{}", message(&sweep));
}
