//! `qunet_defs.vh` and `qunet_regs.h`: the descriptor and register tables of `network`.

use std::fmt::Write;

use network::channel::{self, CHANNEL_WORDS};
use network::descriptor::{
    CHIP_WORDS, DESCRIPTOR_STRIDE, EXTERNAL_WORDS, FIELDS, Field, OP_CONV, OP_END, OP_POOL,
    SAVED_WORDS, reserved_bits,
};
use network::registers::{
    Access, ID_VALUE, REGISTERS, VERSION_VALUE, WINDOW_CHANNELS, WINDOW_COMMANDS,
    WINDOW_DESCRIPTORS, WINDOW_FEATURES, WINDOW_INPUT, WINDOW_PARAMS, WINDOW_TRANSFERS,
    WINDOW_WEIGHTS,
};

const WINDOWS: [(&str, u32); 8] = [
    ("features", WINDOW_FEATURES),
    ("weights", WINDOW_WEIGHTS),
    ("params", WINDOW_PARAMS),
    ("descriptors", WINDOW_DESCRIPTORS),
    ("input", WINDOW_INPUT),
    ("commands", WINDOW_COMMANDS),
    ("transfers", WINDOW_TRANSFERS),
    ("channels", WINDOW_CHANNELS),
];

const SIZES: [(&str, usize); 5] = [
    ("DESCRIPTOR_STRIDE", DESCRIPTOR_STRIDE),
    ("CHIP_WORDS", CHIP_WORDS),
    ("EXTERNAL_WORDS", EXTERNAL_WORDS),
    ("SAVED_WORDS", SAVED_WORDS),
    ("CHANNEL_WORDS", CHANNEL_WORDS),
];

const KINDS: [(&str, u32); 3] = [
    ("KIND_LOAD_FEATURES", channel::KIND_LOAD_FEATURES),
    ("KIND_STORE_FEATURES", channel::KIND_STORE_FEATURES),
    ("KIND_LOAD_WEIGHTS", channel::KIND_LOAD_WEIGHTS),
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
    for (name, value) in SIZES {
        line(format!("[31:0] {name} = 32'd{value}"));
    }
    for (name, value) in KINDS {
        line(format!("[1:0] {name} = 2'd{value}"));
    }
    let named = |prefix, field: &Field| {
        let name = field.name.to_uppercase();
        let (word, lsb, width) = (field.word, field.lsb, field.width);
        let text = |what, value| format!("{prefix}_{name}_{what} = {value}");
        [text("WORD", word), text("LSB", lsb as usize), text("WIDTH", width as usize)]
    };
    FIELDS.iter().flat_map(|field| named("F", field)).for_each(&mut line);
    channel::FIELDS.iter().flat_map(|field| named("C", field)).for_each(&mut line);
    let reserved: Vec<String> =
        (0..EXTERNAL_WORDS).rev().map(|w| format!("32'h{:08x}", reserved_bits(w))).collect();
    let rows: Vec<String> = reserved.chunks(6).map(|row| row.join(", ")).collect();
    let bits = 32 * EXTERNAL_WORDS - 1;
    line(format!("[{bits}:0] RESERVED_BITS = {{\n    {}}}", rows.join(",\n    ")));
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
