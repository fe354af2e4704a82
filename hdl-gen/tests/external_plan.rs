//! Plans for external memory: what they move, what they need, what is refused.

use hdl_gen::HardwareConfig;
use hdl_gen::external::{ExternalConfig, ExternalPlan, View, minimum, plan};
use hdl_gen::schedule::{Schedule, schedule};
use network::{Layer, Network};
use qunet_tests::random_network::random_network;
use qunet_tests::unet::{Unet, unet};

/// Base 16, depth 4, 256², W4 A6, the 8-bit input in two lanes of 6 bits.
fn large() -> Network {
    let mut network = unet(&Unet { base: 16, depth: 4, size: [256, 256], ..Default::default() });
    let input = network.input.index();
    network.tensors[input].spec.channels = 2;
    network.tensors[input].spec.bits = 6;
    let Layer::Conv2d(first) = &mut network.layers[0] else { panic!("a convolution") };
    first.weights = first.weights.chunks(9).flat_map(|w| [w, w].concat()).collect();
    network.validate().expect("valid");
    network
}

fn scheduled(network: &Network, [tn, tm, tp]: [usize; 3]) -> Schedule {
    let config = HardwareConfig { tn, tm, tp, lane_bits: Some(6), ..Default::default() };
    schedule(network, &config).expect("schedules")
}

/// Memories of given KiB.
fn memories(schedule: &Schedule, feature_kib: usize, weight_kib: usize) -> ExternalConfig {
    ExternalConfig {
        feature_words: feature_kib * 8192 / schedule.engine.feature_bits(),
        weight_words: weight_kib * 8192 / schedule.engine.weight_bits(),
    }
}

fn planned(lanes: [usize; 3], feature_kib: usize, weight_kib: usize) -> ExternalPlan {
    let network = large();
    let schedule = scheduled(&network, lanes);
    let config = memories(&schedule, feature_kib, weight_kib);
    plan(&network, &schedule, &config).expect("plans")
}

#[test]
fn large_unet_reaches_its_bytes_and_utilization() {
    for lanes in [[2, 4, 8], [2, 8, 16]] {
        for (feature_kib, weight_kib, most) in [(256, 80, 6_200_000), (56, 76, 7_200_000)] {
            let report = planned(lanes, feature_kib, weight_kib).report;
            let bytes = report.moved.total();
            assert!(report.floor_bytes <= bytes && bytes <= most, "{lanes:?}: {report:#?}");
            assert!((0.96..1.0).contains(&report.utilization), "{lanes:?}: {report:#?}");
        }
    }
}

/// A random network's schedule for one of several shapes of the array.
fn random_schedule(seed: u64) -> (Network, Schedule) {
    const SHAPES: [[usize; 5]; 6] = [
        [2, 4, 4, 4, 1],
        [1, 1, 1, 1, 1],
        [8, 2, 1, 8, 1],
        [1, 4, 2, 2, 1],
        [4, 8, 8, 4, 4],
        [2, 2, 16, 1, 2],
    ];
    let [tn, tm, tp, digit_bits, lanes] = SHAPES[seed as usize % SHAPES.len()];
    let config = HardwareConfig {
        tn,
        tm,
        tp,
        digit_bits,
        lane_bits: Some(8),
        requantize_lanes: Some(lanes),
        scaled: Some(true),
        ..Default::default()
    };
    let network = random_network(seed);
    let schedule = schedule(&network, &config).expect("schedules");
    (network, schedule)
}

#[test]
fn random_networks_run_in_every_memory_from_the_minimum_on() {
    for seed in 0..400 {
        let (network, schedule) = random_schedule(seed);
        let view = View::new(&network, &schedule);
        let least = minimum(&view);
        // from the least to four times: rings, chunks, chains and resident tensors
        for (features, weights) in [(4, 4), (4, 9), (5, 4), (6, 6), (9, 5), (16, 16), (200, 64)] {
            let config = ExternalConfig {
                feature_words: least.feature_words * features / 4,
                weight_words: least.weight_words * weights / 4,
            };
            let plan = plan(&network, &schedule, &config)
                .unwrap_or_else(|e| panic!("seed {seed}, {features}, {weights}: {e}"));
            assert_eq!(plan.minimum, least);
            assert!(plan.report.moved.total() >= weight_bytes(&plan), "seed {seed}");
        }
    }
}

fn weight_bytes(plan: &ExternalPlan) -> usize {
    plan.weights.iter().map(|chunk| chunk.rows * chunk.row_bytes).sum()
}

#[test]
fn less_than_the_minimum_is_refused() {
    let (network, schedule) = random_schedule(0);
    let least = minimum(&View::new(&network, &schedule));
    let message = |feature_words, weight_words| {
        let config = ExternalConfig { feature_words, weight_words };
        plan(&network, &schedule, &config).unwrap_err().to_string()
    };
    let ExternalConfig { feature_words, weight_words } = least;
    assert_eq!(
        message(feature_words - 3, weight_words),
        format!(
            "external memory: feature_words: expected at least {feature_words}, found {}: 3 words \
             too few",
            feature_words - 3
        )
    );
    assert!(message(feature_words, weight_words - 1).contains("weight_words: expected at least"));
}

#[test]
fn the_large_unet_runs_in_the_least_memory() {
    let network = large();
    for lanes in [[2, 4, 8], [2, 8, 16], [8, 2, 1]] {
        let schedule = scheduled(&network, lanes);
        let least = minimum(&View::new(&network, &schedule));
        let plan = plan(&network, &schedule, &least).expect("plans");
        eprintln!(
            "{lanes:?} {:?} {:#?} {} {}",
            least,
            plan.report,
            plan.engine.len(),
            plan.dma.len()
        );
    }
}
