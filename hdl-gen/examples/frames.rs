//! Prints cycles, frames a second, the estimated area and energy of a U-Net on an engine.
//!
//! `cargo run --release -p qunet-hdl-gen --example frames -- W A MODE TN TM TP D CELL MHZ [compact] [narrow]`,
//! for base 8, depth 3, 64×64, with W8 in the first layer and the head, MODE scaled or fixed, and
//! with `narrow` lanes of A bits.

use hdl_gen::cycles::cycle_model;
use hdl_gen::energy::estimate;
use hdl_gen::external::BytesMoved;
use hdl_gen::schedule::schedule;
use hdl_gen::targets::schedule_resources;
use hdl_gen::{CellChoice, HardwareConfig, Target};
use network::Mode;
use qunet_tests::inputs;
use qunet_tests::unet::{Unet, unet};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [weight_bits, activation_bits, mode, tn, tm, tp, digit_bits, cell, mhz, more @ ..] =
        args.as_slice()
    else {
        return Err("expected W A MODE TN TM TP D CELL MHZ [compact] [narrow]".into());
    };
    let mode = match mode.as_str() {
        "scaled" => Mode::Scaled,
        "fixed" => Mode::Fixed,
        _ => return Err("MODE: expected scaled or fixed".into()),
    };
    let mac_cell = match cell.as_str() {
        "plain" => CellChoice::Plain,
        "lut" => CellChoice::Lut,
        "packed" => CellChoice::Packed,
        _ => return Err("CELL: expected plain, lut or packed".into()),
    };
    let network = unet(&Unet {
        base: 8,
        depth: 3,
        size: [64, 64],
        weight_bits: weight_bits.parse()?,
        activation_bits: activation_bits.parse()?,
        mode,
        ..Default::default()
    });
    let config = HardwareConfig {
        tn: tn.parse()?,
        tm: tm.parse()?,
        tp: tp.parse()?,
        digit_bits: digit_bits.parse()?,
        mac_cell,
        compact: more.iter().any(|word| word == "compact"),
        lane_bits: more
            .iter()
            .any(|word| word == "narrow")
            .then(|| activation_bits.parse())
            .transpose()?,
        ..Default::default()
    };
    let schedule = schedule(&network, &config)?;
    let model = cycle_model(&network, &schedule);
    let mhz: f64 = mhz.parse()?;
    println!("{:?}", schedule.engine);
    println!(
        "{} lanes, {} cycles a frame, {:.1} % of the lanes used, {:.1} frames a second at {mhz} MHz",
        schedule.engine.lanes(),
        model.total,
        100.0 * model.utilization,
        1e6 * mhz / model.total as f64
    );
    println!("on ECP5: {:?}", schedule_resources(&network, &schedule, Target::Ecp5_25k));
    let tensors = network.run_reference(&inputs::random(&network, 1))?;
    println!("{}", estimate(&network, &config, BytesMoved::default(), Some(&tensors))?);
    Ok(())
}
