//! `network::requantize` in integer operators of ONNX.

use network::arithmetic::{LOGIT_MAX, LOGIT_MIN};
use network::{Requantize, TensorSpec};

use crate::graph::{GraphBuilder, Value, text};
use crate::proto::DataType;

/// A multiple of every 2^S that no `acc·M + B` is below in magnitude: |acc·M| ≤ 2^31 · 2^15 and
/// |B| ≤ 2^31, together below 2^47.
const OFFSET: i64 = 1 << 47;

/// What a requantized value becomes: its range and the type it is held in.
#[derive(Clone, Copy)]
pub struct Range {
    low: i64,
    high: i64,
    data_type: DataType,
}

impl Range {
    /// The range of a tensor, one byte a value.
    pub fn of(spec: &TensorSpec) -> Range {
        Range {
            low: spec.min_value().into(),
            high: spec.max_value().into(),
            data_type: data_type(spec),
        }
    }

    /// The range of a head's logits.
    pub fn logit() -> Range {
        Range { low: LOGIT_MIN.into(), high: LOGIT_MAX.into(), data_type: DataType::Int32 }
    }
}

/// Type of the elements of a tensor.
pub fn data_type(spec: &TensorSpec) -> DataType {
    if spec.signed { DataType::Int8 } else { DataType::Uint8 }
}

/// Writes `clamp((acc·M + B) >> S, low, high)` into `output`; `acc` holds 32-bit sums.
///
/// `BitShift` knows unsigned numbers only. With a multiple of 2^S added that makes every sum
/// positive, the shift is exact, and rounds towards minus infinity as an arithmetic shift does:
/// `(v + OFFSET) >> S = (v >> S) + (OFFSET >> S)`. `Div` would round towards zero.
///
/// # Shapes
/// `acc` and `output` `[N, C, H, W]`, where each of the C/`repeat` entries of `params` serves
/// `repeat` neighbouring channels.
pub fn requantize(
    graph: &mut GraphBuilder,
    layer: &str,
    acc: &Value,
    (params, repeat): (&Requantize, usize),
    range: Range,
    output: &Value,
) {
    let channels = || params.channels.iter().flat_map(|c| std::iter::repeat_n(c, repeat));
    let multipliers: Vec<i64> = channels().map(|c| c.multiplier.into()).collect();
    let biases: Vec<i64> = channels().map(|c| OFFSET + i64::from(c.bias)).collect();
    let dims = [multipliers.len(), 1, 1];
    let name = |part: &str| format!("{layer}/{part}");
    let wide = graph.cast(&name("acc64"), acc, DataType::Int64);
    let multiplier = graph.int64s(&name("M"), &dims, &multipliers);
    let product = graph.node(&name("product"), "Mul", &[&wide, &multiplier], &[]);
    let bias = graph.int64s(&name("B+offset"), &dims, &biases);
    let sum = graph.node(&name("sum"), "Add", &[&product, &bias], &[]);
    let sum = graph.cast(&name("sum_u64"), &sum, DataType::Uint64);
    let shift = graph.uint64(&name("S"), params.shift.into());
    let right = [text("direction", "RIGHT")];
    let shifted = graph.node(&name("shifted"), "BitShift", &[&sum, &shift], &right);
    let shifted = graph.cast(&name("shifted_i64"), &shifted, DataType::Int64);
    let offset = graph.int64s(&name("offset"), &[], &[OFFSET >> params.shift]);
    let value = graph.node(&name("value"), "Sub", &[&shifted, &offset], &[]);
    let low = graph.int64s(&name("low"), &[], &[range.low]);
    let high = graph.int64s(&name("high"), &[], &[range.high]);
    let clipped = graph.node(&name("clipped"), "Clip", &[&value, &low, &high], &[]);
    let to = crate::graph::int("to", range.data_type as i64);
    graph.node_into(output, "Cast", &[&clipped], &[to]);
}
