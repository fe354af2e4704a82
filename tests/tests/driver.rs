//! The driver against the generated register block in Verilator.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use hdl_gen::config::MemoryPlace;
use hdl_gen::{HardwareConfig, generate};
use network::Network;
use network::registers::{self as regs, REGISTERS};
use qunet_tests::inputs;
use qunet_tests::unet::{Unet, unet};
use runtime_embedded::Model;
use runtime_embedded::driver::{
    Accelerator, Backend, Build, Device, DriverError, External, Failed, Part, Places, Poll, RegBus,
    Region, WithFallback,
};
use sim::verilated::{MemoryBehaviour, Verilated};

/// The Verilated design as a bus; one that does not answer gives all ones.
struct Bus {
    design: Verilated,
    /// MODEL_HASH is read wrongly.
    wrong_hash: bool,
    /// CYCLES after which the watchdog strikes, whatever the driver wants.
    watchdog: Option<u32>,
    /// Writes to the data window that are still lost.
    n_lost: u32,
    /// Writes to the data window that still come twice.
    n_doubled: u32,
    /// Reads that are still not answered.
    n_dead: u32,
    /// Starts whose frame never seems to end, until a reset; then it is over.
    n_stuck: u32,
    /// Such a frame runs.
    is_stuck: bool,
}

/// What goes wrong on the way to the design, as fields of a [`Bus`].
#[derive(Clone, Copy, Debug, Default)]
struct Fault {
    n_lost: u32,
    n_doubled: u32,
    n_dead: u32,
    n_stuck: u32,
}

impl RegBus for Bus {
    fn read(&mut self, offset: u32) -> u32 {
        let register = REGISTERS[offset as usize / 4];
        if self.n_dead > 0 {
            self.n_dead -= 1;
            return u32::MAX;
        }
        let value = self.design.read(register).unwrap_or(u32::MAX);
        if offset == regs::STATUS.offset && self.is_stuck {
            return value | regs::STATUS_BUSY;
        }
        if offset == regs::MODEL_HASH.offset && self.wrong_hash { !value } else { value }
    }

    fn write(&mut self, offset: u32, value: u32) {
        let register = REGISTERS[offset as usize / 4];
        if offset == regs::WINDOW_DATA.offset && self.n_lost > 0 {
            self.n_lost -= 1;
            return;
        }
        if offset == regs::WINDOW_DATA.offset && self.n_doubled > 0 {
            self.n_doubled -= 1;
            let _ = self.design.write(register, value);
        }
        if offset == regs::CTRL.offset {
            self.is_stuck &= value & regs::CTRL_SOFT_RESET == 0;
            if value & regs::CTRL_START != 0 && self.n_stuck > 0 {
                self.n_stuck -= 1;
                self.is_stuck = true;
            }
        }
        let limited = self.watchdog.filter(|_| offset == regs::WATCHDOG.offset);
        let _ = self.design.write(register, limited.unwrap_or(value));
    }
}

fn small_engine() -> HardwareConfig {
    HardwareConfig { tn: 2, tm: 4, tp: 4, digit_bits: 4, ..Default::default() }
}

fn start(network: &Network, config: &HardwareConfig) -> (Bus, Build) {
    let folder = tempfile::tempdir().unwrap();
    let engine = folder.path().join("engine");
    generate(network, config, &engine).unwrap();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("driver");
    let design = Verilated::build(&engine, &cache).unwrap();
    let manifest = design.manifest();
    let layout = manifest.engine.layout();
    let base = manifest.tensors[manifest.output].base.unwrap_or(0) * layout.word_window_words();
    let build = Build {
        layout,
        input_packing: manifest.input_packing.packing(),
        output_window_base: base as u32,
        model_cycles: manifest.model_cycles as u32,
    };
    check_constant(&engine, "BUILD", &build);
    if manifest.external.is_some() {
        let [input, output] = places(&design);
        check_constant(&engine, "PLACES", &Places { input: &input, output: &output });
    }
    let Fault { n_lost, n_doubled, n_dead, n_stuck } = Fault::default();
    let (wrong_hash, watchdog, is_stuck) = (false, None, false);
    (Bus { design, wrong_hash, watchdog, n_lost, n_doubled, n_dead, n_stuck, is_stuck }, build)
}

