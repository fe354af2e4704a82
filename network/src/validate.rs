//! Checks of a network: everything that inference relies on, with the layer it fails in.

use core::ops::RangeInclusive;

use crate::arithmetic::{MAX_SHIFT, Mode, is_weight, weight_max, weight_min};
use crate::error::{NetworkError, Place};
use crate::graph::{Graph, LayerInfo, Operation};
use crate::kernels::{ConvData, HeadKind};
use crate::tensor::{MAX_EXTENT, TensorId, TensorSpec};

/// Largest kernel extent.
pub const MAX_KERNEL: usize = 15;
/// Largest number of tensors or layers.
pub const MAX_ITEMS: usize = 512;

/// Checks everything that inference relies on; after it a run cannot fail.
///
/// # Errors
/// The first [`NetworkError`] found, naming the layer or tensor.
pub fn validate(network: &impl Graph) -> Result<(), NetworkError> {
    let first = Place::Tensor(0);
    check_range(first, "number of tensors", 1..=MAX_ITEMS as i64, network.n_tensors() as i64)?;
    check_range(first, "number of layers", 1..=MAX_ITEMS as i64, network.n_layers() as i64)?;
    for index in 0..network.n_tensors() {
        check_tensor(index, &network.spec(TensorId(index as u16)))?;
    }
    check_graph(network)?;
    for index in 0..network.n_layers() {
        let info = network.info(index);
        check_shapes(network, index, &info)?;
        if info.operation.taps() > 0 {
            check_requantize(network, index, &info)?;
            check_weights(network, index, &info)?;
        }
    }
    Ok(())
}

fn check_tensor(index: usize, spec: &TensorSpec) -> Result<(), NetworkError> {
    let place = Place::Tensor(index);
    let extents =
        [("number of channels", spec.channels), ("height", spec.height), ("width", spec.width)];
    for (what, found) in extents {
        check_range(place, what, 1..=MAX_EXTENT as i64, found as i64)?;
    }
    let least = if spec.signed { 2 } else { 1 };
    check_range(place, "activation bits", least..=8, i64::from(spec.bits))
}

fn check_range(
    place: Place,
    what: &'static str,
    legal: RangeInclusive<i64>,
    found: i64,
) -> Result<(), NetworkError> {
    if legal.contains(&found) {
        return Ok(());
    }
    Err(NetworkError::Range { place, what, low: *legal.start(), high: *legal.end(), found })
}

/// Ids in range, single assignment, written before read, every tensor used.
fn check_graph(network: &impl Graph) -> Result<(), NetworkError> {
    let most = network.n_tensors() as i64 - 1;
    let known =
        |place, id: TensorId| check_range(place, "tensor number", 0..=most, i64::from(id.0));
    known(Place::Tensor(0), network.input())?;
    known(Place::Tensor(0), network.output())?;
    for index in 0..network.n_layers() {
        let (place, info) = (Place::Layer(index), network.info(index));
        let graph_error = |problem| Err(NetworkError::Graph { place, problem });
        for id in info.inputs() {
            known(place, *id)?;
            if *id != network.input() && !is_written(network, *id, index) {
                return graph_error("reads a tensor before it is written");
            }
        }
        known(place, info.output)?;
        if info.output == network.input() || is_written(network, info.output, index) {
            return graph_error("writes a tensor a second time");
        }
    }
    check_all_used(network)
}

/// True if a layer before `end` writes the tensor.
fn is_written(network: &impl Graph, id: TensorId, end: usize) -> bool {
    (0..end).any(|layer| network.info(layer).output == id)
}

fn check_all_used(network: &impl Graph) -> Result<(), NetworkError> {
    let n_layers = network.n_layers();
    for index in 0..network.n_tensors() {
        let (place, id) = (Place::Tensor(index), TensorId(index as u16));
        if id != network.input() && !is_written(network, id, n_layers) {
            return Err(NetworkError::Graph { place, problem: "is never written" });
        }
        let read = (0..n_layers).any(|layer| network.info(layer).inputs().contains(&id));
        if id != network.output() && !read {
            return Err(NetworkError::Graph { place, problem: "is never read" });
        }
    }
    Ok(())
}

fn same(
    place: Place,
    what: &'static str,
    expected: usize,
    found: usize,
) -> Result<(), NetworkError> {
    if expected == found {
        return Ok(());
    }
    Err(NetworkError::Mismatch { place, what, expected, found })
}

