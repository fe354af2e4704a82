//! The owned network: tensors, layers in order, and a reference run.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::arithmetic::Mode;
use crate::error::NetworkError;
use crate::graph::{Graph, LayerInfo, Operation};
use crate::kernels;
use crate::layer::{Layer, OwnedData};
use crate::tensor::{TensorId, TensorSpec};

/// A named tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Name in traces, e.g. `enc0.conv1.out`.
    pub name: String,
    /// Shape and integer format.
    pub spec: TensorSpec,
}

/// A quantized network: what a `.qunet` file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Name of the model.
    pub name: String,
    /// `scaled` or `fixed`.
    pub mode: Mode,
    /// All tensors; a layer names them by [`TensorId`].
    pub tensors: Vec<Tensor>,
    /// Operations in the order they run.
    pub layers: Vec<Layer>,
    /// Tensor that the caller fills.
    pub input: TensorId,
    /// Tensor that the caller reads; never freed by the planner.
    pub output: TensorId,
    /// JSON text for the host (preprocessing, provenance); the integers do not depend on it.
    pub metadata: String,
}

impl Network {
    /// Shape and format of a tensor.
    ///
    /// # Panics
    /// If the id is not of this network.
    pub fn spec(&self, id: TensorId) -> &TensorSpec {
        &self.tensors[id.index()].spec
    }

    /// Checks everything that inference relies on; after it a run cannot fail.
    ///
    /// # Errors
    /// The first [`NetworkError`] found, naming the layer or tensor.
    pub fn validate(&self) -> Result<(), NetworkError> {
        crate::validate::validate(self)
    }

    /// Checks the length of an input and that every byte is in the input tensor's format.
    ///
    /// # Errors
    /// [`NetworkError::InputLength`] or [`NetworkError::InputValue`].
    pub fn check_input(&self, input: &[u8]) -> Result<(), NetworkError> {
        let spec = self.spec(self.input);
        if input.len() != spec.len() {
            return Err(NetworkError::InputLength { expected: spec.len(), found: input.len() });
        }
        let legal = spec.min_value()..=spec.max_value();
        match input.iter().position(|byte| !legal.contains(&spec.decode(*byte))) {
            None => Ok(()),
            Some(index) => Err(NetworkError::InputValue { index, bits: spec.bits }),
        }
    }

    /// Runs the reference kernels and returns the bytes of every tensor, in tensor order.
    ///
    /// # Shapes
    /// `input` holds C·H·W bytes of the input tensor.
    ///
    /// # Errors
    /// As [`Network::check_input`].
    ///
    /// # Panics
    /// If the network was not validated.
    pub fn run_reference(&self, input: &[u8]) -> Result<Vec<Vec<u8>>, NetworkError> {
        self.check_input(input)?;
        let mut values: Vec<Vec<u8>> = vec![Vec::new(); self.tensors.len()];
        values[self.input.index()] = input.to_vec();
        for layer in &self.layers {
            let output = self.run_layer(layer, &values);
            values[layer.output().index()] = output;
        }
        Ok(values)
    }

    /// Runs one layer with the reference kernels on the tensors computed so far.
    pub fn run_layer(&self, layer: &Layer, values: &[Vec<u8>]) -> Vec<u8> {
        let out_spec = self.spec(layer.output());
        let mut output = vec![0u8; out_spec.len()];
        let source =
            |id: TensorId| kernels::Source { spec: *self.spec(id), data: &values[id.index()] };
        let target = kernels::Target { spec: *out_spec, data: &mut output };
        match layer {
            Layer::Conv2d(l) => {
                let data = OwnedData { weights: &l.weights, channels: &l.requantize.channels };
                kernels::conv2d(&data, l.kernel, l.requantize.shift, source(l.input), target);
            }
            Layer::ConvTranspose2d(l) => {
                let data = OwnedData { weights: &l.weights, channels: &l.requantize.channels };
                kernels::conv_transpose2d(&data, l.requantize.shift, source(l.input), target);
            }
            Layer::MaxPool2d(l) => kernels::max_pool2d(source(l.input), target),
            Layer::Upsample2d(l) => kernels::upsample2d(source(l.input), target),
            Layer::Concat(l) => kernels::concat(source(l.inputs[0]), source(l.inputs[1]), target),
            Layer::Head(l) => {
                let data = OwnedData { weights: &l.weights, channels: &l.requantize.channels };
                let n_classes = l.requantize.channels.len();
                let decision = kernels::Decision { kind: l.kind, n_classes };
                kernels::head(&data, decision, l.requantize.shift, source(l.input), target);
            }
        }
        output
    }
}

impl Graph for Network {
    type Data<'a> = OwnedData<'a>;

    fn mode(&self) -> Mode {
        self.mode
    }
    fn input(&self) -> TensorId {
        self.input
    }
    fn output(&self) -> TensorId {
        self.output
    }
    fn n_tensors(&self) -> usize {
        self.tensors.len()
    }
    fn spec(&self, id: TensorId) -> TensorSpec {
        self.tensors[id.index()].spec
    }
    fn n_layers(&self) -> usize {
        self.layers.len()
    }
    fn info(&self, layer: usize) -> LayerInfo {
        let layer = &self.layers[layer];
        let inputs = layer.inputs();
        let (n_weights, weight_bits, shift, n_channels) = match layer.weights() {
            Some((w, bits, r)) => (w.len(), bits, r.shift, r.channels.len()),
            None => (0, 0, 0, 0),
        };
        let operation = match layer {
            Layer::Conv2d(l) => Operation::Conv2d { kernel: l.kernel },
            Layer::ConvTranspose2d(_) => Operation::ConvTranspose2d,
            Layer::MaxPool2d(_) => Operation::MaxPool2d,
            Layer::Upsample2d(_) => Operation::Upsample2d,
            Layer::Concat(_) => Operation::Concat,
            Layer::Head(l) => Operation::Head { kind: l.kind },
        };
        let inputs = [inputs[0], inputs[inputs.len() - 1]];
        let output = layer.output();
        LayerInfo { operation, inputs, output, weight_bits, shift, n_channels, n_weights }
    }
    fn data(&self, layer: usize) -> OwnedData<'_> {
        match self.layers[layer].weights() {
            Some((weights, _, r)) => OwnedData { weights, channels: &r.channels },
            None => OwnedData { weights: &[], channels: &[] },
        }
    }
}