/// A constant of `qunet_model.rs` is this value, which is printed the way Rust writes it.
fn check_constant(engine: &Path, name: &str, expected: &dyn std::fmt::Debug) {
    let text = std::fs::read_to_string(engine.join("qunet_model.rs")).unwrap();
    let plain = |text: &str| {
        let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '&').collect();
        text.replace(",}", "}").replace(",]", "]")
    };
    let value = text.split_once(&format!("pub const {name}: ")).unwrap().1;
    let value = value.split_once('=').unwrap().1.split_once(';').unwrap().0;
    assert_eq!(plain(value), plain(&format!("{expected:?}")), "{text}");
}

/// Verilator is here; if not, says what is skipped, and fails where nothing may be.
fn has_verilator(test: &str) -> bool {
    if sim::verilated::is_installed() {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "{test}: Verilator is not installed");
    println!("skipped: {test} (Verilator is not installed)");
    false
}

#[test]
fn driver_on_the_verilated_register_block() {
    if !has_verilator("driver_on_the_verilated_register_block") {
        return;
    }
    let network = unet(&Unet { base: 2, ..Unet::default() });
    let input = inputs::random(&network, 1);
    let bytes = network.to_bytes().unwrap();
    let model = Model::from_bytes(&bytes).unwrap();
    let expected = network.run_reference(&input).unwrap().swap_remove(network.output.index());
    let (bus, build) = start(&network, &small_engine());
    let mut output = vec![0; expected.len()];

    let mut accelerator = Accelerator::new(bus, model, build).unwrap();
    accelerator.probe().unwrap();
    let polls = accelerator.default_polls();
    for _ in 0..2 {
        output.fill(9);
        let counters = accelerator.infer(&input, &mut output, polls).unwrap();
        assert_eq!(output, expected);
        assert!(counters.cycles < 2 * build.model_cycles);
    }
    // aborted, dropped, timed out, started without an input
    accelerator.load_input(&input).unwrap();
    accelerator.start().unwrap().abort();
    let refused = accelerator.start().err();
    assert!(matches!(refused, Some(DriverError::Engine { fault, .. }) if fault.is_length()));
    accelerator.load_input(&input).unwrap();
    let late = accelerator.start().unwrap().wait(3);
    assert!(matches!(late, Err(DriverError::Timeout { limit: 3, .. })), "{late:?}");
    accelerator.recover().unwrap();
    accelerator.infer(&input, &mut output, polls).unwrap();
    assert_eq!(output, expected);
    accelerator.take_interrupt();

    // interrupts: the line follows the events that are enabled, and a spurious one is none
    accelerator.enable_interrupts(regs::IRQ_DONE);
    assert_eq!(accelerator.take_interrupt(), None);
    accelerator.infer(&input, &mut output, polls).unwrap();
    let mut bus = accelerator.into_bus();
    assert!(!bus.design.irq(), "reading the output clears the events");
    let mut accelerator = Accelerator::new(&mut bus, model, build).unwrap();
    accelerator.load_input(&input).unwrap();
    accelerator.start().unwrap().wait(polls).unwrap();
    assert!(bus.design.irq());
    let mut accelerator = Accelerator::new(&mut bus, model, build).unwrap();
    assert_eq!(accelerator.take_interrupt(), Some(regs::IRQ_DONE));
    assert_eq!(accelerator.take_interrupt(), None);
    assert!(!bus.design.irq());

    every_fault_recovers(bus, build, &network, &input, &expected);
}

