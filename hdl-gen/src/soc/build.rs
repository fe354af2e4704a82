//! From a network to a system with its program: the accelerator, the system around it, the firmware.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use network::Network;
use network::plan::plan;
use serde::Deserialize;

use super::{ACCELERATOR, RamImage, SocManifest, emit};
use crate::config::HardwareConfig;
use crate::emit::{GenerateReport, generate};
use crate::error::HdlError;

/// Bytes of memory for code and stack.
const CODE_AND_STACK: usize = 128 << 10;
/// The memory grows in steps of so many bytes.
const STEP: usize = 16 << 10;

/// What the system is made of beside the network.
#[derive(Clone, Debug)]
pub struct SocParts<'a> {
    /// Text of `picorv32.v`.
    pub processor: &'a str,
    /// `scripts/boards.sh` of the repository, which builds the firmware.
    pub script: &'a Path,
    /// Bytes of memory; none: [`default_ram_bytes`].
    pub ram_bytes: Option<usize>,
}

/// What was made.
#[derive(Clone, Debug)]
pub struct SocBuild {
    /// `soc.json`.
    pub manifest: SocManifest,
    /// The accelerator.
    pub accelerator: GenerateReport,
    /// Words of memory that the program brings along.
    pub program_words: usize,
    /// Symbols in the program without which nothing can panic.
    pub panic_symbols: usize,
    /// Symbols of routines for floats in the program.
    pub float_symbols: usize,
}

/// Bytes of memory for the network's model, arena and images, code and stack.
///
/// # Errors
/// If the network is not valid.
pub fn default_ram_bytes(network: &Network) -> Result<usize, HdlError> {
    Ok(with_code_and_stack(data_bytes(network)?))
}

fn with_code_and_stack(data: usize) -> usize {
    (data + CODE_AND_STACK).next_multiple_of(STEP)
}

/// Bytes of model, arena and images.
fn data_bytes(network: &Network) -> Result<usize, HdlError> {
    let images = network.spec(network.input).len() + network.spec(network.output).len();
    Ok(network.to_bytes()?.len() + plan(network).arena_bytes + images)
}

/// Generates the accelerator and the system around it, builds the firmware, and puts all that into
/// one folder.
///
/// # Errors
/// As [`emit`] and [`generate`]; [`HdlError::Tool`] if the firmware cannot be built.
pub fn generate_soc(
    network: &Network,
    config: &HardwareConfig,
    parts: &SocParts,
    out_dir: &Path,
) -> Result<SocBuild, HdlError> {
    let data = data_bytes(network)?;
    let ram_bytes = parts.ram_bytes.unwrap_or(with_code_and_stack(data));
    if ram_bytes <= data {
        let expected = format!("more than the {data} of model, arena and images");
        let found = ram_bytes.to_string();
        return Err(HdlError::Soc { what: "bytes of memory", expected, found });
    }
    // into a folder beside, so that a refused system leaves an earlier one alone
    let folder = |path: &Path| match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    let parent = folder(out_dir);
    let io = |path: &Path, source| HdlError::Io { path: path.into(), source };
    std::fs::create_dir_all(&parent).map_err(|error| io(&parent, error))?;
    let work = tempfile::Builder::new().prefix(".qunet-soc-").tempdir_in(&parent);
    let work = work.map_err(|error| io(&parent, error))?;
    let accelerator = generate(network, config, &work.path().join(ACCELERATOR))?;
    let data = work.path().join("data");
    std::fs::create_dir(&data).map_err(|error| io(&data, error))?;
    let model = data.join("model.qunet");
    std::fs::write(&model, network.to_bytes()?).map_err(|error| io(&model, error))?;
    let built = firmware(parts.script, work.path(), ram_bytes)?;
    let elf = std::fs::read(&built.image).map_err(|error| io(&built.image, error))?;
    let image = RamImage::from_elf(&elf, ram_bytes)?;
    let manifest = emit(network, &accelerator.manifest, ram_bytes, parts.processor, out_dir)?;
    image.write(out_dir)?;
    generate(network, config, &out_dir.join(ACCELERATOR))?;
    Ok(SocBuild {
        manifest,
        accelerator,
        program_words: image.words.len(),
        panic_symbols: built.panic_symbols,
        float_symbols: built.float_symbols,
    })
}

/// The last line of `scripts/boards.sh`.
#[derive(Deserialize)]
struct Built {
    image: PathBuf,
    panic_symbols: usize,
    float_symbols: usize,
}

/// Builds the program for the model in `data` and the accelerator of a folder.
fn firmware(script: &Path, work: &Path, ram_bytes: usize) -> Result<Built, HdlError> {
    let tool = || script.display().to_string();
    let output = Command::new(script)
        .arg("picorv32-soc")
        .env("QUNET_FIRMWARE_DATA", work.join("data"))
        .env("QUNET_SOC_ACCELERATOR", work.join(ACCELERATOR))
        .env("QUNET_SOC_RAM_BYTES", ram_bytes.to_string())
        .env("QUNET_BOARDS_IMAGE", work.join("firmware.elf"))
        .stderr(Stdio::piped())
        .output();
    let output = output.map_err(|source| HdlError::Io { path: script.into(), source })?;
    let said = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout);
    let built = text.lines().last().and_then(|line| serde_json::from_str(line).ok());
    match built.filter(|_| output.status.success()) {
        Some(built) => Ok(built),
        None => {
            let lines: Vec<&str> = said.lines().collect();
            let message = lines[lines.len().saturating_sub(20)..].join("\n");
            Err(HdlError::Tool { tool: tool(), message })
        }
    }
}

/// PicoRV32's Verilog: the file that `QUNET_PICORV32` names, else that of the Python package
/// `pythondata-cpu-picorv32` in the folder `.venv` of the repository (scripts/setup.sh).
///
/// # Errors
/// [`HdlError::ToolMissing`] if there is none.
pub fn find_processor(root: &Path) -> Result<PathBuf, HdlError> {
    if let Some(path) = std::env::var_os("QUNET_PICORV32") {
        return Ok(path.into());
    }
    let libraries = std::fs::read_dir(root.join(".venv/lib")).into_iter().flatten().flatten();
    let inside = "site-packages/pythondata_cpu_picorv32/verilog/picorv32.v";
    let mut found = libraries.map(|entry| entry.path().join(inside)).filter(|path| path.is_file());
    found.next().ok_or_else(|| HdlError::ToolMissing {
        tool: "picorv32.v".into(),
        package: "scripts/setup.sh, or QUNET_PICORV32=PATH",
    })
}
