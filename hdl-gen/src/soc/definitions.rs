//! The memory map for Verilog, for C and for a linker, from [`network::soc`].

use std::fmt::Write;

use network::soc::{self, ACCELERATOR_BASE, HOST_BASE, RAM_BASE};

const BASES: [(&str, u32); 3] =
    [("RAM_BASE", RAM_BASE), ("HOST_BASE", HOST_BASE), ("ACCELERATOR_BASE", ACCELERATOR_BASE)];

/// The Verilog include file.
pub fn verilog() -> String {
    let mut text = String::from(
        "// Generated from network::soc; do not edit.\n\
         // Each module uses its part of these constants.\n\
         /* verilator lint_off UNUSEDPARAM */\n",
    );
    for (name, value) in BASES {
        let _ = writeln!(text, "localparam [31:0] {name} = 32'h{value:08x};");
    }
    for register in soc::REGISTERS {
        let name = register.name.to_uppercase();
        let _ = writeln!(text, "localparam [7:0] S_{name} = 8'h{:02x};", register.offset);
        for bits in register.bits {
            let bit = bits.name.to_uppercase();
            let _ = writeln!(text, "localparam S_{name}_{bit} = {};", bits.lsb);
        }
    }
    text.push_str("/* verilator lint_on UNUSEDPARAM */\n");
    text
}

/// The C header.
pub fn c_header(ram_bytes: usize) -> String {
    let mut text = String::from(
        "/* Generated from network::soc; do not edit. */\n\
         #ifndef QUNET_SOC_H\n#define QUNET_SOC_H\n\n",
    );
    for (name, value) in BASES {
        let _ = writeln!(text, "#define QUNET_SOC_{name} 0x{value:08x}u");
    }
    let _ = writeln!(text, "#define QUNET_SOC_RAM_SIZE 0x{ram_bytes:08x}u\n");
    text.push_str("/* Byte offsets from QUNET_SOC_HOST_BASE. */\n");
    for register in soc::REGISTERS {
        let name = register.name.to_uppercase();
        let (doc, offset) = (register.doc, register.offset);
        let _ = writeln!(text, "#define QUNET_SOC_{name} 0x{offset:02x}u /* {doc} */");
        for bits in register.bits {
            let bit = bits.name.to_uppercase();
            let (mask, doc) = (1u32 << bits.lsb, bits.doc);
            let _ = writeln!(text, "#define QUNET_SOC_{name}_{bit} 0x{mask:08x}u /* {doc} */");
        }
    }
    text.push_str("\n#endif\n");
    text
}

/// `MEMORY` of a linker script.
pub fn linker_memory(ram_bytes: usize) -> String {
    format!(
        "/* Generated from network::soc; do not edit. The processor starts at the first byte. */\n\
         MEMORY\n{{\n  RAM (rwx) : ORIGIN = 0x{RAM_BASE:08x}, LENGTH = {ram_bytes}\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_reach_all_three() {
        assert!(verilog().contains("localparam [31:0] ACCELERATOR_BASE = 32'h20000000;"));
        assert!(verilog().contains("localparam [7:0] S_OUTPUT = 8'h10;"));
        assert!(verilog().contains("localparam S_STATUS_FAULT = 3;"));
        assert!(c_header(4096).contains("#define QUNET_SOC_STATUS_IRQ 0x00000004u"));
        assert!(c_header(4096).contains("#define QUNET_SOC_RAM_SIZE 0x00001000u"));
        assert!(linker_memory(4096).contains("ORIGIN = 0x00000000, LENGTH = 4096"));
    }
}
