//! Model, sample and memory become constants and a linker script.

use board_build::{Failure, Limits};

fn main() {
    board_build::main(body);
}

fn body() -> Result<(), Failure> {
    for script in ["esp32-c3.x", "virt.x", "../common/riscv.x"] {
        println!("cargo::rerun-if-changed={script}");
    }
    // of 4 MiB and 320 KiB; QEMU's virt gets as much
    board_build::write_data(Limits { flash: 3 << 20, ram: 288 << 10 }, true)?;
    let text = match std::env::var_os("CARGO_FEATURE_QEMU").is_some() {
        false => include_str!("esp32-c3.x").to_string(),
        true => format!("{}{}", include_str!("virt.x"), include_str!("../common/riscv.x")),
    };
    board_build::linker_script("board.x", &text)?;
    board_build::linker_argument("-Tboard.x");
    // no headers of the file among what is loaded
    board_build::linker_argument("--nmagic");
    board_build::linker_argument("--gc-sections");
    Ok(())
}
