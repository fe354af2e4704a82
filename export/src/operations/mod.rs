//! Each operation in ONNX operators, one per file, named as in the other crates.

mod concat;
mod conv2d;
mod conv_transpose2d;
mod head;
mod max_pool2d;
mod upsample2d;

use network::{Layer, Network, TensorId, TensorSpec};

use crate::graph::{GraphBuilder, Value, ints};
use crate::proto::DataType;

/// The graph and the value of each tensor.
pub struct Scene<'a> {
    /// What is exported.
    pub network: &'a Network,
    /// What it becomes.
    pub graph: GraphBuilder,
    /// Value of each tensor, in tensor order.
    pub values: Vec<Value>,
    /// Values of signed tensors shifted into a byte's range, once they were needed.
    shifted: Vec<Option<Value>>,
}

/// Codes of weights as bytes: 128 stands for zero.
const WEIGHT_ZERO: u8 = 128;
/// A signed tensor as bytes: 128 stands for zero.
const SIGNED_ZERO: u8 = 128;

impl<'a> Scene<'a> {
    /// No operations yet; one value a tensor, named as the tensor.
    pub fn new(network: &'a Network) -> Scene<'a> {
        let mut graph = GraphBuilder::default();
        let values = network.tensors.iter().map(|t| graph.fresh(&t.name)).collect();
        Scene { network, graph, values, shifted: vec![None; network.tensors.len()] }
    }

    /// Adds the operations of a layer.
    pub fn add(&mut self, layer: &Layer) {
        match layer {
            Layer::Conv2d(l) => conv2d::add(self, l),
            Layer::ConvTranspose2d(l) => conv_transpose2d::add(self, l),
            Layer::MaxPool2d(l) => max_pool2d::add(self, l),
            Layer::Upsample2d(l) => upsample2d::add(self, l),
            Layer::Concat(l) => concat::add(self, l),
            Layer::Head(l) => head::add(self, l),
        }
    }

    fn spec(&self, id: TensorId) -> TensorSpec {
        *self.network.spec(id)
    }

    fn value(&self, id: TensorId) -> Value {
        self.values[id.index()].clone()
    }

    /// 32-bit sums of products of a k×k convolution, same padding.
    ///
    /// Weights and activations are unsigned bytes with a zero point, because only that pair of
    /// types is exact everywhere: for others ONNX Runtime may add pairs of products in saturating
    /// 16-bit numbers (its quantization guide, "When and why do I need to try U8U8?").
    ///
    /// # Shapes
    /// Weights `[channels, C, k, k]`, result `[N, channels, H, W]`.
    fn sums(&mut self, layer: &str, input: TensorId, weights: &[i8], shape: [usize; 2]) -> Value {
        let [channels, kernel] = shape;
        let (activations, zero) = self.bytes(input);
        let dims = [channels, self.spec(input).channels, kernel, kernel];
        let bytes = weights.iter().map(|w| w.wrapping_add_unsigned(WEIGHT_ZERO) as u8).collect();
        let name = |part: &str| format!("{layer}/{part}");
        let weights = self.graph.uint8s(&name("weights"), &dims, bytes);
        let zero = self.graph.uint8s(&name("input_zero"), &[], vec![zero]);
        let weight_zero = self.graph.uint8s(&name("weight_zero"), &[], vec![WEIGHT_ZERO]);
        let (size, pad) = ([kernel as i64; 2], [kernel as i64 / 2; 4]);
        let attributes = [ints("kernel_shape", &size), ints("pads", &pad)];
        let inputs = [&activations, &weights, &zero, &weight_zero];
        self.graph.node(&name("acc"), "ConvInteger", &inputs, &attributes)
    }

    /// A tensor as unsigned bytes, and the byte that stands for zero.
    fn bytes(&mut self, id: TensorId) -> (Value, u8) {
        if !self.spec(id).signed {
            return (self.value(id), 0);
        }
        if let Some(value) = &self.shifted[id.index()] {
            return (value.clone(), SIGNED_ZERO);
        }
        let value = self.value(id);
        let name = |part: &str| format!("{}/{part}", value.0);
        let wide = self.graph.cast(&name("i64"), &value, DataType::Int64);
        let zero = self.graph.int64s(&name("zero"), &[], &[SIGNED_ZERO.into()]);
        let sum = self.graph.node(&name("plus_zero"), "Add", &[&wide, &zero], &[]);
        let bytes = self.graph.cast(&name("u8"), &sum, DataType::Uint8);
        self.shifted[id.index()] = Some(bytes.clone());
        (bytes, SIGNED_ZERO)
    }
}
