//! The simulator: a network prepared once, run on many images.

use network::graph::lifetime;
use network::{Layer, Network, NetworkError, TensorId, TensorSpec};
use rayon::prelude::*;

use crate::error::SimError;
use crate::kernels::{self, Clamped};
use crate::trace::{Saturation, Trace};

/// A validated network with its weights arranged for speed.
pub struct Simulator {
    network: Network,
    layers: Vec<Prepared>,
    /// Last layer that needs each tensor.
    last_use: Vec<usize>,
}

/// A layer ready to run.
enum Prepared {
    Conv2d(kernels::Conv2d),
    ConvTranspose2d(kernels::ConvTranspose2d),
    MaxPool2d,
    Upsample2d,
    Concat,
    Head(kernels::Head),
}

impl Simulator {
    /// Checks and prepares a network.
    ///
    /// # Errors
    /// If the network does not validate.
    pub fn new(network: &Network) -> Result<Simulator, SimError> {
        let fail = |source| SimError::Network { network: network.name.clone(), source };
        network.validate().map_err(fail)?;
        let prepare = |layer: &Layer| {
            let input = network.spec(layer.inputs()[0]);
            match layer {
                Layer::Conv2d(l) => Prepared::Conv2d(kernels::Conv2d::new(l, input)),
                Layer::ConvTranspose2d(l) => {
                    Prepared::ConvTranspose2d(kernels::ConvTranspose2d::new(l, input))
                }
                Layer::MaxPool2d(_) => Prepared::MaxPool2d,
                Layer::Upsample2d(_) => Prepared::Upsample2d,
                Layer::Concat(_) => Prepared::Concat,
                Layer::Head(l) => Prepared::Head(kernels::Head::new(l, input)),
            }
        };
        let layers = network.layers.iter().map(prepare).collect();
        let ids = (0..network.tensors.len()).map(|i| TensorId(i as u16));
        let last_use = ids.map(|id| lifetime(network, id).1).collect();
        Ok(Simulator { network: network.clone(), layers, last_use })
    }

    /// The network that is simulated.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Bytes of the output tensor for one input.
    ///
    /// # Shapes
    /// `input` holds C·H·W bytes of the input tensor, the result those of the output tensor.
    ///
    /// # Errors
    /// If the input's length or a value is not that of the input tensor.
    pub fn run(&self, input: &[u8]) -> Result<Vec<u8>, SimError> {
        let mut values = self.start(input)?;
        for index in 0..self.layers.len() {
            let (output, _) = self.run_layer(index, &values);
            values[self.network.layers[index].output().index()] = output;
            for (tensor, last) in self.last_use.iter().enumerate() {
                if *last == index {
                    values[tensor] = Vec::new();
                }
            }
        }
        Ok(std::mem::take(&mut values[self.network.output.index()]))
    }

    /// [`Simulator::run`] on many inputs in parallel, in their order.
    ///
    /// # Errors
    /// As [`Simulator::run`].
    pub fn run_all<I: AsRef<[u8]> + Sync>(&self, inputs: &[I]) -> Result<Vec<Vec<u8>>, SimError> {
        inputs.par_iter().map(|input| self.run(input.as_ref())).collect()
    }

    /// Every tensor and every layer's saturation for one input.
    ///
    /// # Errors
    /// As [`Simulator::run`].
    pub fn trace(&self, input: &[u8]) -> Result<Trace, SimError> {
        let mut values = self.start(input)?;
        let mut saturation = Vec::with_capacity(self.layers.len());
        for (index, layer) in self.network.layers.iter().enumerate() {
            let (output, clamped) = self.run_layer(index, &values);
            saturation.push(Saturation::of(layer, clamped, &output));
            values[layer.output().index()] = output;
        }
        Ok(Trace { tensors: values, saturation })
    }

    /// Saturation of every layer, summed over many inputs.
    ///
    /// # Errors
    /// As [`Simulator::run`].
    pub fn saturation<I: AsRef<[u8]> + Sync>(
        &self,
        inputs: &[I],
    ) -> Result<Vec<Saturation>, SimError> {
        let empty = || self.network.layers.iter().map(Saturation::none).collect::<Vec<_>>();
        let add = |a: Vec<Saturation>, b: Vec<Saturation>| {
            Ok(a.into_iter().zip(b).map(|(a, b)| a.plus(&b)).collect())
        };
        let one = |input: &I| self.trace(input.as_ref()).map(|trace| trace.saturation);
        inputs.par_iter().map(one).try_reduce(empty, add)
    }

    fn start(&self, input: &[u8]) -> Result<Vec<Vec<u8>>, SimError> {
        let spec = self.network.spec(self.network.input);
        let fail = |source| SimError::Network { network: self.network.name.clone(), source };
        if input.len() != spec.len() {
            let (expected, found) = (spec.len(), input.len());
            return Err(fail(NetworkError::InputLength { expected, found }));
        }
        let legal = spec.min_value()..=spec.max_value();
        if let Some(index) = input.iter().position(|b| !legal.contains(&spec.decode(*b))) {
            return Err(fail(NetworkError::InputValue { index, bits: spec.bits }));
        }
        let mut values = vec![Vec::new(); self.network.tensors.len()];
        values[self.network.input.index()] = input.to_vec();
        Ok(values)
    }

    fn run_layer(&self, index: usize, values: &[Vec<u8>]) -> (Vec<u8>, Clamped) {
        let layer = &self.network.layers[index];
        let source = |which: usize| -> (&TensorSpec, &[u8]) {
            let id = layer.inputs()[which];
            (self.network.spec(id), &values[id.index()])
        };
        let output = self.network.spec(layer.output());
        let moved = |bytes| (bytes, Clamped::default());
        match &self.layers[index] {
            Prepared::Conv2d(l) => l.run(source(0), output),
            Prepared::ConvTranspose2d(l) => l.run(source(0), output),
            Prepared::MaxPool2d => moved(kernels::max_pool2d(source(0), output)),
            Prepared::Upsample2d => moved(kernels::upsample2d(source(0), output)),
            Prepared::Concat => moved(kernels::concat(source(0).1, source(1).1)),
            Prepared::Head(l) => l.run(source(0), output),
        }
    }
}
