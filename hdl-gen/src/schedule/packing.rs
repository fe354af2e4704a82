//! Chooses how the network's input lies in the lanes, and turns the first convolution to match.
//!
//! An input wider than the lanes is split: x = 2^L·xh + xl over two channels, with weights
//! (w, 2^L·w). With few channels the k rows of a k×k convolution go into the lanes, and it becomes
//! a 1×k convolution.

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
    let split_bits = least_split(input, engine.lane_bits);
    let candidates = [1, operations[reader].kernel]
        .map(|row_taps| InputPacking { split_bits, row_taps })
        .into_iter()
        .filter(|packing| packing.spec(input).channels <= MAX_EXTENT)
        .map(|packing| packed(&operations[reader], packing));
    let best = candidates.min_by_key(|op| operation_cycles(network, engine, op));
    let Some(best) = best else { return InputPacking::PLAIN };
    operations[reader] = best;
    operations[reader].packing
}

/// Bits of a lane: as configured, else as few as hold all tensors, the input split if it may be.
///
/// # Errors
/// [`HdlError::LaneBits`] if a tensor does not fit.
pub fn lane_bits(
    network: &Network,
    configured: Option<u8>,
    operations: &[Operation],
) -> Result<u8, HdlError> {
    let input = network.spec(network.input);
    let splits = input.channels <= MAX_EXTENT / 2 && sole_reader(network, operations).is_some();
    let needed = |index: &usize| match network.tensors[*index].spec {
        spec if splits && *index == network.input.index() => fewest_lane_bits(&spec),
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
fn fewest_lane_bits(input: &TensorSpec) -> u8 {
    (input.bits + u8::from(input.signed)).div_ceil(2).min(input.bits)
}

/// The smallest L, which gives the narrowest codes; none if the input fits the lanes as it is.
fn least_split(input: &TensorSpec, lane_bits: usize) -> Option<u8> {
    let low = usize::from(input.bits).saturating_sub(lane_bits);
    (low > 0).then_some(low as u8)
}

/// The convolution as it reads the packed input.
fn packed(operation: &Operation, packing: InputPacking) -> Operation {
    let low = packing.split_bits.unwrap_or(0);
    // shifted codes are two's complement, in which ±1 takes two bits
    let own_bits = if low > 0 { operation.weight_bits.max(2) } else { operation.weight_bits };
    // weights of one channel to another: the whole kernel, or one row of it
    let window = operation.kernel * operation.kernel / packing.row_taps;
    let mut weights = Vec::with_capacity(operation.weights.len() * packing.channels());
    for codes in operation.weights.chunks(window) {
        weights.extend_from_slice(codes);
        if packing.split_bits.is_some() {
            weights.extend(codes.iter().map(|code| code << low));
        }
    }
    Operation { packing, weights, code_bits: own_bits + low, ..operation.clone() }
}
