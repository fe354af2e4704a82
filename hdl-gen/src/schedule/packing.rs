//! Chooses how the network's input lies in the lanes, and turns the first convolution to match.
//!
//! An input wider than the lanes is split: x = Σ 2^(p·L)·x_p over as many channels as it takes,
//! part p with weights 2^(p·L)·w. With few channels the k rows of a k×k convolution go into the lanes, and it becomes
//! a 1×k convolution.

use core::num::NonZeroU8;

use network::registers::InputPacking;
use network::tensor::MAX_EXTENT;
use network::{Network, TensorSpec};

use super::operation::{Operation, OperationKind};
use crate::cycles::operation_cycles;
use crate::engine::Engine;
use crate::error::HdlError;

/// Packs the input in the way of fewest cycles, without row taps among equals; what was chosen.
pub fn pack(network: &Network, engine: &Engine, operations: &mut [Operation]) -> InputPacking {
    let input = network.spec(network.input);
    let Some(reader) = sole_reader(network, operations) else { return InputPacking::PLAIN };
    let Some((parts, part_bits)) = least_split(input, engine.lane_bits as u8) else {
        return InputPacking::PLAIN;
    };
    let candidates = [1, operations[reader].kernel]
        .map(|row_taps| InputPacking { parts, part_bits, row_taps })
        .into_iter()
        .filter(|packing| packing.spec(input).channels <= MAX_EXTENT)
        .map(|packing| packed(&operations[reader], packing));
    let best = candidates.min_by_key(|op| operation_cycles(network, engine, op));
    let Some(best) = best else { return InputPacking::PLAIN };
    operations[reader] = best;
    operations[reader].packing
}

/// Bits of a lane: as configured, else as few as hold all tensors, the input split in two if it
/// may be. Narrower lanes that are configured split it into more parts.
///
/// # Errors
/// [`HdlError::LaneBits`] if a tensor does not fit.
pub fn lane_bits(
    network: &Network,
    configured: Option<u8>,
    operations: &[Operation],
) -> Result<u8, HdlError> {
    let input = network.spec(network.input);
    let read_once = sole_reader(network, operations).is_some();
    let fits = |bits: u8| {
        let split = least_split(input, bits);
        read_once && split.is_some_and(|(parts, _)| input.channels <= MAX_EXTENT / parts)
    };
    let needed = |index: &usize| match network.tensors[*index].spec {
        spec if *index != network.input.index() => spec.bits,
        _ if configured.is_some_and(fits) => 1,
        spec if fits(bits_of_halves(&spec)) => bits_of_halves(&spec),
        spec => spec.bits,
    };
    let widest = (0..network.tensors.len()).max_by_key(needed).unwrap_or(0);
    let bits = needed(&widest);
    let lane_bits = configured.unwrap_or(bits);
    if bits <= lane_bits {
        return Ok(lane_bits);
    }
    let tensor = network.tensors[widest].name.clone();
    Err(HdlError::LaneBits { tensor, lane_bits, bits })
}

/// The operation that may read a packed input: a convolution, and the only one to read it.
fn sole_reader(network: &Network, operations: &[Operation]) -> Option<usize> {
    let reads = |op: &Operation| op.sources.iter().any(|s| s.tensor == network.input);
    let mut readers = (0..operations.len()).filter(|idx| reads(&operations[*idx]));
    let (reader, None) = (readers.next()?, readers.next()) else { return None };
    let operation = &operations[reader];
    let is_plain = operation.sources.len() == 1 && !operation.sources[0].upsample;
    let is_output = network.output == network.input;
    (operation.kind == OperationKind::Conv2d && is_plain && !is_output).then_some(reader)
}

/// Fewest bits of a lane that hold either part of a split value.
fn bits_of_halves(input: &TensorSpec) -> u8 {
    (input.bits + u8::from(input.signed)).div_ceil(2).min(input.bits)
}

/// Parts and L: as few parts as fit the lanes, and the smallest L, which gives the narrowest
/// codes; none if no split fits, as one bit holds no part of a signed value.
fn least_split(input: &TensorSpec, lane_bits: u8) -> Option<(usize, u8)> {
    let rest = input.bits.saturating_sub(lane_bits);
    if rest == 0 {
        return Some((1, 0));
    }
    let most = lane_bits - u8::from(input.signed);
    let below = rest.div_ceil(NonZeroU8::new(most)?.get());
    Some((1 + usize::from(below), rest.div_ceil(below)))
}

/// The convolution as it reads the packed input.
fn packed(operation: &Operation, packing: InputPacking) -> Operation {
    let shift = packing.last_shift() as u8;
    // shifted codes are two's complement, in which ±1 takes two bits
    let own_bits = if shift > 0 { operation.weight_bits.max(2) } else { operation.weight_bits };
    // weights of one channel to another: the whole kernel, or one row of it
    let window = operation.kernel * operation.kernel / packing.row_taps;
    let mut weights = Vec::with_capacity(operation.weights.len() * packing.channels());
    for codes in operation.weights.chunks(window) {
        for part in 0..packing.parts {
            weights
                .extend(codes.iter().map(|code| code << (part * usize::from(packing.part_bits))));
        }
    }
    Operation { packing, weights, code_bits: own_bits + shift, ..operation.clone() }
}
