//! Tensors through the data window: image bytes to words of lanes, and back.
//!
//! The window takes and gives words in the order of memory: rows, pixel groups, channel groups,
//! pixels. Where a bank is one word, which it is up to 32 bits of lanes, words are made from bytes
//! directly, some six instructions each; a slower way handles whatever the layout allows.

use network::TensorSpec;
use network::registers::{self as regs, BankPlace, FeatureLayout, InputPacking};

use super::RegBus;

/// Largest bank of a feature word in window words: 512 bits of lanes.
pub(super) const BANK_WORDS: usize = 16;
/// Most image pixels that make one word of lanes: one a lane of a bit.
const MOST_UNITS: usize = 32;

/// Writes the network's input, CHW bytes, to WINDOW_DATA word by word.
pub(super) fn write_input(
    bus: &mut impl RegBus,
    layout: &FeatureLayout,
    packing: &InputPacking,
    spec: &TensorSpec,
    input: &[u8],
) {
    match Direct::new(layout, packing, spec) {
        Some(direct) => direct.write(bus, spec, input),
        None => write_any(bus, layout, packing, spec, input),
    }
}

/// Any layout, by [`InputPacking::pack`].
fn write_any(
    bus: &mut impl RegBus,
    layout: &FeatureLayout,
    packing: &InputPacking,
    spec: &TensorSpec,
    input: &[u8],
) {
    let groups = layout.groups(&packing.spec(spec));
    for y in 0..spec.height {
        for first in (0..spec.width).step_by(layout.pixel_lanes) {
            for group in 0..groups {
                for x in first..first + layout.pixel_lanes {
                    for index in 0..layout.bank_window_words() {
                        // pixels past the end of a row are zero
                        let word = match x < spec.width {
                            true => {
                                packing.pack(layout, spec, input, BankPlace { group, y, x }, index)
                            }
                            false => 0,
                        };
                        bus.write(regs::WINDOW_DATA.offset, word);
                    }
                }
            }
        }
    }
}

/// How the bytes of some pixels make one word.
///
/// A unit is a row tap of a channel: the byte of one pixel, in one lane, or in two if it is split.
struct Direct {
    /// Units in a word.
    units: usize,
    /// Units of a pixel.
    n_units: usize,
    row_taps: usize,
    pixel_lanes: usize,
    code: Code,
    /// Bits of a unit.
    unit_bits: usize,
}

/// How a byte becomes the lanes of a unit.
#[derive(Clone, Copy)]
struct Code {
    /// Bits of the byte in the first lane.
    low: u32,
    /// Bits of the byte in the second, before the shift.
    high: u32,
    shift: u32,
}

impl Code {
    fn of(self, byte: u8) -> u32 {
        let byte = u32::from(byte);
        byte & self.low | (byte & self.high) << self.shift
    }
}

impl Direct {
    /// None if a bank is more than a word, or a byte would have to be extended beyond its 8 bits.
    fn new(layout: &FeatureLayout, packing: &InputPacking, spec: &TensorSpec) -> Option<Direct> {
        let lane_bits = layout.lane_bits;
        if layout.bank_window_words() != 1 {
            return None;
        }
        let (lanes, code) = match packing.parts {
            1 => (1, Code { low: (1 << lane_bits) - 1, high: 0, shift: 0 }),
            2 => {
                let split = usize::from(packing.part_bits);
                // the second lane takes the bits from `split` on, the byte being sign-extended
                if split + lane_bits > 8 || split > lane_bits {
                    return None;
                }
                let high = ((1 << lane_bits) - 1) << split;
                let shift = (lane_bits - split) as u32;
                (2, Code { low: (1 << split) - 1, high, shift })
            }
            _ => return None,
        };
        let units = layout.input_lanes / lanes;
        let fits = units * lanes == layout.input_lanes && (1..=MOST_UNITS).contains(&units);
        fits.then_some(Direct {
            units,
            n_units: spec.channels * packing.row_taps,
            row_taps: packing.row_taps,
            pixel_lanes: layout.pixel_lanes,
            code,
            unit_bits: lanes * lane_bits,
        })
    }

    fn write(&self, bus: &mut impl RegBus, spec: &TensorSpec, input: &[u8]) {
        let span = span(spec, self.pixel_lanes, self.n_units <= self.units);
        for y in 0..spec.height {
            for first in (0..spec.width).step_by(span) {
                for unit in (0..self.n_units).step_by(self.units.max(1)) {
                    let place = Span { y, first, length: span.min(spec.width - first) };
                    match self.n_units.min(self.units) {
                        1 => match self.pixels(spec, input, unit, place) {
                            Some(pixels) => self.write_single(bus, pixels),
                            None => write_zeros(bus, place.length),
                        },
                        _ => self.write_group(bus, spec, input, unit, place),
                    }
                    // pixels past the end of a row
                    write_zeros(bus, place.padding(self.pixel_lanes));
                }
            }
        }
    }

