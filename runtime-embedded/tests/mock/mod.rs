//! An accelerator in Rust: the register block's behaviour around the reference kernels, with
//! faults that can be switched on for a number of events.

use network::Network;
use network::registers::{self as regs, BankPlace, FeatureLayout, InputPacking};
use qunet_runtime_embedded::driver::{Build, RegBus};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every read gives all ones and writes are lost.
    DeadBus,
    /// Another network's CRC-32.
    WrongHash,
    /// Another major version.
    WrongVersion,
    /// Tensors in external memory, where this driver cannot put them.
    External,
    /// A frame never ends, and only a soft reset stops it.
    StuckUntilReset,
    /// A frame never ends, and nothing stops it.
    StuckForever,
    /// A start has no effect.
    IgnoredStart,
    /// One input word is lost on the way.
    LostWord,
    /// A frame ends in this bit of ERR.
    Error(u32),
    /// A frame ends without a result.
    Vanished,
}

/// The register block, its memory and its engine.
pub struct Mock {
    pub network: Network,
    pub model_hash: u32,
    pub layout: FeatureLayout,
    pub packing: InputPacking,
    pub input_base: usize,
    pub output_base: usize,
    /// A fault and how many more starts (or, for faults of the bus, reads) it spoils.
    pub fault: Option<(Fault, u32)>,
    /// Frames that ended with a result.
    pub n_frames: u32,
    /// Accesses of any kind.
    pub n_accesses: u64,
    memory: Vec<u32>,
    status: u32,
    err: u32,
    irq_status: u32,
    watchdog: u32,
    cycles: u32,
    busy_polls: u32,
    stuck: Option<Fault>,
    select: u32,
    address: u32,
    loaded: u32,
}

/// Bit of CAPS: tensors and weights lie in external memory.
const EXTERNAL_BIT: u32 = 25;

/// Status reads that a frame takes.
const FRAME_POLLS: u32 = 5;

impl Mock {
    pub fn new(network: Network, model_hash: u32, layout: FeatureLayout) -> Mock {
        Mock::packed(network, model_hash, layout, InputPacking::PLAIN)
    }

    /// A block whose input is packed.
    pub fn packed(
        network: Network,
        model_hash: u32,
        layout: FeatureLayout,
        packing: InputPacking,
    ) -> Mock {
        let input_base = 3;
        let input_words = layout.tensor_window_words(&packing.spec(network.spec(network.input)));
        let output_words = layout.tensor_window_words(network.spec(network.output));
        let output_base = input_base + input_words + 2;
        Mock {
            memory: vec![0xDEAD_BEEF; output_base + output_words],
            network,
            model_hash,
            layout,
            packing,
            input_base,
            output_base,
            fault: None,
            n_frames: 0,
            n_accesses: 0,
            status: 0,
            err: 0,
            irq_status: 0,
            watchdog: 0,
            cycles: 0,
            busy_polls: 0,
            stuck: None,
            select: 0,
            address: 0,
            loaded: 0,
        }
    }

    pub fn build(&self) -> Build {
        let (layout, output_window_base) = (self.layout, self.output_base as u32);
        let input_packing = self.packing;
        Build { layout, input_packing, output_window_base, model_cycles: 100 }
    }

    fn input_words(&self) -> u32 {
        let input = self.packing.spec(self.network.spec(self.network.input));
        self.layout.tensor_window_words(&input) as u32
    }

    /// True if this event is spoiled; counts down.
    fn spoils(&mut self, wanted: impl Fn(Fault) -> bool) -> Option<Fault> {
        let (fault, left) =
            self.fault.as_mut().filter(|(fault, left)| wanted(*fault) && *left > 0)?;
        *left -= 1;
        Some(*fault)
    }

    fn raise(&mut self, bits: u32) {
        self.err |= bits;
        self.irq_status |= regs::IRQ_ERROR;
    }

    fn start(&mut self) {
        if self.status & regs::STATUS_BUSY != 0 {
            return self.raise(regs::ERR_BUSY);
        }
        if self.loaded != self.input_words() {
            return self.raise(regs::ERR_LENGTH);
        }
        let spoiled = self.spoils(|fault| !matches!(fault, Fault::LostWord | Fault::DeadBus));
        if spoiled == Some(Fault::IgnoredStart) {
            return;
        }
        (self.loaded, self.cycles, self.busy_polls) = (0, 0, FRAME_POLLS);
        self.status = regs::STATUS_BUSY;
        self.stuck = spoiled;
    }

    /// One poll's time passes.
    fn advance(&mut self) {
        if self.status & regs::STATUS_BUSY == 0 {
            return;
        }
        self.cycles += 10;
        if matches!(self.stuck, Some(Fault::StuckUntilReset | Fault::StuckForever)) {
            return;
        }
        if self.watchdog != 0 && self.cycles >= self.watchdog {
            self.status = 0;
            return self.raise(regs::ERR_WATCHDOG);
        }
        self.busy_polls -= 1;
        if self.busy_polls > 0 {
            return;
        }
        self.status = 0;
        match self.stuck {
            Some(Fault::Error(bits)) => self.raise(bits),
            Some(Fault::Vanished) => {}
            _ => self.finish(),
        }
    }

    fn finish(&mut self) {
        let input = self.take_input();
        let values = self.network.run_reference(&input).expect("the driver loads legal inputs");
        let output = self.network.output;
        let (spec, layout) = (*self.network.spec(output), self.layout);
        for y in 0..spec.height {
            for x in 0..spec.width {
                for group in 0..layout.groups(&spec) {
                    let base = self.output_base + layout.bank_address(&spec, group, y, x);
                    for index in 0..layout.bank_window_words() {
                        let place = BankPlace { group, y, x };
                        let word = layout.pack(&spec, &values[output.index()], place, index);
                        self.memory[base + index] = word;
                    }
                }
            }
        }
        self.status = regs::STATUS_DONE;
        self.irq_status |= regs::IRQ_DONE;
        self.n_frames += 1;
    }

