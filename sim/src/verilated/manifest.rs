//! `manifest.json` of a build folder, as the generator writes it.

use std::path::Path;

use network::TensorSpec;
use network::registers::{FeatureLayout, InputPacking};
use serde::{Deserialize, Serialize};

use super::error::VerilatedError;

/// Version of the manifest that this reader knows.
const FORMAT: u32 = 2;

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
    /// Bus of the register block, `wishbone` or `axi4-lite`.
    pub host_bus: String,
    /// How the build is simulated.
    pub simulation: Simulation,
    /// Shape of the array.
    pub engine: Shape,
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
    /// All tensors of the network.
    pub tensors: Vec<TensorPlace>,
    /// Operations in the order they run.
    pub operations: Vec<OperationEntry>,
    /// Modelled cycles of a frame.
    pub model_cycles: u64,
    /// Useful digit products of a frame.
    pub digit_macs: u64,
    /// How an external-memory build runs a frame.
    pub external: Option<ExternalProgram>,
}

/// What a program must know to feed an external-memory build and to check it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalProgram {
    /// Tensors in external memory.
    pub tensors: Vec<ExternalTensor>,
    /// Visits, by index of their descriptors.
    pub visits: Vec<VisitEntry>,
    /// Commands of the engine: visit, rows, from row 0.
    pub commands: Vec<(usize, usize, bool)>,
    /// Bytes moved in a frame.
    pub bytes_moved: u64,
    /// Bytes with only input, output and skips outside and each weight read once.
    pub bytes_floor: u64,
}

/// A tensor in external memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalTensor {
    /// Index of the tensor.
    pub tensor: usize,
    /// Its parts, in channel order.
    pub parts: Vec<ExternalPart>,
}

/// Some channel groups of a tensor: rows of pixel groups of these groups, a word each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalPart {
    /// First group of TN channels.
    pub first_group: usize,
    /// Groups of TN channels.
    pub n_groups: usize,
    /// Byte address of row 0 in the region.
    pub address: usize,
    /// Bytes from one row to the next.
    pub row_bytes: usize,
}

/// What one descriptor of an external-memory build writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitEntry {
    /// Index of the operation.
    pub operation: usize,
    /// Channels written: first and number.
    pub channels: (usize, usize),
    /// Rows of the output for each row of a command.
    pub out_rows: usize,
    /// First feature word and rows of the output's ring.
    pub output: (usize, usize),
    /// The same of the fused max-pool.
    pub pooled: Option<(usize, usize)>,
}

/// What a simulation compiles: a module with the Wishbone port, whatever the build's own ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulation {
    /// Name of its top module.
    pub top: String,
    /// Verilog files beside those of the build.
    pub verilog: Vec<String>,
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
    /// Bits of a bias.
    pub bias_bits: usize,
    /// Whether the requantizer has a multiplier.
    pub scaled: bool,
    /// Whether what only saves cycles is left out.
    pub compact: bool,
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
    /// Half row of the fused max-pool; it has no image.
    pub pool: Memory,
    /// What only an external-memory build has.
    pub external: Option<ExternalMemories>,
}

/// Memories on chip of an external-memory build, and the region outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalMemories {
    /// Commands of the engine.
    pub commands: Memory,
    /// Commands of the DMA.
    pub transfers: Memory,
    /// Channels of the DMA.
    pub channels: Memory,
    /// External memory in beats of 16 bytes; its image holds the weights.
    pub region: Memory,
}

impl Memories {
    /// Verilog parameter and `$readmemh` image of each memory that may have one.
    pub fn images(&self) -> Vec<(&'static str, &Memory)> {
        let chip = [
            ("WEIGHT_FILE", &self.weights),
            ("PARAM_FILE", &self.params),
            ("DESC_FILE", &self.descriptors),
        ];
        let external = self.external.iter().flat_map(|external| {
            [
                ("COMMAND_FILE", &external.commands),
                ("TRANSFER_FILE", &external.transfers),
                ("CHANNEL_FILE", &external.channels),
            ]
        });
        chip.into_iter().chain(external).collect()
    }
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

/// How the input lies in feature memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackingEntry {
    /// Channels that hold a value together; 1: it is whole.
    pub parts: usize,
    /// L: part p of x is floor(x / 2^(p·L)), modulo 2^L but for the last; 0 if whole.
    pub part_bits: u8,
    /// Rows in the lanes of one pixel; 1: its own.
    pub row_taps: usize,
}

impl PackingEntry {
    /// As the loaders take it.
    pub fn packing(&self) -> InputPacking {
        let PackingEntry { parts, part_bits, row_taps } = *self;
        InputPacking { parts, part_bits, row_taps }
    }
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

    /// Verilog files of a simulation, in compile order.
    pub fn simulation_files(&self) -> Vec<String> {
        [self.verilog.clone(), self.simulation.verilog.clone()].concat()
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
        let PackingEntry { parts, part_bits, row_taps } = self.input_packing;
        if !(1..16).contains(&row_taps) {
            return Err(format!("input_packing: {row_taps} rows"));
        }
        let n_tensors = self.tensors.len();
        for tensor in &self.tensors {
            if !tensor.spec().is_legal() {
                return Err(format!("tensor {}: shape or bits out of range", tensor.name));
            }
        }
        let outputs = self.operations.iter().flat_map(|op| op.outputs()).map(|(_, index)| index);
        let ends = (n_tensors > 0).then_some([self.input, self.output]).into_iter().flatten();
        for index in outputs.chain(ends) {
            let tensor = self.tensors.get(index);
            let placed = tensor.is_some_and(|t| t.base.is_some() || self.external.is_some());
            if !placed {
                return Err(format!("tensor {index}: expected a place in feature memory"));
            }
        }
        let input_bits = self.tensors.get(self.input).map_or(8, |input| input.bits);
        if !self.input_packing.packing().splits(input_bits) {
            return Err(format!(
                "input_packing: {input_bits} bits in {parts} parts of {part_bits} bits"
            ));
        }
        self.external.as_ref().map_or(Ok(()), |external| self.check_external(external))
    }

    fn check_external(&self, external: &ExternalProgram) -> Result<(), String> {
        let legal = |visit: &VisitEntry| visit.operation < self.operations.len();
        if !external.visits.iter().all(legal) {
            return Err("visits: expected indices of operations".into());
        }
        if external.commands.iter().any(|(visit, _, _)| *visit >= external.visits.len()) {
            return Err("commands: expected indices of visits".into());
        }
        if external.tensors.iter().any(|t| t.tensor >= self.tensors.len()) {
            return Err("external tensors: expected indices of tensors".into());
        }
        let rings = external.visits.iter().flat_map(|v| v.pooled.into_iter().chain([v.output]));
        if rings.into_iter().any(|(_, rows)| rows == 0) {
            return Err("visits: expected rings of one row or more".into());
        }
        let region = self.memories.external.as_ref().map_or(0, |m| m.region.depth);
        for place in &external.tensors {
            let rows = self.tensors[place.tensor].height;
            let end =
                |part: &ExternalPart| rows.checked_mul(part.row_bytes)?.checked_add(part.address);
            let inside = |part: &ExternalPart| end(part).is_some_and(|end| end / 16 <= region);
            if !place.parts.iter().all(inside) {
                let name = &self.tensors[place.tensor].name;
                return Err(format!("external tensor {name}: expected a place of {region} beats"));
            }
        }
        Ok(())
    }
}
