//! A generated folder used without anything of ours: `make`, lint, files of other tools.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use hdl_gen::{HardwareConfig, HostBus, MemoryPlace, generate};
use network::registers::REGISTERS;
use qunet_tests::cases;

type Kind = (HostBus, MemoryPlace);

const KINDS: [Kind; 4] = [
    (HostBus::Wishbone, MemoryPlace::OnChip),
    (HostBus::Axi4Lite, MemoryPlace::OnChip),
    (HostBus::Wishbone, MemoryPlace::External),
    (HostBus::Axi4Lite, MemoryPlace::External),
];

fn has(test: &str, tool: &str) -> bool {
    let installed = Command::new(tool).arg("-V").output().is_ok();
    if !installed {
        eprintln!("skipped: IP folder: {test}: {tool} is not installed");
    }
    installed
}

/// A small build on a bus; buffers hold a part of it.
fn build((host_bus, memory): Kind, folder: &Path) {
    let buffers = (memory == MemoryPlace::External).then_some(1);
    let config = HardwareConfig {
        tp: 2,
        host_bus,
        memory,
        feature_memory_kib: buffers,
        weight_memory_kib: buffers,
        ..Default::default()
    };
    generate(&cases::small_unets()[0].network, &config, folder).expect("generates");
}

fn make(folder: &Path, target: &str) -> Output {
    Command::new("make").current_dir(folder).arg(target).output().expect("make runs")
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|part| String::from_utf8_lossy(part)).concat()
}

/// Flips a bit of lane 0 of the first weight word, which is never padding.
fn flip_weight_bit(memory: MemoryPlace, folder: &Path) {
    let name = match memory {
        MemoryPlace::OnChip => "weights.hex",
        MemoryPlace::External => "external.hex",
    };
    let path = folder.join(name);
    let words = fs::read_to_string(&path).expect("weights");
    let mut lines: Vec<String> = words.lines().map(Into::into).collect();
    let first = lines.iter_mut().find(|line| !line.starts_with('@')).expect("a word");
    let digit = u32::from_str_radix(&first.split_off(first.len() - 1), 16).expect("a digit");
    first.push_str(&format!("{:x}", digit ^ 4));
    fs::write(&path, lines.join("\n") + "\n").expect("writes");
}

/// `make TARGET` succeeds, and fails once a weight bit is flipped.
fn passes_then_fails(target: &str, kind: Kind) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().join("build");
    build(kind, &folder);
    let good = make(&folder, target);
    assert!(good.status.success(), "{target}, {kind:?}:\n{}", text(&good));
    assert!(text(&good).contains("mismatches 0"), "{}", text(&good));
    flip_weight_bit(kind.1, &folder);
    let bad = make(&folder, target);
    assert!(!bad.status.success(), "{target}, {kind:?}:\n{}", text(&bad));
    assert!(text(&bad).lines().any(|line| line == "FAIL"), "{}", text(&bad));
}

#[test]
fn make_with_icarus() {
    if has("icarus", "iverilog") {
        KINDS.into_iter().for_each(|kind| passes_then_fails("icarus", kind));
    }
}

#[test]
fn make_with_verilator() {
    if has("verilator", "verilator") {
        passes_then_fails("verilator", KINDS[1]);
        passes_then_fails("verilator", KINDS[2]);
    }
}

#[test]
fn plain_make_takes_the_simulator_that_is_there() {
    if !has("plain make", "iverilog") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let build_folder = folder.path().join("build");
    build(KINDS[0], &build_folder);
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
    for kind in KINDS {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path().join("build");
        build(kind, &folder);
        let output = make(&folder, "lint");
        assert!(output.status.success(), "{kind:?}:\n{}", text(&output));
        assert!(!text(&output).contains("%Warning"), "{kind:?}:\n{}", text(&output));
    }
}

#[test]
fn core_names_exactly_the_files_that_are_there() {
    for kind in KINDS {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path().join("build");
        build(kind, &folder);
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
        assert_eq!(named, there, "{kind:?}");
    }
}

/// What the README names is there, and an external build says where its tensors lie.
#[test]
fn readme_and_header_describe_the_build() {
    for kind in KINDS {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path().join("build");
        build(kind, &folder);
        let [readme, header] = ["README.md", "qunet_model.h"]
            .map(|name| fs::read_to_string(folder.join(name)).expect("reads"));
        let rows = readme.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        let names = rows.flat_map(|files| files.split(", "));
        for name in names.filter(|name| name.contains('.') && !name.contains('*')) {
            assert!(folder.join(name).is_file(), "{kind:?}: {name}");
        }
        let value = |name: &str| -> Option<usize> {
            let start = format!("#define QUNET_MODEL_{name} ");
            let value = header.lines().find_map(|line| line.strip_prefix(start.as_str()))?;
            value.trim_end_matches('u').parse().ok()
        };
        let is_external = kind.1 == MemoryPlace::External;
        assert_eq!(value("INPUT_WINDOW_BASE").is_some(), !is_external, "{header}");
        assert_eq!(readme.contains("EXTERNAL_BASE"), is_external, "{readme}");
        if !is_external {
            continue;
        }
        let manifest = sim::verilated::Manifest::read(&folder).expect("a manifest");
        let layout = manifest.engine.layout();
        assert_eq!(value("WORD_UNITS"), Some(layout.word_units()));
        let region = &manifest.memories.external.as_ref().expect("external").region;
        assert_eq!(value("EXTERNAL_BYTES"), Some(region.depth * 16));
        let tensors = manifest.external.as_ref().expect("a program").tensors.iter();
        for (name, tensor) in [("INPUT", manifest.input), ("OUTPUT", manifest.output)] {
            let place = tensors.clone().find(|place| place.tensor == tensor).expect("outside");
            let [part] = place.parts[..] else { panic!("{:?}", place.parts) };
            assert_eq!(value(&format!("{name}_EXTERNAL_ADDRESS")), Some(part.address));
            assert_eq!(value(&format!("{name}_EXTERNAL_ROW_BYTES")), Some(part.row_bytes));
            let end = part.address + manifest.tensors[tensor].height * part.row_bytes;
            assert!(part.row_bytes > 0 && end <= region.depth * 16, "{part:?}");
        }
    }
}

#[test]
fn registers_are_described_for_other_tools() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().join("build");
    build(KINDS[0], &folder);
    let [svd, header] =
        ["qunet.svd", "qunet_regs.h"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
    for register in REGISTERS {
        let name = register.name.to_uppercase();
        assert!(svd.contains(&format!("<name>{name}</name>")), "{name}");
        assert!(header.contains(&format!("#define QUNET_{name} ")), "{name}");
    }
}
