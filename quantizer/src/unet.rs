//! The U-Net's parameters as a Burn module, and their first values.

use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::topology::{LayerSpec, Operation, Topology};

/// Added to the variance in batch norm.
pub const NORM_EPSILON: f64 = 1e-5;
/// Weight of a new batch in the running statistics.
pub const NORM_MOMENTUM: f64 = 0.1;

/// All parameters, one unit per layer of [`Topology::layers`].
#[derive(Module, Debug)]
pub struct UNet {
    /// Units in run order; the head is last.
    pub units: Vec<Unit>,
}

/// Parameters of one weighted layer.
///
/// # Shapes
/// `weight` `[out, in, ky, kx]`; steps hold log2 of a step size; all others `[out]`.
#[derive(Module, Debug)]
pub struct Unit {
    /// Weights, `[out, in, ky, kx]` also for the transposed convolution.
    pub weight: Param<Tensor<4>>,
    /// Batch-norm gain; unused in the head.
    pub gamma: Param<Tensor<1>>,
    /// Batch-norm offset; the bias of the head.
    pub beta: Param<Tensor<1>>,
    /// Running mean, not trained.
    pub mean: Param<Tensor<1>>,
    /// Running variance, not trained.
    pub variance: Param<Tensor<1>>,
    /// log2 of the weight step: `[out]` in `scaled` mode, its first entry in `fixed` mode.
    pub weight_step: Param<Tensor<1>>,
    /// log2 of the activation step, `[1]`; tied tensors use the unit named by `step_owner`.
    pub activation_step: Param<Tensor<1>>,
}

/// Host copies of a unit's parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitValues {
    /// Weights in OIHW order.
    pub weight: Vec<f32>,
    /// Batch-norm gain.
    pub gamma: Vec<f32>,
    /// Batch-norm offset, or bias.
    pub beta: Vec<f32>,
    /// Running mean.
    pub mean: Vec<f32>,
    /// Running variance.
    pub variance: Vec<f32>,
    /// log2 of the weight steps.
    pub weight_step: Vec<f32>,
    /// log2 of the activation step.
    pub activation_step: f32,
}

impl UNet {
    /// A network with He-uniform weights drawn from `seed`, the same on every backend.
    ///
    /// Source: He et al. 2015, eq. 10 (fan-in).
    pub fn new(topology: &Topology, seed: u64, device: &Device) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let unit = |spec: &LayerSpec| Unit::from_values(spec, &initial(spec, &mut random), device);
        Self { units: topology.layers().iter().map(unit).collect() }
    }

    /// Host copies of every unit.
    pub fn values(&self) -> Vec<UnitValues> {
        self.units.iter().map(Unit::values).collect()
    }

    /// The same network with these values.
    pub fn from_values(topology: &Topology, values: &[UnitValues], device: &Device) -> Self {
        let specs = topology.layers();
        let pairs = specs.iter().zip(values);
        Self { units: pairs.map(|(spec, v)| Unit::from_values(spec, v, device)).collect() }
    }
}

impl Unit {
    fn from_values(spec: &LayerSpec, values: &UnitValues, device: &Device) -> Self {
        let vector =
            |v: &[f32]| Tensor::<1>::from_data(TensorData::new(v.to_vec(), [v.len()]), device);
        let data = TensorData::new(values.weight.clone(), spec.weight_shape());
        let fixed =
            |v: &[f32]| Param::initialized(ParamId::new(), vector(v)).set_require_grad(false);
        Self {
            weight: Param::from_tensor(Tensor::<4>::from_data(data, device)),
            gamma: Param::from_tensor(vector(&values.gamma)),
            beta: Param::from_tensor(vector(&values.beta)),
            mean: fixed(&values.mean),
            variance: fixed(&values.variance),
            weight_step: Param::from_tensor(vector(&values.weight_step)),
            activation_step: Param::from_tensor(vector(&[values.activation_step])),
        }
    }

    /// Host copies of the parameters.
    pub fn values(&self) -> UnitValues {
        UnitValues {
            weight: host(self.weight.val()),
            gamma: host(self.gamma.val()),
            beta: host(self.beta.val()),
            mean: host(self.mean.val()),
            variance: host(self.variance.val()),
            weight_step: host(self.weight_step.val()),
            activation_step: host(self.activation_step.val())[0],
        }
    }
}

/// Copies a float tensor to the host.
///
/// # Panics
/// If the device cannot be read, which no caller can act upon.
pub fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("a readable float tensor")
}

fn initial(spec: &LayerSpec, random: &mut ChaCha8Rng) -> UnitValues {
    let shape = spec.weight_shape();
    // In a 2×2 transposed convolution with stride 2 each output pixel sees one weight per channel.
    let fan_in = match spec.operation {
        Operation::Up2x2 => shape[1],
        Operation::Conv3x3 | Operation::Head => shape[1] * shape[2] * shape[3],
    };
    let bound = (6.0 / fan_in as f32).sqrt();
    let n = spec.out_channels;
    UnitValues {
        weight: (0..shape.iter().product()).map(|_| random.random_range(-bound..bound)).collect(),
        gamma: vec![1.0; n],
        beta: vec![0.0; n],
        mean: vec![0.0; n],
        variance: vec![1.0; n],
        weight_step: vec![0.0; n],
        activation_step: 0.0,
    }
}
