//! Random networks, and every image width from 1 to 70, on several array shapes in Verilator.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use network::{Mode, Network};
use qunet_tests::builder::{Builder, signed, unsigned};
use qunet_tests::inputs;
use qunet_tests::random_network::random_network;

use super::engine::{Engine, Shape};
use super::progress::Progress;
use super::report::{Equality, RandomNetworks};

/// The networks have 1 to 20 channels and odd widths, so these divide nothing in most of them.
const SHAPES: [Shape; 6] =
    [[2, 4, 4, 4], [1, 2, 16, 2], [1, 1, 1, 1], [4, 2, 1, 1], [8, 2, 2, 8], [4, 16, 4, 4]];

/// Runs `n` random networks and one network of each width, spread over the shapes.
pub fn measure(work: &Path, seed: u64, n: u64, quick: bool) -> Result<RandomNetworks> {
    let shapes = if quick { &SHAPES[..2] } else { &SHAPES[..] };
    let first_seed = 1_000_000 * seed;
    let random = (first_seed..first_seed + n).map(|s| (format!("seed {s}"), random_network(s)));
    let widths = (1..=70).map(|width| (format!("width {width}"), of_width(width, seed)));
    let networks: Vec<(String, Network)> = random.chain(widths).collect();
    println!("{n} random networks from seed {first_seed}");

    let progress = Progress::new(networks.len() as u64, "random");
    let mut result = RandomNetworks {
        seed: first_seed,
        shapes: shapes.to_vec(),
        widths: networks.iter().map(|(_, n)| n.spec(n.input).width).collect::<BTreeSet<_>>().len(),
        ..RandomNetworks::default()
    };
    for (index, shape) in shapes.iter().enumerate() {
        progress.doing(&format!("compiling {shape:?}"));
        let mut engine = Engine::new(work, *shape)?;
        let canary = of_width(9, seed);
        engine.check_that_it_can_fail(&canary, &inputs::random(&canary, seed))?;
        for (name, network) in networks.iter().skip(index).step_by(shapes.len()) {
            progress.doing(name);
            // each image runs twice, so that a frame follows a stepped and an unbroken one
            let images = [inputs::random(network, seed), inputs::largest(network)];
            let report = engine.run(network, &images)?;
            let equality = &mut result.equality;
            equality.tested += 1;
            equality.values_compared += report.values_compared;
            if let Some(mismatch) = report.first_mismatch {
                equality.mismatches += 1;
                push(equality, format!("{name} on {shape:?}: {mismatch}"));
            }
            if report.cycles != report.model_cycles {
                let (found, expected) = (report.cycles, report.model_cycles);
                result.cycle_differences += 1;
                push(equality, format!("{name} on {shape:?}: {found} cycles, not {expected}"));
            }
            progress.step();
        }
    }
    Ok(result)
}

fn push(equality: &mut Equality, line: String) {
    if equality.first.len() < 10 {
        equality.first.push(line);
    }
}

/// Two convolutions around an upsampling on rows of `width` pixels.
fn of_width(width: usize, seed: u64) -> Network {
    let shape = [1 + width % 3, 3, width];
    let mut builder = Builder::new(Mode::Scaled, shape, signed(8), 1000 * seed + width as u64);
    let weight_bits = 1 + (width % 8) as u8;
    let x = builder.conv2d(builder.input(), [5, 3], weight_bits, unsigned(6));
    let up = builder.upsample2d(x);
    builder.conv2d(up, [2, 5], 4, signed(7));
    builder.finish()
}
