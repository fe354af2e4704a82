//! The whole system around a generated accelerator: PicoRV32, memory, host port, memory map.
//!
//! The manifest of a build folder enters [`emit`]; a folder leaves with the Verilog of the system,
//! its memory map for C, a linker and people, and `soc.json` for programs. The accelerator's own
//! build folder lies in it as `accelerator/`, the program as [`FIRMWARE`] (see [`RamImage`]);
//! [`generate_soc`] makes all of it from a network. The crate `sim` runs it.

mod bench;
mod build;
mod definitions;
mod image;
mod readme;
pub mod sources;

use std::path::Path;

use network::Network;
use network::soc::{ACCELERATOR_BASE, HOST_BASE, RAM_BASE};
use serde::{Deserialize, Serialize};

pub use build::{SocBuild, SocParts, default_ram_bytes, find_processor, generate_soc};
pub use definitions::{c_header, linker_memory, verilog as verilog_definitions};
pub use image::RamImage;

use crate::config::HostBus;
use crate::emit::folder::Folder;
use crate::emit::sources::DEFINITIONS;
use crate::error::HdlError;
use crate::manifest::Manifest;
use sources::{PROCESSOR, RTL};

/// Version of the layout of [`SocManifest`].
pub const FORMAT: u32 = 1;
/// Name of the manifest.
pub const MANIFEST: &str = "soc.json";
/// Name of the program's image.
pub const FIRMWARE: &str = "firmware.hex";
/// Folder of the accelerator.
pub const ACCELERATOR: &str = "accelerator";
/// Smallest and largest memory in bytes: the port of the processor has room up to the host port.
const RAM_RANGE: std::ops::RangeInclusive<usize> = 4096..=HOST_BASE as usize;

/// `soc.json`: all that a program must know to build and run the system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocManifest {
    /// Version of this layout.
    pub format: u32,
    /// Version of the tool that wrote it.
    pub tool_version: String,
    /// Name of the top module.
    pub top: String,
    /// Verilog files, from this folder.
    pub verilog: Vec<String>,
    /// Include files, from this folder.
    pub includes: Vec<String>,
    /// Parameters of the top module that name a memory image, and that image.
    pub images: Vec<(String, String)>,
    /// Bytes of memory.
    pub ram_bytes: usize,
    /// Where the parts lie, by name.
    pub memory_map: Vec<(String, u32)>,
    /// CRC-32 of the model that the accelerator was generated from.
    pub model_hash: u32,
}

/// Writes the folder of the system around a network's accelerator, whose own folder belongs into
/// it, with a bench of its own.
///
/// `processor` is the text of PicoRV32's `picorv32.v`. An earlier system there is replaced, the
/// accelerator in it stays.
///
/// # Errors
/// If the accelerator is not one with a Wishbone port and its tensors on chip, the memory's size is
/// not legal, or writing fails; an earlier system is then untouched.
pub fn emit(
    network: &Network,
    accelerator: &Manifest,
    ram_bytes: usize,
    processor: &str,
    out_dir: &Path,
) -> Result<SocManifest, HdlError> {
    check(accelerator, ram_bytes, processor)?;
    let manifest = manifest(accelerator, ram_bytes);
    let mut folder = Folder::beside_marked(out_dir, MANIFEST)?;
    for (name, text) in RTL {
        folder.write(name, text.as_bytes())?;
    }
    folder.write(PROCESSOR, processor.as_bytes())?;
    folder.write(sources::DEFINITIONS, verilog_definitions().as_bytes())?;
    folder.write("qunet_soc.h", c_header(ram_bytes).as_bytes())?;
    folder.write("memory.x", linker_memory(ram_bytes).as_bytes())?;
    folder.write("README.md", readme::readme(&manifest).as_bytes())?;
    let json = serde_json::to_string_pretty(&manifest).unwrap_or_default();
    bench::write(&mut folder, &manifest, network, accelerator.model_cycles)?;
    folder.write(MANIFEST, (json + "\n").as_bytes())?;
    folder.finish()?;
    Ok(manifest)
}

fn check(accelerator: &Manifest, ram_bytes: usize, processor: &str) -> Result<(), HdlError> {
    let wrong = |what, expected: &str, found: String| HdlError::Soc {
        what,
        expected: expected.into(),
        found,
    };
    if accelerator.host_bus != HostBus::Wishbone {
        let found = accelerator.host_bus.name().into();
        return Err(wrong("hardware.host_bus", "wishbone", found));
    }
    if accelerator.memories.external.is_some() {
        return Err(wrong("hardware.memory", "on-chip", "external".into()));
    }
    if !RAM_RANGE.contains(&ram_bytes) || !ram_bytes.is_multiple_of(4) {
        let expected = format!("a multiple of 4, {} to {}", RAM_RANGE.start(), RAM_RANGE.end());
        return Err(wrong("bytes of memory", &expected, ram_bytes.to_string()));
    }
    if !processor.contains("module picorv32 #(") {
        let found = format!("{} bytes without it", processor.len());
        return Err(wrong("processor", "Verilog with a module picorv32", found));
    }
    Ok(())
}

fn manifest(accelerator: &Manifest, ram_bytes: usize) -> SocManifest {
    let inside = |name: &str| format!("{ACCELERATOR}/{name}");
    // first, because it alone sets a time scale, which the files behind it take over
    let own = [PROCESSOR.into()].into_iter().chain(RTL.iter().map(|(name, _)| name.to_string()));
    let images = accelerator.memories.images().into_iter();
    let images = images
        .filter_map(|(parameter, memory)| Some((parameter.into(), inside(memory.file.as_ref()?))));
    let bases = [("ram", RAM_BASE), ("host_port", HOST_BASE), ("accelerator", ACCELERATOR_BASE)];
    SocManifest {
        format: FORMAT,
        tool_version: env!("CARGO_PKG_VERSION").into(),
        top: "qunet_soc".into(),
        verilog: own.chain(accelerator.verilog.iter().map(|name| inside(name))).collect(),
        includes: vec![sources::DEFINITIONS.into(), inside(DEFINITIONS)],
        images: images.chain([("RAM_FILE".into(), FIRMWARE.into())]).collect(),
        ram_bytes,
        memory_map: bases.map(|(name, base)| (name.into(), base)).into(),
        model_hash: accelerator.model_hash,
    }
}
