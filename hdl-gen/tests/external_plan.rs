//! Plans for external memory: what they move, what they need, what is refused.

use hdl_gen::HardwareConfig;
use hdl_gen::external::image::weight_images;
use hdl_gen::external::play::play;
use hdl_gen::external::{BytesMoved, ExternalConfig, ExternalPlan, View, minimum, plan};
use hdl_gen::images::images;
use hdl_gen::schedule::{Schedule, schedule};
use network::{Layer, Mode, Network};
use qunet_tests::builder::{Builder, unsigned};
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
            assert_eq!(plan.report.minimum, least);
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
        let kib = least.feature_words * schedule.engine.feature_bits() / 8192;
        assert!(kib <= 20, "{kib} KiB");
        let report = plan(&network, &schedule, &least).expect("plans").report;
        assert!(report.utilization > 0.5, "{report:#?}");
    }
}

/// Changes a plan in one place, and says so if the game does not refuse it.
fn refused(view: &View, plan: &ExternalPlan, what: &str, change: impl Fn(&mut ExternalPlan)) {
    let mut mutated = plan.clone();
    change(&mut mutated);
    assert!(play(view, &mutated).is_err(), "accepted: {what}");
}

/// Commands that wait for more than all before them.
fn raised(waits: impl Iterator<Item = u16>) -> Vec<(usize, u16)> {
    let mut most = 0;
    let mut found = Vec::new();
    for (at, wait) in waits.enumerate() {
        if wait > most {
            found.push((at, wait));
            most = wait;
        }
    }
    found
}

/// Plans of random networks in a memory of the least size and in a larger one.
fn random_plans(seeds: std::ops::Range<u64>) -> Vec<(View, ExternalPlan)> {
    let mut found = Vec::new();
    for seed in seeds {
        let (network, schedule) = random_schedule(seed);
        let view = View::new(&network, &schedule);
        let least = minimum(&view);
        for times in [1, 3] {
            let config = ExternalConfig {
                feature_words: least.feature_words * times,
                weight_words: least.weight_words * times,
            };
            found.push((view.clone(), plan(&network, &schedule, &config).expect("plans")));
        }
    }
    found
}

#[test]
fn every_wait_is_needed() {
    let mut n_waits = 0;
    for (view, plan) in random_plans(0..40) {
        for (at, _) in raised(plan.engine.iter().map(|c| c.wait)) {
            let what = format!("engine command {at} waits for one less");
            refused(&view, &plan, &what, |p| p.engine[at].wait -= 1);
            n_waits += 1;
        }
        for (at, _) in raised(plan.dma.iter().map(|c| c.wait)) {
            let what = format!("dma command {at} waits for one less");
            refused(&view, &plan, &what, |p| p.dma[at].wait -= 1);
            n_waits += 1;
        }
    }
    assert!(n_waits > 1000, "{n_waits}");
}

#[test]
fn swapped_and_dropped_commands_are_refused() {
    for (view, plan) in random_plans(40..60) {
        for (at, wait) in raised(plan.engine.iter().map(|c| c.wait)) {
            // what the engine waits for comes one later, unless the next is alike
            let last = usize::from(wait) - 1;
            let next = plan.dma.get(last + 1).filter(|c| c.channel != plan.dma[last].channel);
            if next.is_some() {
                let what = format!("dma command {last}, which engine command {at} awaits, later");
                refused(&view, &plan, &what, |p| p.dma.swap(last, last + 1));
            }
        }
        for at in 0..plan.dma.len() {
            refused(&view, &plan, &format!("dma command {at} dropped"), |p| {
                p.dma.remove(at);
            });
        }
        for at in 0..plan.engine.len() {
            let what = format!("a row more in engine command {at}");
            refused(&view, &plan, &what, |p| p.engine[at].rows += 1);
        }
    }
}

#[test]
fn moved_and_shortened_rings_are_refused() {
    for (view, plan) in random_plans(60..80) {
        for at in 0..plan.visits.len() {
            let idx = plan.visits[at].operation;
            let op = view.operations.iter().find(|op| op.operation == idx).expect("known");
            for nth in 0..op.sources.len() {
                let ring = plan.visits[at].sources[nth].ring;
                let read = (op.stride * op.loop_rows) >> usize::from(op.sources[nth].upsample);
                let what = format!("visit {at} of {}, source {nth}", op.name);
                refused(&view, &plan, &what, |p| p.visits[at].sources[nth].base += 1);
                if ring <= read {
                    refused(&view, &plan, &what, |p| p.visits[at].sources[nth].ring -= 1);
                }
            }
            if op.group_words > 0 {
                let what = format!("weights of visit {at}");
                refused(&view, &plan, &what, |p| p.visits[at].weight_base += 1);
            }
        }
        for at in 0..plan.channels.len() {
            let what = format!("channel {at}");
            refused(&view, &plan, &what, |p| p.channels[at].base += 1);
            refused(&view, &plan, &what, |p| p.channels[at].external_address += 16);
        }
        refused(&view, &plan, "one word of memory less than used", |p| {
            let ends = p.visits.iter().flat_map(|v| &v.sources);
            let last = ends.map(|ring| ring.base + 1).max().expect("some");
            p.config.feature_words = last - 1;
        });
    }
}

