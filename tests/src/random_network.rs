//! Small valid networks by seed: every operation, width, size and odd combination of them.

use network::{Mode, Network, TensorId};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::builder::{Builder, Format, signed, unsigned};

/// What to draw; the fields left open are drawn too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RandomConfig {
    /// Seed of everything.
    pub seed: u64,
    /// `scaled` or `fixed`.
    pub mode: Option<Mode>,
    /// W of every layer, 1..=8; open: each layer draws its own.
    pub weight_bits: Option<u8>,
    /// A of every tensor that a layer computes, 1..=8; open: each draws its own.
    pub activation_bits: Option<u8>,
}

/// The network of a seed, with everything drawn.
pub fn random_network(seed: u64) -> Network {
    random_network_with(RandomConfig { seed, ..RandomConfig::default() })
}

/// The network of a seed, with some things given.
///
/// # Panics
/// If given bits are outside 1..=8.
pub fn random_network_with(config: RandomConfig) -> Network {
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed ^ 0x9e37_79b9_7f4a_7c15);
    let mode = config.mode.unwrap_or(if rng.random() { Mode::Scaled } else { Mode::Fixed });
    let template = *TEMPLATES.choose(&mut rng).expect("some");
    let shape = input_shape(template, &mut rng);
    let format = match rng.random_range(0..4) {
        0 => unsigned(rng.random_range(1..=8)),
        1 => signed(rng.random_range(2..=8)),
        _ => signed(8),
    };
    let builder = Builder::new(mode, shape, format, config.seed);
    let mut draw = Draw { builder, rng, config };
    let at = match template {
        Template::Chain => draw.chain(),
        Template::Unet => draw.unet(),
        Template::NestedConcat => draw.nested_concat(),
        Template::PoolOfConcat => draw.pool_of_concat(),
        Template::UpsampleTwice => draw.upsample_twice(),
        Template::Kernels => draw.kernels(),
    };
    draw.end(at);
    draw.builder.finish()
}

/// The overall form of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Template {
    /// Random operations one after another, concats with whatever fits.
    Chain,
    /// Down, up by either way, concat with the skip.
    Unet,
    /// A concat of a concat of an upsampled tensor and a skip.
    NestedConcat,
    /// A max-pool over a concat.
    PoolOfConcat,
    /// Upsampling of an upsampled tensor.
    UpsampleTwice,
    /// One convolution of every kernel extent on a wide image.
    Kernels,
}

const TEMPLATES: [Template; 9] = [
    Template::Chain,
    Template::Chain,
    Template::Chain,
    Template::Unet,
    Template::Unet,
    Template::NestedConcat,
    Template::PoolOfConcat,
    Template::UpsampleTwice,
    Template::Kernels,
];

/// Most values of one channel; upsampling stops there.
const MAX_PLANE: usize = 600;

fn input_shape(template: Template, rng: &mut ChaCha8Rng) -> [usize; 3] {
    let channels = rng.random_range(1..=4);
    let (height, width) = match template {
        Template::Unet => (2 * rng.random_range(1..=6), 2 * rng.random_range(1..=9)),
        Template::Kernels => (rng.random_range(1..=6), rng.random_range(1..=70)),
        _ if rng.random_bool(0.25) => (rng.random_range(1..=4), rng.random_range(20..=70)),
        _ => (rng.random_range(1..=13), rng.random_range(1..=19)),
    };
    [channels, height, width]
}

struct Draw {
    builder: Builder,
    rng: ChaCha8Rng,
    config: RandomConfig,
}

impl Draw {
    fn weight_bits(&mut self) -> u8 {
        self.config.weight_bits.unwrap_or_else(|| self.rng.random_range(1..=8))
    }

    /// Unsigned mostly, signed now and then.
    fn format(&mut self) -> Format {
        let bits = self.config.activation_bits.unwrap_or_else(|| self.rng.random_range(1..=8));
        Format { bits, signed: bits > 1 && self.rng.random_bool(0.2) }
    }

