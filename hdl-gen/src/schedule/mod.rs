//! From layers to the list of engine operations and their place in feature memory.

mod descriptor;
mod fold;
mod memory;
mod operation;
mod packing;
mod pooling;
#[cfg(test)]
mod tests;

use network::registers::InputPacking;
use network::{Layer, Mode, Network, Requantize, TensorId, TensorSpec};

pub use descriptor::{ImageBase, Place, Places, descriptor, end};
pub use fold::Source;
pub use memory::FeatureMap;
pub use operation::{Operation, OperationKind};

use crate::config::{HardwareConfig, MemoryPlace};
use crate::engine::Engine;
use crate::error::HdlError;

/// A scheduled network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The engine that it is scheduled for.
    pub engine: Engine,
    /// Operations in the order they run.
    pub operations: Vec<Operation>,
    /// Feature addresses.
    pub features: FeatureMap,
    /// How the network's input lies in feature memory.
    pub input: InputPacking,
}

impl Schedule {
    /// Shape of a tensor as the engine sees it.
    pub fn spec(&self, network: &Network, id: TensorId) -> TensorSpec {
        let spec = network.spec(id);
        if id == network.input { self.input.spec(spec) } else { *spec }
    }

    /// Words of the half row that fused max-pools need.
    pub fn pool_words(&self, network: &Network) -> usize {
        let pools = self.operations.iter().filter(|op| op.pooled.is_some());
        pools.map(|op| self.engine.pool_words(network.spec(op.output))).max().unwrap_or(0)
    }

    /// Where an operation finds everything when all tensors and weights lie on chip.
    pub fn places(&self, operation: &Operation, images: ImageBase) -> Places {
        let place =
            |id: TensorId| Place { base: self.features.bases[id.index()].unwrap_or(0), ring: None };
        Places {
            sources: operation.sources.iter().map(|source| place(source.tensor)).collect(),
            output: place(operation.output),
            pooled: operation.pooled.map(place),
            out_groups: (0, operation.out_channels().div_ceil(self.engine.tm)),
            images,
        }
    }
}

/// Schedules a valid network.
///
/// # Errors
/// If the network is not valid, a configuration key is illegal, a tensor is wider than the lanes,
/// or the live tensors do not fit.
pub fn schedule(network: &Network, config: &HardwareConfig) -> Result<Schedule, HdlError> {
    network.validate()?;
    config.validate()?;
    let mut operations = operations(network);
    if !config.compact {
        operations = pooling::fuse(operations);
    }
    let engine = engine(network, config, &operations)?;
    let input = packing::pack(network, &engine, &mut operations);
    let features = memory::place(network, &operations, &engine);
    if let (MemoryPlace::OnChip, Some(kib)) = (config.memory, config.feature_memory_kib) {
        let available = kib * 8192 / engine.feature_bits();
        if features.words > available {
            let layer =
                operations.get(features.peak_operation).map_or(String::new(), |op| op.name.clone());
            let word_bits = engine.feature_bits();
            return Err(HdlError::FeatureMemory {
                layer,
                needed: features.words,
                available,
                word_bits,
            });
        }
    }
    Ok(Schedule { engine, operations, features, input })
}

/// The operations of a network, upsampling and concatenation folded into reads; max-pools are not
/// fused and the input is not packed yet.
fn operations(network: &Network) -> Vec<Operation> {
    let folded = fold::fold(network);
    let nothing = Requantize { channels: Vec::new(), shift: 0 };
    let mut operations = Vec::new();
    for (idx, layer) in network.layers.iter().enumerate() {
        let base = Operation {
            name: layer.name().into(),
            layer: idx,
            kind: OperationKind::Conv2d,
            sources: folded.views[layer.inputs()[0].index()].clone(),
            output: layer.output(),
            pooled: None,
            packing: InputPacking::PLAIN,
            kernel: 1,
            weight_bits: layer.weights().map_or(0, |(_, bits, _)| bits),
            code_bits: layer.weights().map_or(0, |(_, bits, _)| bits),
            weights: layer.weights().map_or(Vec::new(), |(weights, _, _)| wide(weights)),
            requantize: layer.weights().map_or(nothing.clone(), |(_, _, r)| r.clone()),
        };
        match layer {
            Layer::Conv2d(l) => operations.push(Operation { kernel: l.kernel, ..base }),
            Layer::ConvTranspose2d(_) => {
                let kind = OperationKind::ConvTranspose2d;
                operations.push(Operation { kind, kernel: 2, ..base });
            }
            Layer::MaxPool2d(_) => {
                let kind = OperationKind::MaxPool2d;
                operations.push(Operation { kind, kernel: 2, ..base });
            }
            Layer::Head(l) => {
                operations.push(Operation { kind: OperationKind::Head(l.kind), ..base })
            }
            Layer::Upsample2d(_) | Layer::Concat(_) => {
                let copy = folded.copies.iter().find(|(tensor, _)| *tensor == layer.output());
                if let Some((tensor, view)) = copy {
                    operations.push(Operation::copy(network, idx, *tensor, view.clone()));
                }
            }
        }
    }
    operations
}

fn wide(weights: &[i8]) -> Vec<i16> {
    weights.iter().map(|code| i16::from(*code)).collect()
}

/// The engine that a network and a configuration ask for.
fn engine(
    network: &Network,
    config: &HardwareConfig,
    operations: &[Operation],
) -> Result<Engine, HdlError> {
    let lane_bits = packing::lane_bits(network, config.lane_bits, operations)?;
    let scaled = config.scaled.unwrap_or(network.mode == Mode::Scaled);
    if !scaled {
        check_multipliers(operations)?;
    }
    let needed = operations.iter().map(|op| accumulator_bits(network, op)).max().unwrap_or(0);
    let engine = Engine::new(config, lane_bits, scaled, needed.min(32))?;
    Ok(Engine { bias_bits: bias_bits(operations), ..engine })
}

/// Two's complement bits that hold every bias.
fn bias_bits(operations: &[Operation]) -> usize {
    let biases = operations.iter().flat_map(|op| &op.requantize.channels).map(|c| c.bias);
    let bits = |bias: i32| 33 - (bias ^ (bias >> 31)).leading_zeros() as usize;
    biases.map(bits).max().unwrap_or(1)
}

fn check_multipliers(operations: &[Operation]) -> Result<(), HdlError> {
    for op in operations {
        let wrong = op.requantize.channels.iter().position(|c| !matches!(c.multiplier, -1 | 1));
        if let Some(channel) = wrong {
            let found = op.requantize.channels[channel].multiplier;
            return Err(HdlError::Multiplier { layer: op.name.clone(), channel, found });
        }
    }
    Ok(())
}

/// Two's complement bits that hold every sum of the operation's weights and inputs.
fn accumulator_bits(network: &Network, operation: &Operation) -> usize {
    let n_out = operation.out_channels().max(1);
    let specs = operation.source_specs(network);
    let largest = specs.iter().map(|s| s.max_value().max(-s.min_value())).max().unwrap_or(0);
    let sums = operation.weights.chunks(operation.weights.len().max(1) / n_out.max(1));
    let sums = sums.map(|codes| codes.iter().map(|c| i64::from(c.unsigned_abs())).sum::<i64>());
    let bound = sums.max().unwrap_or(0) * i64::from(largest);
    (64 - bound.leading_zeros()) as usize + 1
}
