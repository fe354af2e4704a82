//! The register block: every command, error and event, on the Verilated design, on both buses.

mod common;

use common::{cache_dir, has_verilator};
use hdl_gen::{HardwareConfig, HostBus, generate};
use network::Network;
use network::descriptor::DESCRIPTOR_STRIDE;
use network::descriptor::{OP, reserved_bits};
use network::registers::*;
use qunet_tests::inputs;
use qunet_tests::unet::{Unet, unet};
use sim::verilated::{Step, Verilated, VerilatedError};

struct Fixture {
    network: Network,
    design: Verilated,
    cycles: u32,
}

impl Fixture {
    fn new(host_bus: HostBus) -> Fixture {
        let network = unet(&Unet { base: 4, depth: 1, size: [8, 12], ..Default::default() });
        let build = cache_dir().join(format!("registers-{}", host_bus.name()));
        let config = HardwareConfig { host_bus, ..Default::default() };
        let report = generate(&network, &config, &build).expect("generates");
        let design = Verilated::build(&build, &cache_dir()).expect("builds");
        Fixture { network, design, cycles: report.cycles.total as u32 }
    }

    fn read(&mut self, register: Register) -> u32 {
        self.design.read(register).expect("answers")
    }

    fn write(&mut self, register: Register, value: u32) {
        self.design.write(register, value).expect("answers");
    }

    fn load(&mut self, seed: u64) {
        let input = inputs::random(&self.network, seed);
        self.design.load_input(&input).expect("loads");
    }

    /// A frame from load to output equals the reference.
    fn frame_is_right(&mut self, seed: u64) {
        self.load(seed);
        let counters = self.design.run().expect("runs");
        assert_eq!(counters.cycles, self.cycles);
        let expected = self.network.run_reference(&inputs::random(&self.network, seed)).unwrap();
        let found = self.design.read_output().expect("reads");
        assert_eq!(found, expected[self.network.output.index()]);
    }
}

#[test]
fn register_block_on_wishbone() {
    if has_verilator("register block on Wishbone") {
        every_part_is_right(HostBus::Wishbone);
    }
}

#[test]
fn register_block_on_axi() {
    if has_verilator("register block on AXI4-Lite") {
        every_part_is_right(HostBus::Axi4Lite);
    }
}

fn every_part_is_right(host_bus: HostBus) {
    // one design for all: a reset between the parts also shows that it brings everything back
    let mut fixture = Fixture::new(host_bus);
    let parts: [fn(&mut Fixture); 14] = [
        identity,
        status_has_no_gap_before_done,
        access_after_a_dropped_one_is_executed,
        two_frames_are_equal,
        incomplete_input_is_refused,
        overfull_input_is_refused,
        start_and_memory_access_while_busy_are_refused,
        abort_then_rerun,
        soft_reset_restores_reset_values,
        watchdog_stops,
        bad_descriptors_stop,
        interrupts,
        single_steps,
        windows_read_what_was_written,
    ];
    for part in parts {
        fixture.write(CTRL, CTRL_SOFT_RESET);
        part(&mut fixture);
    }
    fixture.write(CTRL, CTRL_SOFT_RESET);
    fixture.frame_is_right(99);
}

/// A poll in any cycle around the end of a frame sees it busy or done.
fn status_has_no_gap_before_done(f: &mut Fixture) {
    let mut seen = [false; 2];
    // an access through AXI4-Lite takes longer
    for cycles in f.cycles - 50..f.cycles + 12 {
        f.load(3);
        f.write(CTRL, CTRL_START);
        f.design.cycles(u64::from(cycles));
        let status = f.read(STATUS) & (STATUS_BUSY | STATUS_DONE);
        assert_ne!(status, 0, "{cycles} cycles after START");
        seen[usize::from(status & STATUS_DONE != 0)] = true;
        f.design.cycles(80);
        assert_eq!(f.read(STATUS) & (STATUS_BUSY | STATUS_DONE), STATUS_DONE);
    }
    assert_eq!(seen, [true; 2], "the polls lie around the end of the frame");
}

