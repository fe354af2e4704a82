//! The layers of a quantized network, as plain structs and one closed enum.

use alloc::string::String;
use alloc::vec::Vec;

use crate::arithmetic::ChannelParams;
use crate::kernels::ConvData;
pub use crate::kernels::HeadKind;
use crate::tensor::TensorId;

/// One operation. Layers run in list order; each writes one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// k×k convolution, stride 1, same padding, requantized.
    Conv2d(Conv2d),
    /// 2×2 transposed convolution, stride 2, requantized.
    ConvTranspose2d(ConvTranspose2d),
    /// 2×2 max-pool, stride 2; an odd last row or column is dropped.
    MaxPool2d(Resample),
    /// Nearest-neighbour ×2.
    Upsample2d(Resample),
    /// Channel concatenation of two tensors of one format.
    Concat(Concat),
    /// 1×1 convolution to a 16-bit logit, then a decision.
    Head(Head),
}

/// Multipliers, biases and the shift of [`crate::requantize`], one entry per output channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requantize {
    /// (M, B) per output channel.
    pub channels: Vec<ChannelParams>,
    /// S, 0..=31.
    pub shift: u8,
}

/// k×k convolution, stride 1, zero padding (k−1)/2; the clamp is the output tensor's range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Name in reports and generated code, e.g. `enc0.conv1`.
    pub name: String,
    /// Tensor read.
    pub input: TensorId,
    /// Tensor written.
    pub output: TensorId,
    /// k, odd, 1..=15.
    pub kernel: usize,
    /// W, 1..=8.
    pub weight_bits: u8,
    /// Codes in OIHW order, `[out][in][ky][kx]`.
    pub weights: Vec<i8>,
    /// Scale, bias and shift.
    pub requantize: Requantize,
}

/// 2×2 transposed convolution with stride 2: `out[o][2y+i][2x+j] = Σ_c w[o][c][i][j]·in[c][y][x]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvTranspose2d {
    /// Name in reports and generated code.
    pub name: String,
    /// Tensor read.
    pub input: TensorId,
    /// Tensor written, twice as high and wide.
    pub output: TensorId,
    /// W, 1..=8.
    pub weight_bits: u8,
    /// Codes `[out][in][i][j]` (PyTorch and Burn store `[in][out]`; lowering transposes).
    pub weights: Vec<i8>,
    /// Scale, bias and shift.
    pub requantize: Requantize,
}

/// A layer that only moves values between resolutions (max-pool, upsample).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resample {
    /// Name in reports and generated code.
    pub name: String,
    /// Tensor read.
    pub input: TensorId,
    /// Tensor written.
    pub output: TensorId,
}

/// Channels of `inputs[0]`, then channels of `inputs[1]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concat {
    /// Name in reports and generated code.
    pub name: String,
    /// Tensors read; both and the output share bits and sign, and in training one scale.
    pub inputs: [TensorId; 2],
    /// Tensor written.
    pub output: TensorId,
}

/// 1×1 convolution to 16-bit signed logits, then threshold or argmax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Name in reports and generated code.
    pub name: String,
    /// Tensor read.
    pub input: TensorId,
    /// Tensor written: one channel, unsigned, the class of each pixel.
    pub output: TensorId,
    /// W, 1..=8.
    pub weight_bits: u8,
    /// Codes `[class][in]`.
    pub weights: Vec<i8>,
    /// Scale, bias and shift of the logits.
    pub requantize: Requantize,
    /// How a class is chosen.
    pub kind: HeadKind,
}

impl Layer {
    /// Name in reports and generated code.
    pub fn name(&self) -> &str {
        match self {
            Layer::Conv2d(l) => &l.name,
            Layer::ConvTranspose2d(l) => &l.name,
            Layer::MaxPool2d(l) | Layer::Upsample2d(l) => &l.name,
            Layer::Concat(l) => &l.name,
            Layer::Head(l) => &l.name,
        }
    }

    /// Name of the operation, the same as its file in every crate.
    pub fn operation(&self) -> &'static str {
        match self {
            Layer::Conv2d(_) => "conv2d",
            Layer::ConvTranspose2d(_) => "conv_transpose2d",
            Layer::MaxPool2d(_) => "max_pool2d",
            Layer::Upsample2d(_) => "upsample2d",
            Layer::Concat(_) => "concat",
            Layer::Head(_) => "head",
        }
    }

    /// Tensors read, in order.
    pub fn inputs(&self) -> &[TensorId] {
        match self {
            Layer::Conv2d(l) => core::slice::from_ref(&l.input),
            Layer::ConvTranspose2d(l) => core::slice::from_ref(&l.input),
            Layer::MaxPool2d(l) | Layer::Upsample2d(l) => core::slice::from_ref(&l.input),
            Layer::Concat(l) => &l.inputs,
            Layer::Head(l) => core::slice::from_ref(&l.input),
        }
    }

    /// Tensor written.
    pub fn output(&self) -> TensorId {
        match self {
            Layer::Conv2d(l) => l.output,
            Layer::ConvTranspose2d(l) => l.output,
            Layer::MaxPool2d(l) | Layer::Upsample2d(l) => l.output,
            Layer::Concat(l) => l.output,
            Layer::Head(l) => l.output,
        }
    }

    /// Weight codes, their bits and requantization, for layers that have weights.
    pub fn weights(&self) -> Option<(&[i8], u8, &Requantize)> {
        match self {
            Layer::Conv2d(l) => Some((&l.weights, l.weight_bits, &l.requantize)),
            Layer::ConvTranspose2d(l) => Some((&l.weights, l.weight_bits, &l.requantize)),
            Layer::Head(l) => Some((&l.weights, l.weight_bits, &l.requantize)),
            Layer::MaxPool2d(_) | Layer::Upsample2d(_) | Layer::Concat(_) => None,
        }
    }
}

/// Weights and parameters as the kernels read them, over an owned layer.
#[derive(Clone, Copy)]
pub struct OwnedData<'a> {
    /// Weight codes.
    pub weights: &'a [i8],
    /// (M, B) per output channel.
    pub channels: &'a [ChannelParams],
}

impl ConvData for OwnedData<'_> {
    #[inline(always)]
    fn weight(&self, index: usize) -> i32 {
        i32::from(self.weights[index])
    }
    #[inline(always)]
    fn params(&self, channel: usize) -> ChannelParams {
        self.channels[channel]
    }
}
