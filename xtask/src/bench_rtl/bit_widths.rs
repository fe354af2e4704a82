//! Every pair of weight and activation bits: reference = Verilator = Icarus.
//!
//! In Verilator each pair runs on every digit width, loaded into one design each; in Icarus it
//! runs on a build fitted to it, whose digit width changes from pair to pair.

use std::path::Path;

use anyhow::{Result, ensure};
use hdl_gen::generate;
use network::{Mode, Network};
use qunet_tests::builder::{Builder, Format, signed, unsigned};
use qunet_tests::inputs;

use super::engine::{Engine, config, flip_weight_bit};
use super::icarus;
use super::progress::Progress;
use super::report::Equality;

const DIGITS: [usize; 4] = [1, 2, 4, 8];

/// Runs the 64 pairs.
pub fn measure(work: &Path, seed: u64) -> Result<Equality> {
    let progress = Progress::new(64, "bit widths");
    let mut engines = Vec::new();
    for digit_bits in DIGITS {
        progress.doing(&format!("compiling D = {digit_bits}"));
        let mut engine = Engine::new(work, [2, 2, 2, digit_bits])?;
        let network = pair(4, 6, seed);
        engine.check_that_it_can_fail(&network, &inputs::random(&network, seed))?;
        engines.push(engine);
    }
    let folder = work.join("icarus");
    check_that_icarus_can_fail(&folder, seed)?;
    let mut equality = Equality::default();
    for weight_bits in 1..=8u8 {
        for activation_bits in 1..=8u8 {
            let name = format!("W{weight_bits} A{activation_bits}");
            progress.doing(&name);
            let network = pair(weight_bits, activation_bits, seed);
            let before = equality.first.len();
            for (engine, digit_bits) in engines.iter_mut().zip(DIGITS) {
                let images = [inputs::random(&network, seed), inputs::largest(&network)];
                let report = engine.run(&network, &images)?;
                equality.values_compared += report.values_compared;
                if let Some(mismatch) = report.first_mismatch {
                    equality.first.push(format!("Verilator, {name}, D = {digit_bits}: {mismatch}"));
                }
            }
            let digit_bits = DIGITS[usize::from(weight_bits + activation_bits) % 4];
            generate(&network, &config([2, 2, 2, digit_bits]), &folder)?;
            let found = icarus::run(&folder)?;
            equality.values_compared += found.compared;
            if found.mismatches > 0 {
                let n = found.mismatches;
                equality.first.push(format!("Icarus, {name}, D = {digit_bits}: {n} words differ"));
            }
            equality.tested += 1;
            equality.mismatches += u64::from(equality.first.len() > before);
            progress.step();
        }
    }
    equality.first.truncate(10);
    Ok(equality)
}

/// Every operation of a U-Net at one pair of widths, small enough for Icarus.
fn pair(weight_bits: u8, activation_bits: u8, seed: u64) -> Network {
    let place = u64::from(8 * weight_bits + activation_bits);
    let mode = if place.count_ones().is_multiple_of(2) { Mode::Scaled } else { Mode::Fixed };
    let mut builder = Builder::new(mode, [2, 4, 6], signed(8), 1000 * seed + place);
    let inner = unsigned(activation_bits);
    let outer = Format { bits: activation_bits, signed: activation_bits > 1 };
    let skip = builder.conv2d(builder.input(), [3, 3], weight_bits, inner);
    let down = builder.max_pool2d(skip);
    let up = builder.conv_transpose2d(down, 2, weight_bits, inner);
    let both = builder.concat(skip, up);
    let half = builder.conv2d(both, [3, 3], weight_bits, outer);
    let small = builder.max_pool2d(half);
    let large = builder.upsample2d(small);
    let last = builder.conv2d(large, [3, 3], weight_bits, outer);
    builder.argmax(last, weight_bits, 3);
    builder.finish()
}

fn check_that_icarus_can_fail(folder: &Path, seed: u64) -> Result<()> {
    generate(&pair(4, 6, seed), &config([2, 2, 2, 4]), folder)?;
    flip_weight_bit(folder, 4)?;
    ensure!(icarus::run(folder)?.mismatches > 0, "a flipped weight bit went unseen in Icarus");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::Layer;

    #[test]
    fn every_layer_has_the_widths_of_the_pair() {
        for (weight_bits, activation_bits) in [(1, 1), (8, 8), (3, 5)] {
            let network = pair(weight_bits, activation_bits, 1);
            for layer in &network.layers {
                assert!(layer.weights().is_none_or(|(_, bits, _)| bits == weight_bits));
                let bits = network.spec(layer.output()).bits;
                assert!(matches!(layer, Layer::Head(_)) || bits == activation_bits);
            }
        }
    }
}
