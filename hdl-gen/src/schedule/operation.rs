//! One operation of the engine.

use network::registers::InputPacking;
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
    /// Tensor of the 2×2 max-pool of the output, if it is written in the same pass.
    pub pooled: Option<TensorId>,
    /// How the source lies in memory; plain unless it is the network's input.
    pub packing: InputPacking,
    /// k; 2 for transposed convolution and max-pool.
    pub kernel: usize,
    /// W of the layer; 0 for max-pool.
    pub weight_bits: u8,
    /// Bits of a code: W, and more where the source is split.
    pub code_bits: u8,
    /// Codes `[out][in][ky][kx]` as the array reads them; empty for max-pool.
    pub weights: Vec<i16>,
    /// (M, B) per output channel of the array, and S.
    pub requantize: Requantize,
}

impl Operation {
    /// An identity 1×1 convolution.
    pub fn copy(network: &Network, layer: usize, output: TensorId, sources: Vec<Source>) -> Self {
        let n_channels = network.spec(output).channels;
        let mut weights = vec![0i16; n_channels * n_channels];
        weights.iter_mut().step_by(n_channels + 1).for_each(|code| *code = 1);
        let unit = ChannelParams { multiplier: 1, bias: 0 };
        Operation {
            name: network.layers[layer].name().into(),
            layer,
            kind: OperationKind::Copy,
            sources,
            output,
            pooled: None,
            packing: InputPacking::PLAIN,
            kernel: 1,
            weight_bits: 2,
            code_bits: 2,
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
        if self.kind == OperationKind::ConvTranspose2d { 1 } else { self.window() }
    }

    /// Rows of the kernel: 1 where lanes hold the rows.
    pub fn kernel_rows(&self) -> usize {
        self.kernel / self.packing.row_taps
    }

    /// Weights from one input channel to one output channel.
    pub fn window(&self) -> usize {
        self.kernel_rows() * self.kernel
    }

    /// Tensors written: the output, and its max-pool if that is fused.
    pub fn outputs(&self) -> impl Iterator<Item = TensorId> {
        [self.output].into_iter().chain(self.pooled)
    }

    /// True if weights are ±1 and the array takes them as signs.
    pub fn one_bit(&self, engine: &Engine) -> bool {
        self.code_bits == 1 && engine.digit_bits == 1
    }

    /// Channels that the array computes.
    pub fn out_channels(&self) -> usize {
        self.requantize.channels.len()
    }

    /// Weight digits, 1 for max-pool.
    pub fn digits(&self, engine: &Engine) -> usize {
        engine.digits(self.code_bits).max(1)
    }

    /// True if each word takes the two cycles of a transposed or of a pooled word.
    pub fn writes_twice(&self, engine: &Engine) -> bool {
        self.pooled.is_some() || self.phases() > 1 && engine.tp > 1
    }

    /// True if a channel drains in two cycles where one would do, because words of one channel
    /// would come faster than they are written.
    pub fn drains_slowly(&self, engine: &Engine) -> bool {
        let one_lane_words = engine.tn == 1 || engine.tm == 1 || self.out_channels() % 2 == 1;
        engine.drain_blocks() == 1 && self.writes_twice(engine) && one_lane_words
    }

    /// Rows and columns over which the loop nest runs.
    pub fn loop_extent(&self, network: &Network) -> (usize, usize) {
        let out = network.spec(self.output);
        match self.kind {
            OperationKind::ConvTranspose2d => (out.height / 2, out.width / 2),
            _ => (out.height, out.width),
        }
    }

    /// Shapes of the sources as the engine sees them.
    pub fn source_specs(&self, network: &Network) -> Vec<TensorSpec> {
        let spec = |source: &Source| self.packing.spec(network.spec(source.tensor));
        self.sources.iter().map(spec).collect()
    }

    /// Multiply-accumulates of the layer; none for copies and max-pools.
    pub fn macs(&self, network: &Network) -> u64 {
        if matches!(self.kind, OperationKind::Copy | OperationKind::MaxPool2d) {
            return 0;
        }
        let (height, width) = self.loop_extent(network);
        let n_weights = network.layers[self.layer].weights().map_or(0, |(codes, _, _)| codes.len());
        n_weights as u64 * (height * width) as u64
    }

    /// Useful digit products: multiply-accumulates × digits of the layer's own W.
    pub fn digit_macs(&self, network: &Network, engine: &Engine) -> u64 {
        self.macs(network) * engine.digits(self.weight_bits) as u64
    }
}
