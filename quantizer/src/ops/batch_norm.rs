//! Batch normalisation over batch, rows and columns, with the batch's statistics.

use burn::tensor::Tensor;

use crate::unet::NORM_EPSILON;

/// Result of [`batch_norm`].
pub struct Normalized {
    /// γ·(x − mean)/√(variance + ε) + β.
    pub output: Tensor<4>,
    /// Mean of the batch per channel, detached.
    pub mean: Tensor<1>,
    /// Biased variance of the batch per channel, detached.
    pub variance: Tensor<1>,
}

/// Normalises each channel by the batch's own mean and variance (Ioffe and Szegedy 2015).
///
/// # Shapes
/// `x` `[n, c, h, w]`, `gamma` and `beta` `[c]`.
pub fn batch_norm(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>) -> Normalized {
    #[cfg(feature = "flex")]
    if super::flex::runs_on(&x.device()) {
        return super::flex::batch_norm(x, gamma, beta);
    }
    portable(x, gamma, beta)
}

/// The same from Burn's own operations, for every backend.
pub(super) fn portable(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>) -> Normalized {
    let [_, n_channels, _, _] = x.dims();
    let mean = x.clone().mean_dims(&[0, 2, 3]);
    let centred = x - mean.clone();
    let variance = centred.clone().square().mean_dims(&[0, 2, 3]);
    let shape = [1, n_channels, 1, 1];
    let gain = gamma.reshape(shape) / (variance.clone() + NORM_EPSILON).sqrt();
    let output = centred * gain + beta.reshape(shape);
    let flat = |t: Tensor<4>| t.detach().reshape([n_channels]);
    Normalized { output, mean: flat(mean), variance: flat(variance) }
}