    fn channels(&mut self) -> usize {
        if self.rng.random_bool(0.1) {
            self.rng.random_range(10..=20)
        } else {
            self.rng.random_range(1..=9)
        }
    }

    fn kernel(&mut self) -> usize {
        *[1, 3, 3, 3, 5, 7].choose(&mut self.rng).expect("some")
    }

    fn conv(&mut self, input: TensorId) -> TensorId {
        let format = self.format();
        self.conv_as(input, format)
    }

    fn conv_as(&mut self, input: TensorId, format: Format) -> TensorId {
        let (shape, bits) = ([self.channels(), self.kernel()], self.weight_bits());
        self.builder.conv2d(input, shape, bits, format)
    }

    fn up(&mut self, input: TensorId) -> TensorId {
        if self.rng.random() {
            return self.builder.upsample2d(input);
        }
        let (channels, bits) = (self.channels(), self.weight_bits());
        let format = self.builder.format(input);
        self.builder.conv_transpose2d(input, channels, bits, format)
    }

    fn chain(&mut self) -> TensorId {
        let input = self.builder.input();
        let mut made = vec![self.conv(input)];
        for _ in 0..self.rng.random_range(2..=7) {
            let at = made[made.len() - 1];
            made.push(self.step(at, &made));
        }
        made[made.len() - 1]
    }

    /// One random operation on `at`, which may also read what was made before.
    fn step(&mut self, at: TensorId, made: &[TensorId]) -> TensorId {
        let spec = self.builder.spec(at);
        let same_size = |b: &Builder, id: TensorId| {
            let other = b.spec(id);
            (other.height, other.width) == (spec.height, spec.width)
                && other.channels + spec.channels <= 40
        };
        match self.rng.random_range(0..6) {
            0 if spec.height > 1 && spec.width > 1 => self.builder.max_pool2d(at),
            1 if 4 * spec.plane() <= MAX_PLANE => self.up(at),
            2 | 3 => {
                let partners: Vec<TensorId> =
                    made.iter().copied().filter(|id| same_size(&self.builder, *id)).collect();
                let Some(partner) = partners.choose(&mut self.rng).copied() else {
                    return self.conv(at);
                };
                let fits = self.builder.format(partner) == self.builder.format(at);
                let second = if fits { at } else { self.conv_as(at, self.builder.format(partner)) };
                let swap = self.rng.random();
                let (a, b) = if swap { (second, partner) } else { (partner, second) };
                self.builder.concat(a, b)
            }
            _ => self.conv(at),
        }
    }

    fn unet(&mut self) -> TensorId {
        let input = self.builder.input();
        let skip = self.conv(input);
        let format = self.builder.format(skip);
        let down = self.builder.max_pool2d(skip);
        let bottom = self.conv_as(down, format);
        let up = self.up(bottom);
        let both = self.builder.concat(skip, up);
        self.conv(both)
    }

    fn nested_concat(&mut self) -> TensorId {
        let input = self.builder.input();
        let half = self.conv(input);
        let format = self.builder.format(half);
        let up = self.builder.upsample2d(half);
        let skip = self.conv_as(up, format);
        let inner = self.builder.concat(up, skip);
        let other = self.conv_as(inner, format);
        let outer = self.builder.concat(other, inner);
        self.conv(outer)
    }

    fn pool_of_concat(&mut self) -> TensorId {
        let input = self.builder.input();
        let first = self.conv(input);
        let up = self.up(first);
        let skip = self.conv_as(up, self.builder.format(first));
        let both = self.builder.concat(skip, up);
        let pooled = self.builder.max_pool2d(both);
        self.conv(pooled)
    }

    fn upsample_twice(&mut self) -> TensorId {
        let input = self.builder.input();
        let mut at = self.conv(input);
        while self.builder.spec(at).plane() > MAX_PLANE / 16 {
            let spec = self.builder.spec(at);
            at = if spec.height > 1 && spec.width > 1 {
                self.builder.max_pool2d(at)
            } else {
                break;
            };
        }
        let once = self.builder.upsample2d(at);
        let twice = self.builder.upsample2d(once);
        if self.rng.random() { twice } else { self.conv(twice) }
    }

