//! U-Nets of any base width and depth, for benchmarks and whole-network cases.

use network::{Mode, Network, TensorId};

use crate::builder::{Builder, Weights, signed, unsigned};

/// How the decoder doubles the resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upsampling {
    /// Nearest neighbour; the following convolution reads the concat.
    Nearest,
    /// 2×2 transposed convolution that halves the channels.
    Transposed,
}

/// A U-Net: two 3×3 convolutions a level, max-pools down, concats up, a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unet {
    /// Channels of the first level; doubled at each level down.
    pub base: usize,
    /// Number of max-pools.
    pub depth: usize,
    /// Rows and columns, multiples of 2^depth.
    pub size: [usize; 2],
    /// W of all layers but the first and the head, which have 8.
    pub weight_bits: u8,
    /// A of all tensors but the input, which is signed with 8 bits.
    pub activation_bits: u8,
    /// `scaled` or `fixed`.
    pub mode: Mode,
    /// Nearest or transposed.
    pub upsampling: Upsampling,
    /// 2: one logit and a threshold; more: argmax.
    pub n_classes: usize,
    /// Seed of the weights.
    pub seed: u64,
}

impl Default for Unet {
    fn default() -> Self {
        Unet {
            base: 4,
            depth: 2,
            size: [16, 16],
            weight_bits: 4,
            activation_bits: 6,
            mode: Mode::Scaled,
            upsampling: Upsampling::Nearest,
            n_classes: 2,
            seed: 1,
        }
    }
}

/// The network of `config`, with bell-shaped weights and calibrated requantization.
///
/// # Panics
/// If the size is not a multiple of 2^depth.
pub fn unet(config: &Unet) -> Network {
    let step = 1 << config.depth;
    let [height, width] = config.size;
    assert!(height % step == 0 && width % step == 0, "size is a multiple of {step}");
    // calibrated at a small size: weights do not depend on it, and the reference kernels are slow
    let small = config.size.map(|n| n.min(2 * step));
    let mut builder = Builder::new(config.mode, [1, small[0], small[1]], signed(8), config.seed);
    builder.weights = Weights::Bell;
    builder.centre = [0.1, 0.4];
    let output = levels(&mut builder, config);
    if config.n_classes == 2 {
        builder.threshold(output, 8);
    } else {
        builder.argmax(output, 8, config.n_classes);
    }
    let mut network = builder.finish();
    for tensor in &mut network.tensors {
        tensor.spec.height = tensor.spec.height * height / small[0];
        tensor.spec.width = tensor.spec.width * width / small[1];
    }
    network.name = format!("unet-b{}d{}-{}", config.base, config.depth, config.seed);
    network.validate().expect("a larger image changes no bound");
    network
}

fn levels(builder: &mut Builder, config: &Unet) -> TensorId {
    let format = unsigned(config.activation_bits);
    let width_of = |level: usize| config.base << level;
    let mut skips = Vec::new();
    let mut at = builder.input();
    for level in 0..=config.depth {
        let first_bits = if level == 0 { 8 } else { config.weight_bits };
        at = builder.conv2d(at, [width_of(level), 3], first_bits, format);
        at = builder.conv2d(at, [width_of(level), 3], config.weight_bits, format);
        if level < config.depth {
            skips.push(at);
            at = builder.max_pool2d(at);
        }
    }
    for level in (0..config.depth).rev() {
        at = match config.upsampling {
            Upsampling::Nearest => builder.upsample2d(at),
            Upsampling::Transposed => {
                builder.conv_transpose2d(at, width_of(level), config.weight_bits, format)
            }
        };
        at = builder.concat(skips[level], at);
        at = builder.conv2d(at, [width_of(level), 3], config.weight_bits, format);
        at = builder.conv2d(at, [width_of(level), 3], config.weight_bits, format);
    }
    at
}

/// Multiply-accumulates of one image.
pub fn n_macs(network: &Network) -> u64 {
    let of_layer = |layer: &network::Layer| {
        let (input, output) = (network.spec(layer.inputs()[0]), network.spec(layer.output()));
        let per_pixel = match layer {
            network::Layer::ConvTranspose2d(l) => l.weights.len() / 4,
            other => other.weights().map_or(0, |(w, _, _)| w.len()),
        };
        debug_assert!(!input.is_empty());
        (per_pixel * output.plane()) as u64
    };
    network.layers.iter().map(of_layer).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_macs_of_a_hand_computed_net() {
        // base 1, depth 1, 4x4: 3x3 1->1 and 1->1 at 16 pixels; 1->2 and 2->2 at 4 pixels;
        // concat 1+2 -> 1 and 1->1 at 16; head 1 at 16
        let config = Unet { base: 1, depth: 1, size: [4, 4], ..Unet::default() };
        let expected = 16 * (9 + 9) + 4 * (18 + 36) + 16 * (27 + 9) + 16;
        assert_eq!(n_macs(&unet(&config)), expected);
    }

    #[test]
    fn the_large_one_has_the_parameters_of_its_shape() {
        let config = Unet { base: 16, depth: 4, size: [256, 256], ..Unet::default() };
        let network = unet(&config);
        let n_weights: usize =
            network.layers.iter().filter_map(|l| l.weights()).map(|(w, _, _)| w.len()).sum();
        assert!((1_900_000..2_000_000).contains(&n_weights), "{n_weights}");
        assert!((3_300..3_700).contains(&(n_macs(&network) / 1_000_000)));
    }
}
