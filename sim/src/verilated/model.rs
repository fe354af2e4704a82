//! A running design: registers, memories, frames and single steps.

use std::path::Path;

use network::NetworkError;
use network::registers::{self as regs, BankPlace, Register};
use serde::{Deserialize, Serialize};

use super::build::shared_object;
use super::error::VerilatedError;
use super::library::Design;
use super::manifest::{Manifest, Memory};
use super::program::window_words;

/// Longest bus access in cycles.
const BUS_LIMIT: u32 = 64;

/// What the engine counted in the last frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Cycles of the frame.
    pub cycles: u32,
    /// Cycles in which the array took an operand.
    pub busy: u32,
    /// Cycles in which the array waited for the requantizer.
    pub stall: u32,
}

/// What a frame moved between the chip and external memory, and what it waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Bytes read.
    pub bytes_read: u64,
    /// Bytes written.
    pub bytes_written: u64,
    /// Cycles in which the engine waited for features.
    pub stall_input: u64,
    /// Cycles in which the engine waited for weights.
    pub stall_weights: u64,
    /// Cycles in which the engine waited for a store, or gave its memory port to one.
    pub stall_output: u64,
}

/// Where the program stands after a single step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One operation has run.
    Ran,
    /// The program has ended.
    Ended,
}

/// A design compiled by Verilator, and the program in its memories.
pub struct Verilated {
    design: Design,
    built: Manifest,
    program: Manifest,
}

impl Verilated {
    /// Compiles a build folder, or takes it from the cache, and resets it.
    ///
    /// # Errors
    /// If the folder is not a build, Verilator is not installed or refuses the design.
    pub fn build(build_dir: &Path, cache_dir: &Path) -> Result<Verilated, VerilatedError> {
        let manifest = Manifest::read(build_dir)?;
        let m = &manifest.memories;
        for memory in [&m.weights, &m.params, &m.descriptors] {
            window_words(build_dir, memory)?;
        }
        let object = shared_object(build_dir, &manifest, cache_dir)?;
        let design = Design::load(&object)?;
        Ok(Verilated { design, built: manifest.clone(), program: manifest })
    }

    /// The manifest of the program in memory.
    pub fn manifest(&self) -> &Manifest {
        &self.program
    }

    /// Loads the program of another build folder through the data window.
    ///
    /// # Errors
    /// If it was made for another array or its memories are larger than the design's.
    pub fn load_program(&mut self, build_dir: &Path) -> Result<(), VerilatedError> {
        let program = Manifest::read(build_dir)?;
        self.check_fit(&program)?;
        let m = &program.memories;
        for (select, memory) in [
            (regs::WINDOW_WEIGHTS, &m.weights),
            (regs::WINDOW_PARAMS, &m.params),
            (regs::WINDOW_DESCRIPTORS, &m.descriptors),
        ] {
            self.write(regs::WINDOW_SELECT, select)?;
            for word in window_words(build_dir, memory)? {
                self.write(regs::WINDOW_DATA, word)?;
            }
        }
        if let Some(external) = &m.external {
            for (select, memory) in [
                (regs::WINDOW_COMMANDS, &external.commands),
                (regs::WINDOW_TRANSFERS, &external.transfers),
                (regs::WINDOW_CHANNELS, &external.channels),
            ] {
                self.write(regs::WINDOW_SELECT, select)?;
                for word in window_words(build_dir, memory)? {
                    self.write(regs::WINDOW_DATA, word)?;
                }
            }
            self.load_region(build_dir, &program)?;
        }
        self.write(regs::INPUT_BASE, program.input_window_base as u32)?;
        self.write(regs::INPUT_LENGTH, program.input_window_words as u32)?;
        self.program = program;
        Ok(())
    }