/// 16x16 pixels: conv 1 -> 4, pool, conv 4 -> 4, upsample, concat with the first, conv 8 -> 2.
fn tiny() -> (Network, Schedule) {
    let mut b = Builder::new(Mode::Scaled, [1, 16, 16], unsigned(4), 3);
    let skip = b.conv2d(b.input(), [4, 3], 4, unsigned(4));
    let pooled = b.max_pool2d(skip);
    let low = b.conv2d(pooled, [4, 3], 4, unsigned(4));
    let up = b.upsample2d(low);
    let both = b.concat(up, skip);
    b.conv2d(both, [2, 1], 4, unsigned(4));
    let network = b.finish();
    // words of 4 pixels, 2 channels, 4 bits: 4 bytes; weight words of 4*2*4 bits: 4 bytes
    let config = HardwareConfig { lane_bits: Some(4), scaled: Some(true), ..Default::default() };
    let schedule = schedule(&network, &config).expect("schedules");
    (network, schedule)
}

#[test]
fn bytes_of_a_tiny_network_by_hand() {
    let (network, schedule) = tiny();
    let bytes = |feature_words, weight_words| {
        let config = ExternalConfig { feature_words, weight_words };
        plan(&network, &schedule, &config).expect("plans").report.moved
    };
    // input: three rows in the lanes are 3 channels, 16 rows of 8 words of 4 bytes; output: 16 rows
    // of 4 words; the rest stays. Weights: 6 words -> 32 bytes; 18 words -> 80; 4 words -> 16
    let all = BytesMoved { features_in: 512, features_out: 256, weights: 32 + 80 + 16 };
    assert_eq!(bytes(1000, 100), all);
    // 36 words hold what the first convolution needs: 2 rows of 8 words, 2 of 8, 1 of 4. So
    // its map, 16 rows of 8 words, and the pooled one, 8 rows of 4 words, go outside and come back;
    // the other two convolutions run row by row
    let spilled = 16 * 8 * 4 + 8 * 4 * 4;
    let moved = bytes(36, 100);
    assert_eq!(
        moved,
        BytesMoved { features_in: 512 + spilled, features_out: 256 + spilled, ..all }
    );
    // the second convolution has one output group: 9 taps of 2 input groups
    assert_eq!(
        minimum(&View::new(&network, &schedule)),
        ExternalConfig { feature_words: 36, weight_words: 18 }
    );
}

#[test]
fn tall_images_take_more_rows_a_command_rather_than_too_many_commands() {
    let network = unet(&Unet { base: 8, depth: 3, size: [4096, 16], ..Default::default() });
    let schedule = schedule(&network, &HardwareConfig::default()).expect("schedules");
    let view = View::new(&network, &schedule);
    // single rows would need more than 65535 transfers, and pairs need more memory
    let (single, pairs) = (minimum(&view), minimum(&view.with_grain(2)));
    assert!(pairs.feature_words > single.feature_words);
    let error = plan(&network, &schedule, &single).unwrap_err().to_string();
    assert!(error.contains(&format!("at least {}", pairs.feature_words)), "{error}");
    let plan = plan(&network, &schedule, &pairs).expect("plans");
    assert!(plan.engine.len().max(plan.dma.len()) > 30_000, "{}", plan.report);
}

#[test]
fn weights_lie_outside_in_the_order_of_the_image() {
    let (mut n_cut, mut n_gathered) = (0, 0);
    for seed in 0..60 {
        let (network, schedule) = random_schedule(seed);
        let images = images(&network, &schedule, &HardwareConfig::default()).expect("images");
        let view = View::new(&network, &schedule);
        let plan = plan(&network, &schedule, &minimum(&view)).expect("plans");
        for (chunk, found) in plan.weights.iter().zip(weight_images(&view, &plan, &images)) {
            let op = &schedule.operations[chunk.operation];
            let base = images.bases[chunk.operation].weights;
            let groups = op.out_channels().div_ceil(schedule.engine.tm);
            let per_group = view.operations.iter().find(|o| o.operation == chunk.operation);
            let per_group = per_group.expect("known").group_words / op.phases();
            let mut expected = Vec::new();
            for phase in 0..op.phases() {
                for group in 0..chunk.n_out_groups {
                    let first = base + (phase * groups + chunk.first_out_group + group) * per_group;
                    expected.extend(images.weights.words[first..first + per_group].concat());
                }
            }
            let row = chunk.row_words * view.weight_bytes / 4;
            let rows = found.chunks(chunk.row_bytes / 4).flat_map(|r| r[..row].to_vec());
            assert_eq!(rows.collect::<Vec<u32>>(), expected, "seed {seed}, {}", op.name);
            n_cut += usize::from(chunk.rows > 1);
            n_gathered += usize::from(op.phases() > 1 && chunk.n_out_groups < groups);
        }
    }
    assert!(n_cut > 0 && n_gathered > 0, "{n_cut} {n_gathered}");
}
