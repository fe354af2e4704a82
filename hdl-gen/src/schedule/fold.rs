//! Which tensors exist in memory, and which are only ways of reading others.
//!
//! Upsample2d and Concat are folded into the reads of their consumers: the address generator
//! reads up to two sources, each with an optional nearest ×2. What that cannot express is written
//! to memory by a copy.

use std::collections::BTreeSet;

use network::{Layer, Network, TensorId};

/// A tensor in memory and how it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The tensor in memory.
    pub tensor: TensorId,
    /// Read through a nearest ×2.
    pub upsample: bool,
}

/// Most sources that one operation reads.
const MAX_SOURCES: usize = 2;

/// For each tensor the sources that give its values, and the tensors that copies must write.
pub struct Folded {
    /// Sources of each tensor, in channel order; itself where it lies in memory.
    pub views: Vec<Vec<Source>>,
    /// Outputs of Upsample2d and Concat that lie in memory, with what the copy reads.
    pub copies: Vec<(TensorId, Vec<Source>)>,
}

/// Folds all it can.
pub fn fold(network: &Network) -> Folded {
    let mut in_memory = BTreeSet::from([network.output]);
    loop {
        match try_fold(network, &in_memory) {
            Ok(folded) => return folded,
            Err(tensor) => in_memory.insert(tensor),
        };
    }
}

/// Folds with the tensors of `in_memory` written by copies, or names one more that must be.
fn try_fold(network: &Network, in_memory: &BTreeSet<TensorId>) -> Result<Folded, TensorId> {
    let itself = |tensor| vec![Source { tensor, upsample: false }];
    let mut views: Vec<Vec<Source>> =
        (0..network.tensors.len()).map(|i| itself(TensorId(i as u16))).collect();
    let mut copies = Vec::new();
    for layer in &network.layers {
        let view = match layer {
            Layer::Upsample2d(l) => upsampled(l.input, &views[l.input.index()])?,
            Layer::Concat(l) => {
                let [first, second] = l.inputs.map(|id| &views[id.index()]);
                joined(l.inputs, first, second)?
            }
            Layer::MaxPool2d(l) => {
                require_plain(l.input, &views[l.input.index()])?;
                continue;
            }
            Layer::Conv2d(_) | Layer::ConvTranspose2d(_) | Layer::Head(_) => continue,
        };
        if in_memory.contains(&layer.output()) {
            copies.push((layer.output(), view));
        } else {
            views[layer.output().index()] = view;
        }
    }
    Ok(Folded { views, copies })
}

fn require_plain(tensor: TensorId, view: &[Source]) -> Result<(), TensorId> {
    let plain = view.len() == 1 && !view[0].upsample;
    if plain { Ok(()) } else { Err(tensor) }
}

fn upsampled(input: TensorId, view: &[Source]) -> Result<Vec<Source>, TensorId> {
    if view.iter().any(|source| source.upsample) {
        return Err(input);
    }
    Ok(view.iter().map(|source| Source { upsample: true, ..*source }).collect())
}

fn joined(
    inputs: [TensorId; 2],
    first: &[Source],
    second: &[Source],
) -> Result<Vec<Source>, TensorId> {
    if first.len() + second.len() <= MAX_SOURCES {
        return Ok([first, second].concat());
    }
    Err(if first.len() > 1 { inputs[0] } else { inputs[1] })
}
