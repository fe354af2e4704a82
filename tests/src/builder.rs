//! Builds networks with random weights layer by layer, calibrated on a random input.
//!
//! The builder carries the values of every tensor for one input, measures the accumulators of each
//! new layer on them and chooses (M, B, S) so that its outputs spread over their range.

use network::arithmetic::{LOGIT_MAX, LOGIT_MIN, weight_max, weight_min};
use network::{
    Concat, Conv2d, ConvTranspose2d, Head, HeadKind, Layer, Mode, Network, Requantize, Resample,
    Tensor, TensorId, TensorSpec,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::calibrate::{self, Spread, Target};
use crate::inputs;
use crate::sums::Sums;

/// Bits and sign of a tensor's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// A, 1..=8 (at least 2 if signed).
    pub bits: u8,
    /// Two's complement if true.
    pub signed: bool,
}

/// Unsigned values of `bits` bits.
pub const fn unsigned(bits: u8) -> Format {
    Format { bits, signed: false }
}

/// Signed values of `bits` bits.
pub const fn signed(bits: u8) -> Format {
    Format { bits, signed: true }
}

/// How weight codes are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Every code of W bits equally often.
    Uniform,
    /// Bell-shaped around zero, as training leaves them.
    Bell,
}

/// A network under construction.
pub struct Builder {
    network: Network,
    /// Values of every tensor for the calibration input.
    values: Vec<Vec<u8>>,
    rng: ChaCha8Rng,
    /// How weight codes are drawn.
    pub weights: Weights,
    /// Where channel means lie between the smallest (0) and the largest (1) output value.
    pub centre: [f64; 2],
}

impl Builder {
    /// Starts a network from its input tensor.
    ///
    /// # Shapes
    /// `shape` is `[channels, height, width]`.
    pub fn new(mode: Mode, shape: [usize; 3], format: Format, seed: u64) -> Builder {
        let network = Network {
            name: format!("random-{seed}"),
            mode,
            tensors: Vec::new(),
            layers: Vec::new(),
            input: TensorId(0),
            output: TensorId(0),
            metadata: String::new(),
        };
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let (weights, centre) = (Weights::Uniform, [0.2, 0.8]);
        let mut builder = Builder { network, values: Vec::new(), rng, weights, centre };
        builder.tensor("input", shape, format);
        let spec = builder.network.tensors[0].spec;
        builder.values[0] = inputs::random_values(&spec, seed);
        builder
    }

    /// The tensor that the caller of the network fills.
    pub fn input(&self) -> TensorId {
        self.network.input
    }

    /// Shape and format of a tensor.
    pub fn spec(&self, id: TensorId) -> TensorSpec {
        *self.network.spec(id)
    }

    /// Bits and sign of a tensor.
    pub fn format(&self, id: TensorId) -> Format {
        let spec = self.spec(id);
        Format { bits: spec.bits, signed: spec.signed }
    }

    /// k×k convolution to `channels` channels.
    pub fn conv2d(
        &mut self,
        input: TensorId,
        [channels, kernel]: [usize; 2],
        weight_bits: u8,
        format: Format,
    ) -> TensorId {
        let from = self.spec(input);
        let name = self.layer_name("conv");
        let output = self.tensor(&name, [channels, from.height, from.width], format);
        let weights = self.draw_weights(channels * from.channels * kernel * kernel, weight_bits);
        let sums = Sums { weights: &weights, kernel, from, values: &self.values[input.index()] };
        let spreads = sums.spreads(channels, &mut self.rng, Sums::window);
        let requantize = self.requantize(&spreads, output);
        let layer = Conv2d { name, input, output, kernel, weight_bits, weights, requantize };
        self.push(Layer::Conv2d(layer))
    }

    /// 2×2 transposed convolution with stride 2 to `channels` channels.
    pub fn conv_transpose2d(
        &mut self,
        input: TensorId,
        channels: usize,
        weight_bits: u8,
        format: Format,
    ) -> TensorId {
        let from = self.spec(input);
        let name = self.layer_name("up");
        let output = self.tensor(&name, [channels, 2 * from.height, 2 * from.width], format);
        let weights = self.draw_weights(channels * from.channels * 4, weight_bits);
        let values = &self.values[input.index()];
        let sums = Sums { weights: &weights, kernel: 2, from, values };
        let spreads = sums.spreads(channels, &mut self.rng, Sums::block);
        let requantize = self.requantize(&spreads, output);
        let layer = ConvTranspose2d { name, input, output, weight_bits, weights, requantize };
        self.push(Layer::ConvTranspose2d(layer))
    }

    /// 2×2 max-pool.
    pub fn max_pool2d(&mut self, input: TensorId) -> TensorId {
        let from = self.spec(input);
        let name = self.layer_name("pool");
        let shape = [from.channels, from.height / 2, from.width / 2];
        let output = self.tensor(&name, shape, self.format(input));
        self.push(Layer::MaxPool2d(Resample { name, input, output }))
    }

