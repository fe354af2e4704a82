//! 2×2 max-pool with stride 2.

use network::Resample;

use super::Scene;
use crate::graph::ints;

/// `MaxPool`, which drops an odd last row or column as `ceil_mode` is 0.
pub fn add(scene: &mut Scene, layer: &Resample) {
    let (input, output) = (scene.value(layer.input), scene.value(layer.output));
    let window = [ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
    scene.graph.node_into(&output, "MaxPool", &[&input], &window);
}