/// The output shape that follows from the inputs, and the number of weights.
fn check_shapes(network: &impl Graph, index: usize, info: &LayerInfo) -> Result<(), NetworkError> {
    let place = Place::Layer(index);
    let input = network.spec(info.inputs[0]);
    let output = network.spec(info.output);
    let as_input = [input.height, input.width];
    let (expected, channels) = match info.operation {
        Operation::Conv2d { kernel } => {
            check_range(place, "kernel", 1..=MAX_KERNEL as i64, kernel as i64)?;
            same(place, "kernel modulo 2 (odd kernels only)", 1, kernel % 2)?;
            (as_input, output.channels)
        }
        Operation::ConvTranspose2d => (as_input.map(|n| 2 * n), output.channels),
        Operation::Head { kind } => {
            check_head(place, kind, info.n_channels, &output)?;
            (as_input, 1)
        }
        Operation::MaxPool2d => (as_input.map(|n| n / 2), input.channels),
        Operation::Upsample2d => (as_input.map(|n| 2 * n), input.channels),
        Operation::Concat => {
            let second = network.spec(info.inputs[1]);
            same(place, "height of the second input", input.height, second.height)?;
            same(place, "width of the second input", input.width, second.width)?;
            check_format(place, &input, &second)?;
            (as_input, input.channels + second.channels)
        }
    };
    same(place, "output height", expected[0], output.height)?;
    same(place, "output width", expected[1], output.width)?;
    same(place, "output channels", channels, output.channels)?;
    match info.operation.taps() {
        0 => check_format(place, &input, &output),
        taps => {
            if !matches!(info.operation, Operation::Head { .. }) {
                same(place, "number of (M, B) pairs", output.channels, info.n_channels)?;
            }
            // u64: a product of file values can pass 32 bits on a board
            let n_weights = info.n_channels as u64 * input.channels as u64 * taps as u64;
            let expected = usize::try_from(n_weights).unwrap_or(usize::MAX);
            same(place, "number of weights", expected, info.n_weights)
        }
    }
}

fn check_format(
    place: Place,
    expected: &TensorSpec,
    found: &TensorSpec,
) -> Result<(), NetworkError> {
    same(place, "activation bits", usize::from(expected.bits), usize::from(found.bits))?;
    same(place, "sign (1 = signed)", usize::from(expected.signed), usize::from(found.signed))
}

fn check_head(
    place: Place,
    kind: HeadKind,
    n_classes: usize,
    output: &TensorSpec,
) -> Result<(), NetworkError> {
    same(place, "sign (1 = signed)", 0, usize::from(output.signed))?;
    match kind {
        HeadKind::Threshold { .. } => same(place, "number of logits of a threshold", 1, n_classes),
        HeadKind::Argmax => {
            let most = i64::from(output.max_value()) + 1;
            check_range(place, "number of classes", 2..=most, n_classes as i64)
        }
    }
}

fn check_requantize(
    network: &impl Graph,
    index: usize,
    info: &LayerInfo,
) -> Result<(), NetworkError> {
    let place = Place::Layer(index);
    check_range(place, "shift", 0..=i64::from(MAX_SHIFT), i64::from(info.shift))?;
    if network.mode() == Mode::Scaled {
        return Ok(());
    }
    let data = network.data(index);
    for channel in 0..info.n_channels {
        let magnitude = i64::from(data.params(channel).multiplier).abs();
        check_range(place, "magnitude of M in fixed mode", 1..=1, magnitude)?;
    }
    Ok(())
}

/// Every weight is a code of W bits, and every accumulator fits i32 whatever the input is.
///
/// Any subset of the products (a partial sum, a padded window) stays within the sum of the
/// positive parts and the sum of the negative parts, so those two must fit.
fn check_weights(network: &impl Graph, index: usize, info: &LayerInfo) -> Result<(), NetworkError> {
    let (place, bits) = (Place::Layer(index), info.weight_bits);
    check_range(place, "weight bits", 1..=8, i64::from(bits))?;
    let input = network.spec(info.inputs[0]);
    let (low, high) = (i64::from(input.min_value()), i64::from(input.max_value()));
    let data = network.data(index);
    let per_channel = info.n_weights / info.n_channels.max(1);
    for channel in 0..info.n_channels {
        let (mut least, mut most) = (0i64, 0i64);
        for weight in (0..per_channel).map(|i| data.weight(channel * per_channel + i)) {
            if !is_weight(weight, bits) {
                let what = if bits == 1 { "one-bit weight (no zero)" } else { "weight" };
                let (low, high) = (i64::from(weight_min(bits)), i64::from(weight_max(bits)));
                let found = i64::from(weight);
                return Err(NetworkError::Range { place, what, low, high, found });
            }
            let products = [i64::from(weight) * low, i64::from(weight) * high];
            least += products[0].min(products[1]).min(0);
            most += products[0].max(products[1]).max(0);
        }
        if most > i64::from(i32::MAX) || least < i64::from(i32::MIN) {
            let found = most.max(-least);
            return Err(NetworkError::Accumulator { layer: index, channel, found });
        }
    }
    Ok(())
}