/// Each fault once: the driver recovers, and the accelerator gives the integers at the second try;
/// for ever: software gives them.
fn every_fault_recovers(
    mut bus: Bus,
    build: Build,
    network: &Network,
    input: &[u8],
    expected: &[u8],
) {
    let bytes = network.to_bytes().unwrap();
    let model = Model::from_bytes(&bytes).unwrap();
    type Check = fn(&DriverError) -> bool;
    let none = Fault::default();
    let length: Check = |e| matches!(e, DriverError::Engine { fault, .. } if fault.is_length());
    // a bus that stays dead also looks busy
    let dead: Check = |e| matches!(e, DriverError::Id { .. } | DriverError::Stuck { .. });
    let faults: [(&str, Fault, Check); 4] = [
        ("lost word", Fault { n_lost: 1, ..none }, |e| matches!(e, DriverError::Load { .. })),
        ("length mismatch", Fault { n_doubled: 1, ..none }, length),
        ("dead bus", Fault { n_dead: 1, ..none }, dead),
        ("stuck busy", Fault { n_stuck: 1, ..none }, |e| matches!(e, DriverError::Timeout { .. })),
    ];
    for (name, fault, is_right) in faults {
        for times in [1, 1 << 20] {
            let n = |count: u32| count * times;
            (bus.n_lost, bus.n_doubled) = (n(fault.n_lost), n(fault.n_doubled));
            (bus.n_dead, bus.n_stuck, bus.is_stuck) = (n(fault.n_dead), n(fault.n_stuck), false);
            let mut arena = vec![0; model.arena_bytes()];
            let accelerator = Accelerator::new(&mut bus, model, build).unwrap();
            let mut runner = WithFallback::new(accelerator, &mut arena).unwrap();
            runner.polls = build.model_cycles;
            let mut output = vec![9; expected.len()];
            let report = runner.infer(input, &mut output).unwrap();
            assert_eq!(output, expected, "{name}");
            assert_eq!(report.attempts, 2, "{name}");
            assert!(is_right(&report.fault.unwrap()), "{name}: {report:?}");
            let by_software = report.backend == Backend::Software;
            assert_eq!(by_software, times > 1, "{name}: {report:?}");
        }
    }
}

#[test]
fn watchdog_and_wrong_hash_end_in_software() {
    if !has_verilator("watchdog_and_wrong_hash_end_in_software") {
        return;
    }
    let network = unet(&Unet { base: 2, depth: 1, size: [8, 8], ..Unet::default() });
    let input = inputs::random(&network, 1);
    let bytes = network.to_bytes().unwrap();
    let model = Model::from_bytes(&bytes).unwrap();
    let expected = network.run_reference(&input).unwrap().swap_remove(network.output.index());
    for wrong_hash in [true, false] {
        let (mut bus, build) = start(&network, &small_engine());
        (bus.wrong_hash, bus.watchdog) = (wrong_hash, Some(100));
        let mut arena = vec![0; model.arena_bytes()];
        let accelerator = Accelerator::new(bus, model, build).unwrap();
        let mut runner = WithFallback::new(accelerator, &mut arena).unwrap();
        let mut output = vec![9; expected.len()];
        let report = runner.infer(&input, &mut output).unwrap();
        assert_eq!((report.backend, report.attempts), (Backend::Software, 2));
        assert_eq!(output, expected);
        let is_watchdog =
            matches!(report.fault, Some(DriverError::Engine { fault, .. }) if fault.is_watchdog());
        assert_eq!(is_watchdog, !wrong_hash);
    }
}

/// A bus that others share, as processor and accelerator share their memory.
#[derive(Clone)]
struct Shared(Rc<RefCell<Bus>>);

impl RegBus for Shared {
    fn read(&mut self, offset: u32) -> u32 {
        self.0.borrow_mut().read(offset)
    }
    fn write(&mut self, offset: u32, value: u32) {
        self.0.borrow_mut().write(offset, value);
    }
}

