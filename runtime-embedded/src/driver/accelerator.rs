//! One accelerator: probe, load, start, read, stop.

use network::TensorSpec;
use network::registers::{self as regs, FeatureLayout, InputPacking, Register};

use super::RegBus;
use super::error::{DriverError, EngineFault};
use super::transfer::{Counters, Transfer};
use super::window::{self, BANK_WORDS};
use crate::model::Model;

/// Polls after which an aborted engine must have stopped; it takes a few cycles.
const STOP_POLLS: u32 = 1000;
/// Shortest watchdog in cycles.
const LEAST_WATCHDOG: u32 = 10_000;

/// What the driver must know of a generated accelerator: `BUILD` of its `qunet_model.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Build {
    /// TN, TP and LANE_BITS.
    pub layout: FeatureLayout,
    /// INPUT_PARTS, INPUT_PART_BITS and INPUT_ROW_TAPS.
    pub input_packing: InputPacking,
    /// OUTPUT_WINDOW_BASE: window address of the output tensor in feature memory.
    pub output_window_base: u32,
    /// MODEL_CYCLES: predicted cycles of a frame; the watchdog allows four times as many.
    pub model_cycles: u32,
}

impl Build {
    /// Itself, since [`Accelerator::new`] has checked it; divisions by these numbers then compile
    /// without a panic.
    #[inline(always)]
    fn clamped(self) -> Build {
        let (layout, packing) = (self.layout, self.input_packing);
        let input_lanes = layout.input_lanes.max(1);
        let pixel_lanes = layout.pixel_lanes.max(1);
        let layout = FeatureLayout { input_lanes, pixel_lanes, ..layout };
        let (parts, row_taps) = (packing.parts.max(1), packing.row_taps.max(1));
        let input_packing = InputPacking { parts, row_taps, ..packing };
        Build { layout, input_packing, ..self }
    }
}

/// An accelerator on a bus, and the model that it shall run.
#[derive(Debug)]
pub struct Accelerator<'m, B: RegBus> {
    pub(super) bus: B,
    pub(super) model: Model<'m>,
    build: Build,
}

impl<'m, B: RegBus> Accelerator<'m, B> {
    /// Takes the bus; nothing is read or written yet.
    ///
    /// # Errors
    /// [`DriverError::Build`] if a lane count is zero, a bank has more than 512 bits, or the input
    /// cannot be packed so.
    pub fn new(bus: B, model: Model<'m>, build: Build) -> Result<Accelerator<'m, B>, DriverError> {
        let (layout, packing) = (&build.layout, &build.input_packing);
        let bits = model.input_spec().bits;
        if !packing.splits(bits) {
            let (what, expected) = ("bits below the last part of the input (below)", bits.into());
            return Err(DriverError::Build { what, expected, found: packing.last_shift() });
        }
        let counts = [
            ("input lanes (1 to 512)", layout.input_lanes, 512),
            ("pixel lanes (1 to 1024)", layout.pixel_lanes, 1024),
            ("bits of a lane (1 to 8)", layout.lane_bits, 8),
            ("row taps of the input (1 to 15)", packing.row_taps, 15),
        ];
        for (what, found, most) in counts {
            if !(1..=most).contains(&found) {
                return Err(DriverError::Build {
                    what,
                    expected: most as u32,
                    found: found as u32,
                });
            }
        }
        let (what, found) = ("window words of a bank (at most)", layout.bank_window_words());
        if found > BANK_WORDS {
            let (expected, found) = (BANK_WORDS as u32, found as u32);
            return Err(DriverError::Build { what, expected, found });
        }
        Ok(Accelerator { bus, model, build })
    }

    /// Gives the bus back.
    pub fn into_bus(self) -> B {
        self.bus
    }

    /// The model.
    pub fn model(&self) -> &Model<'m> {
        &self.model
    }

    /// A limit for waits: four times the predicted cycles, since a poll takes a cycle at least.
    pub fn default_polls(&self) -> u32 {
        self.watchdog_cycles()
    }

    fn watchdog_cycles(&self) -> u32 {
        self.build.model_cycles.saturating_mul(4).max(LEAST_WATCHDOG)
    }

    pub(super) fn read(&mut self, register: Register) -> u32 {
        self.bus.read(register.offset)
    }

    pub(super) fn write(&mut self, register: Register, value: u32) {
        self.bus.write(register.offset, value);
    }

