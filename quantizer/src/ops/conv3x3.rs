//! 3×3 convolution, stride 1, zero padding 1.

use burn::tensor::Tensor;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;

/// 3×3 convolution, stride 1, zero padding 1, no bias.
///
/// # Shapes
/// `x` `[n, in, h, w]`, `weight` `[out, in, 3, 3]`, result `[n, out, h, w]`.
pub fn conv3x3(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if super::flex::runs_on(&x.device()) {
        return super::flex::conv3x3(x, weight);
    }
    portable(x, weight)
}

/// The same from Burn's own operations, for every backend.
pub(super) fn portable(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    conv2d(x, weight, None, ConvOptions::new([1, 1], [1, 1], [1, 1], 1))
}
