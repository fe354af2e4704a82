//! Builds fitted to one network: narrow lanes and accumulators, no multiplier, memory images.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{cache_dir, has_verilator};
use hdl_gen::cell::packed_operand_bits;
use hdl_gen::{CellChoice, HardwareConfig, HdlError, MemoryPlace, generate};
use network::{Mode, Network};
use qunet_tests::inputs;
use qunet_tests::random_network::{RandomConfig, random_network_with};
use qunet_tests::unet::{Unet, unet};
use sim::verilated::{Verilated, VerilatedError, cosim_on};

fn small_unet(mode: Mode, weight_bits: u8) -> Network {
    unet(&Unet { base: 4, depth: 2, size: [12, 20], weight_bits, mode, ..Default::default() })
}

/// Every file of a folder by name.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|e| e.expect("entry").path()).collect();
    files.sort();
    let read =
        |path: PathBuf| (path.file_name().expect("a name").into(), fs::read(&path).expect("reads"));
    files.into_iter().map(read).collect()
}

#[test]
fn fitted_builds_equal_the_reference() {
    if !has_verilator("fitted builds") {
        return;
    }
    let narrow = RandomConfig {
        seed: 77,
        mode: Some(Mode::Fixed),
        weight_bits: Some(1),
        activation_bits: Some(2),
    };
    let cases = [
        ("fixed", small_unet(Mode::Fixed, 4), HardwareConfig::default()),
        (
            "narrow",
            random_network_with(narrow),
            HardwareConfig { tn: 4, digit_bits: 1, ..Default::default() },
        ),
    ];
    for (name, network, config) in cases {
        let build = cache_dir().join(format!("fitted-{name}"));
        let report = generate(&network, &config, &build).expect("generates");
        assert!(!report.manifest.engine.scaled);
        assert!(report.manifest.engine.accumulator_bits < 32, "{:?}", report.manifest.engine);
        let mut design = Verilated::build(&build, &cache_dir()).expect("builds");
        let images =
            [inputs::random(&network, 3), inputs::largest(&network), inputs::smallest(&network)];
        let found = cosim_on(&mut design, &build, &images).expect("runs");
        assert_eq!((found.mismatches, found.images), (0, 3), "{name}: {:?}", found.first_mismatch);
    }
}

#[test]
fn every_cell_equals_the_reference() {
    if !has_verilator("cells") {
        return;
    }
    let eight_bits = RandomConfig {
        seed: 91,
        mode: Some(Mode::Scaled),
        weight_bits: Some(8),
        activation_bits: Some(8),
    };
    let one_bit = RandomConfig { weight_bits: Some(1), activation_bits: Some(3), ..eight_bits };
    let cases = [
        // an input of 8 signed bits, split, beside unsigned tensors; digits: top and lower ones
        ("w4", small_unet(Mode::Scaled, 4), [2, 4, 2, 4], 16),
        ("w8", random_network_with(eight_bits), [4, 2, 2, 2], 15),
        ("w1", random_network_with(one_bit), [4, 2, 2, 1], 0),
    ];
    for (name, network, [tn, tm, tp, digit_bits], packed_bits) in cases {
        for mac_cell in [CellChoice::Plain, CellChoice::Lut, CellChoice::Packed] {
            let config = HardwareConfig { tn, tm, tp, digit_bits, mac_cell, ..Default::default() };
            let build = cache_dir().join(format!("cell-{name}-{mac_cell:?}"));
            if mac_cell == CellChoice::Packed && packed_bits == 0 {
                let error = generate(&network, &config, &build).unwrap_err();
                assert!(error.to_string().starts_with("hardware.mac_cell: expected"), "{error}");
                continue;
            }
            let report = generate(&network, &config, &build).expect("generates");
            let engine = report.manifest.engine;
            assert_eq!(CellChoice::from(engine.mac_cell), mac_cell);
            if mac_cell == CellChoice::Packed {
                let bits = packed_operand_bits(digit_bits, engine.lane_bits, tn);
                assert_eq!(bits, packed_bits, "{name}");
            }
            let mut design = Verilated::build(&build, &cache_dir()).expect("builds");
            let images = [
                inputs::random(&network, 5),
                inputs::largest(&network),
                inputs::smallest(&network),
            ];
            let found = cosim_on(&mut design, &build, &images).expect("runs");
            let caps = design.read(network::registers::CAPS).expect("answers");
            assert_eq!(caps >> 21 & 3, engine.mac_cell.parameter(), "{name}: CAPS");
            let first = found.first_mismatch;
            assert_eq!((found.mismatches, found.images), (0, 3), "{name} {mac_cell:?}: {first:?}");
            assert_eq!(found.cycles, report.cycles.total, "{name} {mac_cell:?}");
        }
    }
}