/// The simulated memory behind the accelerator's AXI4 port, from address 0.
struct SimulatedMemory {
    bus: Shared,
    n_bytes: usize,
}

impl Region for SimulatedMemory {
    fn bus_address(&self) -> u32 {
        0
    }
    fn n_bytes(&self) -> usize {
        self.n_bytes
    }
    fn read(&mut self, index: usize) -> u32 {
        self.bus.0.borrow_mut().design.read_memory(index as u32).unwrap()
    }
    fn write(&mut self, index: usize, value: u32) {
        self.bus.0.borrow_mut().design.write_memory(index as u32, value).unwrap();
    }
}

/// Input and output of a build in its region.
fn places(design: &Verilated) -> [Vec<Part>; 2] {
    let manifest = design.manifest();
    let program = manifest.external.as_ref().unwrap();
    [manifest.input, manifest.output].map(|index| {
        let tensor = program.tensors.iter().find(|tensor| tensor.tensor == index).unwrap();
        let part = |part: &sim::verilated::ExternalPart| {
            let sim::verilated::ExternalPart { first_group, n_groups, address, row_bytes } = *part;
            Part { first_group, n_groups, address, row_bytes }
        };
        tensor.parts.iter().map(part).collect()
    })
}

/// Bus, memory, build and places of an accelerator with external memory.
fn start_external(network: &Network) -> (Shared, SimulatedMemory, Build, [Vec<Part>; 2]) {
    let (feature, weight) = (Some(2), Some(2));
    let config = HardwareConfig {
        memory: MemoryPlace::External,
        feature_memory_kib: feature,
        weight_memory_kib: weight,
        ..small_engine()
    };
    let (bus, build) = start(network, &config);
    let region = &bus.design.manifest().memories.external.as_ref().unwrap().region;
    let (n_bytes, places) = (16 * region.depth, places(&bus.design));
    let bus = Shared(Rc::new(RefCell::new(bus)));
    (bus.clone(), SimulatedMemory { bus, n_bytes }, build, places)
}

/// The buffers of a frame are handed over and come back; nothing runs when they do.
#[test]
fn driver_hands_the_region_to_the_accelerator_and_back() {
    if !has_verilator("driver_hands_the_region_to_the_accelerator_and_back") {
        return;
    }
    let network = unet(&Unet { base: 4, size: [16, 20], ..Unet::default() });
    let bytes = network.to_bytes().unwrap();
    let model = Model::from_bytes(&bytes).unwrap();
    let (bus, memory, build, [input_parts, output_parts]) = start_external(&network);
    let places = Places { input: &input_parts, output: &output_parts };
    let is_busy = || bus.0.borrow_mut().read(regs::STATUS.offset) & regs::STATUS_BUSY != 0;

    let mut device = External::new(bus.clone(), memory, model, build, places).unwrap();
    device.probe().unwrap();
    let polls = device.default_polls();
    let mut output = vec![0; network.spec(network.output).len()];
    for seed in 1..4 {
        let input = inputs::random(&network, seed);
        let expected = network.run_reference(&input).unwrap().swap_remove(network.output.index());
        // in turn: a frame that is aborted, one that is dropped, one that is late
        let mut region = device.take_region().unwrap();
        assert!(matches!(device.take_region(), Err(DriverError::Stuck { .. })));
        device.write_input(&mut region, &input).unwrap();
        let mut transfer = device.start(region).map_err(|failed| failed.error).unwrap();
        assert_eq!(transfer.poll(), Ok(Poll::Running));
        let mut region = match seed {
            1 => transfer.abort().unwrap(),
            2 => {
                drop(transfer);
                SimulatedMemory { bus: bus.clone(), n_bytes: 1 << 20 }
            }
            _ => {
                let late = transfer.wait(3).err();
                let Failed { error, region } = late.expect("three polls are too few");
                assert!(matches!(error, DriverError::Timeout { limit: 3, .. }), "{error}");
                region.unwrap()
            }
        };
        assert!(!is_busy(), "the region is back, so the accelerator has stopped");
        // and a whole one, which reads its input from the same region
        device.write_input(&mut region, &input).unwrap();
        let transfer = device.start(region).map_err(|failed| failed.error).unwrap();
        let (counters, mut region) = transfer.wait(polls).map_err(|failed| failed.error).unwrap();
        output.fill(9);
        device.read_output(&mut region, &mut output).unwrap();
        assert_eq!(output, expected, "seed {seed}");
        assert!(counters.cycles < 2 * build.model_cycles);
        device.put_region(region);
    }
    assert_eq!(bus.0.borrow_mut().design.memory_faults().unwrap(), 0, "AXI4 rules");
}