    fn kernels(&mut self) -> TensorId {
        let mut at = self.builder.input();
        for kernel in [7, 5, 3, 1] {
            let channels = self.rng.random_range(1..=5);
            let (bits, format) = (self.weight_bits(), self.format());
            at = self.builder.conv2d(at, [channels, kernel], bits, format);
        }
        at
    }

    /// A head, a soft map, or nothing: the last tensor is the output then.
    fn end(&mut self, at: TensorId) {
        let bits = self.weight_bits();
        match self.rng.random_range(0..5) {
            0 => {
                self.builder.threshold(at, bits);
            }
            1 | 2 => {
                let n_classes = self.rng.random_range(2..=8);
                self.builder.argmax(at, bits, n_classes);
            }
            3 => {
                let format = signed(self.config.activation_bits.unwrap_or(8).max(2));
                self.builder.conv2d(at, [1, 1], bits, format);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs;
    use network::Layer;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn a_seed_gives_the_same_network_and_another_seed_another() {
        assert_eq!(random_network(3), random_network(3));
        assert_ne!(random_network(3).layers, random_network(4).layers);
    }

    #[test]
    fn all_operations_widths_kernels_and_heads_occur() {
        let mut operations = BTreeMap::<&str, usize>::new();
        let (mut weights, mut activations) = (BTreeSet::new(), BTreeSet::new());
        let (mut kernels, mut widths) = (BTreeSet::new(), BTreeSet::new());
        let mut modes = BTreeSet::new();
        for seed in 0..300 {
            let network = random_network(seed);
            modes.insert(format!("{:?}", network.mode));
            widths.insert(network.spec(network.input).width);
            for layer in &network.layers {
                *operations.entry(layer.operation()).or_default() += 1;
                let spec = network.spec(layer.output());
                activations.insert((spec.signed, spec.bits));
                weights.extend(layer.weights().map(|(_, bits, _)| bits));
                if let Layer::Conv2d(l) = layer {
                    kernels.insert(l.kernel);
                }
            }
        }
        assert_eq!(modes.len(), 2);
        assert!(operations.len() == 6 && operations.values().all(|n| *n >= 40), "{operations:?}");
        assert_eq!(weights, (1..=8).collect());
        assert_eq!(activations.len(), 15, "{activations:?}");
        assert_eq!(kernels, BTreeSet::from([1, 3, 5, 7]));
        assert!(widths.len() > 40 && widths.contains(&1), "{widths:?}");
    }

    /// Requantized values must not all sit at the ends, else a wrong sum could go unseen.
    #[test]
    fn outputs_spread_over_their_range() {
        let (mut inner, mut total, mut flat, mut n_tensors) = (0usize, 0usize, 0usize, 0usize);
        for seed in 0..150 {
            let network = random_network(seed);
            let values = network.run_reference(&inputs::random(&network, seed)).expect("runs");
            for layer in network.layers.iter().filter(|l| l.weights().is_some()) {
                let spec = network.spec(layer.output());
                let found: Vec<i32> =
                    values[layer.output().index()].iter().map(|b| spec.decode(*b)).collect();
                if found.len() >= 16 && spec.bits >= 3 {
                    let is_inner = |v: &&i32| (spec.min_value() + 1..spec.max_value()).contains(*v);
                    inner += found.iter().filter(is_inner).count();
                    total += found.len();
                }
                if found.len() >= 64 {
                    n_tensors += 1;
                    flat += usize::from(found.iter().all(|v| *v == found[0]));
                }
            }
        }
        let share = inner as f64 / total as f64;
        assert!(share > 0.6, "only {share:.2} of the values are inside their range");
        assert!(flat * 50 < n_tensors, "{flat} of {n_tensors} tensors hold one value only");
    }
}
