//! External-memory builds in Verilator: every value of every layer, whatever the memory does.

mod common;

use common::{Lanes, cache_dir, config, has_verilator};
use hdl_gen::config::{HardwareConfig, HostBus, MemoryPlace};
use hdl_gen::emit::{Depths, ExternalDepths};
use hdl_gen::external::{ExternalConfig, View, minimum};
use hdl_gen::schedule::schedule;
use hdl_gen::{generate, generate_loadable};
use network::{Network, registers};
use qunet_tests::inputs;
use qunet_tests::random_network::random_network;
use qunet_tests::unet::{Unet, unet};
use sim::verilated::{CosimReport, MemoryBehaviour, Verilated, cosim_on};

/// An engine with empty memories, and the folder of the program in it.
struct Bench {
    config: HardwareConfig,
    design: Verilated,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(lanes: Lanes) -> Bench {
        let config = HardwareConfig { memory: MemoryPlace::External, ..config(lanes) };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let engine = folder.path().join("engine");
        let depths = Depths {
            features: 1 << 14,
            weights: 1 << 16,
            params: 1 << 10,
            descriptors: 1 << 14,
            pool: 1 << 10,
            external: Some(ExternalDepths {
                commands: 1 << 14,
                transfers: 1 << 14,
                channels: 1 << 13,
                beats: 1 << 18,
            }),
        };
        generate_loadable(&config, depths, &engine).expect("generates");
        let design = Verilated::build(&engine, &cache_dir()).expect("builds");
        Bench { config, design, folder }
    }

    /// Generates and loads a network for buffers of `share` from the least (0) upwards.
    fn load(&mut self, network: &Network, share: usize) -> HardwareConfig {
        let scheduled = schedule(network, &self.config).expect("schedules");
        let least = minimum(&View::new(network, &scheduled));
        let engine = scheduled.engine;
        let kib = |words: usize, bits: usize| (words * bits).div_ceil(8192).max(1) + share;
        let config = HardwareConfig {
            feature_memory_kib: Some(kib(least.feature_words, engine.feature_bits())),
            weight_memory_kib: Some(kib(least.weight_words, engine.weight_bits())),
            ..self.config.clone()
        };
        let program = self.folder.path().join("program");
        generate(network, &config, &program).expect("generates");
        self.design.load_program(&program).expect("loads");
        config
    }

    fn cosim(&mut self, name: &str, inputs: &[Vec<u8>]) -> CosimReport {
        let program = self.folder.path().join("program");
        let report = cosim_on(&mut self.design, &program, inputs).expect("runs");
        assert_eq!(report.first_mismatch, None, "{name}: {} mismatches", report.mismatches);
        assert_eq!(self.design.memory_faults().expect("answers"), 0, "{name}: AXI4 rules");
        report
    }
}

fn sweep(lanes: Lanes, first_seed: u64) {
    if !has_verilator(&format!("external memory on {lanes:?}")) {
        return;
    }
    let wanted = std::env::var("QUNET_RANDOM_NETWORKS").ok().and_then(|n| n.parse().ok());
    let mut bench = Bench::new(lanes);
    for seed in first_seed..first_seed + wanted.unwrap_or(12) {
        let network = random_network(seed);
        bench.load(&network, seed as usize % 3);
        let waits = [0, 100, 230][seed as usize % 3];
        let behaviour = MemoryBehaviour { waits, latency: 1 + seed as u32 % 40, error_at: 0 };
        bench.design.set_memory(behaviour).expect("answers");
        let images = [inputs::random(&network, seed), inputs::largest(&network)];
        bench.cosim(&format!("seed {seed}"), &images);
    }
}

#[test]
fn two_by_four_by_four() {
    sweep([2, 4, 4, 4], 100);
}

#[test]
fn one_of_everything() {
    sweep([1, 1, 1, 1], 11000);
}

#[test]
fn one_bit_digits_and_one_pixel() {
    sweep([4, 2, 1, 1], 21000);
}

#[test]
fn wide_words() {
    sweep([4, 8, 8, 2], 31000);
}

#[test]
fn more_inputs_than_outputs() {
    sweep([8, 2, 2, 8], 41000);
}

