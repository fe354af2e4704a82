//! One operation of the engine.

use network::{ChannelParams, HeadKind, Network, Requantize, TensorId, TensorSpec};

use super::fold::Source;
use crate::engine::Engine;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// k×k convolution.
    Conv2d,
    /// 2×2 transposed convolution, stride 2.
    ConvTranspose2d,
    /// 2×2 max-pool.
    MaxPool2d,
    /// Convolution to logits and a decision.
    Head(HeadKind),
    /// Writes an upsampled or concatenated tensor to memory: an identity 1×1 convolution.
    Copy,
}

/// One descriptor's worth of work, before addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Name of the layer.
    pub name: String,
    /// Index of the layer.
    pub layer: usize,
    /// What it does.
    pub kind: OperationKind,
    /// Tensors read, in channel order: one or two.
    pub sources: Vec<Source>,
    /// Tensor written.
    pub output: TensorId,
    /// k; 2 for transposed convolution and max-pool.
    pub kernel: usize,
    /// W; 0 for max-pool.
    pub weight_bits: u8,
    /// Codes `[out][in][ky][kx]`; empty for max-pool.
    pub weights: Vec<i8>,
    /// (M, B) per output channel of the array, and S.
    pub requantize: Requantize,
}

impl Operation {
    /// An identity 1×1 convolution.
    pub fn copy(network: &Network, layer: usize, output: TensorId, sources: Vec<Source>) -> Self {
        let n_channels = network.spec(output).channels;
        let mut weights = vec![0; n_channels * n_channels];
        weights.iter_mut().step_by(n_channels + 1).for_each(|code| *code = 1);
        let unit = ChannelParams { multiplier: 1, bias: 0 };
        Operation {
            name: network.layers[layer].name().into(),
            layer,
            kind: OperationKind::Copy,
            sources,
            output,
            kernel: 1,
            weight_bits: 2,
            weights,
            requantize: Requantize { channels: vec![unit; n_channels], shift: 0 },
        }
    }

    /// True if the array computes it.
    pub fn uses_array(&self) -> bool {
        self.kind != OperationKind::MaxPool2d
    }

    /// Phases of the loop nest: 4 for transposed convolution.
    pub fn phases(&self) -> usize {
        if self.kind == OperationKind::ConvTranspose2d { 4 } else { 1 }
    }

    /// Taps read in one phase.
    pub fn taps(&self) -> usize {
        if self.kind == OperationKind::ConvTranspose2d { 1 } else { self.kernel * self.kernel }
    }

    /// Channels that the array computes.
    pub fn out_channels(&self) -> usize {
        self.requantize.channels.len()
    }

    /// Weight digits, 1 for max-pool.
    pub fn digits(&self, engine: &Engine) -> usize {
        engine.digits(self.weight_bits).max(1)
    }

    /// Rows and columns over which the loop nest runs.
    pub fn loop_extent(&self, network: &Network) -> (usize, usize) {
        let out = network.spec(self.output);
        match self.kind {
            OperationKind::ConvTranspose2d => (out.height / 2, out.width / 2),
            _ => (out.height, out.width),
        }
    }

    /// Shapes of the sources.
    pub fn source_specs(&self, network: &Network) -> Vec<TensorSpec> {
        self.sources.iter().map(|source| *network.spec(source.tensor)).collect()
    }

    /// Multiply-accumulates of the layer; none for copies and max-pools.
    pub fn macs(&self, network: &Network) -> u64 {
        if matches!(self.kind, OperationKind::Copy | OperationKind::MaxPool2d) {
            return 0;
        }
        let (height, width) = self.loop_extent(network);
        self.weights.len() as u64 * (height * width) as u64
    }
}
