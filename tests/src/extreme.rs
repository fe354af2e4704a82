//! Networks at the ends of every range: the sums and products nearest to overflow.

use network::arithmetic::{MAX_SHIFT, weight_max, weight_min};
use network::{ChannelParams, Layer, Mode, Network, Requantize};

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extreme {
    /// Every weight the largest code, M = 32767, B the largest, S = 0.
    Largest,
    /// Every weight the smallest code, M = −32768, B the smallest, S = 31.
    Smallest,
    /// Signs alternate from channel to channel; S = 31.
    AlternatingDown,
    /// Signs alternate from channel to channel; S = 0.
    AlternatingUp,
    /// Parameters as they are, every weight the largest code.
    LargestWeights,
    /// Parameters as they are, every weight the smallest code.
    SmallestWeights,
}

/// All of them.
pub const EXTREMES: [Extreme; 6] = [
    Extreme::Largest,
    Extreme::Smallest,
    Extreme::AlternatingDown,
    Extreme::AlternatingUp,
    Extreme::LargestWeights,
    Extreme::SmallestWeights,
];

/// `network` with weights and parameters moved to the ends of their ranges.
pub fn extreme(network: &Network, which: Extreme) -> Network {
    let mut network = network.clone();
    let mode = network.mode;
    network.name = format!("{}-{which:?}", network.name);
    for layer in &mut network.layers {
        let (weights, bits, requantize) = match layer {
            Layer::Conv2d(l) => (&mut l.weights, l.weight_bits, &mut l.requantize),
            Layer::ConvTranspose2d(l) => (&mut l.weights, l.weight_bits, &mut l.requantize),
            Layer::Head(l) => (&mut l.weights, l.weight_bits, &mut l.requantize),
            Layer::MaxPool2d(_) | Layer::Upsample2d(_) | Layer::Concat(_) => continue,
        };
        move_weights(weights, bits, requantize.channels.len(), which);
        move_parameters(requantize, mode, which);
    }
    network.validate().expect("extremes are legal");
    network
}

/// True if the channel goes to the upper end.
fn is_up(which: Extreme, channel: usize) -> bool {
    match which {
        Extreme::Largest | Extreme::LargestWeights => true,
        Extreme::Smallest | Extreme::SmallestWeights => false,
        Extreme::AlternatingDown | Extreme::AlternatingUp => channel.is_multiple_of(2),
    }
}

fn move_weights(weights: &mut [i8], bits: u8, n_channels: usize, which: Extreme) {
    let per_channel = weights.len() / n_channels;
    for (index, weight) in weights.iter_mut().enumerate() {
        let up = is_up(which, index / per_channel);
        *weight = (if up { weight_max(bits) } else { weight_min(bits) }) as i8;
    }
}

fn move_parameters(requantize: &mut Requantize, mode: Mode, which: Extreme) {
    requantize.shift = match which {
        Extreme::Largest | Extreme::AlternatingUp => 0,
        Extreme::Smallest | Extreme::AlternatingDown => MAX_SHIFT,
        Extreme::LargestWeights | Extreme::SmallestWeights => return,
    };
    for (channel, params) in requantize.channels.iter_mut().enumerate() {
        let up = is_up(which, channel);
        let multiplier = match (mode, up) {
            (Mode::Scaled, true) => i16::MAX,
            (Mode::Scaled, false) => i16::MIN,
            (Mode::Fixed, true) => 1,
            (Mode::Fixed, false) => -1,
        };
        *params = ChannelParams { multiplier, bias: if up { i32::MAX } else { i32::MIN } };
    }
}