    /// Nearest-neighbour ×2.
    pub fn upsample2d(&mut self, input: TensorId) -> TensorId {
        let from = self.spec(input);
        let name = self.layer_name("nearest");
        let shape = [from.channels, 2 * from.height, 2 * from.width];
        let output = self.tensor(&name, shape, self.format(input));
        self.push(Layer::Upsample2d(Resample { name, input, output }))
    }

    /// Channels of `first`, then of `second`; both of one size and format.
    pub fn concat(&mut self, first: TensorId, second: TensorId) -> TensorId {
        let (a, b) = (self.spec(first), self.spec(second));
        let name = self.layer_name("concat");
        let shape = [a.channels + b.channels, a.height, a.width];
        let output = self.tensor(&name, shape, self.format(first));
        self.push(Layer::Concat(Concat { name, inputs: [first, second], output }))
    }

    /// Threshold on one logit; class 1 on about half of the pixels.
    pub fn threshold(&mut self, input: TensorId, weight_bits: u8) -> TensorId {
        let threshold = self.rng.random_range(-2000..=2000);
        self.head(input, weight_bits, 1, unsigned(1), HeadKind::Threshold { threshold })
    }

    /// Argmax over `n_classes` logits.
    pub fn argmax(&mut self, input: TensorId, weight_bits: u8, n_classes: usize) -> TensorId {
        let bits = (1..=8).find(|bits| 1usize << bits >= n_classes).expect("at most 256 classes");
        self.head(input, weight_bits, n_classes, unsigned(bits), HeadKind::Argmax)
    }

    fn head(
        &mut self,
        input: TensorId,
        weight_bits: u8,
        n_classes: usize,
        format: Format,
        kind: HeadKind,
    ) -> TensorId {
        let from = self.spec(input);
        let name = self.layer_name("head");
        let output = self.tensor(&name, [1, from.height, from.width], format);
        let weights = self.draw_weights(n_classes * from.channels, weight_bits);
        let sums = Sums { weights: &weights, kernel: 1, from, values: &self.values[input.index()] };
        let spreads = sums.spreads(n_classes, &mut self.rng, Sums::window);
        // centred on the threshold, or on zero, and far from the ends of the logit
        let middle = match kind {
            HeadKind::Threshold { threshold } => i32::from(threshold),
            HeadKind::Argmax => 0,
        };
        let (low, high) = ((middle - 9000).max(LOGIT_MIN), (middle + 9000).min(LOGIT_MAX));
        let target = Target { low, high, centre: [0.45, 0.55] };
        let mode = self.network.mode;
        let requantize = calibrate::requantize(&spreads, target, mode, &mut self.rng);
        let layer = Head { name, input, output, weight_bits, weights, requantize, kind };
        self.push(Layer::Head(layer))
    }

    /// The finished network, whose output is the last layer's.
    ///
    /// # Panics
    /// If the network does not validate, which is a fault of the caller's graph.
    pub fn finish(mut self) -> Network {
        self.network.output = self.network.layers.last().expect("at least one layer").output();
        if let Err(error) = self.network.validate() {
            panic!("{}: {error}", self.network.name);
        }
        self.network
    }

    /// The values of a tensor for the calibration input.
    pub fn values(&self, id: TensorId) -> &[u8] {
        &self.values[id.index()]
    }

    fn layer_name(&self, operation: &str) -> String {
        format!("l{}.{operation}", self.network.layers.len())
    }

    fn tensor(&mut self, name: &str, shape: [usize; 3], format: Format) -> TensorId {
        let [channels, height, width] = shape;
        let Format { bits, signed } = format;
        let spec = TensorSpec { channels, height, width, bits, signed };
        self.network.tensors.push(Tensor { name: format!("{name}.out"), spec });
        self.values.push(Vec::new());
        TensorId((self.network.tensors.len() - 1) as u16)
    }

    fn push(&mut self, layer: Layer) -> TensorId {
        let output = layer.output();
        self.values[output.index()] = self.network.run_layer(&layer, &self.values);
        self.network.layers.push(layer);
        output
    }

    fn requantize(&mut self, spreads: &[Spread], output: TensorId) -> Requantize {
        let spec = self.spec(output);
        let (low, high, centre) = (spec.min_value(), spec.max_value(), self.centre);
        let target = Target { low, high, centre };
        calibrate::requantize(spreads, target, self.network.mode, &mut self.rng)
    }

    fn draw_weights(&mut self, count: usize, bits: u8) -> Vec<i8> {
        (0..count).map(|_| self.draw_weight(bits) as i8).collect()
    }

    fn draw_weight(&mut self, bits: u8) -> i32 {
        let (low, high) = (weight_min(bits), weight_max(bits));
        if bits == 1 {
            return if self.rng.random() { high } else { low };
        }
        match self.weights {
            Weights::Uniform => self.rng.random_range(low..=high),
            Weights::Bell => {
                // a sum of four uniforms; deviation about 0.29 of the largest code
                let bell: f64 = (0..4).map(|_| self.rng.random_range(-0.25..0.25)).sum();
                ((bell * f64::from(1 << (bits - 1))).round() as i32).clamp(low, high)
            }
        }
    }
}
