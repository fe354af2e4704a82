//! Writes the build folder.

mod definitions;
mod external;
mod external_bench;
pub(crate) mod folder;
mod hex;
mod model_header;
pub(crate) mod project;
mod readme;
pub mod simulation;
pub mod sources;
mod svd;
pub(crate) mod test_bench;
mod top;

use std::path::Path;

use network::Network;
use network::format::NetworkView;

pub use definitions::{c_header, verilog as verilog_definitions};
pub use top::describe;

use crate::config::{HardwareConfig, HostBus, MemoryPlace};
use crate::cycles::{CycleModel, cycle_model};
use crate::engine::Engine;
use crate::error::HdlError;
use crate::external::ExternalReport;
use crate::images::{Image, Images, images};
use crate::manifest::{ExternalMemories, FORMAT, Manifest, Memories, Memory, PackingEntry, TOP};
use crate::schedule::{Schedule, schedule};
use external::External;
use external_bench::external_bench;
use folder::Folder;

/// What was generated.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateReport {
    /// The manifest as written.
    pub manifest: Manifest,
    /// One line per operation, as in the top level's comments.
    pub operations: Vec<String>,
    /// The cycle model.
    pub cycles: CycleModel,
    /// What the plan of an external-memory build costs.
    pub external: Option<ExternalReport>,
    /// Bits of all memories on chip.
    pub memory_bits: usize,
    /// Layers whose expected values the test bench holds.
    pub test_bench_operations: usize,
}

/// Generates the build folder of a network.
///
/// The folder is written beside `out_dir` and renamed; an earlier build there is replaced.
///
/// # Errors
/// If the network or configuration is not valid, the memories are too small, or writing fails;
/// an earlier build is then untouched.
pub fn generate(
    network: &Network,
    config: &HardwareConfig,
    out_dir: &Path,
) -> Result<GenerateReport, HdlError> {
    let schedule = schedule(network, config)?;
    let images = images(network, &schedule, config)?;
    let mut cycles = cycle_model(network, &schedule);
    let model = network.to_bytes()?;
    let model_hash = NetworkView::new_checked(&model)?.model_hash();
    let mut manifest = Manifest::new(network, model_hash, &schedule, &images, &cycles);
    let external = match config.memory {
        MemoryPlace::OnChip => None,
        MemoryPlace::External => Some(External::new(network, &schedule, config, &images)?),
    };
    if let Some(external) = &external {
        manifest = manifest.in_external_memory(&schedule, &external.plan, &external.tables);
        cycles.total = external.plan.report.cycles;
        cycles.utilization = external.plan.report.utilization;
    }
    let manifest = manifest.on_bus(config.host_bus);
    if cycles.total > u64::from(u32::MAX) {
        let expected = "lanes enough for fewer than 2^32 cycles a frame, as CYCLES counts".into();
        let found = format!("{} lanes and {} cycles", schedule.engine.lanes(), cycles.total);
        return Err(HdlError::Config { key: "tn, tm, tp", expected, found });
    }

    let mut folder = Folder::beside(out_dir)?;
    let comments = top::layer_comments(network, &schedule);
    let watchdog = watchdog_cycles(config, cycles.total);
    write_design(&mut folder, &manifest, &top::top(&manifest, &comments, watchdog))?;
    match &external {
        None => write_images(&mut folder, &images)?,
        Some(external) => external.write(&mut folder, &images)?,
    }
    folder.write("model.qunet", &model)?;
    folder.write("qunet_model.h", model_header::model_header(&manifest).as_bytes())?;
    folder.write("qunet_model.rs", model_header::model_constants(&manifest).as_bytes())?;
    let bench = match &external {
        None => test_bench::test_bench(network, &schedule, &manifest),
        Some(external) => external_bench(network, &schedule, &external.plan, &manifest),
    };
    for (name, text) in &bench.files {
        folder.write(name, text.as_bytes())?;
    }
    folder.write("Makefile", project::makefile(&manifest).as_bytes())?;
    let vectors = bench.files.iter().map(|(name, _)| *name).filter(|name| name.ends_with(".hex"));
    let core = project::fusesoc_core(&manifest, &vectors.collect::<Vec<_>>());
    folder.write(project::CORE, core.as_bytes())?;
    folder.write("README.md", readme::readme(&manifest, &comments, &cycles).as_bytes())?;
    folder.finish()?;
    let plan = external.map(|external| external.plan.report);
    Ok(report(network, &schedule, manifest, cycles, plan, bench.n_operations))
}

/// Generates an engine with empty memories of the given depths, for programs loaded at run time.
///
/// # Errors
/// If the configuration is not valid or writing fails.
pub fn generate_loadable(
    config: &HardwareConfig,
    depths: Depths,
    out_dir: &Path,
) -> Result<Manifest, HdlError> {
    config.validate()?;
    let lane_bits = config.lane_bits.unwrap_or(8);
    let engine = Engine::new(config, lane_bits, config.scaled.unwrap_or(true), 32)?;
    generate_engine(engine, depths, config, out_dir)
}

