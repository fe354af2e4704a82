//! `qunet_defs.vh` and `qunet_regs.h`: the descriptor and register tables of `network`.

use std::fmt::Write;

use network::descriptor::{DESCRIPTOR_WORDS, FIELDS, OP_CONV, OP_END, OP_POOL, reserved_bits};
use network::registers::{
    Access, ID_VALUE, REGISTERS, VERSION_VALUE, WINDOW_DESCRIPTORS, WINDOW_FEATURES, WINDOW_INPUT,
    WINDOW_PARAMS, WINDOW_WEIGHTS,
};

const WINDOWS: [(&str, u32); 5] = [
    ("features", WINDOW_FEATURES),
    ("weights", WINDOW_WEIGHTS),
    ("params", WINDOW_PARAMS),
    ("descriptors", WINDOW_DESCRIPTORS),
    ("input", WINDOW_INPUT),
];

/// The Verilog include file.
pub fn verilog() -> String {
    let mut text = String::from(
        "// Generated from network::descriptor and network::registers; do not edit.\n\
         // Each module uses its part of these constants.\n\
         /* verilator lint_off UNUSEDPARAM */\n",
    );
    let mut line = |content: String| {
        let _ = writeln!(text, "localparam {content};");
    };
    for (name, value) in [("OP_END", OP_END), ("OP_CONV", OP_CONV), ("OP_POOL", OP_POOL)] {
        line(format!("[3:0] {name} = 4'd{value}"));
    }
    for field in FIELDS {
        let name = field.name.to_uppercase();
        line(format!("[3:0] F_{name}_WORD = 4'd{}", field.word));
        line(format!("F_{name}_LSB = {}", field.lsb));
        line(format!("F_{name}_WIDTH = {}", field.width));
    }
    let reserved: String =
        (0..DESCRIPTOR_WORDS).rev().map(|w| format!("{:08x}", reserved_bits(w))).collect();
    let (high, low) = reserved.split_at(reserved.len() / 2);
    line(format!("[511:0] RESERVED_BITS = {{\n    256'h{high},\n    256'h{low}}}"));
    line(format!("[31:0] ID_VALUE = 32'h{ID_VALUE:08x}"));
    line(format!("[31:0] VERSION_VALUE = 32'h{VERSION_VALUE:08x}"));
    for register in REGISTERS {
        let name = register.name.to_uppercase();
        line(format!("[7:0] R_{name} = 8'h{:02x}", register.offset));
        for bits in register.bits.iter().filter(|bits| bits.width == 1) {
            line(format!("R_{name}_{} = {}", bits.name.to_uppercase(), bits.lsb));
        }
    }
    for (name, value) in WINDOWS {
        line(format!("[2:0] WINDOW_{} = 3'd{value}", name.to_uppercase()));
    }
    text.push_str("/* verilator lint_on UNUSEDPARAM */\n");
    text
}

/// The C header.
pub fn c_header() -> String {
    let mut text = String::from(
        "/* Generated from network::registers; do not edit. Byte offsets from the block's base. */\n\
         #ifndef QUNET_REGS_H\n#define QUNET_REGS_H\n\n",
    );
    for register in REGISTERS {
        let access = match register.access {
            Access::ReadOnly => "read only",
            Access::ReadWrite => "read and write",
            Access::WriteOnly => "write only",
            Access::WriteOneToClear => "write one to clear",
        };
        let name = register.name.to_uppercase();
        let _ = writeln!(text, "/* {} ({access}) */", register.doc);
        let _ = writeln!(text, "#define QUNET_{name} 0x{:02x}u", register.offset);
        for bits in register.bits {
            let bit_name = bits.name.to_uppercase();
            let mask = (u32::MAX >> (32 - bits.width)) << bits.lsb;
            let _ =
                writeln!(text, "#define QUNET_{name}_{bit_name} 0x{mask:08x}u /* {} */", bits.doc);
        }
    }
    text.push('\n');
    for (name, value) in WINDOWS {
        let _ = writeln!(text, "#define QUNET_WINDOW_SELECT_{} {value}u", name.to_uppercase());
    }
    let _ = writeln!(text, "#define QUNET_ID_VALUE 0x{ID_VALUE:08x}u");
    let _ = writeln!(text, "#define QUNET_VERSION_VALUE 0x{VERSION_VALUE:08x}u");
    text.push_str("\n#endif\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_reach_both_languages() {
        assert!(verilog().contains("localparam [7:0] R_WINDOW_DATA = 8'h4c;"));
        assert!(verilog().contains("localparam F_SHIFT_LSB = 11;"));
        assert!(c_header().contains("#define QUNET_CTRL_SOFT_RESET 0x00000004u"));
        assert!(c_header().contains("#define QUNET_WINDOW_DATA 0x4cu"));
    }
}
