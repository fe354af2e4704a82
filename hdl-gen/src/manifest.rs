//! `manifest.json`: what a program needs to drive a build and to check it.

use network::Network;
use serde::{Deserialize, Serialize};

use crate::cycles::CycleModel;
use crate::emit::{Depths, sources};
use crate::engine::{Engine, PARAM_BITS};
use crate::images::Images;
use crate::resources::{Resources, estimate};
use crate::schedule::{OperationKind, Schedule};
use crate::targets::Target;

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
    /// Shape of the array.
    pub engine: Engine,
    /// The memories.
    pub memories: Memories,
    /// Window address of the input in feature memory.
    pub input_window_base: usize,
    /// Window words of the input.
    pub input_window_words: usize,
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
    /// Modelled cycles.
    pub model_cycles: u64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Weight digits.
    pub digits: usize,
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
    /// Words of the memories.
    pub fn depths(&self) -> Depths {
        let m = &self.memories;
        Depths {
            features: m.features.depth,
            weights: m.weights.depth,
            params: m.params.depth,
            descriptors: m.descriptors.depth,
        }
    }

    /// What the build takes by the model of the target's family.
    pub fn estimate(&self, target: Target) -> Resources {
        estimate(target.family(), &self.engine, &self.depths())
    }

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
            engine,
            memories: memories(&engine, schedule.features.words, images),
            input_window_base: input_base * layout.word_window_words(),
            input_window_words: layout.tensor_window_words(network.spec(network.input)),
            input: network.input.index(),
            output: network.output.index(),
            tensors: tensors(network, schedule),
            operations: operations(network, schedule, cycles),
            model_cycles: cycles.total,
            digit_macs: cycles.digit_macs,
        }
    }
}

fn memories(engine: &Engine, feature_words: usize, images: &Images) -> Memories {
    let memory = |words: usize, word_bits, file: Option<&str>| Memory {
        depth: words.max(2),
        word_bits,
        file: file.map(Into::into),
    };
    Memories {
        features: memory(feature_words, engine.feature_bits(), None),
        weights: memory(images.weights.words.len(), engine.weight_bits(), Some("weights.hex")),
        params: memory(images.params.words.len(), PARAM_BITS, Some("params.hex")),
        descriptors: memory(images.descriptors.words.len(), 32, Some("descriptors.hex")),
    }
}

fn tensors(network: &Network, schedule: &Schedule) -> Vec<TensorPlace> {
    let layout = schedule.engine.layout();
    let place = |(tensor, base): (&network::Tensor, &Option<usize>)| TensorPlace {
        name: tensor.name.clone(),
        channels: tensor.spec.channels,
        height: tensor.spec.height,
        width: tensor.spec.width,
        bits: tensor.spec.bits,
        signed: tensor.spec.signed,
        base: *base,
        pitch: layout.pitch(&tensor.spec),
        groups: layout.groups(&tensor.spec),
    };
    network.tensors.iter().zip(&schedule.features.bases).map(place).collect()
}

fn operations(network: &Network, schedule: &Schedule, cycles: &CycleModel) -> Vec<OperationEntry> {
    let entry = |(operation, cycles): (&crate::schedule::Operation, &u64)| OperationEntry {
        name: operation.name.clone(),
        layer: operation.layer,
        operation: operation_name(operation.kind).into(),
        output: operation.output.index(),
        model_cycles: *cycles,
        macs: operation.macs(network),
        digits: operation.digits(&schedule.engine),
    };
    schedule.operations.iter().zip(&cycles.operations).map(entry).collect()
}
