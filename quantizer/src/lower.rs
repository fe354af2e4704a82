//! From trained floats to the explicit layer list of `network`.

use network::{
    Concat, Conv2d, ConvTranspose2d, Head, HeadKind, Layer, Mode, Network, Resample, Tensor,
    TensorId, TensorSpec,
};

use crate::config::QuantizeMode;
use crate::error::QuantizerError;
use crate::fake_quant::QuantPlan;
use crate::integers::{LayerIntegers, layer_integers};
use crate::topology::{LayerSpec, Operation, Topology, Walk, walk};
use crate::unet::UnitValues;

/// Name, metadata and decision of a lowered network.
#[derive(Clone, Debug)]
pub struct Label {
    /// Name of the model.
    pub name: String,
    /// JSON for the host.
    pub metadata: String,
    /// Logit from which a pixel is foreground (two classes only).
    pub threshold_logit: f64,
}

/// Builds the integer network and validates it.
///
/// # Errors
/// If a layer cannot be expressed in integers or the result does not validate.
pub fn lower(
    topology: &Topology,
    plan: &QuantPlan,
    values: &[UnitValues],
    label: &Label,
) -> Result<Network, QuantizerError> {
    let integers = layer_integers(topology, plan, values)?;
    let model = &topology.model;
    let spec = TensorSpec {
        channels: topology.input_channels,
        height: model.height,
        width: model.width,
        bits: 8,
        signed: true,
    };
    let mut builder = Builder {
        specs: topology.layers(),
        plan,
        integers,
        label,
        tensors: vec![Tensor { name: "input".into(), spec }],
        layers: Vec::new(),
    };
    let output = walk(topology, &mut builder, TensorId(0));
    let network = Network {
        name: label.name.clone(),
        mode: match plan.mode {
            QuantizeMode::Fixed => Mode::Fixed,
            _ => Mode::Scaled,
        },
        tensors: builder.tensors,
        layers: builder.layers,
        input: TensorId(0),
        output,
        metadata: label.metadata.clone(),
    };
    network.validate()?;
    Ok(network)
}

struct Builder<'a> {
    specs: Vec<LayerSpec>,
    plan: &'a QuantPlan,
    integers: Vec<LayerIntegers>,
    label: &'a Label,
    tensors: Vec<Tensor>,
    layers: Vec<Layer>,
}

impl Builder<'_> {
    fn tensor(&mut self, layer: &str, spec: TensorSpec) -> TensorId {
        let id = TensorId(self.tensors.len() as u16);
        self.tensors.push(Tensor { name: format!("{layer}.out"), spec });
        id
    }

    fn spec(&self, id: TensorId) -> TensorSpec {
        self.tensors[id.index()].spec
    }

    fn head(&mut self, spec: LayerSpec, input: TensorId, integers: LayerIntegers) -> TensorId {
        let n_outputs = spec.out_channels;
        let kind = if n_outputs == 1 {
            let code = (self.label.threshold_logit / integers.output_step).round();
            HeadKind::Threshold { threshold: code.clamp(-32768.0, 32767.0) as i16 }
        } else {
            HeadKind::Argmax
        };
        let bits = (n_outputs.max(2) - 1).ilog2() as u8 + 1;
        let shape = TensorSpec { channels: 1, bits, signed: false, ..self.spec(input) };
        let output = self.tensor(&spec.name, shape);
        let weight_bits = self.plan.bits[self.specs.len() - 1].weight;
        let LayerIntegers { weights, requantize, .. } = integers;
        let head = Head { name: spec.name, input, output, weight_bits, weights, requantize, kind };
        self.layers.push(Layer::Head(head));
        output
    }
}

impl Walk for Builder<'_> {
    type Value = TensorId;

    fn layer(&mut self, layer_idx: usize, input: TensorId) -> TensorId {
        let spec = self.specs[layer_idx].clone();
        let integers = self.integers[layer_idx].clone();
        let bits = self.plan.bits[layer_idx];
        let source = self.spec(input);
        let format = TensorSpec {
            channels: spec.out_channels,
            bits: bits.activation,
            signed: false,
            ..source
        };
        let weight_bits = bits.weight;
        match spec.operation {
            Operation::Head => self.head(spec, input, integers),
            Operation::Conv3x3 => {
                let output = self.tensor(&spec.name, format);
                let LayerIntegers { weights, requantize, .. } = integers;
                let name = spec.name;
                let conv =
                    Conv2d { name, input, output, kernel: 3, weight_bits, weights, requantize };
                self.layers.push(Layer::Conv2d(conv));
                output
            }
            Operation::Up2x2 => {
                let (height, width) = (2 * source.height, 2 * source.width);
                let output = self.tensor(&spec.name, TensorSpec { height, width, ..format });
                let LayerIntegers { weights, requantize, .. } = integers;
                let name = spec.name;
                let conv =
                    ConvTranspose2d { name, input, output, weight_bits, weights, requantize };
                self.layers.push(Layer::ConvTranspose2d(conv));
                output
            }
        }
    }

    fn max_pool(&mut self, name: String, input: TensorId) -> TensorId {
        let source = self.spec(input);
        let (height, width) = (source.height / 2, source.width / 2);
        let output = self.tensor(&name, TensorSpec { height, width, ..source });
        self.layers.push(Layer::MaxPool2d(Resample { name, input, output }));
        output
    }

    fn upsample(&mut self, name: String, input: TensorId) -> TensorId {
        let source = self.spec(input);
        let (height, width) = (2 * source.height, 2 * source.width);
        let output = self.tensor(&name, TensorSpec { height, width, ..source });
        self.layers.push(Layer::Upsample2d(Resample { name, input, output }));
        output
    }

    fn concat(&mut self, name: String, upsampled: TensorId, skip: TensorId) -> TensorId {
        let (up, other) = (self.spec(upsampled), self.spec(skip));
        let channels = up.channels + other.channels;
        let output = self.tensor(&name, TensorSpec { channels, ..up });
        self.layers.push(Layer::Concat(Concat { name, inputs: [upsampled, skip], output }));
        output
    }
}
