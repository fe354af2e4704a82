//! The operations on Burn's `flex` backend: own kernels, hand-written gradients.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, AutodiffBackend, Backend, Dispatch, DispatchDevice, Flex, backend_extension,
};
use burn::tensor::{Device, Tensor, TensorData};

use super::Normalized;
use super::kernels::{batch_norm, conv3x3, lsq};
use crate::fake_quant::Range;
use crate::unet::NORM_EPSILON;

/// True if tensors of this device are `flex` tensors, with or without gradients.
pub fn runs_on(device: &Device) -> bool {
    matches!(device.clone().inner().as_dispatch(), DispatchDevice::Flex(_))
}

/// [`super::conv3x3`] on `flex`.
pub fn conv3x3(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as FlexOps>::conv3x3(x.into_dispatch(), weight.into_dispatch()))
}

/// [`super::lsq`] on `flex`.
pub fn lsq(x: Tensor<4>, step: Tensor<1>, range: Range) -> Tensor<4> {
    let (x, step) = (x.into_dispatch(), step.into_dispatch());
    Tensor::from_dispatch(<Dispatch as FlexOps>::lsq(x, step, range))
}

/// [`super::batch_norm`] on `flex`.
pub fn batch_norm(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>) -> Normalized {
    let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    let (output, mean, variance) = <Dispatch as FlexOps>::batch_norm(x, gamma, beta);
    Normalized {
        output: Tensor::from_dispatch(output),
        mean: Tensor::from_dispatch(mean),
        variance: Tensor::from_dispatch(variance),
    }
}

/// Operations that Burn's dispatch routes to `flex`.
#[backend_extension(Flex, Autodiff)]
pub trait FlexOps: Backend {
    /// 3×3 convolution.
    fn conv3x3(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Quantize and dequantize.
    fn lsq(x: FloatTensor<Self>, step: FloatTensor<Self>, range: Range) -> FloatTensor<Self>;
    /// Output, mean and biased variance.
    fn batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

impl FlexOps for Flex {
    fn conv3x3(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
        let shape = conv_shape(&x, &weight);
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        let output = conv3x3::forward(values(&x), values(&weight), shape);
        tensor(output, &[shape.n, shape.n_out, shape.height, shape.width])
    }

    fn lsq(x: FlexTensor, step: FlexTensor, range: Range) -> FlexTensor {
        let (x, step) = (x.to_contiguous(), step.to_contiguous());
        tensor(lsq::forward(values(&x), values(&step), range), &dims(&x))
    }

    fn batch_norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let (output, mean, variance, _) = normalize(&x.to_contiguous(), &gamma, &beta);
        let n = mean.len();
        (output, tensor(mean, &[n]), tensor(variance, &[n]))
    }
}

fn normalize(
    x: &FlexTensor,
    gamma: &FlexTensor,
    beta: &FlexTensor,
) -> (FlexTensor, Vec<f32>, Vec<f32>, batch_norm::Saved) {
    let shape = norm_shape(x);
    let (mean, variance) = batch_norm::statistics(values(x), shape);
    let gamma = values(&gamma.to_contiguous()).to_vec();
    let inverse = |v: &f32| 1.0 / (v + NORM_EPSILON as f32).sqrt();
    let inverse_deviation: Vec<f32> = variance.iter().map(inverse).collect();
    let scale: Vec<f32> = gamma.iter().zip(&inverse_deviation).map(|(g, i)| g * i).collect();
    let beta = beta.to_contiguous();
    let output = batch_norm::apply(values(x), &mean, &scale, values(&beta), shape);
    let saved = batch_norm::Saved { mean: mean.clone(), inverse_deviation, gamma };
    (tensor(output, &dims(x)), mean, variance, saved)
}

#[derive(Debug)]
struct Conv3x3Backward;

impl Backward<Flex, 2> for Conv3x3Backward {
    type State = (FlexTensor, FlexTensor);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, weight_node] = ops.parents;
        let gradient = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (x, weight) = ops.state;
        let shape = conv_shape(&x, &weight);
        if let Some(node) = x_node {
            let found = conv3x3::input_gradient(values(&gradient), values(&weight), shape);
            grads.register::<Flex>(node.id, tensor(found, &dims(&x)));
        }
        if let Some(node) = weight_node {
            let found = conv3x3::weight_gradient(values(&x), values(&gradient), shape);
            grads.register::<Flex>(node.id, tensor(found, &dims(&weight)));
        }
    }
}

