//! The emitted self-checking bench under Icarus.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::Lanes;
use hdl_gen::{HardwareConfig, HostBus, generate};
use network::Network;
use qunet_tests::cases;
use qunet_tests::random_network::random_network;

fn has_icarus(test: &str) -> bool {
    let installed = Command::new("iverilog").arg("-V").output().is_ok();
    if !installed {
        eprintln!("skipped: {test}: iverilog is not installed");
    }
    installed
}

/// Generates with everything fitted to the network: lanes, accumulators, depths, requantizer.
fn build(network: &Network, [tn, tm, tp, digit_bits]: Lanes, host_bus: HostBus, folder: &Path) {
    let config = HardwareConfig { tn, tm, tp, digit_bits, host_bus, ..Default::default() };
    generate(network, &config, folder).expect("generates");
}

/// Compiles and runs the bench; what it printed.
fn run_bench(folder: &Path) -> String {
    let manifest = sim::verilated::Manifest::read(folder).expect("a manifest");
    let compiled = Command::new("iverilog")
        .current_dir(folder)
        // only the bench has a time scale
        .args(["-g2005", "-Wall", "-Wno-timescale", "-o", "bench.vvp", "qunet_tb.v"])
        .args(manifest.simulation_files())
        .output()
        .expect("runs");
    let text = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success() && text.is_empty(), "{text}");
    let run = Command::new("vvp").current_dir(folder).arg("bench.vvp").output().expect("runs");
    String::from_utf8_lossy(&run.stdout).into_owned()
}

/// True if Icarus runs it in about a second.
fn is_quick(network: &Network, [tn, tm, tp, digit_bits]: Lanes) -> bool {
    let config = HardwareConfig { tn, tm, tp, digit_bits, ..Default::default() };
    let schedule = hdl_gen::schedule::schedule(network, &config).expect("schedules");
    let cycles = hdl_gen::cycles::cycle_model(network, &schedule).total;
    cycles + 8 * (tp * schedule.features.words * schedule.operations.len()) as u64 <= 25_000
}

fn passes(name: &str, network: &Network, lanes: Lanes) {
    passes_on(HostBus::Wishbone, name, network, lanes);
}

fn passes_on(host_bus: HostBus, name: &str, network: &Network, lanes: Lanes) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().join("build");
    build(network, lanes, host_bus, &folder);
    let text = run_bench(&folder);
    assert!(text.trim_end().ends_with("PASS"), "{name} on {lanes:?}:\n{text}");
    assert!(text.contains("mismatches 0"), "{name} on {lanes:?}:\n{text}");
}

#[test]
fn random_networks_pass() {
    if !has_icarus("icarus: random networks") {
        return;
    }
    let shapes: [Lanes; 6] =
        [[2, 4, 4, 4], [4, 2, 1, 1], [1, 2, 4, 2], [1, 1, 1, 1], [2, 1, 2, 8], [4, 4, 2, 4]];
    let mut n_passed = 0;
    for seed in 5000..5100 {
        let (network, lanes) = (random_network(seed), shapes[n_passed % shapes.len()]);
        if is_quick(&network, lanes) {
            passes(&format!("seed {seed}"), &network, lanes);
            n_passed += 1;
        }
    }
    assert!(n_passed >= 12, "only {n_passed} networks are quick enough");
}

#[test]
fn compositions_pass() {
    if !has_icarus("icarus: compositions") {
        return;
    }
    let lanes = [2, 4, 2, 4];
    for case in cases::compositions().iter().filter(|case| is_quick(&case.network, lanes)) {
        passes(&case.name, &case.network, lanes);
    }
}

#[test]
fn the_whole_accelerator_runs_through_axi() {
    if !has_icarus("icarus: AXI4-Lite") {
        return;
    }
    let lanes = [2, 4, 2, 4];
    let quick = |case: &&cases::Case| is_quick(&case.network, lanes);
    let cases = cases::compositions();
    let mut n_passed = 0;
    for case in cases.iter().filter(quick).take(4) {
        passes_on(HostBus::Axi4Lite, &case.name, &case.network, lanes);
        n_passed += 1;
    }
    assert_eq!(n_passed, 4);
}

#[test]
fn a_flipped_weight_bit_fails() {
    if !has_icarus("icarus: flipped weight bit") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().join("build");
    build(&cases::small_unets()[0].network, [2, 4, 2, 4], HostBus::Wishbone, &folder);
    let path = folder.join("weights.hex");
    let text = fs::read_to_string(&path).expect("weights");
    // the last digit of a word is lane 0, which is never padding
    let (first, rest) = text.split_once('\n').expect("lines");
    let (head, last) = first.split_at(first.len() - 1);
    let digit = u32::from_str_radix(last, 16).expect("a digit");
    fs::write(&path, format!("{head}{:x}\n{rest}", digit ^ 4)).expect("writes");
    let printed = run_bench(&folder);
    assert!(printed.trim_end().ends_with("FAIL"), "{printed}");
    assert!(printed.contains("mismatch: operation 0"), "{printed}");
}
