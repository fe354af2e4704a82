//! `qunet_model.h` and `qunet_model.rs`: the addresses that a driver needs for this model.

use std::fmt::Write;

use crate::manifest::{ExternalPart, Manifest};

/// Text of the header.
pub fn model_header(manifest: &Manifest) -> String {
    let engine = &manifest.engine;
    let input = &manifest.tensors[manifest.input];
    let output = &manifest.tensors[manifest.output];
    let mut constants = vec![
        ("MODEL_HASH".into(), format!("0x{:08x}u", manifest.model_hash)),
        ("TN".into(), decimal(engine.tn)),
        ("TP".into(), decimal(engine.tp)),
        ("LANE_BITS".into(), decimal(engine.lane_bits)),
        ("N_OPERATIONS".into(), decimal(manifest.operations.len())),
        ("MODEL_CYCLES".into(), format!("{}u", manifest.model_cycles)),
        ("INPUT_CHANNELS".into(), decimal(input.channels)),
        ("INPUT_HEIGHT".into(), decimal(input.height)),
        ("INPUT_WIDTH".into(), decimal(input.width)),
        ("INPUT_PARTS".into(), decimal(manifest.input_packing.parts)),
        ("INPUT_PART_BITS".into(), decimal(manifest.input_packing.part_bits.into())),
        ("INPUT_ROW_TAPS".into(), decimal(manifest.input_packing.row_taps)),
        ("OUTPUT_CHANNELS".into(), decimal(output.channels)),
        ("OUTPUT_HEIGHT".into(), decimal(output.height)),
        ("OUTPUT_WIDTH".into(), decimal(output.width)),
    ];
    let unit = match &manifest.memories.external {
        None => {
            constants.extend(window_places(manifest));
            "Window addresses count 32-bit words."
        }
        Some(external) => {
            constants.push(("EXTERNAL_BYTES".into(), decimal(external.region.depth * 16)));
            constants.extend(external_places(manifest));
            "External addresses count bytes from EXTERNAL_BASE."
        }
    };
    let mut text = format!(
        "/* Generated with the design; do not edit. {unit} */\n\
         #ifndef QUNET_MODEL_H\n#define QUNET_MODEL_H\n\n",
    );
    for (name, value) in constants {
        let _ = writeln!(text, "#define QUNET_MODEL_{name} {value}");
    }
    text.push_str("\n#endif\n");
    text
}

/// Text of the Rust constants for the driver of `qunet-runtime-embedded`.
pub fn model_constants(manifest: &Manifest) -> String {
    let layout = manifest.engine.layout();
    let packing = &manifest.input_packing;
    let (external, places) = match &manifest.memories.external {
        None => ("", String::new()),
        Some(external) => (", `Places`, `Part`", places(manifest, external.region.depth * 16)),
    };
    format!(
        "// Generated with the design; do not edit. To be included where `Build`, `FeatureLayout`,
// `InputPacking`{external} of `qunet_runtime_embedded::driver` are in scope.

/// What the driver must know of this accelerator, which was generated from model {:08x}.
pub const BUILD: Build = Build {{
    layout: FeatureLayout {{ input_lanes: {}, pixel_lanes: {}, lane_bits: {} }},
    input_packing: InputPacking {{ parts: {}, part_bits: {}, row_taps: {} }},
    output_window_base: {},
    model_cycles: {},
}};
{places}",
        manifest.model_hash,
        layout.input_lanes,
        layout.pixel_lanes,
        layout.lane_bits,
        packing.parts,
        packing.part_bits,
        packing.row_taps,
        output_window_base(manifest),
        manifest.model_cycles,
    )
}

/// The constants for a region in external memory.
fn places(manifest: &Manifest, region_bytes: usize) -> String {
    let [input, output] = [manifest.input, manifest.output].map(|tensor| {
        let parts = manifest.external_parts(tensor).iter().map(|part| {
            let ExternalPart { first_group, n_groups, address, row_bytes } = part;
            format!(
                "        Part {{ first_group: {first_group}, n_groups: {n_groups}, \
                 address: {address}, row_bytes: {row_bytes} }},\n"
            )
        });
        parts.collect::<String>()
    });
    format!(
        "
/// Bytes of the region in external memory.
pub const EXTERNAL_BYTES: usize = {region_bytes};
/// Where input and output lie in it.
pub const PLACES: Places<'static> = Places {{
    input: &[
{input}    ],
    output: &[
{output}    ],
}};
"
    )
}

type Constant = (String, String);

fn decimal(value: usize) -> String {
    format!("{value}u")
}

/// Input and output in the data window.
fn window_places(manifest: &Manifest) -> Vec<Constant> {
    let layout = manifest.engine.layout();
    vec![
        ("BANK_WINDOW_WORDS".into(), decimal(layout.bank_window_words())),
        ("INPUT_WINDOW_BASE".into(), decimal(manifest.input_window_base)),
        ("INPUT_WINDOW_WORDS".into(), decimal(manifest.input_window_words)),
        ("OUTPUT_WINDOW_BASE".into(), decimal(output_window_base(manifest))),
    ]
}

fn output_window_base(manifest: &Manifest) -> usize {
    let base = manifest.tensors[manifest.output].base.unwrap_or(0);
    base * manifest.engine.layout().word_window_words()
}

/// Input and output in external memory: of each part address, bytes from row to row, and channel
/// groups; the names of a part behind the first end in its number.
fn external_places(manifest: &Manifest) -> Vec<Constant> {
    let mut constants = vec![("WORD_UNITS".into(), decimal(manifest.engine.layout().word_units()))];
    for (name, tensor) in [("INPUT", manifest.input), ("OUTPUT", manifest.output)] {
        let parts = manifest.external_parts(tensor);
        constants.push((format!("{name}_EXTERNAL_PARTS"), decimal(parts.len())));
        for (nth, part) in parts.iter().enumerate() {
            let ExternalPart { n_groups, address, row_bytes, .. } = *part;
            let end = if nth == 0 { String::new() } else { format!("_{nth}") };
            constants.push((format!("{name}_EXTERNAL_ADDRESS{end}"), decimal(address)));
            constants.push((format!("{name}_EXTERNAL_ROW_BYTES{end}"), decimal(row_bytes)));
            constants.push((format!("{name}_EXTERNAL_GROUPS{end}"), decimal(n_groups)));
        }
    }
    constants
}