    fn check_fit(&self, program: &Manifest) -> Result<(), VerilatedError> {
        let shape = |m: &Manifest| {
            let e = &m.engine;
            (e.tn, e.tm, e.tp, e.digit_bits, e.lane_bits)
        };
        if shape(program) != shape(&self.built) {
            return Err(VerilatedError::Fit {
                what: "array (TN, TM, TP, D, TA)",
                expected: format!("{:?}", shape(&self.built)),
                found: format!("{:?}", shape(program)),
            });
        }
        let (has, wants) = (&self.built.memories, &program.memories);
        let mut depths: Vec<(&'static str, &Memory, &Memory)> = vec![
            ("feature words", &has.features, &wants.features),
            ("weight words", &has.weights, &wants.weights),
            ("parameter words", &has.params, &wants.params),
            ("descriptor words", &has.descriptors, &wants.descriptors),
            ("words of the max-pool buffer", &has.pool, &wants.pool),
        ];
        match (&has.external, &wants.external) {
            (None, None) => {}
            (Some(has), Some(wants)) => depths.extend([
                ("engine commands", &has.commands, &wants.commands),
                ("DMA commands", &has.transfers, &wants.transfers),
                ("channel words", &has.channels, &wants.channels),
                ("beats of external memory", &has.region, &wants.region),
            ]),
            (has, _) => {
                let place = |external: bool| if external { "external memory" } else { "on chip" };
                let (expected, found) = (place(has.is_some()), place(has.is_none()));
                let (expected, found) = (expected.into(), found.into());
                return Err(VerilatedError::Fit { what: "place of the tensors", expected, found });
            }
        }
        for (what, has, wants) in depths {
            if wants.depth > has.depth {
                let (expected, found) = (format!("at most {}", has.depth), wants.depth.to_string());
                return Err(VerilatedError::Fit { what, expected, found });
            }
        }
        Ok(())
    }

    /// Writes a register.
    ///
    /// # Errors
    /// If the bus does not answer.
    pub fn write(&mut self, register: Register, value: u32) -> Result<(), VerilatedError> {
        let answered = self.design.write(register.offset, value, BUS_LIMIT);
        let error = VerilatedError::Bus { register: register.name, cycles: BUS_LIMIT };
        if answered { Ok(()) } else { Err(error) }
    }

    /// Reads a register.
    ///
    /// # Errors
    /// If the bus does not answer.
    pub fn read(&mut self, register: Register) -> Result<u32, VerilatedError> {
        let error = VerilatedError::Bus { register: register.name, cycles: BUS_LIMIT };
        self.design.read(register.offset, BUS_LIMIT).ok_or(error)
    }

    /// Writes behind the registers: the host port of simulated memory.
    pub(super) fn poke(&mut self, address: u32, value: u32) -> Result<(), VerilatedError> {
        let answered = self.design.write(address, value, BUS_LIMIT);
        let error = VerilatedError::Bus { register: "simulated memory", cycles: BUS_LIMIT };
        if answered { Ok(()) } else { Err(error) }
    }

    /// Reads behind the registers.
    pub(super) fn peek(&mut self, address: u32) -> Result<u32, VerilatedError> {
        let error = VerilatedError::Bus { register: "simulated memory", cycles: BUS_LIMIT };
        self.design.read(address, BUS_LIMIT).ok_or(error)
    }

    /// A read that the master gives up after `cycles`; none if the design had not answered.
    pub fn read_within(&mut self, register: Register, cycles: u32) -> Option<u32> {
        self.design.read(register.offset, cycles)
    }

    /// Advances the clock with the bus idle.
    pub fn cycles(&mut self, cycles: u64) {
        self.design.cycles(cycles);
    }

    /// The interrupt line.
    pub fn irq(&self) -> bool {
        self.design.irq()
    }

