//! The fake-quant network in evaluation mode with integer semantics.
//!
//! Convolutions run in Burn on integer-valued floats, which is exact while every partial sum stays
//! below 2^24; requantization is done here in i64. Nothing of `network`'s kernels is used, so that
//! comparing with them is a check.

use burn::tensor::module::{interpolate, max_pool2d};
use burn::tensor::ops::{InterpolateMode, InterpolateOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData};

use crate::fake_quant::{QuantPlan, Range};
use crate::forward::convolve;
use crate::integers::LayerIntegers;
use crate::topology::{LayerSpec, Operation, Topology, Walk, walk};
use crate::unet::host;

/// Integers of magnitude up to this are exact in f32.
const EXACT: i64 = 1 << 24;

/// The network with its integers, ready to run on a device.
pub struct IntegerForward<'a> {
    topology: &'a Topology,
    plan: &'a QuantPlan,
    integers: &'a [LayerIntegers],
    specs: Vec<LayerSpec>,
    device: Device,
}

impl<'a> IntegerForward<'a> {
    /// Takes the lowered layers of a topology.
    pub fn new(
        topology: &'a Topology,
        plan: &'a QuantPlan,
        integers: &'a [LayerIntegers],
        device: &Device,
    ) -> Self {
        let device = device.clone();
        Self { topology, plan, integers, specs: topology.layers(), device }
    }

    /// Logits of a pixel.
    pub fn n_outputs(&self) -> usize {
        self.topology.n_outputs
    }

    /// 16-bit logits of a batch.
    ///
    /// # Shapes
    /// `codes` n·channels·height·width; result n·outputs·height·width.
    pub fn logits(&self, codes: &[i8], n: usize, height: usize, width: usize) -> Vec<i32> {
        let values = codes.iter().map(|&c| f32::from(c)).collect::<Vec<_>>();
        let shape = [n, self.topology.input_channels, height, width];
        let x = Tensor::<4>::from_data(TensorData::new(values, shape), &self.device);
        let mut walker = Walker { forward: self, largest: 128 };
        let logits = walk(self.topology, &mut walker, (x, 128));
        host(logits.0).into_iter().map(|v| v as i32).collect()
    }

    /// Σ w·a for every output, exactly.
    fn accumulate(&self, layer_idx: usize, x: Tensor<4>, largest: i64) -> Vec<i64> {
        let spec = &self.specs[layer_idx];
        let weights = &self.integers[layer_idx].weights;
        let taps = spec.kernel() * spec.kernel();
        let per_chunk = channels_per_chunk(spec, weights, largest);
        let values = weights.iter().map(|&w| f32::from(w)).collect::<Vec<_>>();
        let data = TensorData::new(values, spec.weight_shape());
        let weight = Tensor::<4>::from_data(data, &self.device);
        debug_assert_eq!(weights.len(), spec.out_channels * spec.in_channels * taps);
        let mut sum: Vec<i64> = Vec::new();
        for start in (0..spec.in_channels).step_by(per_chunk) {
            let length = per_chunk.min(spec.in_channels - start);
            let part = x.clone().narrow(1, start, length);
            let found =
                host(convolve(spec.operation, part, weight.clone().narrow(1, start, length)));
            if sum.is_empty() {
                sum = found.into_iter().map(|v| v as i64).collect();
            } else {
                sum.iter_mut().zip(found).for_each(|(s, v)| *s += v as i64);
            }
        }
        sum
    }
}

/// Largest number of input channels whose sums stay exact in f32, at least 1.
fn channels_per_chunk(spec: &LayerSpec, weights: &[i8], largest: i64) -> usize {
    let taps = spec.kernel() * spec.kernel();
    let row = spec.in_channels * taps;
    let worst_channel = |input: usize| {
        let of = |out: usize| {
            let codes = &weights[out * row + input * taps..][..taps];
            codes.iter().map(|&w| i64::from(w).abs()).sum::<i64>() * largest
        };
        (0..spec.out_channels).map(of).max().unwrap_or(0)
    };
    let worst = (0..spec.in_channels).map(worst_channel).max().unwrap_or(0).max(1);
    ((EXACT - 1) / worst).max(1) as usize
}

struct Walker<'a> {
    forward: &'a IntegerForward<'a>,
    largest: i64,
}

impl Walk for Walker<'_> {
    /// Codes and their largest magnitude.
    type Value = (Tensor<4>, i64);

    fn layer(&mut self, layer_idx: usize, (x, largest): Self::Value) -> Self::Value {
        let forward = self.forward;
        let spec = &forward.specs[layer_idx];
        let [n, _, mut h, mut w] = x.dims();
        let sums = forward.accumulate(layer_idx, x, largest);
        if spec.operation == Operation::Up2x2 {
            (h, w) = (2 * h, 2 * w);
        }
        let (low, high) = match spec.operation {
            Operation::Head => (-32768, 32767),
            Operation::Conv3x3 | Operation::Up2x2 => {
                let bits = forward.plan.bits[layer_idx].activation;
                (0, i64::from(Range::activation(bits).positive))
            }
        };
        let requantize = &forward.integers[layer_idx].requantize;
        let n_out = spec.out_channels;
        let code = |(i, &acc): (usize, &i64)| {
            let params = requantize.channels[i / (h * w) % n_out];
            let wide = acc * i64::from(params.multiplier) + i64::from(params.bias);
            // Floor division by 2^S, clamped: the arithmetic of quantized evaluation.
            (wide.div_euclid(1i64 << requantize.shift)).clamp(low, high) as f32
        };
        let codes = sums.iter().enumerate().map(code).collect::<Vec<_>>();
        let data = TensorData::new(codes, [n, n_out, h, w]);
        self.largest = high;
        (Tensor::from_data(data, &forward.device), high)
    }

    fn max_pool(&mut self, _name: String, (x, largest): Self::Value) -> Self::Value {
        (max_pool2d(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2])), largest)
    }

    fn upsample(&mut self, _name: String, (x, largest): Self::Value) -> Self::Value {
        let [_, _, h, w] = x.dims();
        let options = InterpolateOptions::new(InterpolateMode::Nearest);
        (interpolate(x, options.with_output_size([2 * h, 2 * w])), largest)
    }

    fn concat(&mut self, _name: String, up: Self::Value, skip: Self::Value) -> Self::Value {
        (Tensor::cat(vec![up.0, skip.0], 1), up.1.max(skip.1))
    }
}
