//! The demo as `make demo` runs it, with its floors; and generated files that are up to date.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace")
}

#[test]
fn demo_reaches_its_floors() {
    let out = root().join("target/demo-test");
    let status = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["demo", "--samples", "2", "--out"])
        .arg(&out)
        .status()
        .expect("xtask runs");
    assert!(status.success(), "demo: {status}");
    let text = std::fs::read_to_string(out.join("report.json")).expect("report.json");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert!(report["float_dice"].as_f64() >= Some(0.90));
    assert!(report["dice_drop"].as_f64().is_some_and(|drop| drop <= 0.02));
    assert_eq!((&report["weight_bits"], &report["activation_bits"]), (&4.into(), &6.into()));
    assert_eq!(report["fake_quant_mismatches"], 0);
    for part in ["cosim", "firmware"] {
        assert_eq!(report[part]["mismatches"], 0, "{part}");
        assert!(report[part]["values_compared"].as_u64() > Some(100_000), "{part}");
    }
    assert!(report["memory_ratio"].as_f64() > Some(6.0));
}

#[test]
fn configuration_document_is_up_to_date() {
    let status = Command::new(env!("CARGO_BIN_EXE_xtask")).arg("check-generated").status();
    assert!(status.expect("xtask runs").success(), "run `cargo xtask bless`");
}
