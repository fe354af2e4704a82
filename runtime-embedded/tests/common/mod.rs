//! Random valid networks and inputs from a seed.
#![allow(dead_code)] // each test uses some of it

use network::{
    ChannelParams, Concat, Conv2d, ConvTranspose2d, Head, HeadKind, Layer, Mode, Network,
    Requantize, Resample, Tensor, TensorId, TensorSpec,
};

/// SplitMix64 (Steele, Lea & Flood 2014).
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number of `low..=high`.
    pub fn range(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }

    pub fn size(&mut self, low: usize, high: usize) -> usize {
        self.range(low as i64, high as i64) as usize
    }

    pub fn chance(&mut self) -> bool {
        self.range(0, 1) == 1
    }
}

/// A network that grows at its last tensor.
pub struct Builder {
    pub network: Network,
    pub random: Random,
}

impl Builder {
    pub fn new(mut random: Random, mode: Mode, [channels, height, width]: [usize; 3]) -> Builder {
        let signed = random.chance();
        let bits = random.range(if signed { 2 } else { 1 }, 8) as u8;
        let spec = TensorSpec { channels, height, width, bits, signed };
        let tensor = Tensor { name: "input".into(), spec };
        let network = Network {
            name: "random".into(),
            mode,
            tensors: vec![tensor],
            layers: vec![],
            input: TensorId(0),
            output: TensorId(0),
            metadata: "{}".into(),
        };
        Builder { network, random }
    }

    pub fn last(&self) -> (TensorId, TensorSpec) {
        let id = TensorId(self.network.tensors.len() as u16 - 1);
        (id, *self.network.spec(id))
    }

    fn tensor(&mut self, spec: TensorSpec) -> TensorId {
        let name = format!("t{}", self.network.tensors.len());
        self.network.tensors.push(Tensor { name, spec });
        self.network.output = self.last().0;
        self.network.output
    }

    /// Any format of an output, of any bits and sign.
    fn format(&mut self, channels: usize, height: usize, width: usize) -> TensorSpec {
        let signed = self.random.range(0, 3) == 0;
        let bits = self.random.range(if signed { 2 } else { 1 }, 8) as u8;
        TensorSpec { channels, height, width, bits, signed }
    }

    fn weights(&mut self, n_weights: usize) -> (u8, Vec<i8>) {
        let bits = self.random.range(1, 8) as u8;
        let (low, high) =
            (network::arithmetic::weight_min(bits), network::arithmetic::weight_max(bits));
        let code = |_| match bits {
            1 => 2 * self.random.range(0, 1) as i8 - 1,
            _ => self.random.range(low.into(), high.into()) as i8,
        };
        (bits, (0..n_weights).map(code).collect())
    }

    /// Mostly parameters whose results fill the output range, sometimes extreme ones.
    fn requantize(&mut self, n_channels: usize, n_products: usize) -> Requantize {
        let fixed = self.network.mode == Mode::Fixed;
        let extreme = self.random.range(0, 7) == 0;
        let random = &mut self.random;
        let magnitude = 64 - (n_products as u64 * 256).leading_zeros() as i64;
        let shift = if extreme {
            random.range(0, 31)
        } else {
            random.range(0, magnitude + if fixed { 0 } else { 12 })
        };
        let params = |_| {
            let multiplier = match (fixed, extreme) {
                (true, _) => 2 * random.range(0, 1) as i16 - 1,
                (false, true) => random.range(-32768, 32767) as i16,
                (false, false) => random.range(-4096, 8192) as i16,
            };
            let bias = if extreme {
                random.range(i64::from(i32::MIN), i64::from(i32::MAX))
            } else {
                random.range(-1000, 1 << shift.clamp(10, 30))
            };
            ChannelParams { multiplier, bias: bias as i32 }
        };
        Requantize {
            channels: (0..n_channels).map(params).collect(),
            shift: shift.clamp(0, 31) as u8,
        }
    }

    pub fn conv2d(&mut self, channels: usize, kernel: usize) {
        let (input, spec) = self.last();
        let per_output = spec.channels * kernel * kernel;
        let (weight_bits, weights) = self.weights(channels * per_output);
        let requantize = self.requantize(channels, per_output);
        let format = self.format(channels, spec.height, spec.width);
        let output = self.tensor(format);
        let name = format!("conv{}", output.0);
        let layer = Conv2d { name, input, output, kernel, weight_bits, weights, requantize };
        self.network.layers.push(Layer::Conv2d(layer));
    }

    pub fn conv_transpose2d(&mut self, channels: usize) {
        let (input, spec) = self.last();
        let (weight_bits, weights) = self.weights(channels * spec.channels * 4);
        let requantize = self.requantize(channels, spec.channels);
        let format = self.format(channels, 2 * spec.height, 2 * spec.width);
        let output = self.tensor(format);
        let name = format!("up{}", output.0);
        let layer = ConvTranspose2d { name, input, output, weight_bits, weights, requantize };
        self.network.layers.push(Layer::ConvTranspose2d(layer));
    }

    pub fn max_pool2d(&mut self) {
        let (input, spec) = self.last();
        let output =
            self.tensor(TensorSpec { height: spec.height / 2, width: spec.width / 2, ..spec });
        let name = format!("pool{}", output.0);
        self.network.layers.push(Layer::MaxPool2d(Resample { name, input, output }));
    }

    pub fn upsample2d(&mut self) {
        let (input, spec) = self.last();
        let output =
            self.tensor(TensorSpec { height: 2 * spec.height, width: 2 * spec.width, ..spec });
        let name = format!("up{}", output.0);
        self.network.layers.push(Layer::Upsample2d(Resample { name, input, output }));
    }

