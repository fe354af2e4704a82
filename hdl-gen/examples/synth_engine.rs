//! Synthesizes an engine with small memories, and places and routes it.
//!
//! `cargo run --release -p qunet-hdl-gen --example synth_engine -- FOLDER TARGET TN TM TP D TA CELL
//! SCALED`, with SCALED 0 or 1 and, after it, accumulator bits and requantize lanes if not the least.

use std::path::Path;

use hdl_gen::emit::{Depths, generate_engine};
use hdl_gen::synth::synth;
use hdl_gen::{CellChoice, Engine, HardwareConfig, Target};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, target, tn, tm, tp, digit_bits, lane_bits, cell, scaled, more @ ..] =
        args.as_slice()
    else {
        return Err("expected FOLDER TARGET TN TM TP D TA CELL SCALED [ACC [RQ]]".into());
    };
    let mac_cell = match cell.as_str() {
        "plain" => CellChoice::Plain,
        "lut" => CellChoice::Lut,
        "packed" => CellChoice::Packed,
        _ => return Err("CELL: expected plain, lut or packed".into()),
    };
    let lane_bits: u8 = lane_bits.parse()?;
    let config = HardwareConfig {
        tn: tn.parse()?,
        tm: tm.parse()?,
        tp: tp.parse()?,
        digit_bits: digit_bits.parse()?,
        mac_cell,
        requantize_lanes: more.get(1).map(|lanes| lanes.parse()).transpose()?,
        ..Default::default()
    };
    config.validate()?;
    let asked = more.first().map_or(Ok(0), |bits| bits.parse())?;
    let engine = Engine::new(&config, lane_bits, scaled == "1", asked)?;
    let depths = Depths {
        features: 512,
        weights: 256,
        params: 128,
        descriptors: 128,
        pool: 64,
        external: None,
    };
    let folder = Path::new(folder);
    generate_engine(engine, depths, &HardwareConfig::default(), folder)?;
    let target: Target = target.parse()?;
    println!("{}", serde_json::to_string_pretty(&synth(folder, target)?)?);
    Ok(())
}