    /// Loads an input image: CHW bytes of the input tensor.
    ///
    /// # Errors
    /// If the length is not that of the tensor or a value is outside its range.
    pub fn load_input(&mut self, values: &[u8]) -> Result<(), VerilatedError> {
        let Some(spec) = self.program.tensors.get(self.program.input).map(|t| t.spec()) else {
            return Err(VerilatedError::Fit {
                what: "program",
                expected: "one loaded by load_program".into(),
                found: "empty memories".into(),
            });
        };
        if values.len() != spec.len() {
            let (expected, found) = (spec.len(), values.len());
            return Err(VerilatedError::Input(NetworkError::InputLength { expected, found }));
        }
        if self.program.external.is_some() {
            return self.load_external_input(values);
        }
        self.write(regs::WINDOW_SELECT, regs::WINDOW_INPUT)?;
        let layout = self.program.engine.layout();
        let packing = self.program.input_packing.packing();
        let groups = layout.groups(&packing.spec(&spec));
        let columns = spec.width.div_ceil(layout.pixel_lanes) * layout.pixel_lanes;
        for y in 0..spec.height {
            for first in (0..columns).step_by(layout.pixel_lanes) {
                for group in 0..groups {
                    for x in first..first + layout.pixel_lanes {
                        for index in 0..layout.bank_window_words() {
                            let at = BankPlace { group, y, x };
                            let word = if x < spec.width {
                                packing.pack(&layout, &spec, values, at, index)
                            } else {
                                0
                            };
                            self.write(regs::WINDOW_DATA, word)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Runs a frame on the loaded input.
    ///
    /// # Errors
    /// If the engine raises an error or does not finish.
    pub fn run(&mut self) -> Result<Counters, VerilatedError> {
        self.command(regs::CTRL_START)?;
        self.counters()
    }

    /// Runs one operation and pauses.
    ///
    /// # Errors
    /// If the engine raises an error or does not finish.
    pub fn step(&mut self) -> Result<Step, VerilatedError> {
        self.command(regs::CTRL_STEP)?;
        let done = self.read(regs::STATUS)? & regs::STATUS_DONE != 0;
        Ok(if done { Step::Ended } else { Step::Ran })
    }

    fn command(&mut self, bits: u32) -> Result<(), VerilatedError> {
        self.write(regs::CTRL, bits)?;
        let limit = 8 * self.program.model_cycles + 10_000;
        let ended = self.design.wait(regs::STATUS.offset, regs::STATUS_BUSY, limit);
        let operation = self.read(regs::LAYER)?;
        if ended.is_none() {
            return Err(VerilatedError::Hang { operation, cycles: limit });
        }
        let bits = self.read(regs::ERR)?;
        if bits == 0 {
            return Ok(());
        }
        let named = regs::ERR.bits.iter().filter(|b| bits >> b.lsb & 1 != 0).map(|b| b.name);
        let names = named.collect::<Vec<_>>().join(", ");
        Err(VerilatedError::Engine { bits, names, operation })
    }

    /// The counters of the last frame.
    ///
    /// # Errors
    /// If the bus does not answer.
    pub fn counters(&mut self) -> Result<Counters, VerilatedError> {
        Ok(Counters {
            cycles: self.read(regs::CYCLES)?,
            busy: self.read(regs::COUNT_BUSY)?,
            stall: self.read(regs::COUNT_STALL)?,
        })
    }

    /// What the last frame moved; zeros where all lies on chip.
    ///
    /// # Errors
    /// If the bus does not answer.
    pub fn traffic(&mut self) -> Result<Traffic, VerilatedError> {
        let mut read = |register| self.read(register).map(u64::from);
        Ok(Traffic {
            bytes_read: read(regs::BYTES_READ)?,
            bytes_written: read(regs::BYTES_WRITTEN)?,
            stall_input: read(regs::COUNT_STALL_INPUT)?,
            stall_weights: read(regs::COUNT_STALL_WEIGHTS)?,
            stall_output: read(regs::COUNT_STALL_OUTPUT)?,
        })
    }

    /// CHW bytes of a tensor in feature memory, by its index in the network.
    ///
    /// # Errors
    /// If the bus does not answer, or the tensor does not lie in memory.
    pub fn read_tensor(&mut self, index: usize) -> Result<Vec<u8>, VerilatedError> {
        let layout = self.program.engine.layout();
        let place = self.program.tensors.get(index).and_then(|t| Some((t.spec(), t.base?)));
        let Some((spec, base)) = place else {
            return Err(VerilatedError::Fit {
                what: "tensor index",
                expected: "a tensor in feature memory".into(),
                found: index.to_string(),
            });
        };
        let base = base * layout.word_window_words();
        let mut values = vec![0; spec.len()];
        let mut bank = vec![0; layout.bank_window_words()];
        self.write(regs::WINDOW_SELECT, regs::WINDOW_FEATURES)?;
        for y in 0..spec.height {
            for x in 0..spec.width {
                for group in 0..layout.groups(&spec) {
                    let address = base + layout.bank_address(&spec, group, y, x);
                    self.write(regs::WINDOW_ADDRESS, address as u32)?;
                    for word in &mut bank {
                        *word = self.read(regs::WINDOW_DATA)?;
                    }
                    let first = group * layout.input_lanes;
                    for lane in 0..layout.input_lanes.min(spec.channels - first) {
                        let at = (first + lane) * spec.plane() + y * spec.width + x;
                        values[at] = layout.unpack(&spec, &bank, lane);
                    }
                }
            }
        }
        Ok(values)
    }

    /// CHW bytes of the output tensor.
    ///
    /// # Errors
    /// If the bus does not answer.
    pub fn read_output(&mut self) -> Result<Vec<u8>, VerilatedError> {
        match self.program.external {
            None => self.read_tensor(self.program.output),
            Some(_) => self.read_external(self.program.output),
        }
    }
}
