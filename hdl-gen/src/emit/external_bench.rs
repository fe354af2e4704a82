//! The self-checking test bench of an external-memory build: golden input, and the expected words
//! of every tensor that lies in external memory.

use std::fmt::Write;

use network::Network;
use network::registers::FeatureLayout;

use super::test_bench::{TestBench, golden_input};
use crate::external::{ExternalPart, ExternalPlan};
use crate::manifest::Manifest;
use crate::schedule::Schedule;

/// Most 32-bit words that the bench compares; above it only the network's output is compared.
const MAX_CHECKS: usize = 1 << 17;

/// Builds the bench from the reference kernels.
pub fn external_bench(
    network: &Network,
    schedule: &Schedule,
    plan: &ExternalPlan,
    manifest: &Manifest,
) -> TestBench {
    let layout = schedule.engine.layout();
    let input_spec = network.spec(network.input);
    let input = golden_input(input_spec);
    // the length is that of the input tensor, so the run cannot fail
    let values = network.run_reference(&input).unwrap_or_default();
    let packing = schedule.input;
    let mut given = String::new();
    let mut n_given = 0;
    let stored = plan.tensors.iter().filter(|tensor| tensor.tensor != network.input.index());
    let all: usize = stored.clone().map(|t| network.tensors[t.tensor].spec.len()).sum();
    let (mut expected, mut n_checks, mut n_operations) = (String::new(), 0, 0);
    for tensor in &plan.tensors {
        let is_input = tensor.tensor == network.input.index();
        let spec =
            if is_input { packing.spec(input_spec) } else { network.tensors[tensor.tensor].spec };
        let value = |channel: usize, y: usize, x: usize| -> u32 {
            if is_input {
                return packing.value(input_spec, &input, channel, [y, x]) as u32;
            }
            spec.decode(values[tensor.tensor][channel * spec.plane() + y * spec.width + x]) as u32
        };
        let wanted = all <= MAX_CHECKS || tensor.tensor == network.output.index();
        n_operations += usize::from(wanted && !is_input);
        let size = [spec.channels, spec.height, spec.width];
        for part in &tensor.parts {
            for (address, mask, word) in words(&layout, part, size, value) {
                if is_input {
                    let _ = writeln!(given, "{address:08x}{word:08x}");
                    n_given += 1;
                } else if wanted && mask != 0 {
                    let _ = writeln!(expected, "{address:08x}{mask:08x}{word:08x}");
                    n_checks += 1;
                }
            }
        }
    }
    let constants = format!(
        "    localparam N_CHECKS = {n_checks};\n    localparam N_INPUT = {n_given};\n    \
         localparam MAX_POLLS = {};\n",
        manifest.model_cycles * 8 + 1000
    );
    let text = include_str!("qunet_external_tb.v").replace("    // CONSTANTS\n", &constants);
    TestBench {
        n_operations,
        files: vec![
            ("tb_input.hex", given),
            ("tb_expected.hex", expected),
            ("qunet_tb.v", text.replace("TOP", &manifest.simulation.top)),
        ],
    }
}

/// Address in 32-bit words, defined bits and value of each word of a part.
fn words(
    layout: &FeatureLayout,
    part: &ExternalPart,
    [channels, height, width]: [usize; 3],
    value: impl Fn(usize, usize, usize) -> u32,
) -> Vec<(usize, u32, u32)> {
    let units = layout.word_units();
    let mut found = Vec::new();
    for y in 0..height {
        for pixels in 0..width.div_ceil(layout.pixel_lanes) {
            for group in 0..part.n_groups {
                let (mut word, mut mask) = (vec![0; units], vec![0; units]);
                for (x, lane) in layout.word_values(pixels, width) {
                    let channel = (part.first_group + group) * layout.input_lanes + lane;
                    let at = [x % layout.pixel_lanes, lane];
                    layout.put(&mut mask, at, u32::MAX);
                    if channel < channels {
                        layout.put(&mut word, at, value(channel, y, x));
                    }
                }
                let first = (part.address + y * part.row_bytes) / 4
                    + (pixels * part.n_groups + group) * units;
                found.extend((0..units).map(|unit| (first + unit, mask[unit], word[unit])));
            }
        }
    }
    found
}