/// A whole U-Net from its own images: the model's cycles within one percent, bytes as planned.
#[test]
fn a_unet_moves_the_planned_bytes_in_the_planned_cycles() {
    if !has_verilator("external memory: U-Net") {
        return;
    }
    let network = unet(&Unet { base: 8, depth: 3, size: [64, 64], ..Default::default() });
    let build = cache_dir().join("external-unet");
    let config = HardwareConfig {
        memory: MemoryPlace::External,
        feature_memory_kib: Some(24),
        weight_memory_kib: Some(16),
        ..Default::default()
    };
    let report = generate(&network, &config, &build).expect("generates");
    let plan = report.external.expect("a plan");
    let mut design = Verilated::build(&build, &cache_dir()).expect("builds");
    let found = cosim_on(&mut design, &build, &[inputs::random(&network, 7)]).expect("runs");
    assert_eq!(found.first_mismatch, None);
    assert_eq!(design.read(network::registers::CAPS).expect("answers") >> 25 & 1, 1);
    let traffic = found.traffic.expect("external memory");
    assert_eq!(traffic.bytes_read, (plan.moved.features_in + plan.moved.weights) as u64);
    assert_eq!(traffic.bytes_written, plan.moved.features_out as u64);
    let off = found.cycles.abs_diff(found.model_cycles) as f64 / found.cycles as f64;
    assert!(off <= 0.01, "{} cycles, {} by the model", found.cycles, found.model_cycles);
}

/// Registers behind AXI4-Lite, tensors and weights behind AXI4.
#[test]
fn both_buses_at_once() {
    if !has_verilator("external memory: AXI4-Lite") {
        return;
    }
    let network = unet(&Unet { base: 4, depth: 2, size: [16, 20], ..Default::default() });
    let build = cache_dir().join("external-axi4-lite");
    let config = HardwareConfig {
        memory: MemoryPlace::External,
        host_bus: HostBus::Axi4Lite,
        feature_memory_kib: Some(2),
        weight_memory_kib: Some(2),
        ..Default::default()
    };
    generate(&network, &config, &build).expect("generates");
    let mut design = Verilated::build(&build, &cache_dir()).expect("builds");
    design.set_memory(MemoryBehaviour { waits: 60, latency: 9, error_at: 0 }).expect("answers");
    let images = [inputs::random(&network, 11), inputs::largest(&network)];
    let found = cosim_on(&mut design, &build, &images).expect("runs");
    assert_eq!((found.first_mismatch, found.images), (None, 2));
    assert_eq!(design.memory_faults().expect("answers"), 0);
    let caps = design.read(registers::CAPS).expect("answers");
    assert_eq!(caps >> 24 & 3, 3, "both bits of CAPS");
}

/// An error answer stops the engine with ERR.bus; the next frame is right again.
#[test]
fn an_error_answer_is_reported_and_survived() {
    if !has_verilator("external memory: error answers") {
        return;
    }
    let network = unet(&Unet { base: 4, depth: 2, size: [16, 20], ..Default::default() });
    let mut bench = Bench::new([2, 4, 4, 4]);
    bench.load(&network, 0);
    let input = inputs::random(&network, 5);
    let region = bench.design.manifest().memories.external.as_ref().unwrap().region.depth;
    for part in 1..8 {
        let error_at = (region * part / 8 * 16) as u32;
        let behaviour = MemoryBehaviour { waits: 60, latency: 5, error_at };
        bench.design.set_memory(behaviour).expect("answers");
        bench.design.load_input(&input).expect("loads");
        let message = bench.design.run().unwrap_err().to_string();
        assert!(message.contains("bus"), "{message}");
        bench.design.write(registers::ERR, u32::MAX).expect("answers");
        bench.design.set_memory(MemoryBehaviour::default()).expect("answers");
        bench.cosim("after an error", std::slice::from_ref(&input));
    }
}

