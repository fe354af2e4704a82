//! k×k convolution, stride 1, same padding.

use network::Conv2d;

use super::Scene;
use crate::requantize::{Range, requantize};

/// `ConvInteger`, then requantization.
pub fn add(scene: &mut Scene, layer: &Conv2d) {
    let (output, spec) = (scene.value(layer.output), scene.spec(layer.output));
    let shape = [spec.channels, layer.kernel];
    let acc = scene.sums(&layer.name, layer.input, &layer.weights, shape);
    let params = (&layer.requantize, 1);
    requantize(&mut scene.graph, &layer.name, &acc, params, Range::of(&spec), &output);
}