fn access_after_a_dropped_one_is_executed(f: &mut Fixture) {
    f.write(WINDOW_SELECT, WINDOW_WEIGHTS);
    // the master gives up a read of the window after one cycle and then writes a register
    assert_eq!(f.design.read_within(WINDOW_DATA, 1), None);
    f.design.cycles(1);
    f.write(IRQ_ENABLE, 7);
    assert_eq!(f.read(IRQ_ENABLE), 7);
    f.frame_is_right(5);
}

fn identity(f: &mut Fixture) {
    assert_eq!(f.read(ID), ID_VALUE);
    assert_eq!(f.read(VERSION), VERSION_VALUE);
    assert_eq!(f.read(MODEL_HASH), f.design.manifest().model_hash);
    let lanes = f.design.manifest().engine;
    let caps = f.read(CAPS);
    let field = |name: &str| {
        let bits = CAPS.bits.iter().find(|b| b.name == name).unwrap();
        (caps >> bits.lsb & ((1 << bits.width) - 1)) as usize
    };
    assert_eq!([1 << field("log2_tn"), 1 << field("log2_tm")], [lanes.tn, lanes.tm]);
    assert_eq!([1 << field("log2_tp"), field("digit_bits")], [lanes.tp, lanes.digit_bits]);
    assert_eq!([field("lane_bits"), field("scaled")], [lanes.lane_bits, 1]);
    assert_eq!(f.design.manifest().host_bus, ["wishbone", "axi4-lite"][field("host_bus")]);
    let depth = f.design.manifest().memories.features.depth as u32;
    assert_eq!(f.read(FEATURE_DEPTH), depth);
    // an address that is no register reads as zero and ignores writes
    let nothing = Register { offset: 0xf0, ..ID };
    f.write(nothing, 5);
    assert_eq!(f.read(nothing), 0);
    f.write(ID, 5);
    assert_eq!(f.read(ID), ID_VALUE);
}

fn two_frames_are_equal(f: &mut Fixture) {
    f.frame_is_right(1);
    f.frame_is_right(1);
    f.frame_is_right(2);
}

fn incomplete_input_is_refused(f: &mut Fixture) {
    f.load(1);
    f.write(WINDOW_SELECT, WINDOW_INPUT);
    f.write(WINDOW_DATA, 0);
    f.write(CTRL, CTRL_START);
    assert_eq!(f.read(ERR), ERR_LENGTH);
    assert_eq!(f.read(STATUS), 0);
    assert_eq!(f.read(INPUT_LOADED), 1);
    f.write(ERR, ERR_LENGTH);
    assert_eq!(f.read(ERR), 0);
    f.frame_is_right(3);
    // the input was used up
    f.write(CTRL, CTRL_START);
    assert_eq!(f.read(ERR), ERR_LENGTH);
    assert_eq!(f.read(STATUS), STATUS_DONE);
}

fn overfull_input_is_refused(f: &mut Fixture) {
    f.load(1);
    f.write(WINDOW_DATA, u32::MAX);
    f.write(CTRL, CTRL_START);
    assert_eq!(f.read(ERR), ERR_LENGTH);
    assert_eq!(f.read(STATUS), 0);
}

fn start_and_memory_access_while_busy_are_refused(f: &mut Fixture) {
    f.load(4);
    f.write(CTRL, CTRL_START);
    assert_eq!(f.read(STATUS), STATUS_BUSY);
    f.write(CTRL, CTRL_START);
    assert_eq!(f.read(ERR), ERR_BUSY);
    f.write(ERR, ERR_BUSY);
    f.write(WINDOW_SELECT, WINDOW_WEIGHTS);
    f.write(WINDOW_DATA, 0xffff_ffff);
    assert_eq!(f.read(WINDOW_DATA), 0);
    assert_eq!(f.read(ERR), ERR_BUSY);
    f.write(ERR, ERR_BUSY);
    f.design.cycles(u64::from(f.cycles));
    assert_eq!(f.read(STATUS), STATUS_DONE);
    assert_eq!((f.read(ERR), f.read(CYCLES)), (0, f.cycles));
    let expected = f.network.run_reference(&inputs::random(&f.network, 4)).unwrap();
    assert_eq!(f.design.read_output().unwrap(), expected[f.network.output.index()]);
}

