//! Model, sample and memory become constants and linker scripts.

use board_build::{Failure, Limits};

fn main() {
    board_build::main(body);
}

fn body() -> Result<(), Failure> {
    println!("cargo::rerun-if-changed=memory.x");
    println!("cargo::rerun-if-changed=memory-microbit.x");
    // what QEMU has of this kind is a micro:bit, with less of both
    let emulated = std::env::var_os("CARGO_FEATURE_QEMU").is_some();
    let (limits, memory) = match emulated {
        false => (Limits { flash: 1920 << 10, ram: 248 << 10 }, include_str!("memory.x")),
        true => (Limits { flash: 192 << 10, ram: 12 << 10 }, include_str!("memory-microbit.x")),
    };
    board_build::write_data(limits, true)?;
    board_build::linker_script("memory.x", memory)?;
    board_build::linker_argument("-Tlink.x");
    // no headers of the file among what is loaded
    board_build::linker_argument("--nmagic");
    board_build::linker_argument("--gc-sections");
    Ok(())
}
