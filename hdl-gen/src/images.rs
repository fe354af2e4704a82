//! The words of the weight, parameter and descriptor memories.

use network::Network;

use crate::config::{HardwareConfig, MemoryPlace};
use crate::engine::{Engine, PARAM_BITS};
use crate::error::HdlError;
use crate::schedule::{self, ImageBase, Operation, Schedule};

/// One memory's contents: each word as 32-bit chunks, low bits first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Bits of a word.
    pub word_bits: usize,
    /// The words.
    pub words: Vec<Vec<u32>>,
}

impl Image {
    /// No words yet.
    pub fn new(word_bits: usize) -> Self {
        Image { word_bits, words: Vec::new() }
    }
}

/// All memory images of a scheduled network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Words of TN·TM·D bits.
    pub weights: Image,
    /// Words of 48 bits, one per output channel of each operation.
    pub params: Image,
    /// 32-bit words, sixteen per operation and sixteen to end.
    pub descriptors: Image,
    /// First words of each operation.
    pub bases: Vec<ImageBase>,
}

/// Builds the images.
///
/// # Errors
/// If the weights exceed the configured memory, or a number does not fit its descriptor field.
pub fn images(
    network: &Network,
    schedule: &Schedule,
    config: &HardwareConfig,
) -> Result<Images, HdlError> {
    let engine = &schedule.engine;
    let mut images = Images {
        weights: Image::new(engine.weight_bits()),
        params: Image::new(PARAM_BITS),
        descriptors: Image::new(32),
        bases: Vec::new(),
    };
    let limit = config.weight_memory_kib.filter(|_| config.memory == MemoryPlace::OnChip);
    let limit = limit.map(|kib| kib * 8192 / engine.weight_bits());
    let mut too_large: Option<&Operation> = None;
    for operation in &schedule.operations {
        let base =
            ImageBase { weights: images.weights.words.len(), params: images.params.words.len() };
        images.bases.push(base);
        if operation.uses_array() {
            append_weights(network, engine, operation, &mut images.weights);
            let params = operation.requantize.channels.iter();
            let words = params.map(|c| vec![c.bias as u32, u32::from(c.multiplier as u16)]);
            images.params.words.extend(words);
        }
        let full = limit.is_some_and(|limit| images.weights.words.len() > limit);
        too_large = too_large.or(full.then_some(operation));
        let places = schedule.places(operation, base);
        let descriptor = schedule::descriptor(network, engine, operation, &places)?;
        images.descriptors.words.extend(descriptor.words.map(|word| vec![word]));
    }
    images.descriptors.words.extend(schedule::end().words.map(|word| vec![word]));
    if let (Some(operation), Some(available)) = (too_large, limit) {
        return Err(HdlError::WeightMemory {
            layer: operation.name.clone(),
            needed: images.weights.words.len(),
            available,
            word_bits: engine.weight_bits(),
        });
    }
    Ok(images)
}

/// Appends the weight words of one operation in the order of the loop nest: phase, output group,
/// digit, source, input group, ky, kx.
fn append_weights(network: &Network, engine: &Engine, operation: &Operation, image: &mut Image) {
    let groups = input_groups(network, engine, operation);
    for phase in 0..operation.phases() {
        for out_group in 0..operation.out_channels().div_ceil(engine.tm) {
            for digit in 0..operation.digits(engine) {
                for group in &groups {
                    for tap in 0..operation.taps() {
                        let at = WordPlace { out_group, digit, tap: tap.max(phase) };
                        image.words.push(weight_word(engine, operation, group, at));
                    }
                }
            }
        }
    }
}

/// Channels of one input group: the first and how many are real.
struct InputGroup {
    first_channel: usize,
    n_channels: usize,
}

