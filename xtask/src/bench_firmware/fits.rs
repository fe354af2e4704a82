//! Which U-Nets fit which boards, by the planner alone.

use anyhow::Result;
use network::plan::{Packing, Scratch, plan_with};
use qunet_tests::unet::{Unet, n_macs, unet};
use serde_json::{Value, json};

/// Room on a board as `runtime-embedded/boards` builds for it: the model and a sample in flash; arena
/// and output in RAM.
struct Board {
    name: &'static str,
    flash: usize,
    ram: usize,
}

const BOARDS: [Board; 3] = [
    Board { name: "Nucleo-F446RE", flash: 448 << 10, ram: 112 << 10 },
    Board { name: "Pico", flash: 1920 << 10, ram: 248 << 10 },
    Board { name: "ESP32-C3", flash: 3 << 20, ram: 288 << 10 },
];

/// Base, depth, side.
const SHAPES: [(usize, usize, usize); 9] = [
    (4, 2, 64),
    (8, 2, 64),
    (8, 3, 64),
    (16, 3, 64),
    (8, 3, 96),
    (16, 3, 96),
    (8, 3, 128),
    (16, 3, 128),
    (16, 4, 128),
];

/// A row for each network: its size, its arenas, and the boards that hold it.
pub fn fits() -> Result<Vec<Value>> {
    let mut rows = vec![];
    for (base, depth, side) in SHAPES {
        for (weight_bits, activation_bits) in [(4, 6), (1, 3)] {
            let size = [side, side];
            let network =
                unet(&Unet { base, depth, size, weight_bits, activation_bits, ..Unet::default() });
            let quick = plan_with(&network, Packing::Bytes, Scratch::Compact);
            let packed = [Scratch::Compact, Scratch::Least]
                .map(|scratch| plan_with(&network, Packing::All, scratch).arena_bytes);
            let smallest = packed[0].min(packed[1]);
            let model_bytes = network.to_bytes_with(&quick)?.len();
            let pixels = side * side;
            let boards = BOARDS.iter().filter(|board| {
                model_bytes + pixels <= board.flash && smallest + pixels <= board.ram
            });
            rows.push(json!({
                "network": format!("base {base}, depth {depth}, {side}×{side}"),
                "weight_bits": weight_bits,
                "activation_bits": activation_bits,
                "macs": n_macs(&network),
                "model_bytes": model_bytes,
                "arena_bytes": quick.arena_bytes,
                "packed_arena_bytes": smallest,
                "boards": boards.map(|board| board.name).collect::<Vec<_>>().join(", "),
            }));
        }
    }
    Ok(rows)
}
