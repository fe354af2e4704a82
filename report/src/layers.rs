//! The table of layers: bits, bytes, saturation.

use network::format::{CHANNEL_BYTES, packed_bytes};
use network::{Layer, Network};
use sim::Saturation;

use crate::number::{bytes, grouped, percent};
use crate::trial::Trial;

/// A row of the table, as text.
pub struct LayerRow {
    /// Name of the layer.
    pub name: String,
    /// Its operation.
    pub operation: &'static str,
    /// Channels × rows × columns of its output.
    pub shape: String,
    /// W, or a dash.
    pub weight_bits: String,
    /// A and the sign of its output.
    pub activation_bits: String,
    /// Number of weights.
    pub n_weights: String,
    /// Packed weights and parameters.
    pub bytes: String,
    /// Its part of all packed weights and parameters in percent, the length of a bar.
    pub share: f64,
    /// Values that requantization cut at the top of the range.
    pub high: String,
    /// At the bottom, where that is not the ReLU's zero.
    pub low: String,
    /// Zeros.
    pub zeros: String,
    /// True if more than one value in twenty is cut.
    pub is_saturated: bool,
}

/// One row a layer of the trial's network.
pub fn rows(trial: &Trial) -> Vec<LayerRow> {
    let Some(network) = &trial.network else { return Vec::new() };
    let total: usize = network.layers.iter().map(layer_bytes).sum();
    let row = |(index, layer): (usize, &Layer)| {
        let spec = network.spec(layer.output());
        let counted = trial.saturation.get(index).filter(|s| s.n_values > 0);
        // what moves values cuts none
        let cut = counted.filter(|_| layer.weights().is_some());
        let share = |part: u64, s: &Saturation| percent(part, s.n_values);
        let is_head = matches!(layer, Layer::Head(_));
        let low = cut.filter(|_| spec.signed || is_head);
        let dash = || "–".to_owned();
        LayerRow {
            name: layer.name().to_owned(),
            operation: layer.operation(),
            shape: format!("{}×{}×{}", spec.channels, spec.height, spec.width),
            weight_bits: layer.weights().map_or_else(dash, |(_, bits, _)| bits.to_string()),
            activation_bits: match is_head {
                true => "class".into(),
                false => format!("{}{}", if spec.signed { "s" } else { "u" }, spec.bits),
            },
            n_weights: layer.weights().map_or_else(dash, |(codes, _, _)| grouped(codes.len())),
            bytes: match layer_bytes(layer) {
                0 => dash(),
                count => bytes(count as f64),
            },
            share: 100.0 * layer_bytes(layer) as f64 / total.max(1) as f64,
            high: cut.map_or_else(dash, |s| share(s.clamped.high, s)),
            low: low.map_or_else(dash, |s| share(s.clamped.low, s)),
            zeros: counted.map_or_else(dash, |s| share(s.n_zeros, s)),
            is_saturated: cut.is_some_and(|s| 20 * s.clamped.high > s.n_values),
        }
    };
    network.layers.iter().enumerate().map(row).collect()
}

fn layer_bytes(layer: &Layer) -> usize {
    layer.weights().map_or(0, |(codes, bits, requantize)| {
        packed_bytes(codes.len(), bits) + CHANNEL_BYTES * requantize.channels.len()
    })
}

/// W of most weights and A of most values of convolutions' outputs.
pub fn usual_bits(network: &Network) -> (u8, u8) {
    let (mut weights, mut values) = ([0; 9], [0; 9]);
    for layer in &network.layers {
        if let Some((codes, bits, _)) = layer.weights() {
            weights[usize::from(bits)] += codes.len();
            if !matches!(layer, Layer::Head(_)) {
                let spec = network.spec(layer.output());
                values[usize::from(spec.bits)] += spec.len();
            }
        }
    }
    let most = |counts: [usize; 9]| (0..9).max_by_key(|bits| counts[*bits]).unwrap_or(0) as u8;
    (most(weights), most(values))
}
