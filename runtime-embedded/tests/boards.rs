//! The firmware of every board is built; what QEMU can run is run, and its output equals the
//! reference.
//!
//! Without the tools (scripts/boards.sh BOARD --setup installs them) the test prints that it
//! skips; with CI set it fails instead.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use common::small_unet;
use network::Network;

/// The boards, and whether QEMU has a machine for them.
const BOARDS: [(&str, bool); 4] =
    [("nucleo-f446re", true), ("rp2040", true), ("esp32-c3", true), ("capi", true)];

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/boards.sh")
}

/// The tools are here; if not, says what is skipped, unless nothing may be.
fn has_tools(test: &str) -> bool {
    let found = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    let emulators = ["qemu-system-arm", "qemu-system-riscv32", "arm-none-eabi-gcc"];
    let are_there = emulators.into_iter().all(found)
        && Path::new("/usr/lib/rustlib/src/rust/library/core").exists()
        && found("/usr/bin/rustc");
    if are_there || env::var_os("CI").is_some() {
        return true;
    }
    println!("skipped {test}: run scripts/setup.sh");
    false
}

/// Model, sample and output, and the bytes of the arena.
fn write_data(folder: &Path, (network, input): &(Network, Vec<u8>)) -> usize {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    let output = network.run_reference(input).unwrap().swap_remove(network.output.index());
    fs::write(folder.join("model.qunet"), network.to_bytes().unwrap()).unwrap();
    fs::write(folder.join("input_0.bin"), input).unwrap();
    fs::write(folder.join("output_0.bin"), output).unwrap();
    network::plan::plan(network).arena_bytes
}

fn run(arguments: &[&str], folder: &Path, arena_bytes: usize) -> (Output, String) {
    let mut command = Command::new(script());
    command.args(arguments).env("QUNET_FIRMWARE_DATA", folder);
    command.env("QUNET_CAPI_ARENA_BYTES", arena_bytes.to_string());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{arguments:?}\n{}{text}", String::from_utf8_lossy(&output.stderr));
    (output, text)
}

#[test]
fn boards_are_built_and_equal_the_reference() {
    if !has_tools("boards_are_built_and_equal_the_reference") {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("board-data");
    // small enough for a micro:bit
    let arena_bytes = write_data(&folder, &small_unet(16, 2));
    for (board, runs) in BOARDS {
        let (output, text) = run(&[board], &folder, arena_bytes);
        assert!(output.status.success(), "{board}");
        let clean = "\"panic_symbols\": 0, \"float_symbols\": 0";
        assert!(text.contains(clean), "{board}: {text}");
        if runs {
            let (output, text) = run(&[board, "--run"], &folder, arena_bytes);
            assert!(output.status.success(), "{board}");
            assert!(text.contains("equal to the simulator"), "{board}: {text}");
        }
    }
    // a wrong value is found where it is
    let path = folder.join("output_0.bin");
    let mut bytes = fs::read(&path).unwrap();
    bytes[5] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (output, text) = run(&["nucleo-f446re", "--run"], &folder, arena_bytes);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("error: value 5: expected "), "{text}");
    let (output, text) = run(&["capi", "--run"], &folder, arena_bytes);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("error: a value differs"), "{text}");
}

#[test]
fn counts_and_errors_are_defmt_frames() {
    if !has_tools("counts_and_errors_are_defmt_frames") {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("board-logs");
    let (mut network, mut input) = small_unet(16, 2);
    network.tensors[network.input.index()].spec.bits = 6;
    input.iter_mut().for_each(|value| *value = (*value as i8 >> 2) as u8);
    write_data(&folder, &(network, input.clone()));
    let arguments = ["nucleo-f446re", "--run", "--defmt"];
    let (output, text) = run(&arguments, &folder, 0);
    assert!(output.status.success());
    let layers = text.lines().filter(|line| line.contains("layer ")).count();
    assert!(layers > 5 && text.contains("equal to the simulator: true"), "{text}");
    // an error says where, what was expected and what was found
    input[3] = 100;
    fs::write(folder.join("input_0.bin"), input).unwrap();
    let (output, text) = run(&arguments, &folder, 0);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("run: Input(InputValue { index: 3, bits: 6 })"), "{text}");
}

#[test]
fn bad_usage_is_refused() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (output, _) = run(&["no-such-board"], folder, 0);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("found 'no-such-board'"), "{message}");
    let (output, _) = run(&["picorv32-soc", "--run"], folder, 0);
    assert_eq!(output.status.code(), Some(2));
}
