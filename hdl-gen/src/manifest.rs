//! `manifest.json`: what a program needs to drive a build and to check it.

use network::{Network, TensorId};
use serde::{Deserialize, Serialize};

use crate::config::HostBus;
use crate::cycles::CycleModel;
use crate::emit::{simulation, sources};
use crate::engine::{Engine, PARAM_BITS};
use crate::images::Images;
use crate::schedule::{OperationKind, Schedule};

/// Version of the manifest's layout.
pub const FORMAT: u32 = 1;
/// Name of the generated top module.
pub const TOP: &str = "qunet_top";

/// The whole manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this layout.
    pub format: u32,
    /// Version of the tool that wrote it.
    pub tool_version: String,
    /// Name of the model.
    pub model: String,
    /// CRC-32 of the model file, as in register MODEL_HASH.
    pub model_hash: u32,
    /// Name of the top module; its file has the same name.
    pub top: String,
    /// Verilog files to compile.
    pub verilog: Vec<String>,
    /// Bus of the register block.
    pub host_bus: HostBus,
    /// How the build is simulated.
    pub simulation: Simulation,
    /// Shape of the array.
    pub engine: Engine,
    /// The memories.
    pub memories: Memories,
    /// Window address of the input in feature memory.
    pub input_window_base: usize,
    /// Window words of the input.
    pub input_window_words: usize,
    /// How the input lies in feature memory.
    pub input_packing: PackingEntry,
    /// Index of the input tensor.
    pub input: usize,
    /// Index of the output tensor.
    pub output: usize,
    /// All tensors of the network, in its order.
    pub tensors: Vec<TensorPlace>,
    /// Operations in the order they run.
    pub operations: Vec<OperationEntry>,
    /// Modelled cycles of a frame.
    pub model_cycles: u64,
    /// Useful digit products of a frame.
    pub digit_macs: u64,
}

/// What a simulation compiles: a module with the Wishbone port, whatever the build's own ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulation {
    /// Name of its top module.
    pub top: String,
    /// Verilog files beside those of the build.
    pub verilog: Vec<String>,
}

/// Capacity and image of each memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memories {
    /// Feature memory; it has no image.
    pub features: Memory,
    /// Weight memory.
    pub weights: Memory,
    /// Parameter memory.
    pub params: Memory,
    /// Descriptor memory.
    pub descriptors: Memory,
    /// Half row of the fused max-pool; it has no image.
    pub pool: Memory,
}

/// One memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Words.
    pub depth: usize,
    /// Bits of a word.
    pub word_bits: usize,
    /// `$readmemh` image in the build folder.
    pub file: Option<String>,
}

/// How the input lies in feature memory, as `network::registers::InputPacking`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackingEntry {
    /// L: a value is two channels, x mod 2^L and floor(x / 2^L); none: one channel.
    pub split_bits: Option<u8>,
    /// Rows in the lanes of one pixel; 1: its own.
    pub row_taps: usize,
}

/// A tensor and its place in feature memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorPlace {
    /// Name in the network.
    pub name: String,
    /// C.
    pub channels: usize,
    /// H.
    pub height: usize,
    /// W.
    pub width: usize,
    /// Bits of a value.
    pub bits: u8,
    /// Two's complement if true.
    pub signed: bool,
    /// First feature word; none if the tensor is folded into the reads of its consumers.
    pub base: Option<usize>,
    /// Feature words from one row to the next.
    pub pitch: usize,
    /// Channel groups: feature words of a pixel group.
    pub groups: usize,
}

/// One operation of the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationEntry {
    /// Name of the layer.
    pub name: String,
    /// Index of the layer.
    pub layer: usize,
    /// `conv2d`, `conv_transpose2d`, `max_pool2d`, `head` or `copy`.
    pub operation: String,
    /// Index of the tensor written.
    pub output: usize,
    /// The max-pool of the output, if it is written in the same pass.
    pub pooled: Option<PooledEntry>,
    /// Modelled cycles.
    pub model_cycles: u64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Digit passes.
    pub digits: usize,
    /// Useful digit products: multiply-accumulates × digits of the layer's own weight bits.
    pub digit_macs: u64,
}

/// A max-pool that a convolution computes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PooledEntry {
    /// Name of the layer.
    pub name: String,
    /// Index of the layer.
    pub layer: usize,
    /// Index of the tensor written.
    pub output: usize,
}

impl OperationEntry {
    /// Name of each layer and index of each tensor that the operation writes.
    pub fn outputs(&self) -> impl Iterator<Item = (&str, usize)> {
        let pooled = self.pooled.iter().map(|pool| (pool.name.as_str(), pool.output));
        [(self.name.as_str(), self.output)].into_iter().chain(pooled)
    }
}

