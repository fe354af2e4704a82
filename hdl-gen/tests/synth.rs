//! Synthesis of a build: what is measured, and how bad input and absent tools are reported.

use std::fs;
use std::path::Path;

use hdl_gen::emit::{Depths, generate_engine};
use hdl_gen::synth::synth;
use hdl_gen::{Engine, HardwareConfig, MacCell, Target};

/// A small engine in `folder`.
fn build(folder: &Path) {
    let engine = Engine {
        tn: 1,
        tm: 2,
        tp: 1,
        digit_bits: 4,
        lane_bits: 4,
        mac_cell: MacCell::Packed,
        requantize_lanes: 1,
        accumulator_bits: 16,
        bias_bits: 32,
        scaled: false,
        compact: false,
    };
    let depths = Depths {
        features: 256,
        weights: 256,
        params: 64,
        descriptors: 64,
        pool: 16,
        external: None,
    };
    generate_engine(engine, depths, &HardwareConfig::default(), folder).expect("generates");
}

#[test]
fn a_manifest_that_is_none_of_ours_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let build_folder = folder.path().join("build");
    build(&build_folder);
    let path = build_folder.join("manifest.json");
    let good = fs::read_to_string(&path).expect("reads");
    let message = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        fs::write(&path, good.replace(from, to)).expect("writes");
        synth(&build_folder, Target::Up5k).unwrap_err().to_string()
    };
    let found = message("\"delay.v\"", "\"delay.v; shell touch oops\"");
    assert!(
        found
            .ends_with("verilog: expected names of Verilog files, found delay.v; shell touch oops"),
        "{found}"
    );
    let found = message("\"tn\": 1", "\"tn\": 0");
    assert!(found.contains("engine: expected powers of two"), "{found}");
    assert!(message("\"tn\": 1", "\"tn\": -1").contains("manifest.json: invalid value"));
    let error = synth(&folder.path().join("absent"), Target::Up5k).unwrap_err().to_string();
    assert!(error.contains("absent: expected a folder written by `qunet generate`"), "{error}");
}

/// Set in the child process that has no tools on its path.
const WITHOUT_TOOLS: &str = "QUNET_TEST_WITHOUT_TOOLS";

#[test]
fn an_absent_yosys_is_named() {
    if std::env::var_os(WITHOUT_TOOLS).is_none() {
        let program = std::env::current_exe().expect("this program");
        let output = std::process::Command::new(program)
            .args(["--exact", "an_absent_yosys_is_named"])
            .env(WITHOUT_TOOLS, "1")
            .env("PATH", "")
            .output()
            .expect("runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let build_folder = folder.path().join("build");
    build(&build_folder);
    let error = synth(&build_folder, Target::Up5k).unwrap_err();
    assert_eq!(
        error.to_string(),
        "yosys: expected the program on the PATH, found none (apt install yosys)"
    );
}

#[test]
#[ignore = "a minute of Yosys and nextpnr-ice40: `make synthesis`"]
fn a_small_engine_is_placed_and_routed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let build_folder = folder.path().join("build");
    build(&build_folder);
    let report = synth(&build_folder, Target::Up5k).expect("synthesizes");
    // two channels share the one multiplier
    assert_eq!((report.area.multipliers, report.estimate.multipliers), (1, 1));
    let cells = report.placed_cells.expect("nextpnr-ice40");
    assert!(cells >= report.area.luts && cells <= 5280, "{report:?}");
    assert!(report.fmax_mhz.expect("nextpnr-ice40") > 10.0, "{report:?}");
}
