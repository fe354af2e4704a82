//! 2×2 transposed convolution with stride 2.

use network::ConvTranspose2d;

use super::Scene;
use crate::graph::ints;
use crate::requantize::{Range, requantize};

/// A 1×1 `ConvInteger` to the four phases of each channel, requantization, then the phases are
/// interleaved: `[N, O·2·2, H, W]` → `[N, O, 2, 2, H, W]` → `[N, O, H, 2, W, 2]` → `[N, O, 2H, 2W]`.
pub fn add(scene: &mut Scene, layer: &ConvTranspose2d) {
    let (output, spec) = (scene.value(layer.output), scene.spec(layer.output));
    let n_inputs = scene.spec(layer.input).channels;
    let phases = by_phase(&layer.weights, n_inputs);
    let acc = scene.sums(&layer.name, layer.input, &phases, [4 * spec.channels, 1]);
    let graph = &mut scene.graph;
    let name = |part: &str| format!("{}/{part}", layer.name);
    let flat = graph.fresh(&name("phases"));
    requantize(graph, &layer.name, &acc, (&layer.requantize, 4), Range::of(&spec), &flat);
    let (channels, height, width) = (spec.channels as i64, spec.height as i64, spec.width as i64);
    let shape = [-1, channels, 2, 2, height / 2, width / 2];
    let shape = graph.int64s(&name("split_shape"), &[6], &shape);
    let split = graph.node(&name("split"), "Reshape", &[&flat, &shape], &[]);
    let order = [ints("perm", &[0, 1, 4, 2, 5, 3])];
    let interleaved = graph.node(&name("interleaved"), "Transpose", &[&split], &order);
    let shape = graph.int64s(&name("shape"), &[4], &[-1, channels, height, width]);
    graph.node_into(&output, "Reshape", &[&interleaved, &shape], &[]);
}

/// Weights `[out][in][phase]` in the order `[out][phase][in]`.
fn by_phase(weights: &[i8], n_inputs: usize) -> Vec<i8> {
    let of_output = |weights: &[i8]| {
        let of_phase = |phase: usize| weights.iter().skip(phase).step_by(4).copied();
        (0..4).flat_map(of_phase).collect::<Vec<i8>>()
    };
    weights.chunks(4 * n_inputs).flat_map(of_output).collect()
}

#[cfg(test)]
mod tests {
    use super::by_phase;

    #[test]
    fn phases_come_together() {
        // two outputs, two inputs: tens digit names the input, units digit the phase
        let weights = [10, 11, 12, 13, 20, 21, 22, 23, 50, 51, 52, 53, 60, 61, 62, 63];
        let expected = [10, 20, 11, 21, 12, 22, 13, 23, 50, 60, 51, 61, 52, 62, 53, 63];
        assert_eq!(by_phase(&weights, 2), expected);
    }
}
