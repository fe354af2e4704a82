//! The bench of each primitive, under Icarus and under Verilator.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use hdl_gen::emit::{sources, verilog_definitions};
use hdl_gen::soc;

/// Names of the files of a folder of `rtl`, in alphabetical order.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rtl").join(folder);
    let entries = fs::read_dir(folder).expect("a folder");
    let mut files: Vec<PathBuf> = entries.map(|e| e.expect("entry").path()).collect();
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_name().expect("a name").to_str().expect("UTF-8").into()
}

/// Names of all benches, `delay_tb` and so on, in alphabetical order.
fn benches() -> Vec<String> {
    let names = bench_files().into_iter().map(|path| name(&path));
    let mut benches: Vec<String> =
        names.filter_map(|name| name.strip_suffix("_tb.v").map(|n| format!("{n}_tb"))).collect();
    benches.sort();
    benches
}

fn bench_files() -> Vec<PathBuf> {
    [files("bench"), files("soc/bench")].concat()
}

/// Name and text of each primitive, those of the system around the accelerator among them.
fn primitives() -> Vec<(&'static str, &'static str)> {
    // the system as a whole needs a processor, which is not ours
    let around = soc::sources::RTL.iter().filter(|(name, _)| *name != "qunet_soc.v");
    sources::RTL.iter().chain(around).copied().collect()
}

/// Names of the models that only simulation has.
fn models() -> Vec<String> {
    files("sim").iter().map(|path| name(path)).collect()
}

/// A folder with the primitives, the generated include file, the models and all benches.
fn work_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in primitives() {
        fs::write(folder.path().join(name), text).expect("writes");
    }
    fs::write(folder.path().join(sources::DEFINITIONS), verilog_definitions()).expect("writes");
    let system = folder.path().join(soc::sources::DEFINITIONS);
    fs::write(system, soc::verilog_definitions()).expect("writes");
    for path in [bench_files(), files("sim")].concat() {
        fs::copy(&path, folder.path().join(name(&path))).expect("copies");
    }
    folder
}

fn is_installed(tool: &str) -> bool {
    let installed = Command::new(tool).arg("-V").output().is_ok();
    if !installed {
        eprintln!("skipped: benches: {tool} is not installed");
    }
    installed
}

/// Runs a command; what it printed. It must succeed.
fn run(command: &mut Command) -> String {
    let output = command.output().expect("runs");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{command:?}:\n{text}");
    text
}

fn has_passed(bench: &str, printed: &str) {
    assert!(printed.lines().any(|l| l.starts_with("PASS ")), "{bench}:\n{printed}");
    assert!(!printed.contains("FAIL"), "{bench}:\n{printed}");
}

#[test]
fn every_primitive_has_a_bench() {
    let primitives = primitives().into_iter().map(|(name, _)| String::from(name));
    // wiring: the parts have benches, and the engine as a whole is checked by the bench that every
    // build folder carries
    let is_wiring = |name: &str| ["qunet_engine.v", "external_memory.v"].contains(&name);
    let mut expected: Vec<String> = primitives
        .chain(models())
        .filter(|name| !is_wiring(name))
        .map(|name| name.replace(".v", "_tb"))
        .collect();
    expected.sort();
    assert_eq!(benches(), expected);
}

#[test]
fn icarus() {
    if !is_installed("iverilog") {
        return;
    }
    let folder = work_folder();
    for bench in benches() {
        let design = primitives().into_iter().map(|(name, _)| name);
        run(Command::new("iverilog")
            .current_dir(folder.path())
            .args(["-g2005", "-s", &bench, "-o", "run.vvp", &format!("{bench}.v")])
            .args(design)
            .args(models()));
        let printed = run(Command::new("vvp").current_dir(folder.path()).args(["-n", "run.vvp"]));
        has_passed(&bench, &printed);
    }
}

#[test]
fn verilator() {
    if !is_installed("verilator") {
        return;
    }
    let folder = work_folder();
    for bench in benches() {
        let program = compiled(&bench, folder.path());
        has_passed(&bench, &run(&mut Command::new(program)));
    }
}

/// The program of a bench, from the cache if no text has changed.
fn compiled(bench: &str, folder: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    for name in [format!("{bench}.v"), "bench_common.vh".into()].into_iter().chain(models()) {
        fs::read(folder.join(name)).expect("reads").hash(&mut hasher);
    }
    (primitives(), verilog_definitions(), soc::verilog_definitions()).hash(&mut hasher);
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("benches");
    fs::create_dir_all(&cache).expect("a cache");
    let program = cache.join(format!("{bench}-{:016x}", hasher.finish()));
    if !program.is_file() {
        // lint is another test's business, and here it would be that of the bench
        run(Command::new("verilator")
            .current_dir(folder)
            .args(["--binary", "--timing", "-Wno-fatal", "-Wno-lint", "-Wno-style"])
            .args(["-CFLAGS", "-O0", "-Mdir", "obj", "-o", "run", "--top-module", bench])
            .arg(format!("{bench}.v"))
            .args(["-y", "."]));
        fs::rename(folder.join("obj/run"), &program)
            .or_else(|_| fs::copy(folder.join("obj/run"), &program).map(|_| ()))
            .expect("keeps the program");
        fs::remove_dir_all(folder.join("obj")).expect("removes");
    }
    program
}