/// A bus error once, at several addresses, and for ever; a region that is too small; an accelerator
/// that never ends: always the same integers, from the accelerator where it recovers.
#[test]
fn external_memory_faults_end_in_the_right_integers() {
    if !has_verilator("external_memory_faults_end_in_the_right_integers") {
        return;
    }
    let network = unet(&Unet { base: 4, size: [16, 20], ..Unet::default() });
    let bytes = network.to_bytes().unwrap();
    let model = Model::from_bytes(&bytes).unwrap();
    let input = inputs::random(&network, 1);
    let expected = network.run_reference(&input).unwrap().swap_remove(network.output.index());
    let (bus, memory, build, [input_parts, output_parts]) = start_external(&network);
    let places = Places { input: &input_parts, output: &output_parts };
    let n_bytes = memory.n_bytes;
    let run = |n_bytes: usize, retries: u32| {
        let memory = SimulatedMemory { bus: bus.clone(), n_bytes };
        let device = External::new(bus.clone(), memory, model, build, places).unwrap();
        let mut arena = vec![0; model.arena_bytes()];
        let mut runner = WithFallback::new(device, &mut arena).unwrap();
        runner.retries = retries;
        let mut output = vec![9; expected.len()];
        let report = runner.infer(&input, &mut output).unwrap();
        assert_eq!(output, expected, "{report:?}");
        report
    };
    let set = |error_at: u32| {
        let behaviour = MemoryBehaviour { waits: 60, latency: 5, error_at };
        bus.0.borrow_mut().design.set_memory(behaviour).unwrap();
    };
    let healthy = run(n_bytes, 1);
    assert!(matches!(healthy.backend, Backend::Accelerator(_)), "{healthy:?}");
    assert_eq!((healthy.attempts, healthy.fault), (1, None));
    for part in 1..8 {
        set((n_bytes / 16 * part / 8 * 16) as u32);
        let report = run(n_bytes, 1);
        let fault = report.fault.unwrap();
        assert!(matches!(fault, DriverError::Engine { fault, .. } if fault.is_bus()), "{fault}");
        assert_eq!((report.backend, report.attempts), (Backend::Software, 2));
        set(0);
        let report = run(n_bytes, 1);
        assert!(matches!(report.backend, Backend::Accelerator(_)), "{report:?}");
    }
    let report = run(n_bytes - 16, 1);
    let fault = report.fault.unwrap().to_string();
    let text = format!("bytes of the region: expected {n_bytes}, found {}", n_bytes - 16);
    assert_eq!((fault, report.backend), (text, Backend::Software));
    // once: the reset ends it; for ever: software
    for (n_stuck, is_software) in [(1, false), (1 << 20, true)] {
        bus.0.borrow_mut().n_stuck = n_stuck;
        let report = run(n_bytes, 1);
        assert!(matches!(report.fault, Some(DriverError::Timeout { .. })), "{report:?}");
        assert_eq!(report.backend == Backend::Software, is_software, "{report:?}");
    }
    assert_eq!(bus.0.borrow_mut().design.memory_faults().unwrap(), 0, "AXI4 rules");
}
