//! Quantize and dequantize with the gradients of LSQ.

use burn::tensor::Tensor;

use crate::fake_quant::Range;

/// `code(x / step)·step`, with the gradients of Esser et al. 2020, eq. 3 and 5.
///
/// To x it passes where x / step lies within the range (everywhere for one bit); to the step it is
/// code − x/step within the range, the code itself outside and for one bit.
///
/// # Shapes
/// `step` holds one value, or one per entry of the first dimension of `x`.
pub fn lsq(x: Tensor<4>, step: Tensor<1>, range: Range) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if super::flex::runs_on(&x.device()) {
        return super::flex::lsq(x, step, range);
    }
    portable(x, step, range)
}

/// The same from Burn's own operations, for every backend.
pub(super) fn portable(x: Tensor<4>, step: Tensor<1>, range: Range) -> Tensor<4> {
    let step = step.reshape([-1, 1, 1, 1]);
    if range.binary {
        let sign = x.clone().detach().greater_equal_elem(0.0).float() * 2.0 - 1.0;
        let pass = x.clone() - x.detach();
        return sign * step + pass;
    }
    let (low, high) = (-(range.negative as f32), range.positive as f32);
    let clamped = (x / step.clone()).clamp(low, high);
    let rounded = clamped.clone().detach().round();
    let codes = rounded + (clamped.clone() - clamped.detach());
    codes * step
}
