//! The Verilog is clean under Verilator, Icarus and Yosys, and keeps the house rules.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Lanes, config};
use hdl_gen::emit::{Depths, ExternalDepths, sources};
use hdl_gen::generate_loadable;
use hdl_gen::{CellChoice, HardwareConfig, HostBus, MemoryPlace, soc};

const SHAPES: [Lanes; 6] =
    [[2, 4, 4, 4], [1, 1, 1, 1], [8, 2, 1, 8], [1, 4, 2, 2], [4, 8, 8, 4], [2, 4, 16, 1]];

/// Configurations that reach every generate branch.
fn configurations() -> Vec<HardwareConfig> {
    let mut all: Vec<HardwareConfig> = SHAPES.map(config).into();
    all.push(HardwareConfig { lane_bits: Some(6), scaled: Some(false), ..config([2, 4, 4, 4]) });
    all.push(HardwareConfig { host_bus: HostBus::Axi4Lite, ..config([2, 4, 4, 4]) });
    all.push(HardwareConfig { compact: true, scaled: Some(false), ..config([4, 4, 1, 1]) });
    for mac_cell in [CellChoice::Lut, CellChoice::Packed] {
        all.push(HardwareConfig { lane_bits: Some(6), mac_cell, ..config([2, 4, 4, 4]) });
    }
    all.push(HardwareConfig {
        lane_bits: Some(1),
        requantize_lanes: Some(2),
        ..config([2, 1, 2, 1])
    });
    // feature and weight words of more, and of less than a beat
    for lanes in [[2, 4, 4, 4], [1, 1, 1, 1], [4, 8, 8, 4]] {
        let host_bus = HostBus::Axi4Lite;
        all.push(HardwareConfig { memory: MemoryPlace::External, host_bus, ..config(lanes) });
    }
    all
}

/// Runs a tool in a build folder of each configuration; what it says must be empty.
fn is_silent(tool: &str, arguments: impl Fn(&[String]) -> Vec<String>) {
    if Command::new(tool).arg("-V").output().is_err() {
        eprintln!("skipped: lint: {tool} is not installed");
        return;
    }
    for config in configurations() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let build = folder.path().join("build");
        let external =
            ExternalDepths { commands: 100, transfers: 200, channels: 80, beats: 1 << 12 };
        let depths = Depths {
            features: 1000,
            weights: 500,
            params: 64,
            descriptors: 64,
            pool: if config.compact { 0 } else { 100 },
            external: (config.memory == MemoryPlace::External).then_some(external),
        };
        let manifest = generate_loadable(&config, depths, &build).expect("generates");
        let output = Command::new(tool)
            .current_dir(&build)
            .args(arguments(&manifest.verilog))
            .output()
            .expect("runs");
        let text = [output.stdout, output.stderr].concat();
        // newer Verilators report statistics, on lines that begin with a dash
        let text: Vec<String> = String::from_utf8_lossy(&text)
            .lines()
            .filter(|l| !l.starts_with("- "))
            .map(Into::into)
            .collect();
        let text = text.join("\n");
        assert!(output.status.success() && text.trim().is_empty(), "{tool}, {config:?}:\n{text}");
    }
}

fn words(text: &str, files: &[String]) -> Vec<String> {
    text.split(' ').map(Into::into).chain(files.iter().cloned()).collect()
}

#[test]
fn verilator_is_silent() {
    is_silent("verilator", |files| words("--lint-only -Wall --top-module qunet_top", files));
}

#[test]
fn icarus_is_silent() {
    is_silent("iverilog", |files| words("-g2005 -Wall -t null", files));
}

#[test]
fn yosys_finds_no_latch_and_no_problem() {
    is_silent("yosys", |files| {
        let script = format!(
            "read_verilog {}; hierarchy -check -top qunet_top; proc; \
             select -assert-none t:$dlatch t:$adlatch t:$dlatchsr; flatten; opt -fast; check -assert",
            files.join(" ")
        );
        vec!["-q".into(), "-p".into(), script]
    });
}

/// Text of a Verilog file without comments.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

#[test]
fn house_rules() {
    for (name, text) in sources::RTL.iter().chain(soc::sources::RTL) {
        let module = name.trim_end_matches(".v");
        assert!(text.starts_with("`default_nettype none\n// "), "{name}: first lines");
        assert!(text.ends_with("endmodule\n`default_nettype wire\n"), "{name}: last lines");
        assert!(text.contains(&format!("module {module} ")), "{name}: module of the same name");
        assert!(text.contains("// Contract: "), "{name}: no contract");
        assert!(text.contains("Latency: "), "{name}: no latency");
        assert_eq!(text.matches("\nmodule ").count(), 1, "{name}: one module a file");
        for (number, line) in text.lines().enumerate() {
            assert!(line.len() <= 100, "{name}:{}: longer than 100 columns", number + 1);
        }
        let code = without_comments(text);
        for word in ["casex", "`define", "$display", "1'bx", "negedge"] {
            assert!(!code.contains(word), "{name}: {word}");
        }
        let has_memory = code.contains("] mem [");
        assert_eq!(has_memory, name.starts_with("ram_"), "{name}: memories belong in ram_*.v");
    }
}

#[test]
fn every_file_of_rtl_is_carried() {
    for (folder, carried) in [("rtl", sources::RTL), ("rtl/soc", soc::sources::RTL)] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut found: Vec<String> = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("entry").file_name().into_string().expect("a name"))
            .filter(|name| name.ends_with(".v"))
            .collect();
        found.sort();
        let carried: Vec<&str> = carried.iter().map(|(name, _)| *name).collect();
        assert_eq!(found, carried);
    }
}