/// Generates an engine with empty memories, every parameter of the array as given, bus and
/// watchdog as configured.
///
/// # Errors
/// If writing fails.
pub fn generate_engine(
    engine: Engine,
    depths: Depths,
    config: &HardwareConfig,
    out_dir: &Path,
) -> Result<Manifest, HdlError> {
    let manifest = loadable_manifest(engine, depths).on_bus(config.host_bus);
    let watchdog_cycles = config.watchdog_cycles.unwrap_or(0);
    let comment = "// Memories are empty: the host loads weights, parameters and descriptors.\n";
    let mut folder = Folder::beside(out_dir)?;
    let text = top::top(&manifest, comment, watchdog_cycles);
    write_design(&mut folder, &manifest, &text)?;
    folder.finish()?;
    Ok(manifest)
}

/// Words of each memory of a loadable engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depths {
    /// Feature words.
    pub features: usize,
    /// Weight words.
    pub weights: usize,
    /// Parameter words.
    pub params: usize,
    /// 32-bit descriptor words.
    pub descriptors: usize,
    /// Words of the fused max-pool's half row, 0 or at least 2.
    pub pool: usize,
    /// Memories of an external-memory build; none: all on chip.
    pub external: Option<ExternalDepths>,
}

/// Words of the memories that only an external-memory build has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternalDepths {
    /// 32-bit command words of the engine.
    pub commands: usize,
    /// 32-bit command words of the DMA.
    pub transfers: usize,
    /// 32-bit words of the channel table.
    pub channels: usize,
    /// Beats of 16 bytes outside.
    pub beats: usize,
}

fn loadable_manifest(engine: Engine, depths: Depths) -> Manifest {
    let memory = |depth: usize, word_bits| Memory { depth: depth.max(2), word_bits, file: None };
    Manifest {
        format: FORMAT,
        tool_version: env!("CARGO_PKG_VERSION").into(),
        model: String::new(),
        model_hash: 0,
        top: TOP.into(),
        verilog: sources::verilog_files(),
        host_bus: HostBus::Wishbone,
        simulation: simulation::files(HostBus::Wishbone, depths.external.is_some()),
        engine,
        memories: Memories {
            features: memory(depths.features, engine.feature_bits()),
            weights: memory(depths.weights, engine.weight_bits()),
            params: memory(depths.params, crate::engine::PARAM_BITS),
            descriptors: memory(depths.descriptors.max(32), 32),
            pool: Memory { depth: depths.pool, ..memory(2, engine.pool_bits()) },
            external: depths.external.map(|external| ExternalMemories {
                commands: memory(external.commands, 32),
                transfers: memory(external.transfers, 32),
                channels: memory(external.channels, 32),
                region: memory(external.beats, 128),
            }),
        },
        input_window_base: 0,
        input_window_words: 0,
        input_packing: PackingEntry { parts: 1, part_bits: 0, row_taps: 1 },
        input: 0,
        output: 0,
        tensors: Vec::new(),
        operations: Vec::new(),
        model_cycles: 0,
        digit_macs: 0,
        external: None,
    }
}

fn watchdog_cycles(config: &HardwareConfig, model_cycles: u64) -> u32 {
    let automatic = u32::try_from(4 * model_cycles).unwrap_or(u32::MAX);
    config.watchdog_cycles.unwrap_or(automatic)
}

fn write_design(folder: &mut Folder, manifest: &Manifest, top: &str) -> Result<(), HdlError> {
    for (name, text) in sources::RTL {
        folder.write(name, text.as_bytes())?;
    }
    folder.write(sources::DEFINITIONS, verilog_definitions().as_bytes())?;
    folder.write("qunet_regs.h", c_header().as_bytes())?;
    folder.write(&format!("{TOP}.v"), top.as_bytes())?;
    for (name, text) in simulation::texts(manifest) {
        folder.write(name, text.as_bytes())?;
    }
    folder.write("qunet.svd", svd::svd().as_bytes())?;
    let json = serde_json::to_string_pretty(manifest).unwrap_or_default();
    folder.write("manifest.json", (json + "\n").as_bytes())
}

fn write_images(folder: &mut Folder, images: &Images) -> Result<(), HdlError> {
    let mut write =
        |name: &str, image: &Image| folder.write(name, hex::readmemh(&padded(image)).as_bytes());
    write("weights.hex", &images.weights)?;
    write("params.hex", &images.params)?;
    write("descriptors.hex", &images.descriptors)
}

/// At least two words, the smallest memory there is.
fn padded(image: &Image) -> Image {
    let mut image = image.clone();
    let n_chunks = image.word_bits.div_ceil(32);
    while image.words.len() < 2 {
        image.words.push(vec![0; n_chunks]);
    }
    image
}

fn report(
    network: &Network,
    schedule: &Schedule,
    manifest: Manifest,
    cycles: CycleModel,
    external: Option<ExternalReport>,
    test_bench_operations: usize,
) -> GenerateReport {
    let m = &manifest.memories;
    let memories = [&m.features, &m.weights, &m.params, &m.descriptors, &m.pool].into_iter();
    let tables = m.external.iter().flat_map(|e| [&e.commands, &e.transfers, &e.channels]);
    GenerateReport {
        memory_bits: memories.chain(tables).map(|m| m.depth * m.word_bits).sum(),
        operations: schedule.operations.iter().map(|op| describe(network, op)).collect(),
        manifest,
        cycles,
        external,
        test_bench_operations,
    }
}
