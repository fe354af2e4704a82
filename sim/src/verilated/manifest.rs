//! `manifest.json` of a build folder, as the generator writes it.

use std::path::Path;

use network::TensorSpec;
use network::registers::FeatureLayout;
use serde::{Deserialize, Serialize};

use super::error::VerilatedError;

/// Version of the manifest that this reader knows.
const FORMAT: u32 = 1;

/// The whole manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this layout.
    pub format: u32,
    /// Version of the tool that wrote it.
    pub tool_version: String,
    /// Name of the model.
    pub model: String,
    /// CRC-32 of the model file, as in register MODEL_HASH.
    pub model_hash: u32,
    /// Name of the top module.
    pub top: String,
    /// Verilog files to compile.
    pub verilog: Vec<String>,
    /// Shape of the array.
    pub engine: Shape,
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
    /// All tensors of the network.
    pub tensors: Vec<TensorPlace>,
    /// Operations in the order they run.
    pub operations: Vec<OperationEntry>,
    /// Modelled cycles of a frame.
    pub model_cycles: u64,
    /// Useful digit products of a frame.
    pub digit_macs: u64,
}

/// Parameters of the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Input channel lanes.
    pub tn: usize,
    /// Output channel lanes.
    pub tm: usize,
    /// Pixel lanes.
    pub tp: usize,
    /// Bits of a weight digit.
    pub digit_bits: usize,
    /// Bits of an activation lane.
    pub lane_bits: usize,
    /// How a product is made: `plain`, `lut` or `packed`.
    pub mac_cell: MacCell,
    /// Results requantized a cycle.
    pub requantize_lanes: usize,
    /// Bits of an accumulator.
    pub accumulator_bits: usize,
    /// Whether the requantizer has a multiplier.
    pub scaled: bool,
}

/// How a product of a weight digit and an activation is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MacCell {
    /// A multiplier.
    Plain,
    /// Shift and add.
    Lut,
    /// Two products in one multiplier.
    Packed,
}

/// Capacity and image of each memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memories {
    /// Feature memory.
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
    /// Feature words of a pixel group.
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

impl Shape {
    /// Multiply-accumulates a cycle.
    pub fn lanes(&self) -> u64 {
        (self.tn * self.tm * self.tp) as u64
    }

    /// How tensors lie in feature memory.
    pub fn layout(&self) -> FeatureLayout {
        FeatureLayout { input_lanes: self.tn, pixel_lanes: self.tp, lane_bits: self.lane_bits }
    }
}

impl TensorPlace {
    /// Shape and format.
    pub fn spec(&self) -> TensorSpec {
        TensorSpec {
            channels: self.channels,
            height: self.height,
            width: self.width,
            bits: self.bits,
            signed: self.signed,
        }
    }
}

impl Manifest {
    /// Reads `manifest.json` of a build folder.
    ///
    /// # Errors
    /// If it is absent, is not what this reader knows, or its numbers contradict each other.
    pub fn read(build_dir: &Path) -> Result<Manifest, VerilatedError> {
        let path = build_dir.join("manifest.json");
        let text = std::fs::read_to_string(&path)
            .map_err(|source| VerilatedError::Io { path: path.clone(), source })?;
        let wrong = |problem: String| VerilatedError::Manifest { path: path.clone(), problem };
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        manifest.check().map_err(wrong)?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("format: expected {FORMAT}, found {}", self.format));
        }
        let e = &self.engine;
        let lanes = [e.tn, e.tm, e.tp];
        if !lanes.iter().all(|n| (1..=1024).contains(n)) || !(1..=8).contains(&e.lane_bits) {
            return Err(format!("engine: lanes {lanes:?} of {} bits", e.lane_bits));
        }
        let n_tensors = self.tensors.len();
        for tensor in &self.tensors {
            if !tensor.spec().is_legal() {
                return Err(format!("tensor {}: shape or bits out of range", tensor.name));
            }
        }
        let outputs = self.operations.iter().map(|op| op.output);
        for index in outputs
            .chain((n_tensors > 0).then_some([self.input, self.output]).into_iter().flatten())
        {
            let tensor = self.tensors.get(index);
            if tensor.and_then(|t| t.base).is_none() {
                return Err(format!("tensor {index}: expected a place in feature memory"));
            }
        }
        Ok(())
    }
}
