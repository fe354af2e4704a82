//! Nearest-neighbour ×2 upsampling.

use network::Resample;

use super::Scene;

/// `[N, C, H, W]` → `[N, C, H, 1, W, 1]` → `[N, C, H, 2, W, 2]` → `[N, C, 2H, 2W]`: `Expand` repeats
/// each value, where `Resize` would compute positions in floating point.
pub fn add(scene: &mut Scene, layer: &Resample) {
    let (input, output) = (scene.value(layer.input), scene.value(layer.output));
    let spec = scene.spec(layer.input);
    let [channels, height, width] = [spec.channels, spec.height, spec.width].map(|n| n as i64);
    let graph = &mut scene.graph;
    let name = |part: &str| format!("{}/{part}", layer.name);
    let shape = graph.int64s(&name("split_shape"), &[6], &[-1, channels, height, 1, width, 1]);
    let split = graph.node(&name("split"), "Reshape", &[&input, &shape], &[]);
    let shape = graph.int64s(&name("repeat_shape"), &[6], &[1, channels, height, 2, width, 2]);
    let repeated = graph.node(&name("repeated"), "Expand", &[&split, &shape], &[]);
    let shape = graph.int64s(&name("shape"), &[4], &[-1, channels, 2 * height, 2 * width]);
    graph.node_into(&output, "Reshape", &[&repeated, &shape], &[]);
}
