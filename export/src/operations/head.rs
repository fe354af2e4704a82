//! 1×1 convolution to 16-bit logits, then threshold or argmax.

use network::{Head, HeadKind};

use super::Scene;
use crate::graph::{Value, int};
use crate::proto::DataType;
use crate::requantize::{Range, data_type, requantize};

/// `ConvInteger`, requantization to the logit's range, then `GreaterOrEqual` or `ArgMax`, whose
/// ties go to the first and so to the lowest class.
pub fn add(scene: &mut Scene, layer: &Head) {
    let output = scene.value(layer.output);
    let to = data_type(&scene.spec(layer.output));
    let n_classes = layer.requantize.channels.len();
    let acc = scene.sums(&layer.name, layer.input, &layer.weights, [n_classes, 1]);
    let graph = &mut scene.graph;
    let name = |part: &str| format!("{}/{part}", layer.name);
    let logits: Value = graph.fresh(&name("logits"));
    requantize(graph, &layer.name, &acc, (&layer.requantize, 1), Range::logit(), &logits);
    let decided = match layer.kind {
        HeadKind::Threshold { threshold } => {
            let wide = graph.cast(&name("logits_i64"), &logits, DataType::Int64);
            let threshold = graph.int64s(&name("threshold"), &[], &[threshold.into()]);
            graph.node(&name("decided"), "GreaterOrEqual", &[&wide, &threshold], &[])
        }
        HeadKind::Argmax => {
            let settings = [int("axis", 1), int("keepdims", 1), int("select_last_index", 0)];
            graph.node(&name("decided"), "ArgMax", &[&logits], &settings)
        }
    };
    graph.node_into(&output, "Cast", &[&decided], &[int("to", to as i64)]);
}
