//! How many bytes a network takes, layer by layer, against float32.

use network::Network;
use network::format::{CHANNEL_BYTES, packed_bytes};
use serde::{Deserialize, Serialize};

use crate::error::SimError;

/// Bytes of one layer that has weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerMemory {
    /// Name of the layer.
    pub layer: String,
    /// Its operation, as `conv2d`.
    pub operation: String,
    /// Number of weights.
    pub n_weights: usize,
    /// W.
    pub weight_bits: u8,
    /// The same layer in float32: four bytes a weight and four a bias, batch norm folded.
    pub float_bytes: usize,
    /// Weights packed at W bits.
    pub weight_bytes: usize,
    /// Multipliers and biases.
    pub parameter_bytes: usize,
}

/// Bytes of a network; every byte of the `.qunet` file is counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryTable {
    /// One entry a layer that has weights.
    pub layers: Vec<LayerMemory>,
    /// The network in float32, batch norm folded.
    pub float_bytes: usize,
    /// All packed weights.
    pub weight_bytes: usize,
    /// All multipliers and biases.
    pub parameter_bytes: usize,
    /// JSON for the host.
    pub metadata_bytes: usize,
    /// Header, tensor and layer records, names.
    pub structure_bytes: usize,
    /// The whole `.qunet` file, the sum of the four above.
    pub file_bytes: usize,
    /// `float_bytes / file_bytes`.
    pub ratio: f64,
}

impl MemoryTable {
    /// Counts the bytes of `network`.
    ///
    /// # Errors
    /// If the network cannot be written as a file.
    pub fn of(network: &Network) -> Result<MemoryTable, SimError> {
        let fail = |source| SimError::Network { network: network.name.clone(), source };
        let file_bytes = network.to_bytes().map_err(fail)?.len();
        let layers: Vec<LayerMemory> = network.layers.iter().filter_map(of_layer).collect();
        let sum = |bytes: fn(&LayerMemory) -> usize| layers.iter().map(bytes).sum::<usize>();
        let float_bytes = sum(|l| l.float_bytes);
        let weight_bytes = sum(|l| l.weight_bytes);
        let parameter_bytes = sum(|l| l.parameter_bytes);
        let metadata_bytes = network.metadata.len();
        Ok(MemoryTable {
            float_bytes,
            weight_bytes,
            parameter_bytes,
            metadata_bytes,
            structure_bytes: file_bytes - weight_bytes - parameter_bytes - metadata_bytes,
            file_bytes,
            ratio: float_bytes as f64 / file_bytes as f64,
            layers,
        })
    }
}

fn of_layer(layer: &network::Layer) -> Option<LayerMemory> {
    let (weights, weight_bits, requantize) = layer.weights()?;
    let n_channels = requantize.channels.len();
    Some(LayerMemory {
        layer: layer.name().to_string(),
        operation: layer.operation().to_string(),
        n_weights: weights.len(),
        weight_bits,
        float_bytes: 4 * (weights.len() + n_channels),
        weight_bytes: packed_bytes(weights.len(), weight_bits),
        parameter_bytes: CHANNEL_BYTES * n_channels,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use qunet_tests::builder::{Builder, signed, unsigned};

    #[test]
    fn bytes_by_hand() {
        let mut builder = Builder::new(network::Mode::Scaled, [1, 4, 4], signed(8), 1);
        let first = builder.conv2d(builder.input(), [3, 3], 3, unsigned(6));
        let pooled = builder.max_pool2d(first);
        builder.threshold(pooled, 8);
        let mut network = builder.finish();
        network.metadata = "{}".into();
        let table = MemoryTable::of(&network).expect("writes");
        // 27 weights of 3 bits: 81 bits in 11 bytes; three (M, B) pairs of 6 bytes
        let found = &table.layers[0];
        assert_eq!((found.float_bytes, found.weight_bytes, found.parameter_bytes), (120, 11, 18));
        let found = &table.layers[1];
        assert_eq!((found.float_bytes, found.weight_bytes, found.parameter_bytes), (16, 3, 6));
        assert_eq!(table.layers.len(), 2);
        assert_eq!((table.float_bytes, table.weight_bytes, table.metadata_bytes), (136, 14, 2));
        assert_eq!(table.file_bytes, network.to_bytes().expect("writes").len());
        let parts = table.weight_bytes + table.parameter_bytes + table.metadata_bytes;
        assert_eq!(parts + table.structure_bytes, table.file_bytes);
    }
}
