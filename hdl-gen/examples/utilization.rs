//! Prints the modelled utilisation of two U-Net families on arrays of 16 to 256 lanes.
//!
//! `cargo run --release -p qunet-hdl-gen --example utilization`

use hdl_gen::HardwareConfig;
use hdl_gen::cycles::cycle_model;
use hdl_gen::schedule::schedule;
use qunet_tests::unet::{Unet, Upsampling, unet};

/// TN, TM, TP.
const SHAPES: [[usize; 3]; 10] = [
    [2, 4, 2],
    [2, 4, 4],
    [4, 4, 2],
    [2, 4, 8],
    [4, 4, 4],
    [2, 8, 8],
    [4, 4, 8],
    [4, 8, 8],
    [2, 8, 16],
    [8, 8, 4],
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (base, depth, size, upsampling) in [
        (16, 4, 256, Upsampling::Nearest),
        (8, 3, 128, Upsampling::Nearest),
        (8, 3, 64, Upsampling::Nearest),
        (8, 3, 64, Upsampling::Transposed),
    ] {
        let config = Unet { base, depth, size: [size, size], upsampling, ..Default::default() };
        let network = unet(&config);
        println!("base {base}, depth {depth}, {size}x{size}, {upsampling:?}:");
        for [tn, tm, tp] in SHAPES {
            print!("{:>5} lanes ({tn},{tm},{tp})", tn * tm * tp);
            // transposed convolutions have one tap, so their passes are short
            let share = if upsampling == Upsampling::Transposed { 4 } else { 8 };
            let requantize_lanes = Some((tm * tp / share).clamp(1, tp));
            for lane_bits in [6, 8].map(Some) {
                let config = HardwareConfig {
                    tn,
                    tm,
                    tp,
                    lane_bits,
                    requantize_lanes,
                    ..Default::default()
                };
                let lane_bits = lane_bits.unwrap_or_default();
                let schedule = schedule(&network, &config)?;
                let used = 100.0 * cycle_model(&network, &schedule).utilization;
                let n_rows = schedule.input.row_taps;
                print!("   {lane_bits} bits: {used:5.2} % ({n_rows} rows)");
            }
            println!();
        }
    }
    Ok(())
}