    /// Checks that this is the accelerator that was generated from this model, with its tensors on
    /// chip.
    ///
    /// # Errors
    /// [`DriverError::Id`], [`DriverError::Version`], [`DriverError::ModelHash`] or
    /// [`DriverError::Build`].
    pub fn probe(&mut self) -> Result<(), DriverError> {
        self.probe_identity()?;
        self.check_build(false)?;
        let expected = self.build.clamped().layout.tensor_window_words(&self.packed_input()) as u32;
        let found = self.read(regs::INPUT_LENGTH);
        if expected != found {
            let what = "register input_length";
            return Err(DriverError::Build { what, expected, found });
        }
        Ok(())
    }

    /// As [`Self::probe`], for a build with its tensors in a region of so many bytes.
    pub(super) fn probe_external(&mut self, region_bytes: u32) -> Result<(), DriverError> {
        self.probe_identity()?;
        self.check_build(true)?;
        let expected = self.read(regs::EXTERNAL_LENGTH);
        if region_bytes < expected {
            let (what, found) = ("bytes of the region", region_bytes);
            return Err(DriverError::Build { what, expected, found });
        }
        Ok(())
    }

    fn probe_identity(&mut self) -> Result<(), DriverError> {
        let (expected, found) = (regs::ID_VALUE, self.read(regs::ID));
        if expected != found {
            return Err(DriverError::Id { expected, found });
        }
        let (expected, found) = (regs::VERSION_VALUE >> 16, self.read(regs::VERSION) >> 16);
        if expected != found {
            return Err(DriverError::Version { expected, found });
        }
        let (expected, found) = (self.model.model_hash(), self.read(regs::MODEL_HASH));
        if expected != found {
            return Err(DriverError::ModelHash { expected, found });
        }
        Ok(())
    }

    fn check_build(&mut self, is_external: bool) -> Result<(), DriverError> {
        let caps = self.read(regs::CAPS);
        let layout = self.build.clamped().layout;
        let lanes = |name| 1u32.checked_shl(capability(caps, name)).unwrap_or(0);
        let checks = [
            ("tensors in external memory", is_external.into(), capability(caps, "external")),
            ("input lanes", layout.input_lanes as u32, lanes("log2_tn")),
            ("pixel lanes", layout.pixel_lanes as u32, lanes("log2_tp")),
            ("bits of a lane", layout.lane_bits as u32, capability(caps, "lane_bits")),
        ];
        for (what, expected, found) in checks {
            if expected != found {
                return Err(DriverError::Build { what, expected, found });
            }
        }
        Ok(())
    }

    /// The build, with numbers by which the compiler sees that one can divide.
    #[inline(always)]
    pub(super) fn build(&self) -> Build {
        self.build.clamped()
    }

    /// Shape of the input as it lies in the accelerator.
    fn packed_input(&self) -> TensorSpec {
        self.build.clamped().input_packing.spec(&self.model.input_spec())
    }

    /// Writes the input tensor into the accelerator.
    ///
    /// # Shapes
    /// C·H·W bytes of the input tensor.
    ///
    /// # Errors
    /// [`DriverError::Input`], [`DriverError::Engine`] or [`DriverError::Load`].
    pub fn load_input(&mut self, input: &[u8]) -> Result<(), DriverError> {
        self.model.check_input(input).map_err(DriverError::Input)?;
        let (spec, build) = (self.model.input_spec(), self.build.clamped());
        let (layout, packing) = (build.layout, build.input_packing);
        let packed = self.packed_input();
        self.clear_events();
        self.write(regs::WINDOW_SELECT, regs::WINDOW_INPUT);
        window::write_input(&mut self.bus, &layout, &packing, &spec, input);
        self.check_errors()?;
        let expected = layout.tensor_window_words(&packed) as u32;
        let found = self.read(regs::INPUT_LOADED);
        if expected != found {
            return Err(DriverError::Load { expected, found });
        }
        Ok(())
    }

    /// Starts a frame on the loaded input; the watchdog allows four times the predicted cycles.
    ///
    /// # Errors
    /// [`DriverError::Engine`] if it was refused, [`DriverError::NotStarted`] if nothing happened.
    pub fn start(&mut self) -> Result<Transfer<'_, 'm, B>, DriverError> {
        self.clear_events();
        let watchdog = self.watchdog_cycles();
        self.write(regs::WATCHDOG, watchdog);
        self.write(regs::CTRL, regs::CTRL_START);
        self.check_errors()?;
        // a start that is taken uses up the input; a DONE of the frame before proves nothing
        if self.read(regs::INPUT_LOADED) != 0 {
            let status = self.read(regs::STATUS);
            return Err(DriverError::NotStarted { status });
        }
        Ok(Transfer::new(self))
    }

