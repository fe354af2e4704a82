//! The simulated external memory of a design: tensors in and out, weights, and how it behaves.

use std::path::Path;

use network::registers::{self as regs, FeatureLayout};

use super::error::VerilatedError;
use super::manifest::{ExternalPart, Manifest};
use super::model::Verilated;

/// Byte address of the memory's host port, behind the registers.
const PORT: u32 = 0x100;
const ADDRESS: u32 = PORT;
const DATA: u32 = PORT + 4;
const WAITS: u32 = PORT + 8;
const LATENCY: u32 = PORT + 12;
const ERROR_AT: u32 = PORT + 16;
const FAULTS: u32 = PORT + 20;

/// How the simulated memory behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryBehaviour {
    /// Cycles of 256 in which it makes its master wait, on average.
    pub waits: u32,
    /// Cycles from an address to its first beat, and from a last beat to its response.
    pub latency: u32,
    /// Byte address whose access fails, 0 = none.
    pub error_at: u32,
}

impl Default for MemoryBehaviour {
    fn default() -> Self {
        MemoryBehaviour { waits: 0, latency: 30, error_at: 0 }
    }
}

impl Verilated {
    /// Sets how the simulated memory behaves from now on.
    ///
    /// # Errors
    /// If the bus does not answer.
    pub fn set_memory(&mut self, behaviour: MemoryBehaviour) -> Result<(), VerilatedError> {
        self.poke(WAITS, behaviour.waits)?;
        self.poke(LATENCY, behaviour.latency)?;
        self.poke(ERROR_AT, behaviour.error_at)
    }

    /// Rules of AXI4 that the design has broken so far.
    ///
    /// # Errors
    /// If the bus does not answer.
    pub fn memory_faults(&mut self) -> Result<u32, VerilatedError> {
        self.peek(FAULTS)
    }

    /// The 32-bit word of the simulated memory at an index.
    ///
    /// # Errors
    /// If the bus does not answer.
    pub fn read_memory(&mut self, index: u32) -> Result<u32, VerilatedError> {
        self.poke(ADDRESS, index)?;
        self.peek(DATA)
    }

    /// Writes the 32-bit word of the simulated memory at an index.
    ///
    /// # Errors
    /// If the bus does not answer.
    pub fn write_memory(&mut self, index: u32, value: u32) -> Result<(), VerilatedError> {
        self.poke(ADDRESS, index)?;
        self.poke(DATA, value)
    }

    /// Writes the image of external memory, which holds the weights, beat by beat.
    pub(super) fn load_region(
        &mut self,
        build_dir: &Path,
        program: &Manifest,
    ) -> Result<(), VerilatedError> {
        let region = program.memories.external.as_ref().map(|external| &external.region);
        let Some(file) = region.and_then(|region| region.file.as_ref()) else { return Ok(()) };
        let path = build_dir.join(file);
        let text = std::fs::read_to_string(&path)
            .map_err(|source| VerilatedError::Io { path: path.clone(), source })?;
        for (number, line) in text.lines().enumerate() {
            let wrong = || VerilatedError::Manifest {
                path: path.clone(),
                problem: format!(
                    "line {}: expected @ADDRESS or a beat, found {line:?}",
                    number + 1
                ),
            };
            if let Some(address) = line.strip_prefix('@') {
                let beat = u32::from_str_radix(address, 16).map_err(|_| wrong())?;
                self.poke(ADDRESS, beat.wrapping_mul(4))?;
                continue;
            }
            let beat = u128::from_str_radix(line, 16).map_err(|_| wrong())?;
            for word in 0..4 {
                self.poke(DATA, (beat >> (32 * word)) as u32)?;
            }
        }
        Ok(())
    }

    /// Writes the network's input into external memory.
    pub(super) fn load_external_input(&mut self, values: &[u8]) -> Result<(), VerilatedError> {
        let program = self.manifest().clone();
        let layout = program.engine.layout();
        let spec = program.tensors[program.input].spec();
        let packing = program.input_packing.packing();
        let channels = packing.spec(&spec).channels;
        for part in parts(&program, program.input) {
            for y in 0..spec.height {
                for (pixels, group) in places(&layout, &part, spec.width) {
                    let mut units = vec![0; layout.word_units()];
                    for (x, lane) in layout.word_values(pixels, spec.width) {
                        let channel = (part.first_group + group) * layout.input_lanes + lane;
                        if channel < channels {
                            let code = packing.value(&spec, values, channel, [y, x]) as u32;
                            layout.put(&mut units, [x % layout.pixel_lanes, lane], code);
                        }
                    }
                    self.poke(ADDRESS, address(&layout, &part, [y, pixels, group]))?;
                    units.iter().try_for_each(|unit| self.poke(DATA, *unit))?;
                }
            }
        }
        Ok(())
    }