#[test]
fn a_flipped_weight_bit_is_found_and_named() {
    if !has_verilator("flipped weight bit") {
        return;
    }
    let network = small_unet(Mode::Scaled, 4);
    let build = cache_dir().join("flipped");
    let report = generate(&network, &HardwareConfig::default(), &build).expect("generates");
    let image = [inputs::random(&network, 4)];
    // a bit in the middle of the image belongs to a layer in the middle
    let path = build.join("weights.hex");
    let good = fs::read_to_string(&path).expect("weights");
    let lines: Vec<&str> = good.lines().collect();
    let at = lines.len() / 2;
    let (start, last) = lines[at].split_at(lines[at].len() - 1);
    let flipped = format!("{start}{:x}", u32::from_str_radix(last, 16).expect("a digit") ^ 4);
    let bad: Vec<&str> =
        lines.iter().enumerate().map(|(i, l)| if i == at { &*flipped } else { l }).collect();
    fs::write(&path, bad.join("\n")).expect("writes");
    let mut design = Verilated::build(&build, &cache_dir()).expect("builds");
    let found = cosim_on(&mut design, &build, &image).expect("runs");
    let first = found.first_mismatch.expect("a mismatch");
    let names: Vec<&str> = report.manifest.operations.iter().map(|op| op.name.as_str()).collect();
    let position = names.iter().position(|name| *name == first.layer).expect("a layer's name");
    assert!(position > 0 && position < names.len() - 1, "{first}");
    assert_ne!(first.expected, first.found);
    // the same compiled design with the right image
    fs::write(&path, good).expect("writes");
    let mut design = Verilated::build(&build, &cache_dir()).expect("builds");
    assert_eq!(cosim_on(&mut design, &build, &image).expect("runs").mismatches, 0);
}

#[test]
fn output_is_deterministic_and_replaces_only_builds() {
    let network = small_unet(Mode::Scaled, 3);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    for path in [&a, &b, &a] {
        generate(&network, &HardwareConfig::default(), path).expect("generates");
    }
    assert_eq!(contents(&a), contents(&b));
    // nothing of the writing is left beside
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);

    let other = folder.path().join("precious");
    fs::create_dir(&other).expect("a folder");
    fs::write(other.join("thesis.txt"), "text").expect("writes");
    let error = generate(&network, &HardwareConfig::default(), &other).unwrap_err();
    assert!(matches!(error, HdlError::NotABuildFolder { .. }), "{error}");
    assert_eq!(fs::read(other.join("thesis.txt")).expect("reads"), b"text");

    // a network that does not fit leaves the earlier build
    let before = contents(&a);
    let small = HardwareConfig { feature_memory_kib: Some(1), ..Default::default() };
    generate(&network, &small, &a).unwrap_err();
    assert_eq!(contents(&a), before);
}

#[test]
fn manifest_is_read_as_it_was_written() {
    let network = small_unet(Mode::Scaled, 3);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let build = folder.path().join("build");
    let report = generate(&network, &HardwareConfig::default(), &build).expect("generates");
    let read = sim::verilated::Manifest::read(&build).expect("reads");
    let [written, read] =
        [serde_json::to_value(&report.manifest), serde_json::to_value(&read)].map(Result::unwrap);
    assert_eq!(written, read);
}

#[test]
fn damaged_build_folders_are_refused() {
    let network = small_unet(Mode::Scaled, 3);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let build = folder.path().join("build");
    generate(&network, &HardwareConfig::default(), &build).expect("generates");
    let message = |file: &str, text: &str| {
        let path = build.join(file);
        let good = fs::read(&path).expect("reads");
        fs::write(&path, text).expect("writes");
        let error = Verilated::build(&build, &folder.path().join("cache")).err().expect("an error");
        fs::write(&path, good).expect("writes");
        assert!(!matches!(error, VerilatedError::NotInstalled), "checked before Verilator runs");
        error.to_string()
    };
    assert!(message("manifest.json", "{").contains("manifest.json: EOF"));
    let newer = fs::read_to_string(build.join("manifest.json"))
        .unwrap()
        .replace("\"format\": 2", "\"format\": 3");
    assert!(message("manifest.json", &newer).contains("format: expected 2, found 3"));
    let manifest = fs::read_to_string(build.join("manifest.json")).unwrap();
    let no_rows = manifest.replace("\"row_taps\": 1", "\"row_taps\": 0");
    let found = message("manifest.json", &no_rows);
    assert!(found.contains("input_packing: 0 rows"), "{found}");
    let config = HardwareConfig { memory: MemoryPlace::External, ..Default::default() };
    generate(&network, &config, &build).expect("generates");
    let manifest = fs::read_to_string(build.join("manifest.json")).unwrap();
    let outside = manifest.replace("\"row_bytes\": ", "\"row_bytes\": 9");
    let found = message("manifest.json", &outside);
    assert!(found.contains("expected a place of "), "{found}");
    generate(&network, &HardwareConfig::default(), &build).expect("generates");
    let found = message("weights.hex", "zz\n");
    assert!(found.contains("weights.hex: line 1: expected a hexadecimal word"), "{found}");
    let error =
        Verilated::build(&folder.path().join("absent"), folder.path()).err().expect("an error");
    assert!(error.to_string().contains("manifest.json"), "{error}");
}

/// Set in the child process that has no Verilator on its path.
const WITHOUT_TOOLS: &str = "QUNET_TEST_WITHOUT_TOOLS";

#[test]
fn an_absent_verilator_is_named() {
    if std::env::var_os(WITHOUT_TOOLS).is_none() {
        let program = std::env::current_exe().expect("this program");
        let output = std::process::Command::new(program)
            .args(["--exact", "an_absent_verilator_is_named"])
            .env(WITHOUT_TOOLS, "1")
            .env("PATH", "")
            .output()
            .expect("runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let build = folder.path().join("build");
    let network = small_unet(Mode::Scaled, 3);
    generate(&network, &HardwareConfig::default(), &build).expect("generates");
    let error = sim::verilated::cosim(&build, &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "verilator: expected the program on the PATH, found none (apt install verilator)"
    );
}
