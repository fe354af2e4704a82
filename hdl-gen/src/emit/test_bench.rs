//! The self-checking test bench of a build: golden input, and the expected integers of each layer.

use std::fmt::Write;

use network::registers::{BankPlace, FeatureLayout};
use network::{Network, TensorId, TensorSpec};

use crate::manifest::Manifest;
use crate::schedule::Schedule;

/// Most window words that the bench compares; above it only the network's output is compared.
const MAX_CHECKS: usize = 1 << 17;

/// Files of the bench.
pub struct TestBench {
    /// Name and text.
    pub files: Vec<(&'static str, String)>,
    /// Operations whose output is compared.
    pub n_operations: usize,
}

/// Builds the bench from the reference kernels.
pub fn test_bench(network: &Network, schedule: &Schedule, manifest: &Manifest) -> TestBench {
    let layout = schedule.engine.layout();
    let input = golden_input(network.spec(network.input));
    // the length is that of the input tensor, so the run cannot fail
    let values = network.run_reference(&input).unwrap_or_default();
    let checks_of = |id: TensorId| -> Vec<String> {
        let base = manifest.tensors[id.index()].base.unwrap_or(0) * layout.word_window_words();
        checks(&layout, network.spec(id), &values[id.index()], base)
    };
    let all: usize = schedule
        .operations
        .iter()
        .flat_map(|op| op.outputs())
        .map(|id| layout.tensor_window_words(network.spec(id)))
        .sum();
    let wanted = |id: &TensorId| all <= MAX_CHECKS || *id == network.output;
    let per_operation: Vec<Vec<String>> = schedule
        .operations
        .iter()
        .map(|op| op.outputs().filter(wanted).flat_map(checks_of).collect())
        .collect();
    let output = checks_of(network.output);
    let lines = per_operation.iter().chain([&output]);
    let counts: String = lines.clone().map(|l| format!("{:08x}\n", l.len())).collect();
    let expected: String = lines.clone().flatten().map(String::as_str).collect();
    let n_checks = lines.map(Vec::len).sum();
    let shape = BenchShape {
        n_operations: per_operation.len(),
        n_checks,
        n_input_words: manifest.input_window_words,
        watchdog: manifest.model_cycles * 4 + 1000,
    };
    TestBench {
        n_operations: per_operation.iter().filter(|l| !l.is_empty()).count(),
        files: vec![
            ("tb_input.hex", input_words(network, schedule, &input)),
            ("tb_counts.hex", counts),
            ("tb_expected.hex", expected),
            ("qunet_tb.v", bench_text(&shape, &manifest.simulation.top)),
        ],
    }
}

/// Bytes of a fixed pseudo-random image, values over the whole range of the tensor.
pub fn golden_input(spec: &TensorSpec) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let span = (spec.max_value() - spec.min_value() + 1) as u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        spec.encode(spec.min_value() + ((state >> 20) % span) as i32)
    };
    (0..spec.len()).map(|_| next()).collect()
}

/// All banks of a tensor in window order; none where the pixel lies outside the row.
fn banks(layout: &FeatureLayout, spec: &TensorSpec) -> Vec<Option<BankPlace>> {
    let mut places = Vec::new();
    let columns = spec.width.div_ceil(layout.pixel_lanes) * layout.pixel_lanes;
    for y in 0..spec.height {
        for first in (0..columns).step_by(layout.pixel_lanes) {
            for group in 0..layout.groups(spec) {
                for x in first..first + layout.pixel_lanes {
                    places.push((x < spec.width).then_some(BankPlace { group, y, x }));
                }
            }
        }
    }
    places
}

fn input_words(network: &Network, schedule: &Schedule, values: &[u8]) -> String {
    let (layout, packing) = (schedule.engine.layout(), &schedule.input);
    let input = network.spec(network.input);
    let mut text = String::new();
    for place in banks(&layout, &packing.spec(input)) {
        for index in 0..layout.bank_window_words() {
            let word = place.map_or(0, |at| packing.pack(&layout, input, values, at, index));
            let _ = writeln!(text, "{word:08x}");
        }
    }
    text
}

/// One line a window word: address and value.
fn checks(layout: &FeatureLayout, spec: &TensorSpec, values: &[u8], base: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for (bank, place) in banks(layout, spec).into_iter().enumerate() {
        let Some(place) = place else { continue };
        let n_words = (layout.input_lanes * layout.lane_bits).div_ceil(32);
        for index in 0..n_words {
            let address = base + bank * layout.bank_window_words() + index;
            let word = layout.pack(spec, values, place, index);
            lines.push(format!("{address:08x}{word:08x}\n"));
        }
    }
    lines
}

struct BenchShape {
    n_operations: usize,
    n_checks: usize,
    n_input_words: usize,
    watchdog: u64,
}

fn bench_text(shape: &BenchShape, top: &str) -> String {
    let constants = format!(
        "    localparam N_OPERATIONS = {};\n    localparam N_CHECKS = {};\n    \
         localparam N_INPUT = {};\n    localparam MAX_POLLS = {};\n",
        shape.n_operations, shape.n_checks, shape.n_input_words, shape.watchdog
    );
    include_str!("qunet_tb.v").replace("    // CONSTANTS\n", &constants).replace("TOP", top)
}
