//! The netlists that Yosys makes for ECP5 and iCE40 compute the integers of the reference.
//!
//! A build is synthesised with its memory images, written back as Verilog of vendor cells, and
//! run under Icarus by the bench of the build folder, which compares every value of every layer.
//! `cargo test --release -p qunet-hdl-gen --test netlist -- --include-ignored` runs all cases; the
//! first of each family alone runs without the flag.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::Lanes;
use hdl_gen::{HardwareConfig, generate};
use network::{Mode, Network};
use qunet_tests::builder::{Builder, signed, unsigned};

/// A device family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Ecp5,
    Ice40,
}

/// A network, and the array that runs it.
struct Case {
    name: &'static str,
    network: Network,
    lanes: Lanes,
}

fn build(mode: Mode, shape: [usize; 3], make: impl FnOnce(&mut Builder)) -> Network {
    let mut builder = Builder::new(mode, shape, signed(6), 21);
    make(&mut builder);
    builder.finish()
}

/// Pool, upsampling and concat, ending in a threshold; `bits` of the middle layers.
fn tiny_unet(mode: Mode, bits: u8) -> Network {
    build(mode, [1, 4, 6], |b| {
        let skip = b.conv2d(b.input(), [2, 3], 8, unsigned(4));
        let down = b.max_pool2d(skip);
        let deep = b.conv2d(down, [3, 3], bits, unsigned(4));
        let up = b.upsample2d(deep);
        let both = b.concat(skip, up);
        let last = b.conv2d(both, [2, 3], bits, unsigned(4));
        b.threshold(last, 8);
    })
}

/// Small enough that synthesis and Icarus take seconds; every digit width in both modes.
fn cases() -> Vec<Case> {
    let case = |name, network, lanes| Case { name, network, lanes };
    vec![
        case("U-Net, D=4, scaled", tiny_unet(Mode::Scaled, 4), [1, 2, 2, 4]),
        case("U-Net, D=1, no multiplier", tiny_unet(Mode::Fixed, 1), [2, 2, 2, 1]),
        case("U-Net, D=2, scaled", tiny_unet(Mode::Scaled, 4), [2, 1, 2, 2]),
        case("U-Net, D=8, fixed", tiny_unet(Mode::Fixed, 5), [2, 2, 1, 8]),
        case("transposed, D=4", transposed(Mode::Scaled), [2, 2, 2, 4]),
        case("transposed, D=1, fixed", transposed(Mode::Fixed), [1, 2, 4, 1]),
        case("mixed widths and argmax, D=2", mixed(Mode::Scaled), [2, 2, 1, 2]),
        case("mixed widths and argmax, D=1, fixed", mixed(Mode::Fixed), [4, 1, 2, 1]),
        case("wide kernel on one pixel lane, D=8", wide_kernel(), [2, 4, 1, 8]),
        case("one of everything, D=4", tiny_unet(Mode::Scaled, 3), [1, 1, 1, 4]),
    ]
}

fn transposed(mode: Mode) -> Network {
    build(mode, [2, 2, 3], |b| {
        let skip = b.conv2d(b.input(), [3, 1], 4, unsigned(5));
        let up = b.conv_transpose2d(skip, 3, 4, unsigned(5));
        b.conv2d(up, [1, 1], 8, signed(6));
    })
}

fn mixed(mode: Mode) -> Network {
    build(mode, [2, 4, 5], |b| {
        let x = b.conv2d(b.input(), [3, 3], 8, unsigned(6));
        let x = b.conv2d(x, [2, 3], 1, signed(3));
        let x = b.conv2d(x, [3, 1], 3, unsigned(1));
        b.argmax(x, 5, 3);
    })
}

fn wide_kernel() -> Network {
    build(Mode::Scaled, [3, 3, 5], |b| {
        let x = b.conv2d(b.input(), [5, 5], 7, unsigned(8));
        b.conv2d(x, [2, 3], 4, signed(7));
    })
}

impl Family {
    /// Yosys commands from Verilog to cells.
    fn commands(self) -> &'static str {
        match self {
            // its block RAM has no behaviour in Yosys's models: see cells/ecp5_blocks.v
            Family::Ecp5 => "synth_ecp5 -top qunet_top; chtype -set QUNET_DP16KD t:DP16KD",
            Family::Ice40 => "synth_ice40 -dsp -top qunet_top",
        }
    }

    /// Name of the multiplier cell.
    fn multiplier(self) -> &'static str {
        match self {
            Family::Ecp5 => "MULT18X18D",
            Family::Ice40 => "SB_MAC16",
        }
    }

    /// Arguments of Icarus: the behaviour of the cells.
    fn cells(self, models: &Path) -> Vec<PathBuf> {
        match self {
            Family::Ecp5 => vec![
                "-I".into(),
                models.join("ecp5"),
                models.join("ecp5/cells_sim.v"),
                Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cells/ecp5_blocks.v"),
            ],
            // without default values of ports, which are SystemVerilog
            Family::Ice40 => {
                vec!["-DNO_ICE40_DEFAULT_ASSIGNMENTS".into(), models.join("ice40/cells_sim.v")]
            }
        }
    }
}