fn abort_then_rerun(f: &mut Fixture) {
    // at many moments: while fetching, in a pass, in a drain, near the end
    for wait in [0, 5, 17, 22, 40, 63, 200, 777, 2000] {
        f.load(5);
        f.write(CTRL, CTRL_START);
        f.design.cycles(wait);
        f.write(CTRL, CTRL_ABORT);
        f.design.cycles(2);
        assert_eq!((f.read(STATUS), f.read(ERR)), (0, 0), "after {wait} cycles");
        f.write(CTRL, CTRL_START);
        assert_eq!(f.read(ERR), ERR_LENGTH, "after {wait} cycles");
        f.write(ERR, ERR_LENGTH);
        f.frame_is_right(6 + wait);
    }
}

fn soft_reset_restores_reset_values(f: &mut Fixture) {
    let resets = [WATCHDOG, INPUT_BASE, INPUT_LENGTH, IRQ_ENABLE, WINDOW_SELECT, WINDOW_ADDRESS];
    let before = resets.map(|r| f.read(r));
    assert_eq!(before[0], 4 * f.cycles);
    resets.iter().for_each(|r| f.write(*r, 3));
    f.write(CTRL, CTRL_START);
    assert_ne!(f.read(ERR), 0);
    f.write(CTRL, CTRL_SOFT_RESET);
    assert_eq!(resets.map(|r| f.read(r)), before);
    assert_eq!((f.read(ERR), f.read(IRQ_STATUS), f.read(CYCLES)), (0, 0, 0));
    f.load(1);
    f.write(CTRL, CTRL_START);
    f.write(CTRL, CTRL_SOFT_RESET);
    assert_eq!(f.read(STATUS), 0);
    f.frame_is_right(7);
}

fn watchdog_stops(f: &mut Fixture) {
    f.write(WATCHDOG, 300);
    f.load(8);
    f.write(CTRL, CTRL_START);
    f.design.cycles(400);
    assert_eq!((f.read(STATUS), f.read(ERR)), (0, ERR_WATCHDOG));
    assert_eq!(f.read(CYCLES), 301);
    f.write(ERR, ERR_WATCHDOG);
    f.write(WATCHDOG, f.cycles);
    f.frame_is_right(8);
    f.write(WATCHDOG, 0);
    f.frame_is_right(9);
}

fn bad_descriptors_stop(f: &mut Fixture) {
    let words_of_first = [0u32, 1, 2];
    f.write(WINDOW_SELECT, WINDOW_DESCRIPTORS);
    let good = words_of_first.map(|_| f.read(WINDOW_DATA));
    let unknown_op = (good[0] & !OP.mask()) | 9;
    let no_lanes = good[2] & !network::descriptor::LAST_LANES.mask();
    let one_bit = good[0] | network::descriptor::ONE_BIT.mask();
    let bad = [
        (0, unknown_op),
        (0, good[0] | reserved_bits(0) & reserved_bits(0).wrapping_neg()),
        (1, good[1] | 1 << 31),
        (2, no_lanes),
        (0, one_bit),
    ];
    for (index, word) in bad {
        put_descriptor(f, index, word);
        f.load(1);
        f.write(CTRL, CTRL_START);
        f.design.cycles(40);
        assert_eq!((f.read(STATUS), f.read(ERR)), (0, ERR_DESCRIPTOR), "{index}: {word:#x}");
        f.write(ERR, ERR_DESCRIPTOR);
        put_descriptor(f, index, good[index as usize]);
    }
    // a program without an end runs off the memory
    let end = (f.design.manifest().operations.len() * DESCRIPTOR_STRIDE) as u32;
    f.write(WINDOW_SELECT, WINDOW_DESCRIPTORS);
    let words: Vec<u32> = (0..16).map(|_| f.read(WINDOW_DATA)).collect();
    words.iter().enumerate().for_each(|(i, word)| put_descriptor(f, end + i as u32, *word));
    f.load(1);
    let error = f.design.run().unwrap_err();
    assert!(matches!(error, VerilatedError::Engine { bits: ERR_DESCRIPTOR, .. }), "{error}");
    (0..16).for_each(|i| put_descriptor(f, end + i, 0));
    f.write(ERR, u32::MAX);
    f.frame_is_right(10);
}

