//! Plans for external memory: what they move, what they need, what is refused.

use hdl_gen::HardwareConfig;
use hdl_gen::external::{ExternalConfig, ExternalPlan, View, plan};
use hdl_gen::schedule::{Schedule, schedule};
use network::{Layer, Network};
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
fn goals() {
    for lanes in [[2, 4, 8], [2, 8, 16]] {
        for (feature_kib, weight_kib, most) in [(256, 80, 6_200_000), (56, 76, 7_200_000)] {
            let plan = planned(lanes, feature_kib, weight_kib);
            let report = &plan.report;
            eprintln!(
                "{lanes:?} {feature_kib}+{weight_kib}: {} bytes, floor {}, util {:.4}, stall {}, bus {}, cycles {}, {} engine {} dma, {} visits {} channels",
                report.moved.total(),
                report.floor_bytes,
                report.utilization,
                report.stall_cycles,
                report.bus_cycles,
                report.cycles,
                plan.engine.len(),
                plan.dma.len(),
                plan.visits.len(),
                plan.channels.len()
            );
            for s in &report.segments {
                eprintln!("   {} {:?} f {} w {}", s.text, s.moved, s.feature_words, s.weight_words);
            }
            assert!(report.moved.total() <= most, "{}", report.moved.total());
            assert!(report.utilization >= 0.96, "{}", report.utilization);
        }
    }
}