#[derive(Debug)]
struct LsqBackward;

impl Backward<Flex, 2> for LsqBackward {
    type State = (FlexTensor, FlexTensor, Range);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, step_node] = ops.parents;
        let gradient = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (x, step, range) = ops.state;
        let (of_x, of_step) = lsq::gradients(values(&x), values(&step), values(&gradient), range);
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, tensor(of_x, &dims(&x)));
        }
        if let Some(node) = step_node {
            grads.register::<Flex>(node.id, tensor(of_step, &dims(&step)));
        }
    }
}

#[derive(Debug)]
struct BatchNormBackward;

impl Backward<Flex, 3> for BatchNormBackward {
    type State = (FlexTensor, batch_norm::Saved);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x_node, gamma_node, beta_node] = ops.parents;
        let gradient = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (x, saved) = ops.state;
        let shape = norm_shape(&x);
        let (of_x, gamma, beta) =
            batch_norm::gradients(values(&x), values(&gradient), &saved, shape);
        let n = gamma.len();
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, tensor(of_x, &dims(&x)));
        }
        if let Some(node) = gamma_node {
            grads.register::<Flex>(node.id, tensor(gamma, &[n]));
        }
        if let Some(node) = beta_node {
            grads.register::<Flex>(node.id, tensor(beta, &[n]));
        }
    }
}

impl<C: CheckpointStrategy> FlexOps for Autodiff<Flex, C> {
    fn conv3x3(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((x, x_node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        let output = Flex::conv3x3(x.clone(), weight.clone());
        match Conv3x3Backward.prepare::<C>([x_node, weight_node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, weight), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn lsq(x: FloatTensor<Self>, step: FloatTensor<Self>, range: Range) -> FloatTensor<Self> {
        let ((x, x_node), (step, step_node)) = (x.into_parts(), step.into_parts());
        let (x, step) = (x.to_contiguous(), step.to_contiguous());
        let output = Flex::lsq(x.clone(), step.clone(), range);
        match LsqBackward.prepare::<C>([x_node, step_node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, step, range), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        }
    }

    fn batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let (x, x_node) = x.into_parts();
        let (gamma, gamma_node) = gamma.into_parts();
        let (beta, beta_node) = beta.into_parts();
        let x = x.to_contiguous();
        let (output, mean, variance, saved) = normalize(&x, &gamma, &beta);
        let nodes = [x_node, gamma_node, beta_node];
        let output = match BatchNormBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, saved), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        };
        let constant = |v: Vec<f32>| {
            let n = v.len();
            <Self as AutodiffBackend>::from_inner(tensor(v, &[n]))
        };
        (output, constant(mean), constant(variance))
    }
}

fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice::<f32>().expect("a contiguous f32 tensor")
}

fn tensor(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.to_vec()))
}

fn dims(tensor: &FlexTensor) -> Vec<usize> {
    tensor.layout().shape().to_vec()
}

fn conv_shape(x: &FlexTensor, weight: &FlexTensor) -> conv3x3::Shape {
    let (x, weight) = (dims(x), dims(weight));
    conv3x3::Shape { n: x[0], n_in: x[1], n_out: weight[0], height: x[2], width: x[3] }
}

fn norm_shape(x: &FlexTensor) -> batch_norm::Shape {
    let x = dims(x);
    batch_norm::Shape { n: x[0], n_channels: x[1], plane: x[2] * x[3] }
}
