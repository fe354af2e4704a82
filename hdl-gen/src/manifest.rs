//! `manifest.json`: what a program needs to drive a build and to check it.

use network::{Network, TensorId};
use serde::{Deserialize, Serialize};

use crate::config::HostBus;
use crate::cycles::CycleModel;
use crate::emit::{Depths, ExternalDepths, simulation, sources};
use crate::engine::{Engine, PARAM_BITS};
use crate::external::tables::Tables;
use crate::external::{ExternalPlan, Visit};
use crate::images::{Image, Images};
use crate::resources::{Resources, estimate};
use crate::schedule::{OperationKind, Schedule};
use crate::targets::Target;

/// Version of the manifest's layout.
pub const FORMAT: u32 = 2;
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

/// How the input lies in feature memory, as `network::registers::InputPacking`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackingEntry {
    /// Channels that hold a value together; 1: it is whole.
    pub parts: usize,
    /// L: part p of x is floor(x / 2^(p·L)), modulo 2^L but for the last; 0 if whole.
    pub part_bits: u8,
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
    /// Words of the memories.
    pub fn depths(&self) -> Depths {
        let m = &self.memories;
        Depths {
            features: m.features.depth,
            weights: m.weights.depth,
            params: m.params.depth,
            descriptors: m.descriptors.depth,
            pool: m.pool.depth,
            external: m.external.as_ref().map(|external| ExternalDepths {
                commands: external.commands.depth,
                transfers: external.transfers.depth,
                channels: external.channels.depth,
                beats: external.region.depth,
            }),
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
            host_bus: HostBus::Wishbone,
            simulation: simulation::files(HostBus::Wishbone, false),
            engine,
            memories: memories(network, schedule, images),
            input_window_base: input_base * layout.word_window_words(),
            input_window_words: layout.tensor_window_words(&schedule.spec(network, network.input)),
            input_packing: PackingEntry {
                parts: schedule.input.parts,
                part_bits: schedule.input.part_bits,
                row_taps: schedule.input.row_taps,
            },
            input: network.input.index(),
            output: network.output.index(),
            tensors: tensors(network, schedule),
            operations: operations(network, schedule, cycles),
            model_cycles: cycles.total,
            digit_macs: cycles.digit_macs,
            external: None,
        }
    }

    /// The same build with tensors and weights in external memory.
    pub fn in_external_memory(
        mut self,
        schedule: &Schedule,
        plan: &ExternalPlan,
        tables: &Tables,
    ) -> Manifest {
        let words = |image: &Image, file: &str| Memory {
            depth: image.words.len().max(2),
            word_bits: image.word_bits,
            file: Some(file.into()),
        };
        let m = &mut self.memories;
        m.features.depth = plan.config.feature_words;
        m.weights = Memory { depth: plan.config.weight_words, file: None, ..m.weights.clone() };
        m.descriptors = words(&tables.descriptors, "descriptors.hex");
        m.external = Some(ExternalMemories {
            commands: words(&tables.commands, "commands.hex"),
            transfers: words(&tables.transfers, "transfers.hex"),
            channels: words(&tables.channels, "channels.hex"),
            region: Memory {
                depth: plan.external_bytes.div_ceil(16),
                word_bits: 128,
                file: Some("external.hex".into()),
            },
        });
        self.tensors.iter_mut().for_each(|tensor| tensor.base = None);
        (self.input_window_base, self.input_window_words) = (0, 0);
        self.model_cycles = plan.report.cycles;
        self.external = Some(external_program(schedule, plan));
        self
    }

    /// The same build on another bus.
    pub fn on_bus(self, host_bus: HostBus) -> Manifest {
        let simulation = simulation::files(host_bus, self.memories.external.is_some());
        Manifest { host_bus, simulation, ..self }
    }

    /// Where a tensor lies in external memory; empty if it does not.
    pub fn external_parts(&self, tensor: usize) -> &[ExternalPart] {
        let tensors = self.external.iter().flat_map(|external| &external.tensors);
        let found = tensors.into_iter().find(|place| place.tensor == tensor);
        found.map_or(&[], |place| &place.parts)
    }

    /// Verilog files of a simulation, in compile order.
    pub fn simulation_files(&self) -> Vec<String> {
        [self.verilog.clone(), self.simulation.verilog.clone()].concat()
    }
}

fn memories(network: &Network, schedule: &Schedule, images: &Images) -> Memories {
    let engine = &schedule.engine;
    let pool_words = schedule.pool_words(network);
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
        // a build may have none
        pool: Memory { depth: pool_words, ..memory(2, engine.pool_bits(), None) },
        external: None,
    }
}

fn external_program(schedule: &Schedule, plan: &ExternalPlan) -> ExternalProgram {
    let part = |part: &crate::external::ExternalPart| ExternalPart {
        first_group: part.first_group,
        n_groups: part.n_groups,
        address: part.address,
        row_bytes: part.row_bytes,
    };
    let tensors = plan.tensors.iter().map(|tensor| ExternalTensor {
        tensor: tensor.tensor,
        parts: tensor.parts.iter().map(part).collect(),
    });
    let visits = plan.visits.iter().map(|visit| visit_entry(schedule, visit));
    let commands = plan.engine.iter().map(|c| (usize::from(c.visit), usize::from(c.rows), c.first));
    ExternalProgram {
        tensors: tensors.collect(),
        visits: visits.collect(),
        commands: commands.collect(),
        bytes_moved: plan.report.moved.total() as u64,
        bytes_floor: plan.report.floor_bytes as u64,
    }
}

fn visit_entry(schedule: &Schedule, visit: &Visit) -> VisitEntry {
    let operation = &schedule.operations[visit.operation];
    let engine = &schedule.engine;
    let channels = if operation.uses_array() {
        let first = visit.first_out_group * engine.tm;
        (first, (visit.n_out_groups * engine.tm).min(operation.out_channels() - first))
    } else {
        (visit.first_out_group * engine.tn, visit.n_out_groups * engine.tn)
    };
    VisitEntry {
        operation: visit.operation,
        channels,
        out_rows: if operation.phases() > 1 { 2 } else { 1 },
        output: (visit.output.base, visit.output.ring),
        pooled: visit.pooled.map(|ring| (ring.base, ring.ring)),
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
