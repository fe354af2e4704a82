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

/// What Verilator compiles: files relative to a folder, a top module, and a shim around it.
pub struct Design<'a> {
    /// The folder.
    pub dir: &'a Path,
    /// Verilog files, in compile order.
    pub files: Vec<String>,
    /// Files that these include.
    pub includes: Vec<String>,
    /// Top module.
    pub top: &'a str,
    /// Parameters that name a memory image, and that image.
    pub images: Vec<(String, String)>,
    /// C++ text that makes a C interface of the model `Vqunet`.
    pub shim: &'a str,
}

/// The shared object of a build folder, from the cache if the design has not changed.
pub fn shared_object(
    build_dir: &Path,
    manifest: &Manifest,
    cache_dir: &Path,
) -> Result<PathBuf, VerilatedError> {
    let m = &manifest.memories;
    let region = m.external.as_ref().map(|external| ("MEMORY_FILE", &external.region));
    let images = m.images().into_iter().chain(region);
    let images = images.filter_map(|(name, memory)| Some((name.to_string(), memory.file.clone()?)));
    let design = Design {
        dir: build_dir,
        files: manifest.simulation_files(),
        includes: vec![INCLUDE.into()],
        top: &manifest.simulation.top,
        images: images.collect(),
        shim: SHIM,
    };
    compiled(&design, cache_dir)
}

/// The shared object of a design, from the cache if it has not changed.
///
/// Memory images are read when an instance is made, so they are not part of the design.
pub fn compiled(design: &Design, cache_dir: &Path) -> Result<PathBuf, VerilatedError> {
    let dir = design.dir.canonicalize().map_err(io_error(design.dir))?;
    let arguments = arguments(&dir, design);
    let mut hash = Fnv::new();
    hash.add(version()?.as_bytes());
    hash.add(design.shim.as_bytes());
    for name in design.files.iter().chain(&design.includes) {
        let path = dir.join(name);
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
        compile(&dir, design.shim, &cache_dir, &arguments, &object)?;
    }
    Ok(object)
}

/// Arguments that depend on the design; file names are relative to its folder, so that equal
/// designs share an object, except those of memory images, which are read at run time.
fn arguments(dir: &Path, design: &Design) -> Vec<String> {
    let image = |(parameter, file): &(String, String)| {
        format!("-G{parameter}=\"{}\"", dir.join(file).display())
    };
    let folders = design.includes.iter().filter_map(|name| Path::new(name).parent());
    let folders = folders.filter(|folder| !folder.as_os_str().is_empty());
    design
        .images
        .iter()
        .map(image)
        .chain(folders.map(|folder| format!("+incdir+{}", folder.display())))
        .chain(["--top-module".into(), design.top.into()])
        .chain(design.files.iter().cloned())
        .collect()
}

fn compile(
    build_dir: &Path,
    shim_text: &str,
    cache_dir: &Path,
    arguments: &[String],
    object: &Path,
) -> Result<(), VerilatedError> {
    let work = tempfile::Builder::new()
        .prefix("qunet-obj-")
        .tempdir_in(cache_dir)
        .map_err(io_error(cache_dir))?;
    let shim = work.path().join("shim.cpp");
    fs::write(&shim, shim_text).map_err(io_error(&shim))?;
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
