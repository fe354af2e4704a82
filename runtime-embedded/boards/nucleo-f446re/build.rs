//! Model, sample and memory become constants and linker scripts.

use board_build::{Failure, Limits};

fn main() {
    board_build::main(body);
}

fn body() -> Result<(), Failure> {
    println!("cargo::rerun-if-changed=memory.x");
    // of 512 KiB and 128 KiB; the rest is code and stack
    board_build::write_data(Limits { flash: 448 << 10, ram: 112 << 10 }, true)?;
    board_build::linker_script("memory.x", include_str!("memory.x"))?;
    board_build::linker_argument("-Tlink.x");
    if std::env::var_os("CARGO_FEATURE_DEFMT").is_some() {
        board_build::linker_argument("-Tdefmt.x");
    }
    // no headers of the file among what is loaded
    board_build::linker_argument("--nmagic");
    board_build::linker_argument("--gc-sections");
    Ok(())
}