    /// With any earlier tensor of the same size and format, in any order.
    pub fn concat(&mut self) {
        let (last, spec) = self.last();
        let fits = |id: &TensorId| {
            let other = self.network.spec(*id);
            let channels = spec.channels;
            TensorSpec { channels, ..*other } == spec
        };
        let others: Vec<TensorId> = (0..=last.0).map(TensorId).filter(fits).collect();
        let other = others[self.random.size(0, others.len() - 1)];
        if self.random.chance() {
            self.concat_of([last, other]);
        } else {
            self.concat_of([other, last]);
        }
    }

    pub fn concat_of(&mut self, inputs: [TensorId; 2]) {
        let [first, second] = inputs.map(|id| *self.network.spec(id));
        let channels = first.channels + second.channels;
        let output = self.tensor(TensorSpec { channels, ..first });
        let name = format!("concat{}", output.0);
        self.network.layers.push(Layer::Concat(Concat { name, inputs, output }));
    }

    /// Gives the last tensor 6 unsigned bits, and the last layer 4-bit weights.
    fn make_w4a6(&mut self) {
        let id = self.last().0.index();
        self.network.tensors[id].spec.bits = 6;
        self.network.tensors[id].spec.signed = false;
        let (weights, bits) = match self.network.layers.last_mut() {
            Some(Layer::Conv2d(layer)) => (&mut layer.weights, &mut layer.weight_bits),
            Some(Layer::ConvTranspose2d(layer)) => (&mut layer.weights, &mut layer.weight_bits),
            _ => return,
        };
        *bits = 4;
        for weight in weights {
            *weight = (*weight).clamp(-8, 7);
        }
    }

    pub fn head(&mut self, n_classes: usize) {
        let (input, spec) = self.last();
        let (weight_bits, weights) = self.weights(n_classes * spec.channels);
        let requantize = self.requantize(n_classes, spec.channels);
        let kind = match n_classes {
            1 => HeadKind::Threshold { threshold: self.random.range(-300, 300) as i16 },
            _ => HeadKind::Argmax,
        };
        let least = (usize::BITS - (n_classes - 1).leading_zeros()).max(1);
        let bits = self.random.range(least.into(), 8) as u8;
        let output = self.tensor(TensorSpec { channels: 1, bits, signed: false, ..spec });
        let layer =
            Head { name: "head".into(), input, output, weight_bits, weights, requantize, kind };
        self.network.layers.push(Layer::Head(layer));
    }

    /// Any input of the network.
    pub fn input(&mut self) -> Vec<u8> {
        let spec = *self.network.spec(self.network.input);
        let (low, high) = (spec.min_value().into(), spec.max_value().into());
        (0..spec.len()).map(|_| self.random.range(low, high) as u8).collect()
    }
}

/// Up to eight layers of any kind over an image of up to 14×14, and an input.
pub fn random_network(seed: u64) -> (Network, Vec<u8>) {
    let mut random = Random(seed);
    let mode = if random.chance() { Mode::Scaled } else { Mode::Fixed };
    let shape = [random.size(1, 5), random.size(1, 14), random.size(1, 14)];
    let mut builder = Builder::new(random, mode, shape);
    for _ in 0..builder.random.range(1, 7) {
        let spec = builder.last().1;
        let small = spec.height.max(spec.width) <= 14;
        let channels = builder.random.size(1, 5);
        match builder.random.range(0, 7) {
            0 if spec.height > 1 && spec.width > 1 => builder.max_pool2d(),
            1 if small => builder.upsample2d(),
            2 if small => builder.conv_transpose2d(channels),
            3 | 4 if spec.channels < 12 => builder.concat(),
            _ => {
                let kernel = [1, 3, 3, 3, 5, 7, 15][builder.random.size(0, 6)];
                builder.conv2d(channels, kernel);
            }
        }
    }
    if builder.random.chance() {
        let n_classes = builder.random.size(1, 5);
        builder.head(n_classes);
    }
    let input = builder.input();
    builder.network.validate().expect("the builder makes valid networks");
    (builder.network, input)
}

/// How the decoder of [`unet`] doubles the resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upsampling {
    Nearest,
    Transposed,
    /// Nearest below, transposed at the top.
    Both,
}

/// A W4/A6 U-Net of depth 2 with random weights over a signed 8-bit image, and an input.
pub fn small_unet(size: usize, base: usize) -> (Network, Vec<u8>) {
    unet(size, base, 2, Upsampling::Both)
}

/// A W4/A6 U-Net with random weights over a signed 8-bit image, and an input.
pub fn unet(size: usize, base: usize, depth: usize, up: Upsampling) -> (Network, Vec<u8>) {
    let mut builder = Builder::new(Random(7), Mode::Scaled, [1, size, size]);
    builder.network.tensors[0].spec.bits = 8;
    builder.network.tensors[0].spec.signed = true;
    let two_convs = |builder: &mut Builder, channels| {
        for _ in 0..2 {
            builder.conv2d(channels, 3);
            builder.make_w4a6();
        }
        builder.last().0
    };
    let mut skips = vec![];
    for level in 0..depth {
        skips.push(two_convs(&mut builder, base << level));
        builder.max_pool2d();
    }
    two_convs(&mut builder, base << depth);
    for level in (0..depth).rev() {
        if up == Upsampling::Transposed || (up == Upsampling::Both && level == 0) {
            builder.conv_transpose2d(base << level);
            builder.make_w4a6();
        } else {
            builder.upsample2d();
        }
        builder.concat_of([builder.last().0, skips[level]]);
        two_convs(&mut builder, base << level);
    }
    builder.head(3);
    let input = builder.input();
    builder.network.validate().expect("the builder makes valid networks");
    (builder.network, input)
}
