//! Checks the model and its golden files, and turns them into constants of the image.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use network::Graph;
use network::format::NetworkView;

const VARIABLE: &str = "QUNET_FIRMWARE_DATA";
/// mps2 (default) or microbit: which memory an Arm image is linked for.
const BOARD: &str = "QUNET_FIRMWARE_BOARD";

// sizes of memory.x, less what code and stack need
const MODEL_MOST: usize = 3 << 20;
const ARENA_MOST: usize = 3 << 20;
const GOLDEN_MOST: usize = 16 << 20;

fn main() {
    if let Err(problem) = run() {
        eprintln!("error: {problem}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    println!("cargo::rerun-if-env-changed={BOARD}");
    let target = env::var("TARGET")?;
    println!("cargo::rustc-env=QUNET_TARGET={target}");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    let board = env::var(BOARD).unwrap_or_else(|_| "mps2".into());
    let (script, script_of_linker) = match target.starts_with("riscv") {
        true => ("memory-riscv.x".into(), "memory.x"),
        false => (format!("memory-{board}.x"), "link.x"),
    };
    println!("cargo::rerun-if-changed={script}");
    fs::copy(&script, out.join("memory.x")).map_err(|e| format!("{script}: {e}"))?;
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-T{script_of_linker}");
    println!("cargo::rustc-link-arg-bins=--gc-sections");
    fs::write(out.join("place.rs"), place(&target, &board))?;
    if env::var_os("CARGO_FEATURE_MODEL").is_none() {
        return Ok(());
    }
    let data = env::var_os(VARIABLE).ok_or_else(|| {
        format!("{VARIABLE}: expected the folder of model.qunet, input_N.bin and golden_N.bin")
    })?;
    let data = fs::canonicalize(&data).map_err(|e| format!("{VARIABLE}={data:?}: {e}"))?;
    println!("cargo::rerun-if-changed={}", data.display());
    fs::write(out.join("data.rs"), constants(&data)?)?;
    Ok(())
}

/// The text of `place.rs`: where QEMU's loader puts a bundle, and how large arenas may be.
fn place(target: &str, board: &str) -> String {
    let (bundle, n_bytes, arena) = match (target.starts_with("riscv"), board) {
        (true, _) => (0x8100_0000u32, 16 << 20, 4 << 20),
        (false, "microbit") => (0x0001_0000, 192 << 10, 9 << 10),
        (false, _) => (0x2100_0000, 16 << 20, 3 << 20),
    };
    format!(
        "/// Address of the bundle.\npub const BUNDLE: usize = {bundle};\n\
         /// Room for it.\npub const BUNDLE_BYTES: usize = {n_bytes};\n\
         /// Bytes of the arena.\npub const ARENA_BYTES: usize = {arena};\n"
    )
}

/// The text of `data.rs`.
fn constants(data: &Path) -> Result<String, Box<dyn Error>> {
    let path = data.join("model.qunet");
    let bytes = read(&path)?;
    let model = NetworkView::new_checked(&bytes).map_err(|e| format!("{}: {e}", path.display()))?;
    let layers = || (0..model.n_layers()).map(|i| model.info(i));
    let n_values: usize = layers().map(|layer| model.spec(layer.output).len()).sum();
    let macs: u64 = layers().map(|layer| layer.n_weights as u64 * positions(&model, &layer)).sum();
    let n_samples = (0..).take_while(|n| data.join(format!("input_{n}.bin")).exists()).count();
    if n_samples == 0 {
        return Err(format!("{}: expected a file input_0.bin, found none", data.display()).into());
    }
    let arena_bytes = model.arena_bytes();
    fits("model in flash", bytes.len(), MODEL_MOST)?;
    fits("arena in RAM", arena_bytes, ARENA_MOST)?;
    let per_sample = model.spec(model.input()).len() + n_values;
    fits("golden data of all samples", n_samples * per_sample, GOLDEN_MOST)?;
    let mut text = String::new();
    writeln!(text, "/// Bytes of the arena that the model's plan needs.")?;
    writeln!(text, "pub const ARENA_BYTES: usize = {arena_bytes};")?;
    writeln!(text, "/// Layers of the model.")?;
    writeln!(text, "pub const N_LAYERS: usize = {};", model.n_layers())?;
    writeln!(text, "/// Multiplications of weights of one run, padding included.")?;
    writeln!(text, "pub const MACS: u64 = {macs};")?;
    writeln!(text, "/// Bytes of the model.")?;
    writeln!(text, "pub const MODEL_BYTES: usize = {};", bytes.len())?;
    writeln!(text, "/// The model.")?;
    writeln!(text, "pub static MODEL: [u8; MODEL_BYTES] = *include_bytes!({path:?});")?;
    let mut samples = String::new();
    for n in 0..n_samples {
        for (kind, expected) in [("input", model.spec(model.input()).len()), ("golden", n_values)] {
            let path = data.join(format!("{kind}_{n}.bin"));
            let found = read(&path)?.len();
            if found != expected {
                let path = path.display();
                return Err(format!("{path}: expected {expected} bytes, found {found}").into());
            }
            let name = format!("{kind}_{n}").to_uppercase();
            // the attribute only chooses a place; the workspace denies unsafe code elsewhere
            writeln!(text, "#[unsafe(link_section = \".golden\")]")?;
            writeln!(text, "static {name}: [u8; {expected}] = *include_bytes!({path:?});")?;
        }
        write!(samples, "Sample {{ input: &INPUT_{n}, golden: &GOLDEN_{n} }}, ")?;
    }
    writeln!(text, "/// Inputs and what every layer makes of them.")?;
    writeln!(text, "pub static SAMPLES: [Sample; {n_samples}] = [{samples}];")?;
    Ok(text)
}

/// Positions that every weight of a layer is multiplied at.
fn positions(model: &NetworkView, layer: &network::LayerInfo) -> u64 {
    // a transposed convolution's four weights share the four pixels of an output block
    model.spec(layer.inputs[0]).plane() as u64
}

fn fits(what: &str, found: usize, most: usize) -> Result<(), String> {
    match found <= most {
        true => Ok(()),
        false => Err(format!("{what}: expected at most {most} bytes on this board, found {found}")),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|e| format!("{}: {e}", path.display()))
}
