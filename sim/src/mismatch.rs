//! Where two backends differ: layer, channel, y, x, expected and found.

use std::fmt;

use network::{Layer, Network};
use serde::{Deserialize, Serialize};

use crate::error::SimError;

/// The first value in which a layer's output differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// Name of the layer.
    pub layer: String,
    /// Its operation, as `conv2d`.
    pub operation: String,
    /// Channel of the output tensor.
    pub channel: usize,
    /// Row.
    pub y: usize,
    /// Column.
    pub x: usize,
    /// The reference's integer.
    pub expected: i32,
    /// The other backend's.
    pub found: i32,
    /// Values of this tensor that differ.
    pub n_different: u64,
    /// Values of this tensor.
    pub n_values: u64,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch { layer, operation, channel, y, x, expected, found, .. } = self;
        write!(f, "layer {layer} ({operation}), channel {channel}, y {y}, x {x}: ")?;
        write!(f, "expected {expected}, found {found}")?;
        write!(f, "; {} of {} values differ", self.n_different, self.n_values)
    }
}

/// How much was compared, and what differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Layers whose outputs were compared.
    pub n_layers: usize,
    /// Values compared.
    pub n_values: u64,
    /// Values that differ.
    pub n_different: u64,
    /// The first difference of each layer that has one, in the order the layers run.
    pub mismatches: Vec<Mismatch>,
}

impl Comparison {
    /// Both together, as for several images of one network.
    pub fn plus(mut self, other: Comparison) -> Comparison {
        self.n_layers = self.n_layers.max(other.n_layers);
        self.n_values += other.n_values;
        self.n_different += other.n_different;
        self.mismatches.extend(other.mismatches);
        self
    }

    /// The difference nearest to the input, where the cause is.
    pub fn first(&self) -> Option<&Mismatch> {
        self.mismatches.first()
    }
}

/// Compares the tensors of two backends, layer by layer.
///
/// A backend that does not show some tensor (an accelerator that fuses layers) leaves it empty in
/// `found`; it is not compared and not counted.
///
/// # Shapes
/// `expected` and `found` hold the bytes of every tensor, in tensor order.
///
/// # Errors
/// [`SimError::Mismatch`] if the number of tensors or a tensor's length differs.
pub fn compare(
    network: &Network,
    expected: &[Vec<u8>],
    found: &[Vec<u8>],
) -> Result<Comparison, SimError> {
    for list in [expected, found] {
        same("number of tensors in the trace".into(), network.tensors.len(), list.len())?;
    }
    let mut comparison = Comparison::default();
    for layer in &network.layers {
        let (expected, found) = (&expected[layer.output().index()], &found[layer.output().index()]);
        if found.is_empty() {
            continue;
        }
        let spec = network.spec(layer.output());
        for bytes in [expected, found] {
            same(format!("layer {}: bytes of its output", layer.name()), spec.len(), bytes.len())?;
        }
        comparison.n_layers += 1;
        comparison.n_values += expected.len() as u64;
        if let Some(mismatch) = compare_layer(network, layer, expected, found) {
            comparison.n_different += mismatch.n_different;
            comparison.mismatches.push(mismatch);
        }
    }
    Ok(comparison)
}

fn same(what: String, expected: usize, found: usize) -> Result<(), SimError> {
    if expected == found {
        return Ok(());
    }
    let (expected, found) = (expected.to_string(), found.to_string());
    Err(SimError::Mismatch { what, expected, found })
}

fn compare_layer(
    network: &Network,
    layer: &Layer,
    expected: &[u8],
    found: &[u8],
) -> Option<Mismatch> {
    let first = expected.iter().zip(found).position(|(e, f)| e != f)?;
    let spec = network.spec(layer.output());
    Some(Mismatch {
        layer: layer.name().to_string(),
        operation: layer.operation().to_string(),
        channel: first / spec.plane(),
        y: first % spec.plane() / spec.width,
        x: first % spec.width,
        expected: spec.decode(expected[first]),
        found: spec.decode(found[first]),
        n_different: expected.iter().zip(found).filter(|(e, f)| e != f).count() as u64,
        n_values: spec.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use qunet_tests::builder::{Builder, signed};

    fn network() -> Network {
        let mut builder = Builder::new(network::Mode::Scaled, [1, 2, 3], signed(8), 1);
        let first = builder.conv2d(builder.input(), [2, 1], 4, signed(8));
        builder.conv2d(first, [1, 1], 4, signed(8));
        builder.finish()
    }

    #[test]
    fn names_layer_channel_row_and_column() {
        let network = network();
        let expected = vec![vec![0; 6], (0..12).collect(), vec![5; 6]];
        let mut found = expected.clone();
        found[1][10] = 0xFF;
        found[1][11] = 0;
        let comparison = compare(&network, &expected, &found).expect("lengths fit");
        assert_eq!(
            comparison.first().expect("differs").to_string(),
            "layer l0.conv (conv2d), channel 1, y 1, x 1: expected 10, found -1; \
             2 of 12 values differ"
        );
        assert_eq!((comparison.n_layers, comparison.n_values, comparison.n_different), (2, 18, 2));
        let same = compare(&network, &expected, &expected).expect("lengths fit");
        assert!(same.mismatches.is_empty());
    }

    #[test]
    fn hidden_tensors_are_not_counted_and_wrong_lengths_are_errors() {
        let network = network();
        let expected = vec![vec![0; 6], vec![1; 12], vec![5; 6]];
        let mut found = expected.clone();
        found[1].clear();
        let comparison = compare(&network, &expected, &found).expect("lengths fit");
        assert_eq!((comparison.n_layers, comparison.n_values), (1, 6));
        found[2].pop();
        let message = compare(&network, &expected, &found).expect_err("short").to_string();
        assert_eq!(message, "layer l1.conv: bytes of its output: expected 6, found 5");
        let message = compare(&network, &expected, &found[..2]).expect_err("short").to_string();
        assert_eq!(message, "number of tensors in the trace: expected 3, found 2");
    }
}