    /// The image that the lanes hold, which must be the same in all of a pixel's row taps.
    fn take_input(&self) -> Vec<u8> {
        let (spec, layout) = (*self.network.spec(self.network.input), self.layout);
        let packed = self.packing.spec(&spec);
        let n_parts = packed.channels / (spec.channels * self.packing.row_taps);
        let lane = |channel: usize, y: usize, x: usize| {
            let group = channel / layout.input_lanes;
            let bank = self.input_base + layout.bank_address(&packed, group, y, x);
            let bank = &self.memory[bank..bank + layout.bank_window_words()];
            packed.decode(layout.unpack(&packed, bank, channel % layout.input_lanes))
        };
        let value = |at: usize| {
            let (c, y, x) = (at / spec.plane(), at / spec.width % spec.height, at % spec.width);
            let taps = (0..self.packing.row_taps).filter_map(|tap| {
                let from = (y + self.packing.row_taps / 2).checked_sub(tap)?;
                let first = (c * self.packing.row_taps + tap) * n_parts;
                let parts = (0..n_parts).map(|part| lane(first + part, from, x));
                let shifted =
                    parts.enumerate().map(|(i, x)| x << (i * self.packing.part_bits as usize));
                (from < spec.height).then(|| shifted.sum::<i32>())
            });
            let taps: Vec<i32> = taps.collect();
            assert!(taps.iter().all(|value| *value == taps[0]), "row taps differ: {taps:?}");
            spec.encode(taps[0])
        };
        (0..spec.len()).map(value).collect()
    }

    fn access_window(&mut self, written: Option<u32>) -> u32 {
        if self.status & regs::STATUS_BUSY != 0 {
            self.raise(regs::ERR_BUSY);
            return 0;
        }
        let is_input = self.select == regs::WINDOW_INPUT;
        let at =
            if is_input { self.input_base as u32 + self.loaded } else { self.address } as usize;
        if is_input && self.loaded >= self.input_words() {
            self.loaded = self.input_words() + 1;
            return 0;
        }
        if is_input {
            self.loaded += 1;
        }
        self.address += 1;
        let word = self.memory.get_mut(at).expect("the driver keeps to its tensors");
        if let Some(value) = written {
            *word = value;
        }
        *word
    }

    fn stop(&mut self) {
        (self.status, self.loaded, self.stuck) = (0, 0, None);
    }

    fn command(&mut self, bits: u32) {
        if bits & regs::CTRL_START != 0 {
            self.start();
        }
        let holds = |fault| self.stuck == Some(fault);
        let (held, fixed) = (holds(Fault::StuckUntilReset), holds(Fault::StuckForever));
        if bits & regs::CTRL_ABORT != 0 && !held && !fixed {
            self.stop();
        }
        if bits & regs::CTRL_SOFT_RESET != 0 && !fixed {
            self.stop();
            (self.err, self.irq_status, self.watchdog, self.cycles) = (0, 0, 0, 0);
        }
    }

    fn caps(&self) -> u32 {
        let log2 = |n: usize| n.ilog2();
        let layout = &self.layout;
        log2(layout.input_lanes) | log2(layout.pixel_lanes) << 8 | (layout.lane_bits as u32) << 16
    }
}

impl RegBus for Mock {
    fn read(&mut self, offset: u32) -> u32 {
        self.n_accesses += 1;
        if self.spoils(|fault| fault == Fault::DeadBus).is_some() {
            return u32::MAX;
        }
        let has = |fault| self.fault.is_some_and(|(f, left)| f == fault && left > 0);
        match offset {
            o if o == regs::ID.offset => regs::ID_VALUE,
            o if o == regs::VERSION.offset => {
                regs::VERSION_VALUE + if has(Fault::WrongVersion) { 1 << 16 } else { 0 }
            }
            o if o == regs::MODEL_HASH.offset => self.model_hash ^ u32::from(has(Fault::WrongHash)),
            o if o == regs::CAPS.offset => {
                self.caps() | u32::from(has(Fault::External)) << EXTERNAL_BIT
            }
            o if o == regs::STATUS.offset => {
                self.advance();
                self.status
            }
            o if o == regs::ERR.offset => self.err,
            o if o == regs::IRQ_STATUS.offset => self.irq_status,
            o if o == regs::CYCLES.offset => self.cycles,
            o if o == regs::INPUT_LENGTH.offset => self.input_words(),
            o if o == regs::INPUT_LOADED.offset => self.loaded,
            o if o == regs::WINDOW_DATA.offset => self.access_window(None),
            _ => 0,
        }
    }

    fn write(&mut self, offset: u32, value: u32) {
        self.n_accesses += 1;
        if matches!(self.fault, Some((Fault::DeadBus, 1..))) {
            return;
        }
        match offset {
            o if o == regs::CTRL.offset => self.command(value),
            o if o == regs::ERR.offset => self.err &= !value,
            o if o == regs::IRQ_STATUS.offset => self.irq_status &= !value,
            o if o == regs::WATCHDOG.offset => self.watchdog = value,
            o if o == regs::WINDOW_SELECT.offset => {
                (self.select, self.address, self.loaded) = (value, 0, 0);
            }
            o if o == regs::WINDOW_ADDRESS.offset => self.address = value,
            o if o == regs::WINDOW_DATA.offset => {
                let lost = self.loaded == 1 && self.spoils(|f| f == Fault::LostWord).is_some();
                if !lost {
                    self.access_window(Some(value));
                }
            }
            _ => {}
        }
    }
}