#[test]
fn buffers_below_the_minimum_are_refused_by_how_much() {
    let network = unet(&Unet { base: 8, depth: 3, size: [64, 64], ..Default::default() });
    let config = HardwareConfig {
        memory: MemoryPlace::External,
        feature_memory_kib: Some(1),
        ..Default::default()
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let error = generate(&network, &config, &folder.path().join("build")).unwrap_err();
    let scheduled = schedule(&network, &config).expect("schedules");
    let least: ExternalConfig = minimum(&View::new(&network, &scheduled));
    assert!(error.to_string().contains(&least.feature_words.to_string()), "{error}");
}

/// What a stopped frame still has under way ends without an error of its own.
#[test]
fn a_stopped_frame_ends_quietly() {
    if !has_verilator("external memory: stopped frames") {
        return;
    }
    let network = unet(&Unet { base: 4, depth: 2, size: [16, 20], ..Default::default() });
    let mut bench = Bench::new([2, 4, 4, 4]);
    bench.load(&network, 0);
    let input = inputs::random(&network, 5);
    let watchdog = bench.design.read(registers::WATCHDOG).expect("answers");
    let slow = MemoryBehaviour { waits: 0, latency: 3000, error_at: 0 };
    for (limit, command, error) in [
        (500, 0, registers::ERR_WATCHDOG),
        (1500, registers::CTRL_ABORT, 0),
        (1500, registers::CTRL_SOFT_RESET, 0),
    ] {
        let design = &mut bench.design;
        let mut read = |register| design.read(register).expect("answers");
        assert_eq!(read(registers::STATUS) & registers::STATUS_BUSY, 0);
        design.set_memory(slow).expect("answers");
        design.load_input(&input).expect("loads");
        for (register, value) in
            [(registers::WATCHDOG, limit), (registers::CTRL, registers::CTRL_START)]
        {
            design.write(register, value).expect("answers");
        }
        design.cycles(600);
        design.write(registers::CTRL, command).expect("answers");
        let mut read = |register| design.read(register).expect("answers");
        assert_eq!(read(registers::ERR), error, "command {command}");
        assert_eq!(read(registers::STATUS) & registers::STATUS_BUSY, 1, "a read is under way");
        let stopped_at = read(registers::CYCLES);
        design.write(registers::ERR, u32::MAX).expect("answers");
        design.write(registers::IRQ_STATUS, u32::MAX).expect("answers");
        design.cycles(5000);
        let mut read = |register| design.read(register).expect("answers");
        assert_eq!(read(registers::STATUS) & registers::STATUS_BUSY, 0, "command {command}");
        assert_eq!((read(registers::ERR), read(registers::IRQ_STATUS)), (0, 0), "{command}");
        assert_eq!(read(registers::CYCLES), stopped_at, "command {command}");
        design.write(registers::WATCHDOG, watchdog).expect("answers");
        design.set_memory(MemoryBehaviour::default()).expect("answers");
        bench.cosim("after a stop", std::slice::from_ref(&input));
    }
}

/// A host may prepare the next frame's base while one runs.
#[test]
fn a_frame_keeps_the_base_of_its_start() {
    if !has_verilator("external memory: base") {
        return;
    }
    let network = unet(&Unet { base: 4, depth: 2, size: [16, 20], ..Default::default() });
    let mut bench = Bench::new([2, 4, 4, 4]);
    bench.load(&network, 0);
    let input = inputs::random(&network, 6);
    bench.design.load_input(&input).expect("loads");
    bench.design.write(registers::CTRL, registers::CTRL_START).expect("answers");
    bench.design.cycles(1000);
    let status = bench.design.read(registers::STATUS).expect("answers");
    assert_eq!(status & registers::STATUS_BUSY, 1);
    bench.design.write(registers::EXTERNAL_BASE, 0x4000_0000).expect("answers");
    bench.design.cycles(200_000);
    assert_eq!(bench.design.read(registers::ERR).expect("answers"), 0);
    assert_eq!(bench.design.memory_faults().expect("answers"), 0);
    bench.design.write(registers::EXTERNAL_BASE, 0).expect("answers");
    let expected = network.run_reference(&input).expect("runs");
    let found = bench.design.read_output().expect("reads");
    assert_eq!(found, expected[network.output.index()]);
}

/// Words so narrow that the buffers could have more than the tables can address.
#[test]
fn buffers_end_where_addresses_do() {
    if !has_verilator("external memory: large buffers") {
        return;
    }
    let network = unet(&Unet { base: 2, depth: 1, size: [8, 8], ..Default::default() });
    let build = cache_dir().join("external-large");
    let config = HardwareConfig {
        memory: MemoryPlace::External,
        feature_memory_kib: Some(2048),
        weight_memory_kib: Some(512),
        ..config([1, 1, 1, 1])
    };
    let report = generate(&network, &config, &build).expect("generates");
    assert_eq!(report.manifest.memories.features.depth, 1 << 20);
    let mut design = Verilated::build(&build, &cache_dir()).expect("builds");
    let found = cosim_on(&mut design, &build, &[inputs::largest(&network)]).expect("runs");
    assert_eq!((found.first_mismatch, found.images), (None, 1));
}
