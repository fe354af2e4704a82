//! What the build scripts of the boards share: a model and a sample become constants of the image.
//!
//! Data enters through `QUNET_FIRMWARE_DATA`, a folder with `model.qunet`, `input_0.bin` (the
//! input tensor, CHW bytes) and `output_0.bin` (the output tensor that the simulator gives), and
//! leaves as `data.rs` in the build's own folder.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use network::Graph;
use network::format::NetworkView;

/// Why a build script failed.
pub type Failure = Box<dyn Error>;

/// Name of the variable with the folder of model and sample.
pub const DATA: &str = "QUNET_FIRMWARE_DATA";

/// What a board has for data, code and stack left out.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of flash for the model and the sample.
    pub flash: usize,
    /// Bytes of RAM for arena, input and output.
    pub ram: usize,
}

/// Runs a build script's body; an error ends it with one line.
pub fn main(body: impl FnOnce() -> Result<(), Failure>) {
    if let Err(problem) = body() {
        eprintln!("error: {problem}");
        std::process::exit(1);
    }
}

/// A folder named by an environment variable.
///
/// # Errors
/// If the variable is not set or its folder is not there; `what` says what was expected.
pub fn folder(variable: &str, what: &str) -> Result<PathBuf, Failure> {
    println!("cargo::rerun-if-env-changed={variable}");
    let path = env::var_os(variable).ok_or_else(|| format!("{variable}: expected {what}"))?;
    let path = fs::canonicalize(&path).map_err(|e| format!("{variable}={path:?}: {e}"))?;
    println!("cargo::rerun-if-changed={}", path.display());
    Ok(path)
}

/// The build's own folder.
///
/// # Errors
/// Outside a build script.
pub fn out_dir() -> Result<PathBuf, Failure> {
    Ok(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?.into())
}

/// Copies a linker script into the build's own folder, where the linker looks.
///
/// # Errors
/// If it cannot be written.
pub fn linker_script(name: &str, text: &str) -> Result<(), Failure> {
    let out = out_dir()?;
    fs::write(out.join(name), text)?;
    println!("cargo::rustc-link-search={}", out.display());
    Ok(())
}

/// Hands an argument to the linker.
pub fn linker_argument(argument: &str) {
    println!("cargo::rustc-link-arg-bins={argument}");
}

/// Writes `data.rs`: MODEL, ARENA_BYTES, INPUT_BYTES, OUTPUT_BYTES, and with `sample` the input and
/// the output that it must give, INPUT and OUTPUT.
///
/// # Errors
/// If a file is missing, not valid, or does not fit the board.
pub fn write_data(limits: Limits, sample: bool) -> Result<(), Failure> {
    let data = folder(DATA, "the folder of model.qunet, input_0.bin and output_0.bin")?;
    let path = data.join("model.qunet");
    let bytes = read(&path)?;
    let model = NetworkView::new_checked(&bytes).map_err(|e| format!("{}: {e}", path.display()))?;
    let (input, output) = (model.spec(model.input()).len(), model.spec(model.output()).len());
    let arena = model.arena_bytes();
    let in_flash = bytes.len() + if sample { input + output } else { 0 };
    let in_ram = arena + output + if sample { 0 } else { input };
    fits("model and sample in flash", in_flash, limits.flash)?;
    fits("arena and images in RAM", in_ram, limits.ram)?;
    let mut text = String::new();
    let n_layers = model.n_layers();
    for (doc, name, value) in [
        ("Bytes of the arena that the model's plan needs", "ARENA_BYTES", arena),
        ("Bytes of the input tensor", "INPUT_BYTES", input),
        ("Bytes of the output tensor", "OUTPUT_BYTES", output),
        ("Bytes of the model", "MODEL_BYTES", bytes.len()),
        ("Layers of the model", "N_LAYERS", n_layers),
    ] {
        writeln!(text, "/// {doc}.\n#[allow(dead_code)]\npub const {name}: usize = {value};")?;
    }
    writeln!(
        text,
        "/// The model.\npub static MODEL: [u8; MODEL_BYTES] = *include_bytes!({path:?});"
    )?;
    if sample {
        for (name, file, expected) in
            [("INPUT", "input_0.bin", input), ("OUTPUT", "output_0.bin", output)]
        {
            let path = data.join(file);
            check_length(&path, read(&path)?.len(), expected)?;
            writeln!(text, "/// The sample's {file}.")?;
            writeln!(text, "pub static {name}: [u8; {expected}] = *include_bytes!({path:?});")?;
        }
    }
    fs::write(out_dir()?.join("data.rs"), text)?;
    Ok(())
}

fn check_length(path: &Path, found: usize, expected: usize) -> Result<(), Failure> {
    match found == expected {
        true => Ok(()),
        false => {
            Err(format!("{}: expected {expected} bytes, found {found}", path.display()).into())
        }
    }
}

fn fits(what: &str, found: usize, most: usize) -> Result<(), Failure> {
    match found <= most {
        true => Ok(()),
        false => Err(format!(
            "{what}: expected at most {most} bytes on this board, found {found}: {} too many",
            found - most
        )
        .into()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?)
}
