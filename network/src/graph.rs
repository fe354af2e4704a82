//! What an owned network and a borrowed file have in common, so that both are checked by one code.

use crate::arithmetic::Mode;
use crate::kernels::{ConvData, HeadKind};
use crate::tensor::{TensorId, TensorSpec};

/// An operation without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// k×k convolution.
    Conv2d {
        /// k.
        kernel: usize,
    },
    /// 2×2 transposed convolution, stride 2.
    ConvTranspose2d,
    /// 2×2 max-pool.
    MaxPool2d,
    /// Nearest ×2.
    Upsample2d,
    /// Channel concatenation.
    Concat,
    /// 1×1 convolution and decision.
    Head {
        /// Threshold or argmax.
        kind: HeadKind,
    },
}

impl Operation {
    /// Weights per pair of output and input channel; 0 for operations without weights.
    pub fn taps(self) -> usize {
        match self {
            Operation::Conv2d { kernel } => kernel * kernel,
            Operation::ConvTranspose2d => 4,
            Operation::Head { .. } => 1,
            Operation::MaxPool2d | Operation::Upsample2d | Operation::Concat => 0,
        }
    }
}

/// One layer without its data; plain numbers, as a file record holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerInfo {
    /// What it does.
    pub operation: Operation,
    /// Tensors read; the second one only by a concat (else it repeats the first).
    pub inputs: [TensorId; 2],
    /// Tensor written.
    pub output: TensorId,
    /// W; 0 for operations without weights.
    pub weight_bits: u8,
    /// S.
    pub shift: u8,
    /// Number of (M, B) pairs; 0 for operations without weights.
    pub n_channels: usize,
    /// Number of weights.
    pub n_weights: usize,
}

impl LayerInfo {
    /// Tensors read.
    pub fn inputs(&self) -> &[TensorId] {
        match self.operation {
            Operation::Concat => &self.inputs,
            _ => &self.inputs[..1],
        }
    }
}

/// A network as validation and execution read it.
pub trait Graph {
    /// Weights and parameters of one layer.
    type Data<'a>: ConvData
    where
        Self: 'a;

    /// `scaled` or `fixed`.
    fn mode(&self) -> Mode;
    /// Tensor that the caller fills.
    fn input(&self) -> TensorId;
    /// Tensor that the caller reads.
    fn output(&self) -> TensorId;
    /// Number of tensors.
    fn n_tensors(&self) -> usize;
    /// Shape and format of a tensor; the id must be below `n_tensors`.
    fn spec(&self, id: TensorId) -> TensorSpec;
    /// Number of layers.
    fn n_layers(&self) -> usize;
    /// One layer; the index must be below `n_layers`.
    fn info(&self, layer: usize) -> LayerInfo;
    /// Weights and parameters of one layer that has some.
    fn data(&self, layer: usize) -> Self::Data<'_>;
}

/// First and last layer during which a tensor holds values that someone needs.
///
/// The input is alive from the first layer on, the output past the last one.
pub fn lifetime(network: &impl Graph, id: TensorId) -> (usize, usize) {
    let n_layers = network.n_layers();
    let first = (0..n_layers).find(|layer| network.info(*layer).output == id).unwrap_or(0);
    if id == network.output() {
        return (first, n_layers);
    }
    let last = (0..n_layers).rev().find(|layer| network.info(*layer).inputs().contains(&id));
    (first, last.unwrap_or(first))
}
