//! What a traced run leaves: every tensor, and how much each layer saturates.

use network::Layer;
use serde::{Deserialize, Serialize};

use crate::kernels::Clamped;

/// Every tensor of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Bytes of every tensor, in tensor order.
    pub tensors: Vec<Vec<u8>>,
    /// One entry a layer.
    pub saturation: Vec<Saturation>,
}

/// How many values of a layer's output sit at the ends of the range, over any number of images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saturation {
    /// Name of the layer.
    pub layer: String,
    /// Its operation.
    pub operation: String,
    /// Values of the output tensor.
    pub n_values: u64,
    /// Values (of a head: logits) that requantization changed to the smallest or largest code.
    pub clamped: Clamped,
    /// Values that are zero.
    pub n_zeros: u64,
}

impl Saturation {
    /// Of a layer that has not run.
    pub fn none(layer: &Layer) -> Saturation {
        Saturation {
            layer: layer.name().to_string(),
            operation: layer.operation().to_string(),
            n_values: 0,
            clamped: Clamped::default(),
            n_zeros: 0,
        }
    }

    pub(crate) fn of(layer: &Layer, clamped: Clamped, output: &[u8]) -> Saturation {
        let n_zeros = output.iter().filter(|b| **b == 0).count() as u64;
        Saturation { n_values: output.len() as u64, clamped, n_zeros, ..Saturation::none(layer) }
    }

    /// Both together.
    pub fn plus(&self, other: &Saturation) -> Saturation {
        Saturation {
            layer: self.layer.clone(),
            operation: self.operation.clone(),
            n_values: self.n_values + other.n_values,
            clamped: self.clamped.plus(other.clamped),
            n_zeros: self.n_zeros + other.n_zeros,
        }
    }
}