    /// CHW bytes of a tensor in external memory, by its index in the network.
    ///
    /// # Errors
    /// If the bus does not answer, or the tensor does not lie there.
    pub fn read_external(&mut self, index: usize) -> Result<Vec<u8>, VerilatedError> {
        let program = self.manifest().clone();
        let layout = program.engine.layout();
        let Some(spec) = program.tensors.get(index).map(|t| t.spec()) else {
            return Err(absent(index));
        };
        let parts = parts(&program, index);
        if parts.is_empty() {
            return Err(absent(index));
        }
        let mut values = vec![0; spec.len()];
        let mut units = vec![0; layout.word_units()];
        for part in parts {
            for y in 0..spec.height {
                for (pixels, group) in places(&layout, &part, spec.width) {
                    self.poke(ADDRESS, address(&layout, &part, [y, pixels, group]))?;
                    for unit in &mut units {
                        *unit = self.peek(DATA)?;
                    }
                    for (x, lane) in layout.word_values(pixels, spec.width) {
                        let channel = (part.first_group + group) * layout.input_lanes + lane;
                        if channel < spec.channels {
                            let code = layout.get(&units, [x % layout.pixel_lanes, lane]);
                            values[channel * spec.plane() + y * spec.width + x] =
                                layout.byte(&spec, code);
                        }
                    }
                }
            }
        }
        Ok(values)
    }

    /// CHW bytes of one row of some channels in a ring of feature memory.
    pub(super) fn read_ring_row(
        &mut self,
        index: usize,
        (base, ring): (usize, usize),
        y: usize,
        channels: std::ops::Range<usize>,
    ) -> Result<Vec<u8>, VerilatedError> {
        let layout = self.manifest().engine.layout();
        let spec = self.manifest().tensors[index].spec();
        let base = (base + y % ring * layout.pitch(&spec)) * layout.word_window_words();
        let mut values = Vec::new();
        let mut bank = vec![0; layout.bank_window_words()];
        self.write(regs::WINDOW_SELECT, regs::WINDOW_FEATURES)?;
        for channel in channels {
            let (group, lane) = (channel / layout.input_lanes, channel % layout.input_lanes);
            for x in 0..spec.width {
                let address = base + layout.bank_address(&spec, group, 0, x);
                self.write(regs::WINDOW_ADDRESS, address as u32)?;
                for word in &mut bank {
                    *word = self.read(regs::WINDOW_DATA)?;
                }
                values.push(layout.unpack(&spec, &bank, lane));
            }
        }
        Ok(values)
    }
}

fn absent(index: usize) -> VerilatedError {
    VerilatedError::Fit {
        what: "tensor index",
        expected: "a tensor in external memory".into(),
        found: index.to_string(),
    }
}

fn parts(program: &Manifest, index: usize) -> Vec<ExternalPart> {
    let external = program.external.iter().flat_map(|external| &external.tensors);
    let tensor = external.into_iter().find(|tensor| tensor.tensor == index);
    tensor.map_or(Vec::new(), |tensor| tensor.parts.clone())
}

/// Pixel group and channel group of each word of a row.
fn places(
    layout: &FeatureLayout,
    part: &ExternalPart,
    width: usize,
) -> impl Iterator<Item = (usize, usize)> + use<> {
    let n_groups = part.n_groups;
    let pixels = 0..width.div_ceil(layout.pixel_lanes);
    pixels.flat_map(move |pixels| (0..n_groups).map(move |group| (pixels, group)))
}

/// Address of a word in 32-bit words.
fn address(layout: &FeatureLayout, part: &ExternalPart, [y, pixels, group]: [usize; 3]) -> u32 {
    let words = (pixels * part.n_groups + group) * layout.word_units();
    ((part.address + y * part.row_bytes) / 4 + words) as u32
}
