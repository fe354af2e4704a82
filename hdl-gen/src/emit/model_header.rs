//! `qunet_model.h`: the addresses that a driver needs for this model.

use std::fmt::Write;

use crate::manifest::Manifest;

/// Text of the header.
pub fn model_header(manifest: &Manifest) -> String {
    let engine = &manifest.engine;
    let layout = engine.layout();
    let output = &manifest.tensors[manifest.output];
    let input = &manifest.tensors[manifest.input];
    let output_base = output.base.unwrap_or(0) * layout.word_window_words();
    let constants = [
        ("MODEL_HASH", format!("0x{:08x}u", manifest.model_hash)),
        ("TN", format!("{}u", engine.tn)),
        ("TP", format!("{}u", engine.tp)),
        ("LANE_BITS", format!("{}u", engine.lane_bits)),
        ("BANK_WINDOW_WORDS", format!("{}u", layout.bank_window_words())),
        ("N_OPERATIONS", format!("{}u", manifest.operations.len())),
        ("MODEL_CYCLES", format!("{}u", manifest.model_cycles)),
        ("INPUT_WINDOW_BASE", format!("{}u", manifest.input_window_base)),
        ("INPUT_WINDOW_WORDS", format!("{}u", manifest.input_window_words)),
        ("INPUT_CHANNELS", format!("{}u", input.channels)),
        ("INPUT_HEIGHT", format!("{}u", input.height)),
        ("INPUT_WIDTH", format!("{}u", input.width)),
        ("INPUT_SPLIT_BITS", format!("{}u", manifest.input_packing.split_bits.unwrap_or(0))),
        ("INPUT_ROW_TAPS", format!("{}u", manifest.input_packing.row_taps)),
        ("OUTPUT_WINDOW_BASE", format!("{output_base}u")),
        ("OUTPUT_CHANNELS", format!("{}u", output.channels)),
        ("OUTPUT_HEIGHT", format!("{}u", output.height)),
        ("OUTPUT_WIDTH", format!("{}u", output.width)),
    ];
    let mut text = String::from(
        "/* Generated with the design; do not edit. Window addresses count 32-bit words. */\n\
         #ifndef QUNET_MODEL_H\n#define QUNET_MODEL_H\n\n",
    );
    for (name, value) in constants {
        let _ = writeln!(text, "#define QUNET_MODEL_{name} {value}");
    }
    text.push_str("\n#endif\n");
    text
}