fn put_descriptor(f: &mut Fixture, index: u32, word: u32) {
    f.write(WINDOW_SELECT, WINDOW_DESCRIPTORS);
    f.write(WINDOW_ADDRESS, index);
    f.write(WINDOW_DATA, word);
}

fn interrupts(f: &mut Fixture) {
    assert!(!f.design.irq());
    f.frame_is_right(11);
    assert!(!f.design.irq());
    assert_eq!(f.read(IRQ_STATUS), IRQ_DONE);
    f.write(IRQ_ENABLE, IRQ_DONE);
    assert!(f.design.irq());
    f.write(IRQ_STATUS, IRQ_DONE);
    assert!(!f.design.irq());
    f.write(IRQ_ENABLE, IRQ_ERROR);
    f.write(CTRL, CTRL_START);
    assert!(f.design.irq());
    assert_eq!(f.read(IRQ_STATUS), IRQ_ERROR);
    f.write(IRQ_STATUS, IRQ_ERROR);
    f.write(IRQ_ENABLE, IRQ_STEP);
    f.write(ERR, u32::MAX);
    f.load(1);
    f.design.step().expect("steps");
    assert!(f.design.irq());
}

fn single_steps(f: &mut Fixture) {
    f.load(12);
    let n_operations = f.design.manifest().operations.len() as u32;
    for layer in 0..n_operations {
        assert_eq!(f.design.step().unwrap(), Step::Ran);
        assert_eq!((f.read(STATUS), f.read(LAYER)), (STATUS_PAUSED, layer + 1));
    }
    assert_eq!(f.design.step().unwrap(), Step::Ended);
    assert_eq!((f.read(STATUS), f.read(CYCLES)), (STATUS_DONE, f.cycles));
    // a start after a pause runs the rest
    f.load(13);
    f.design.step().unwrap();
    assert_eq!(f.design.run().unwrap().cycles, f.cycles);
    let expected = f.network.run_reference(&inputs::random(&f.network, 13)).unwrap();
    assert_eq!(f.design.read_output().unwrap(), expected[f.network.output.index()]);
    // an abort while paused forgets the program
    f.load(14);
    f.design.step().unwrap();
    f.write(CTRL, CTRL_ABORT);
    assert_eq!(f.read(STATUS), 0);
    f.frame_is_right(14);
}

fn windows_read_what_was_written(f: &mut Fixture) {
    for (select, depth) in [(WINDOW_FEATURES, FEATURE_DEPTH), (WINDOW_PARAMS, PARAM_DEPTH)] {
        let words = f.read(depth).min(40) * 2;
        let engine = f.design.manifest().engine;
        let bank = (1 << (engine.tn * engine.lane_bits)) - 1;
        let mask = if select == WINDOW_FEATURES { bank } else { u32::MAX };
        f.write(WINDOW_SELECT, select);
        let before: Vec<u32> = (0..words).map(|_| f.read(WINDOW_DATA)).collect();
        let pattern =
            |i: u32| i.wrapping_mul(0x9e37_79b9) & if i % 2 == 1 { mask & 0xffff } else { mask };
        f.write(WINDOW_ADDRESS, 0);
        (0..words).for_each(|i| f.write(WINDOW_DATA, pattern(i)));
        assert_eq!(f.read(WINDOW_ADDRESS), words);
        f.write(WINDOW_ADDRESS, 0);
        (0..words).for_each(|i| assert_eq!(f.read(WINDOW_DATA), pattern(i), "{select} {i}"));
        f.write(WINDOW_ADDRESS, 0);
        before.iter().for_each(|word| f.write(WINDOW_DATA, *word));
    }
    // past the end: ignored
    f.write(WINDOW_SELECT, WINDOW_DESCRIPTORS);
    let first = f.read(WINDOW_DATA);
    let depth = f.read(DESCRIPTOR_DEPTH);
    f.write(WINDOW_ADDRESS, depth.next_power_of_two());
    f.write(WINDOW_DATA, !first);
    f.write(WINDOW_ADDRESS, 0);
    assert_eq!(f.read(WINDOW_DATA), first);
}
