//! Compiles a build folder to a shared object, once per design.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::VerilatedError;
use super::manifest::Manifest;

const SHIM: &str = include_str!("shim.cpp");
const INCLUDE: &str = "qunet_defs.vh";
const PREFIX: &str = "Vqunet";

/// True if Verilator can be run.
pub fn is_installed() -> bool {
    version().is_ok()
}

fn version() -> Result<String, VerilatedError> {
    let output = Command::new("verilator").arg("--version").output();
    match output {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        _ => Err(VerilatedError::NotInstalled),
    }
}

fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> VerilatedError + '_ {
    move |source| VerilatedError::Io { path: path.into(), source }
}

/// The shared object of a build folder, from the cache if the design has not changed.
///
/// Memory images are read when an instance is made, so they are not part of the design.
pub fn shared_object(
    build_dir: &Path,
    manifest: &Manifest,
    cache_dir: &Path,
) -> Result<PathBuf, VerilatedError> {
    let build_dir = build_dir.canonicalize().map_err(io_error(build_dir))?;
    let arguments = arguments(&build_dir, manifest);
    let mut hash = Fnv::new();
    hash.add(version()?.as_bytes());
    hash.add(SHIM.as_bytes());
    for name in manifest.simulation_files().iter().map(String::as_str).chain([INCLUDE]) {
        let path = build_dir.join(name);
        hash.add(&fs::read(&path).map_err(io_error(&path))?);
    }
    arguments.iter().for_each(|argument| hash.add(argument.as_bytes()));
    fs::create_dir_all(cache_dir).map_err(io_error(cache_dir))?;
    let cache_dir = cache_dir.canonicalize().map_err(io_error(cache_dir))?;
    let object = cache_dir.join(format!("qunet-{:016x}.so", hash.0));
    // one process compiles, others wait and find the object
    let lock_path = object.with_extension("lock");
    let lock = fs::File::create(&lock_path).map_err(io_error(&lock_path))?;
    lock.lock().map_err(io_error(&lock_path))?;
    if !object.is_file() {
        compile(&build_dir, &cache_dir, &arguments, &object)?;
    }
    Ok(object)
}

/// Arguments that depend on the design; file names are relative to the build folder, so that
/// equal designs share an object, except those of memory images, which are read at run time.
fn arguments(build_dir: &Path, manifest: &Manifest) -> Vec<String> {
    let m = &manifest.memories;
    let region = m.external.as_ref().map(|external| ("MEMORY_FILE", &external.region));
    let files = m.images().into_iter().chain(region);
    let images = files.filter_map(|(parameter, memory)| {
        let path = build_dir.join(memory.file.as_ref()?);
        Some(format!("-G{parameter}=\"{}\"", path.display()))
    });
    images
        .chain(["--top-module".into(), manifest.simulation.top.clone()])
        .chain(manifest.simulation_files())
        .collect()
}

fn compile(
    build_dir: &Path,
    cache_dir: &Path,
    arguments: &[String],
    object: &Path,
) -> Result<(), VerilatedError> {
    let work = tempfile::Builder::new()
        .prefix("qunet-obj-")
        .tempdir_in(cache_dir)
        .map_err(io_error(cache_dir))?;
    let shim = work.path().join("shim.cpp");
    fs::write(&shim, SHIM).map_err(io_error(&shim))?;
    let output = Command::new("verilator")
        .current_dir(build_dir)
        .args(["--cc", "--exe", "--build", "-O3", "--x-assign", "fast", "--x-initial", "fast"])
        .args(["--noassert", "--prefix", PREFIX, "-o", "libqunet.so", "--Mdir"])
        .arg(work.path())
        .args(["-CFLAGS", "-fPIC -fvisibility=hidden", "-MAKEFLAGS", "OPT_FAST=-O2"])
        .args(["-LDFLAGS", "-shared"])
        .args(arguments)
        .arg(&shim)
        .output()
        .map_err(|_| VerilatedError::NotInstalled)?;
    let built = work.path().join("libqunet.so");
    if !output.status.success() || !built.is_file() {
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let log = lines[lines.len().saturating_sub(40)..].join("\n");
        return Err(VerilatedError::Build { build_dir: build_dir.into(), log });
    }
    fs::rename(&built, object).map_err(io_error(object))
}

/// FNV-1a, 64 bits: names cache entries alike on every run and platform.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().copied().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
