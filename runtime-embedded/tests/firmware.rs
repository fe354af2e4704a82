//! The firmware in QEMU: every value of every layer equals the reference, and a wrong golden
//! value is found where it is.
//!
//! Without the tools (scripts/firmware.sh --setup installs them) the test prints that it skips;
//! with CI set it fails instead.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use common::{random_network, small_unet};
use network::Network;
use network::plan::{Packing, Scratch, plan_with};

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/firmware.sh")
}

fn tools_are_there() -> bool {
    let found = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    let rust_source = Path::new("/usr/lib/rustlib/src/rust/library/core").exists();
    found("qemu-system-arm") && (rust_source && found("/usr/bin/rustc") || rustup_target())
}

fn rustup_target() -> bool {
    let arguments = ["--print", "target-libdir", "--target", "thumbv7em-none-eabihf"];
    let output = Command::new("rustc").args(arguments).output();
    output.is_ok_and(|o| Path::new(String::from_utf8_lossy(&o.stdout).trim()).is_dir())
}

/// Writes model, inputs and golden files.
fn write_data(folder: &Path, network: &Network, inputs: &[Vec<u8>]) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("model.qunet"), network.to_bytes().unwrap()).unwrap();
    for (n, input) in inputs.iter().enumerate() {
        let values = network.run_reference(input).unwrap();
        let outputs = network.layers.iter().map(|layer| &values[layer.output().index()]);
        let golden: Vec<u8> = outputs.flatten().copied().collect();
        fs::write(folder.join(format!("input_{n}.bin")), input).unwrap();
        fs::write(folder.join(format!("golden_{n}.bin")), golden).unwrap();
    }
}

fn run(folder: &Path) -> (Output, String) {
    let output = Command::new(script()).env("QUNET_FIRMWARE_DATA", folder).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text.lines().last().unwrap_or_default().to_string();
    println!("{}{text}", String::from_utf8_lossy(&output.stderr));
    (output, last)
}

/// The number after `"key": `.
fn number(json: &str, key: &str) -> u64 {
    let start = json.find(&format!("\"{key}\": ")).unwrap_or_else(|| panic!("{key} in {json}"));
    let digits = json[start + key.len() + 4..].chars().take_while(char::is_ascii_digit);
    digits.collect::<String>().parse().unwrap()
}

#[test]
fn firmware_in_qemu_equals_the_reference() {
    if !tools_are_there() && env::var_os("CI").is_none() {
        println!("skipped firmware_in_qemu_equals_the_reference: run scripts/firmware.sh --setup");
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("firmware-data");
    let _ = fs::remove_dir_all(&folder);
    let (network, input) = small_unet(32, 4);
    let reversed: Vec<u8> = input.iter().rev().copied().collect();
    write_data(&folder, &network, &[input, reversed]);
    let n_values: usize = network.layers.iter().map(|l| network.spec(l.output()).len()).sum();

    let (output, json) = run(&folder);
    assert!(output.status.success(), "{json}");
    assert_eq!(number(&json, "values_compared"), 2 * n_values as u64);
    assert_eq!(number(&json, "mismatches"), 0);
    assert_eq!(number(&json, "samples"), 2);
    assert_eq!(number(&json, "arena_bytes"), network::plan::plan(&network).arena_bytes as u64);
    assert_eq!(number(&json, "panic_symbols"), 0);
    assert_eq!(number(&json, "float_symbols"), 0);
    assert!(number(&json, "instructions") > number(&json, "macs"));
    assert!(number(&json, "text_bytes") <= 20 * 1024, "{json}");
    assert!(number(&json, "stack_bytes") <= 3 * 1024, "{json}");

    let golden = folder.join("golden_1.bin");
    let mut bytes = fs::read(&golden).unwrap();
    let first_layer = network.spec(network.layers[0].output()).len();
    bytes[first_layer + 5] ^= 1;
    fs::write(&golden, bytes).unwrap();
    let (output, json) = run(&folder);
    assert_eq!(output.status.code(), Some(1), "{json}");
    assert_eq!(number(&json, "mismatches"), 1);
    assert!(
        json.contains("\"first_mismatch\": {\"sample\": 1, \"layer\": 1, \"offset\": 5,"),
        "{json}"
    );
}

/// The bytes that `bundle.rs` reads: models with inputs and the values of all their layers.
fn bundle_of(cases: &[(Network, Vec<u8>)], packing: Packing) -> Vec<u8> {
    let word = |n: usize| (n as u32).to_le_bytes();
    let mut bundle = word(cases.len()).to_vec();
    for (network, input) in cases {
        let plan = plan_with(network, packing, Scratch::Compact);
        let model = network.to_bytes_with(&plan).unwrap();
        let values = network.run_reference(input).unwrap();
        let outputs = network.layers.iter().map(|layer| &values[layer.output().index()]);
        let golden: Vec<u8> = outputs.flatten().copied().collect();
        bundle.extend([model.len(), 1, input.len(), golden.len()].map(word).concat());
        for part in [&model, input, &golden] {
            bundle.extend(part);
            bundle.resize(bundle.len().next_multiple_of(4), 0);
        }
    }
    bundle
}

const TARGETS: [&str; 3] =
    ["thumbv7em-none-eabihf", "thumbv6m-none-eabi", "riscv32imc-unknown-none-elf"];

/// The assembly of all three cores: random networks, a byte a value and packed.
#[test]
fn random_networks_in_qemu_equal_the_reference() {
    if !tools_are_there() && env::var_os("CI").is_none() {
        println!("skipped random_networks_in_qemu_equal_the_reference: no QEMU or no core library");
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("firmware-bundle");
    fs::create_dir_all(&folder).unwrap();
    let cases: Vec<_> = (0..150).map(random_network).collect();
    for (packing, target) in
        [Packing::Bytes, Packing::All].into_iter().flat_map(|p| TARGETS.map(|t| (p, t)))
    {
        let file = folder.join("bundle.bin");
        fs::write(&file, bundle_of(&cases, packing)).unwrap();
        let mut command = Command::new(script());
        command.args(["--target", target, "--bundle"]).arg(&file);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        println!("{}{text}", String::from_utf8_lossy(&output.stderr));
        let last = text.lines().last().unwrap_or_default();
        assert!(output.status.success(), "{target}: {last}");
        assert_eq!(number(last, "cases"), 150);
        assert_eq!(number(last, "mismatches"), 0);
        assert_eq!(number(last, "panic_symbols"), 0, "{target}");
        assert_eq!(number(last, "float_symbols"), 0, "{target}");
    }
}

/// Wrong data fails with a message that names the file, what was expected and what was found.
#[test]
fn wrong_data_is_refused() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("firmware-nothing");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    if !tools_are_there() && env::var_os("CI").is_none() {
        println!("skipped wrong_data_is_refused: run scripts/firmware.sh --setup");
        return;
    }
    let (output, _) = run(&folder);
    assert_eq!(output.status.code(), Some(1));
    let (network, input) = small_unet(8, 1);
    write_data(&folder, &network, &[]);
    fs::write(folder.join("input_0.bin"), &input[1..]).unwrap();
    let (output, _) = run(&folder);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("input_0.bin: expected 64 bytes, found 63"), "{message}");
}