/// Name of an operation in the manifest and in comments.
pub fn operation_name(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Conv2d => "conv2d",
        OperationKind::ConvTranspose2d => "conv_transpose2d",
        OperationKind::MaxPool2d => "max_pool2d",
        OperationKind::Head(_) => "head",
        OperationKind::Copy => "copy",
    }
}

impl Manifest {
    /// Describes a build.
    pub fn new(
        network: &Network,
        model_hash: u32,
        schedule: &Schedule,
        images: &Images,
        cycles: &CycleModel,
    ) -> Manifest {
        let engine = schedule.engine;
        let layout = engine.layout();
        let input_base = schedule.features.bases[network.input.index()].unwrap_or(0);
        Manifest {
            format: FORMAT,
            tool_version: env!("CARGO_PKG_VERSION").into(),
            model: network.name.clone(),
            model_hash,
            top: TOP.into(),
            verilog: sources::verilog_files(),
            host_bus: HostBus::Wishbone,
            simulation: simulation::files(HostBus::Wishbone),
            engine,
            memories: memories(network, schedule, images),
            input_window_base: input_base * layout.word_window_words(),
            input_window_words: layout.tensor_window_words(&schedule.spec(network, network.input)),
            input_packing: PackingEntry {
                split_bits: schedule.input.split_bits,
                row_taps: schedule.input.row_taps,
            },
            input: network.input.index(),
            output: network.output.index(),
            tensors: tensors(network, schedule),
            operations: operations(network, schedule, cycles),
            model_cycles: cycles.total,
            digit_macs: cycles.digit_macs,
        }
    }

    /// The same build on another bus.
    pub fn on_bus(self, host_bus: HostBus) -> Manifest {
        Manifest { host_bus, simulation: simulation::files(host_bus), ..self }
    }

    /// Verilog files of a simulation, in compile order.
    pub fn simulation_files(&self) -> Vec<String> {
        [self.verilog.clone(), self.simulation.verilog.clone()].concat()
    }
}

fn memories(network: &Network, schedule: &Schedule, images: &Images) -> Memories {
    let engine = &schedule.engine;
    let pools = schedule.operations.iter().filter(|op| op.pooled.is_some());
    let pool_words = pools.map(|op| engine.pool_words(network.spec(op.output))).max().unwrap_or(0);
    let memory = |words: usize, word_bits, file: Option<&str>| Memory {
        depth: words.max(2),
        word_bits,
        file: file.map(Into::into),
    };
    Memories {
        features: memory(schedule.features.words, engine.feature_bits(), None),
        weights: memory(images.weights.words.len(), engine.weight_bits(), Some("weights.hex")),
        params: memory(images.params.words.len(), PARAM_BITS, Some("params.hex")),
        descriptors: memory(images.descriptors.words.len(), 32, Some("descriptors.hex")),
        pool: memory(pool_words, engine.pool_bits(), None),
    }
}

fn tensors(network: &Network, schedule: &Schedule) -> Vec<TensorPlace> {
    let layout = schedule.engine.layout();
    let place = |(index, tensor): (usize, &network::Tensor)| {
        let in_memory = schedule.spec(network, TensorId(index as u16));
        TensorPlace {
            name: tensor.name.clone(),
            channels: tensor.spec.channels,
            height: tensor.spec.height,
            width: tensor.spec.width,
            bits: tensor.spec.bits,
            signed: tensor.spec.signed,
            base: schedule.features.bases[index],
            pitch: layout.pitch(&in_memory),
            groups: layout.groups(&in_memory),
        }
    };
    network.tensors.iter().enumerate().map(place).collect()
}

fn operations(network: &Network, schedule: &Schedule, cycles: &CycleModel) -> Vec<OperationEntry> {
    let entry = |(operation, cycles): (&crate::schedule::Operation, &u64)| OperationEntry {
        name: operation.name.clone(),
        layer: operation.layer,
        operation: operation_name(operation.kind).into(),
        output: operation.output.index(),
        pooled: operation.pooled.and_then(|tensor| pooled_entry(network, tensor)),
        model_cycles: *cycles,
        macs: operation.macs(network),
        digits: operation.digits(&schedule.engine),
        digit_macs: operation.digit_macs(network, &schedule.engine),
    };
    schedule.operations.iter().zip(&cycles.operations).map(entry).collect()
}

fn pooled_entry(network: &Network, tensor: TensorId) -> Option<PooledEntry> {
    let layer = network.layers.iter().position(|layer| layer.output() == tensor)?;
    let name = network.layers[layer].name().into();
    Some(PooledEntry { name, layer, output: tensor.index() })
}
