//! Writes an engine with empty memories, to look at or to lint.
//!
//! `cargo run --release -p qunet-hdl-gen --example loadable_engine -- FOLDER TN TM TP D TA`

use std::path::Path;

use hdl_gen::emit::Depths;
use hdl_gen::{HardwareConfig, generate_loadable};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, folder, tn, tm, tp, digit_bits, lane_bits] = args.as_slice() else {
        return Err("expected FOLDER TN TM TP D TA".into());
    };
    let config = HardwareConfig {
        tn: tn.parse()?,
        tm: tm.parse()?,
        tp: tp.parse()?,
        digit_bits: digit_bits.parse()?,
        lane_bits: Some(lane_bits.parse()?),
        ..HardwareConfig::default()
    };
    let depths = Depths {
        features: 8192,
        weights: 4096,
        params: 512,
        descriptors: 512,
        pool: 512,
        external: None,
    };
    generate_loadable(&config, depths, Path::new(folder))?;
    Ok(())
}
