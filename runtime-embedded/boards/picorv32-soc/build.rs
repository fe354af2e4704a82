//! Model, accelerator and memory become constants and a linker script.

use board_build::{Failure, Limits};
use network::soc::RAM_BASE;

/// Bytes of memory that code and stack need.
const CODE_AND_STACK: usize = 64 << 10;

fn main() {
    board_build::main(body);
}

fn body() -> Result<(), Failure> {
    println!("cargo::rerun-if-changed=../common/riscv.x");
    let variable = "QUNET_SOC_RAM_BYTES";
    println!("cargo::rerun-if-env-changed={variable}");
    let ram =
        std::env::var(variable).map_err(|_| format!("{variable}: expected bytes of memory"))?;
    let ram: usize = ram.parse().map_err(|e| format!("{variable}={ram}: {e}"))?;
    let most = ram.saturating_sub(CODE_AND_STACK);
    board_build::write_data(Limits { flash: most, ram: most }, false)?;
    let what = "the folder that `qunet generate` wrote for the accelerator";
    let build = board_build::folder("QUNET_SOC_ACCELERATOR", what)?.join("qunet_model.rs");
    let text = std::fs::read_to_string(&build).map_err(|e| format!("{}: {e}", build.display()))?;
    std::fs::write(board_build::out_dir()?.join("qunet_model.rs"), text)?;
    let memory = format!(
        "MEMORY {{ RAM (rwx) : ORIGIN = {RAM_BASE:#x}, LENGTH = {ram} }}\n\
         REGION_ALIAS(\"REGION_TEXT\", RAM);\n\
         REGION_ALIAS(\"REGION_RODATA\", RAM);\n\
         REGION_ALIAS(\"REGION_DATA\", RAM);\n"
    );
    let sections = include_str!("../common/riscv.x");
    board_build::linker_script("soc.x", &(memory + sections))?;
    board_build::linker_argument("-Tsoc.x");
    // no headers of the file among what is loaded
    board_build::linker_argument("--nmagic");
    board_build::linker_argument("--gc-sections");
    Ok(())
}