fn input_groups(network: &Network, engine: &Engine, operation: &Operation) -> Vec<InputGroup> {
    let mut groups = Vec::new();
    let mut offset = 0;
    for spec in operation.source_specs(network) {
        for first in (0..spec.channels).step_by(engine.tn) {
            let n_channels = engine.tn.min(spec.channels - first);
            groups.push(InputGroup { first_channel: offset + first, n_channels });
        }
        offset += spec.channels;
    }
    groups
}

#[derive(Clone, Copy)]
struct WordPlace {
    out_group: usize,
    digit: usize,
    /// ky·k + kx, or the phase of a transposed convolution.
    tap: usize,
}

fn weight_word(
    engine: &Engine,
    operation: &Operation,
    group: &InputGroup,
    at: WordPlace,
) -> Vec<u32> {
    let n_taps = operation.window();
    let n_in = operation.weights.len() / (operation.out_channels() * n_taps);
    let mut word = vec![0u32; engine.weight_bits().div_ceil(32)];
    for m in 0..engine.tm.min(operation.out_channels() - at.out_group * engine.tm) {
        let out = at.out_group * engine.tm + m;
        for n in 0..group.n_channels {
            let index = (out * n_in + group.first_channel + n) * n_taps + at.tap;
            let digit = weight_digit(engine, operation, operation.weights[index], at.digit);
            let bit = (m * engine.tn + n) * engine.digit_bits;
            // D divides 32, so a digit never crosses a chunk
            word[bit / 32] |= digit << (bit % 32);
        }
    }
    word
}

/// Digit `digit` of a code, 0 the most significant; of a ±1 code on one-bit cells, its sign.
pub(crate) fn weight_digit(engine: &Engine, operation: &Operation, code: i16, digit: usize) -> u32 {
    if operation.one_bit(engine) {
        return u32::from(code < 0);
    }
    let shift = (operation.digits(engine) - 1 - digit) * engine.digit_bits;
    ((i32::from(code) >> shift) as u32) & ((1 << engine.digit_bits) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::OperationKind;
    use network::registers::InputPacking;
    use network::{Requantize, TensorId};

    fn engine(digit_bits: usize) -> Engine {
        Engine {
            tn: 2,
            tm: 2,
            tp: 1,
            digit_bits,
            mac_cell: crate::MacCell::Plain,
            lane_bits: 8,
            requantize_lanes: 1,
            accumulator_bits: 32,
            bias_bits: 32,
            scaled: true,
            compact: false,
        }
    }

    fn operation(weight_bits: u8) -> Operation {
        Operation {
            name: "conv".into(),
            layer: 0,
            kind: OperationKind::Conv2d,
            sources: Vec::new(),
            output: TensorId(1),
            pooled: None,
            packing: InputPacking::PLAIN,
            kernel: 1,
            weight_bits,
            code_bits: weight_bits,
            weights: vec![-3, 2, 1, -4],
            requantize: Requantize {
                channels: vec![network::ChannelParams { multiplier: 1, bias: 0 }; 2],
                shift: 0,
            },
        }
    }

    #[test]
    fn digits_by_hand() {
        // -3 in 6 bits is 111101: digits 11, 11, 01
        let digit = |index| weight_digit(&engine(2), &operation(5), -3, index);
        assert_eq!([0, 1, 2].map(digit), [3, 3, 1]);
        assert_eq!(weight_digit(&engine(1), &operation(1), -1, 0), 1);
        assert_eq!(weight_digit(&engine(1), &operation(1), 1, 0), 0);
        assert_eq!(weight_digit(&engine(4), &operation(1), -1, 0), 15);
    }

    #[test]
    fn word_holds_outputs_above_inputs() {
        let group = InputGroup { first_channel: 0, n_channels: 2 };
        let at = WordPlace { out_group: 0, digit: 0, tap: 0 };
        // lanes from the low end: (0,0) = -3, (0,1) = 2, (1,0) = 1, (1,1) = -4
        assert_eq!(weight_word(&engine(4), &operation(4), &group, at), [0xc12d]);
    }
}