    /// The bytes of a unit in some pixels; none if the row tap lies outside the image.
    fn pixels<'i>(
        &self,
        spec: &TensorSpec,
        input: &'i [u8],
        unit: usize,
        place: Span,
    ) -> Option<&'i [u8]> {
        let (channel, tap) = match self.row_taps {
            1 => (unit, 0),
            taps => (unit / taps, unit % taps),
        };
        let row = (place.y + tap).wrapping_sub(self.row_taps / 2);
        if row >= spec.height {
            return None;
        }
        let start = (channel * spec.height + row) * spec.width + place.first;
        input.get(start..start + place.length)
    }

    fn write_single(&self, bus: &mut impl RegBus, pixels: &[u8]) {
        let code = self.code;
        let mut write = |byte: u8| bus.write(regs::WINDOW_DATA.offset, code.of(byte));
        // arrays, so that the compiler unrolls
        let (arrays, rest) = pixels.as_chunks::<8>();
        for array in arrays {
            array.iter().for_each(|byte| write(*byte));
        }
        rest.iter().for_each(|byte| write(*byte));
    }

    /// Words of several units each.
    fn write_group(
        &self,
        bus: &mut impl RegBus,
        spec: &TensorSpec,
        input: &[u8],
        unit: usize,
        place: Span,
    ) {
        let mut rows: [&[u8]; MOST_UNITS] = [&[]; MOST_UNITS];
        let n_units = self.units.min(self.n_units - unit);
        let rows = rows.get_mut(..n_units).unwrap_or_default();
        for (nth, row) in rows.iter_mut().enumerate() {
            *row = self.pixels(spec, input, unit + nth, place).unwrap_or_default();
        }
        for x in 0..place.length {
            let code = |row: &&[u8]| self.code.of(row.get(x).copied().unwrap_or(0));
            // the first unit in the lowest lanes
            let word = rows.iter().rev().fold(0, |word, row| word << self.unit_bits | code(row));
            bus.write(regs::WINDOW_DATA.offset, word);
        }
    }
}

/// Neighbouring pixels of a row.
#[derive(Clone, Copy)]
struct Span {
    y: usize,
    first: usize,
    length: usize,
}

impl Span {
    /// Pixels that are missing to whole groups.
    fn padding(self, pixel_lanes: usize) -> usize {
        self.length.next_multiple_of(pixel_lanes) - self.length
    }
}

/// Pixels that follow each other in memory: a row if it has one word a pixel, else a group.
fn span(spec: &TensorSpec, pixel_lanes: usize, one_word_a_pixel: bool) -> usize {
    let length = if one_word_a_pixel { spec.width } else { pixel_lanes };
    length.max(1) // a tensor has columns; step_by would panic at 0
}

fn write_zeros(bus: &mut impl RegBus, n: usize) {
    for _ in 0..n {
        bus.write(regs::WINDOW_DATA.offset, 0);
    }
}

/// Reads a tensor from WINDOW_DATA, whose address is that of the tensor's first word.
///
/// # Shapes
/// `output` holds C·H·W bytes.
pub(super) fn read_tensor(
    bus: &mut impl RegBus,
    layout: &FeatureLayout,
    spec: &TensorSpec,
    output: &mut [u8],
) {
    let bank_words = layout.bank_window_words();
    let groups = layout.groups(spec);
    let span = span(spec, layout.pixel_lanes, groups == 1);
    for y in 0..spec.height {
        for first in (0..spec.width).step_by(span) {
            for group in 0..groups {
                let place = Span { y, first, length: span.min(spec.width - first) };
                let channel = group * layout.input_lanes;
                let lanes = layout.input_lanes.min(spec.channels - channel);
                let at = (channel * spec.height + y) * spec.width + first;
                if bank_words == 1 && lanes == 1 {
                    let to = output.get_mut(at..at + place.length).unwrap_or_default();
                    read_lane(bus, layout, spec, to);
                } else {
                    for x in 0..place.length {
                        read_bank(bus, layout, spec, lanes, output.get_mut(at + x..));
                    }
                }
                for _ in 0..place.padding(layout.pixel_lanes) * bank_words {
                    bus.read(regs::WINDOW_DATA.offset);
                }
            }
        }
    }
}

/// Reads the lanes of one bank into bytes that are a plane apart.
fn read_bank(
    bus: &mut impl RegBus,
    layout: &FeatureLayout,
    spec: &TensorSpec,
    lanes: usize,
    bytes: Option<&mut [u8]>,
) {
    let mut words = [0; BANK_WORDS];
    let bank = words.get_mut(..layout.bank_window_words()).unwrap_or_default();
    bank.fill_with(|| bus.read(regs::WINDOW_DATA.offset));
    let bytes = bytes.unwrap_or_default().iter_mut().step_by(spec.plane().max(1));
    for (lane, byte) in bytes.take(lanes).enumerate() {
        *byte = layout.unpack(spec, bank, lane);
    }
}

/// Reads the lowest lane of a word for each byte.
fn read_lane(bus: &mut impl RegBus, layout: &FeatureLayout, spec: &TensorSpec, bytes: &mut [u8]) {
    let mask = (1u32 << layout.lane_bits) - 1;
    let sign = 1u32 << (layout.lane_bits - 1);
    let mut read = || bus.read(regs::WINDOW_DATA.offset) & mask;
    // arrays, so that the compiler unrolls
    let (arrays, rest) = bytes.as_chunks_mut::<8>();
    let bytes = arrays.iter_mut();
    if spec.signed {
        let extended = |code: u32| (code ^ sign).wrapping_sub(sign) as u8;
        bytes.for_each(|array| array.iter_mut().for_each(|byte| *byte = extended(read())));
        rest.iter_mut().for_each(|byte| *byte = extended(read()));
    } else {
        bytes.for_each(|array| array.iter_mut().for_each(|byte| *byte = read() as u8));
        rest.iter_mut().for_each(|byte| *byte = read() as u8);
    }
}
