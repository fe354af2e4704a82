//! A generated folder used without anything of ours: `make`, lint, files of other tools.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use hdl_gen::{HardwareConfig, HostBus, generate};
use network::registers::REGISTERS;
use qunet_tests::cases;

const BUSES: [HostBus; 2] = [HostBus::Wishbone, HostBus::Axi4Lite];

fn has(test: &str, tool: &str) -> bool {
    let installed = Command::new(tool).arg("-V").output().is_ok();
    if !installed {
        eprintln!("skipped: IP folder: {test}: {tool} is not installed");
    }
    installed
}

/// A small build on a bus.
fn build(host_bus: HostBus, folder: &Path) {
    let config = HardwareConfig { tp: 2, host_bus, ..Default::default() };
    generate(&cases::small_unets()[0].network, &config, folder).expect("generates");
}

fn make(folder: &Path, target: &str) -> Output {
    Command::new("make").current_dir(folder).arg(target).output().expect("make runs")
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|part| String::from_utf8_lossy(part)).concat()
}

/// Flips a bit of lane 0 of the first weight word, which is never padding.
fn flip_weight_bit(folder: &Path) {
    let path = folder.join("weights.hex");
    let words = fs::read_to_string(&path).expect("weights");
    let (first, rest) = words.split_once('\n').expect("lines");
    let (head, last) = first.split_at(first.len() - 1);
    let digit = u32::from_str_radix(last, 16).expect("a digit");
    fs::write(&path, format!("{head}{:x}\n{rest}", digit ^ 4)).expect("writes");
}

/// `make TARGET` succeeds, and fails once a weight bit is flipped.
fn passes_then_fails(target: &str, host_bus: HostBus) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().join("build");
    build(host_bus, &folder);
    let good = make(&folder, target);
    assert!(good.status.success(), "{target}, {host_bus:?}:\n{}", text(&good));
    assert!(text(&good).contains("mismatches 0"), "{}", text(&good));
    flip_weight_bit(&folder);
    let bad = make(&folder, target);
    assert!(!bad.status.success(), "{target}, {host_bus:?}:\n{}", text(&bad));
    assert!(text(&bad).lines().any(|line| line == "FAIL"), "{}", text(&bad));
}

#[test]
fn make_with_icarus() {
    if has("icarus", "iverilog") {
        BUSES.into_iter().for_each(|bus| passes_then_fails("icarus", bus));
    }
}

#[test]
fn make_with_verilator() {
    if has("verilator", "verilator") {
        passes_then_fails("verilator", HostBus::Axi4Lite);
    }
}

#[test]
fn plain_make_takes_the_simulator_that_is_there() {
    if !has("plain make", "iverilog") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let build_folder = folder.path().join("build");
    build(HostBus::Wishbone, &build_folder);
    let tools = folder.path().join("tools");
    fs::create_dir(&tools).expect("a folder");
    let link = |name: &str| {
        let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).output();
        let found = String::from_utf8(found.expect("runs").stdout).expect("a path");
        std::os::unix::fs::symlink(found.trim(), tools.join(name)).expect("links");
    };
    ["sh", "make", "mkdir", "cat", "grep"].into_iter().for_each(link);
    let plain_make = || {
        Command::new("make").current_dir(&build_folder).env("PATH", &tools).output().expect("runs")
    };
    let nothing = plain_make();
    assert!(!nothing.status.success());
    assert!(text(&nothing).contains("expected verilator or iverilog"), "{}", text(&nothing));
    ["iverilog", "vvp"].into_iter().for_each(link);
    let icarus = plain_make();
    assert!(icarus.status.success(), "{}", text(&icarus));
    assert!(text(&icarus).lines().any(|line| line == "PASS"), "{}", text(&icarus));
}

#[test]
fn make_lint_is_silent() {
    if !has("lint", "verilator") {
        return;
    }
    for host_bus in BUSES {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path().join("build");
        build(host_bus, &folder);
        let output = make(&folder, "lint");
        assert!(output.status.success(), "{host_bus:?}:\n{}", text(&output));
        assert!(!text(&output).contains("%Warning"), "{host_bus:?}:\n{}", text(&output));
    }
}

#[test]
fn core_names_exactly_the_files_that_are_there() {
    for host_bus in BUSES {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path().join("build");
        build(host_bus, &folder);
        let core = fs::read_to_string(folder.join("qunet_top.core")).expect("a core");
        assert!(core.starts_with("CAPI=2:\nname: ::qunet_top:"), "{core}");
        let mut named: Vec<String> = core
            .lines()
            .filter_map(|line| line.strip_prefix("      - "))
            .map(|entry| entry.split(':').next().unwrap_or_default().to_owned())
            .collect();
        named.sort();
        let endings = [".v", ".vh", ".hex"];
        let mut there: Vec<String> = fs::read_dir(&folder)
            .expect("a folder")
            .map(|entry| entry.expect("entry").file_name().into_string().expect("a name"))
            .filter(|name| endings.iter().any(|ending| name.ends_with(ending)))
            .collect();
        there.sort();
        assert_eq!(named, there, "{host_bus:?}");
    }
}

#[test]
fn registers_are_described_for_other_tools() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().join("build");
    build(HostBus::Wishbone, &folder);
    let [svd, header] =
        ["qunet.svd", "qunet_regs.h"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
    for register in REGISTERS {
        let name = register.name.to_uppercase();
        assert!(svd.contains(&format!("<name>{name}</name>")), "{name}");
        assert!(header.contains(&format!("#define QUNET_{name} ")), "{name}");
    }
}