/// The folder of Yosys's cell models, or none, saying so, if Yosys or Icarus is absent.
fn cell_models(test: &str) -> Option<PathBuf> {
    let missing = ["yosys", "iverilog"]
        .into_iter()
        .find(|tool| Command::new(tool).arg("-V").output().is_err());
    if let Some(tool) = missing {
        eprintln!("skipped: {test}: {tool} is not installed");
        return None;
    }
    // beside the program on the path, as every installation lays it out
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join("../share/yosys"))
        .find(|share| share.join("ice40/cells_sim.v").is_file());
    assert!(found.is_some(), "yosys is installed, its cell models are not");
    found
}

/// Runs a tool in a folder; what it printed on stdout.
fn run(folder: &Path, command: &mut Command) -> String {
    let output = command.current_dir(folder).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{text}{errors}");
    text
}

/// Synthesises a build folder and simulates the netlist; what the bench printed.
fn simulate_netlist(folder: &Path, family: Family, models: &Path) -> String {
    let manifest = sim::verilated::Manifest::read(folder).expect("a manifest");
    let script = format!(
        "read_verilog {}; {}; write_verilog -noattr netlist.v",
        manifest.verilog.join(" "),
        family.commands()
    );
    run(folder, Command::new("yosys").args(["-q", "-p", &script]));
    let mut compile = Command::new("iverilog");
    compile.args(["-g2012", "-o", "netlist.vvp", "qunet_tb.v", "netlist.v"]);
    run(folder, compile.args(family.cells(models)));
    run(folder, Command::new("vvp").arg("netlist.vvp"))
}

fn generate_case(case: &Case, folder: &Path) {
    let [tn, tm, tp, digit_bits] = case.lanes;
    let config = HardwareConfig { tn, tm, tp, digit_bits, ..Default::default() };
    let report = generate(&case.network, &config, folder).expect("generates");
    assert_eq!(report.test_bench_operations, report.operations.len(), "{}", case.name);
}

fn check(case: &Case, family: Family) {
    let Some(models) = cell_models(&format!("netlist: {} on {family:?}", case.name)) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().join("build");
    generate_case(case, &folder);
    let text = simulate_netlist(&folder, family, &models);
    let verdict = text.trim_end();
    assert!(verdict.ends_with("PASS"), "{} on {family:?}:\n{text}", case.name);
    let netlist = fs::read_to_string(folder.join("netlist.v")).expect("a netlist");
    let n_multipliers =
        netlist.lines().filter(|line| line.trim_start().starts_with(family.multiplier())).count();
    let counts = verdict.lines().rev().nth(1).unwrap_or_default();
    println!("{} on {family:?}: {counts}, {n_multipliers} multipliers", case.name);
}

#[test]
fn ecp5_equals_the_reference() {
    check(&cases()[0], Family::Ecp5);
}

#[test]
fn ice40_equals_the_reference() {
    check(&cases()[1], Family::Ice40);
}

#[test]
#[ignore = "minutes of synthesis: `make synthesis`"]
fn every_case_on_ecp5() {
    cases().iter().for_each(|case| check(case, Family::Ecp5));
}

#[test]
#[ignore = "minutes of synthesis: `make synthesis`"]
fn every_case_on_ice40() {
    cases().iter().for_each(|case| check(case, Family::Ice40));
}

#[test]
#[ignore = "two syntheses more: `make synthesis`"]
fn a_flipped_weight_bit_fails() {
    let Some(models) = cell_models("netlist: flipped weight bit") else { return };
    for family in [Family::Ecp5, Family::Ice40] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path().join("build");
        generate_case(&cases()[0], &folder);
        let path = folder.join("weights.hex");
        let text = fs::read_to_string(&path).expect("weights");
        // the last digit of a word is lane 0, which is never padding
        let (first, rest) = text.split_once('\n').expect("lines");
        let (head, last) = first.split_at(first.len() - 1);
        let digit = u32::from_str_radix(last, 16).expect("a digit");
        fs::write(&path, format!("{head}{:x}\n{rest}", digit ^ 4)).expect("writes");
        let printed = simulate_netlist(&folder, family, &models);
        assert!(printed.trim_end().ends_with("FAIL"), "{family:?}: {printed}");
        assert!(printed.contains("mismatch: operation 0"), "{family:?}: {printed}");
    }
}
