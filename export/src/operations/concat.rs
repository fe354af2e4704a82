//! Channel concatenation.

use network::Concat;

use super::Scene;
use crate::graph::int;

/// `Concat` along the channels.
pub fn add(scene: &mut Scene, layer: &Concat) {
    let [first, second] = layer.inputs.map(|id| scene.value(id));
    let output = scene.value(layer.output);
    scene.graph.node_into(&output, "Concat", &[&first, &second], &[int("axis", 1)]);
}