    /// As [`Self::start`], on the input in a region of memory.
    pub(super) fn start_external(
        &mut self,
        bus_address: u32,
    ) -> Result<Transfer<'_, 'm, B>, DriverError> {
        self.clear_events();
        let watchdog = self.watchdog_cycles();
        self.write(regs::WATCHDOG, watchdog);
        self.write(regs::EXTERNAL_BASE, bus_address);
        self.write(regs::CTRL, regs::CTRL_START);
        self.check_errors()?;
        // it runs, or has ended since: a DONE of the frame before is no event any more
        let status = self.read(regs::STATUS);
        let is_started = status & regs::STATUS_BUSY != 0
            || self.read(regs::IRQ_STATUS) & (regs::IRQ_DONE | regs::IRQ_ERROR) != 0;
        if !is_started {
            return Err(DriverError::NotStarted { status });
        }
        Ok(Transfer::new(self))
    }

    /// Reads the output tensor of the last frame.
    ///
    /// # Shapes
    /// `output` holds C·H·W bytes of the output tensor.
    ///
    /// # Errors
    /// [`DriverError::Output`], or [`DriverError::Engine`] if the memory was busy.
    pub fn read_output(&mut self, output: &mut [u8]) -> Result<(), DriverError> {
        let (spec, layout) = (self.model.output_spec(), self.build.clamped().layout);
        let (expected, found) = (spec.len(), output.len());
        if expected != found {
            return Err(DriverError::Output { expected, found });
        }
        self.clear_events();
        self.write(regs::WINDOW_SELECT, regs::WINDOW_FEATURES);
        self.write(regs::WINDOW_ADDRESS, self.build.output_window_base);
        window::read_tensor(&mut self.bus, &layout, &spec, output);
        self.check_errors()
    }

    /// Loads, starts, waits at most `polls` polls, reads.
    ///
    /// # Errors
    /// Any [`DriverError`]; the accelerator may need [`Self::recover`].
    pub fn infer(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        polls: u32,
    ) -> Result<Counters, DriverError> {
        self.load_input(input)?;
        let counters = self.start()?.wait(polls)?;
        self.read_output(output)?;
        Ok(counters)
    }

    /// Stops the engine at once; the input must be loaded again.
    pub fn abort(&mut self) {
        self.write(regs::CTRL, regs::CTRL_ABORT);
    }

    /// Abort, soft reset, and a new probe.
    ///
    /// # Errors
    /// [`DriverError::Stuck`] if the engine does not stop, or why the probe failed.
    pub fn recover(&mut self) -> Result<(), DriverError> {
        self.halt()?;
        self.probe()
    }

    /// Abort and soft reset.
    pub(super) fn halt(&mut self) -> Result<(), DriverError> {
        self.abort();
        if self.stops().is_err() {
            self.write(regs::CTRL, regs::CTRL_SOFT_RESET);
            self.stops()?;
        }
        self.write(regs::CTRL, regs::CTRL_SOFT_RESET);
        Ok(())
    }

    pub(super) fn stops(&mut self) -> Result<(), DriverError> {
        let mut status = 0;
        for _ in 0..STOP_POLLS {
            status = self.read(regs::STATUS);
            if status & regs::STATUS_BUSY == 0 {
                return Ok(());
            }
        }
        Err(DriverError::Stuck { status })
    }

    /// Takes and clears the events that may have raised the interrupt line; none if it was spurious.
    pub fn take_interrupt(&mut self) -> Option<u32> {
        let events = self.read(regs::IRQ_STATUS);
        self.write(regs::IRQ_STATUS, events);
        (events != 0).then_some(events)
    }

    /// Chooses the events that raise the interrupt line: bits `IRQ_*`.
    pub fn enable_interrupts(&mut self, events: u32) {
        self.write(regs::IRQ_ENABLE, events);
    }

    fn clear_events(&mut self) {
        self.write(regs::ERR, u32::MAX);
        self.write(regs::IRQ_STATUS, u32::MAX);
    }

    pub(super) fn check_errors(&mut self) -> Result<(), DriverError> {
        let fault = EngineFault { bits: self.read(regs::ERR) };
        if fault.bits == 0 {
            return Ok(());
        }
        let operation = self.read(regs::LAYER);
        Err(DriverError::Engine { fault, operation })
    }
}

/// A field of register CAPS.
fn capability(caps: u32, name: &str) -> u32 {
    let field = regs::CAPS.bits.iter().find(|bits| bits.name == name);
    field.map_or(0, |bits| caps >> bits.lsb & ((1 << bits.width) - 1))
}
