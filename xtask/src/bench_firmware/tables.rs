//! The report of bench-firmware as tables.

use comfy_table::{Table, presets::ASCII_MARKDOWN};
use serde_json::Value;

/// Prints the tables, in the form of docs/embedded.md.
pub fn print(report: &Value) {
    let kernels = ["core", "weight_bits", "activation_bits", "shape", "instructions_per_mac"];
    let arena = ["network", "stored_bits", "bytes", "lower_bound_bytes", "optimal", "peak_layer"];
    let backends = ["target", "board", "cases", "mismatches"];
    let fits = [
        "network",
        "weight_bits",
        "activation_bits",
        "macs",
        "model_bytes",
        "arena_bytes",
        "packed_arena_bytes",
        "boards",
    ];
    let columns: [(&str, &[&str]); 4] =
        [("kernels", &kernels), ("arena", &arena), ("fits", &fits), ("backends", &backends)];
    for (part, keys) in columns {
        let mut table = Table::new();
        table.load_preset(ASCII_MARKDOWN).set_header(keys.iter().map(|key| key.replace('_', " ")));
        for row in report[part].as_array().into_iter().flatten() {
            table.add_row(keys.iter().map(|key| match &row[*key] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }));
        }
        println!("{table}\n");
    }
    println!(
        "whole U-Net on the Cortex-M4: text {} bytes, stack {} bytes, panic symbols {}, float symbols {}",
        report["text_bytes"],
        report["stack_bytes"],
        report["panic_symbols"],
        report["float_symbols"]
    );
    let soc = &report["soc"];
    println!(
        "whole system at {} lanes: {} cycles in software, {} with the accelerator, {} values differ",
        soc["lanes"], soc["software_cycles"], soc["accelerator_cycles"], soc["mismatches"]
    );
}
