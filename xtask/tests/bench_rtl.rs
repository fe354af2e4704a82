//! bench-rtl writes what it promises; the parts that take seconds run whole.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn is_installed(tool: &str) -> bool {
    let installed = Command::new(tool).arg("--version").output().is_ok();
    if !installed {
        eprintln!("skipped: bench-rtl: {tool} is not installed");
    }
    installed
}

#[test]
fn the_report_has_every_field() {
    if !is_installed("verilator") {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join("bench-rtl.json");
    let status = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["bench-rtl", "--quick", "--parts", "mixed,random", "--random-networks", "4"])
        .args(["--seed", "7", "--json"])
        .arg(&file)
        .status()
        .expect("xtask runs");
    assert!(status.success(), "bench-rtl: {status}");
    let text = std::fs::read_to_string(&file).expect("a report");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    for list in ["networks", "synthesis", "peer"] {
        assert!(report[list].is_array(), "{list}");
    }
    let random = &report["random_networks"];
    assert_eq!((&random["tested"], &random["mismatches"]), (&74.into(), &0.into()));
    assert_eq!(random["seed"], 7_000_000);
    assert_eq!(random["widths"], 70);
    let mixed = &report["mixed_precision"];
    assert_eq!((&mixed["mismatches"], &mixed["cycles"]), (&0.into(), &mixed["model_cycles"]));
    assert_eq!(report["origin"]["seed"], 7);
}
