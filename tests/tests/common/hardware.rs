//! The generated Verilog as a backend, in Verilator and in Icarus.

use std::process::Command;

use anyhow::{Context, Result, bail};
use hdl_gen::emit::Depths;
use hdl_gen::{HardwareConfig, generate, generate_loadable};
use sim::verilated::{Step, Verilated, is_installed};
use sim::{Comparison, compare};
use tempfile::TempDir;

use super::Expected;

/// The array that runs the cases: a small one with lanes that divide nothing evenly.
fn config() -> HardwareConfig {
    HardwareConfig {
        tn: 2,
        tm: 4,
        tp: 4,
        digit_bits: 4,
        lane_bits: Some(8),
        scaled: Some(true),
        ..HardwareConfig::default()
    }
}

/// One design compiled by Verilator, into which every case's program is loaded.
pub struct Verilator {
    design: Box<Verilated>,
    folder: TempDir,
}

impl Verilator {
    /// None if Verilator is not installed.
    pub fn start() -> Option<Verilator> {
        is_installed().then(|| Verilator::build().expect("the engine compiles"))
    }

    fn build() -> Result<Verilator> {
        let folder = tempfile::tempdir()?;
        let engine = folder.path().join("engine");
        let depths = Depths {
            features: 1 << 16,
            weights: 1 << 16,
            params: 1 << 10,
            descriptors: 1 << 10,
            pool: 1 << 10,
            external: None,
        };
        generate_loadable(&config(), depths, &engine)?;
        let cache = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("verilated");
        let design = Box::new(Verilated::build(&engine, &cache)?);
        Ok(Verilator { design, folder })
    }

    /// Runs every input layer by layer, then as an unbroken frame.
    pub fn check(&mut self, expected: &Expected) -> Result<Comparison> {
        let network = &expected.case.network;
        let program = self.folder.path().join("program");
        generate(network, &config(), &program)?;
        self.design.load_program(&program)?;
        let mut total = Comparison::default();
        for (input, values) in expected.case.inputs.iter().zip(&expected.values) {
            let mut found = vec![Vec::new(); network.tensors.len()];
            self.design.load_input(input)?;
            for operation in self.design.manifest().operations.clone() {
                self.design.step()?;
                for (_, output) in operation.outputs() {
                    found[output] = self.design.read_tensor(output)?;
                }
            }
            if self.design.step()? != Step::Ended {
                bail!("the program goes on after its last operation");
            }
            total = total.plus(compare(network, values, &found)?);
            self.design.load_input(input)?;
            self.design.run()?;
            let mut frame = vec![Vec::new(); network.tensors.len()];
            frame[network.output.index()] = self.design.read_output()?;
            total = total.plus(compare(network, values, &frame)?);
        }
        Ok(total)
    }
}

/// The test bench that each build folder holds, in Icarus.
pub struct Icarus {
    folder: TempDir,
}

impl Icarus {
    /// None if Icarus is not installed.
    pub fn start() -> Option<Icarus> {
        let version = Command::new("iverilog").arg("-V").output();
        let installed = version.is_ok_and(|output| output.status.success());
        installed.then(|| Icarus { folder: tempfile::tempdir().expect("a temporary folder") })
    }

    /// Runs the bench, whose input and expected values come from the generator.
    pub fn check(&mut self, expected: &Expected) -> Result<Comparison> {
        let network = &expected.case.network;
        let folder = self.folder.path().join("bench");
        let report = generate(network, &config(), &folder)?;
        let mut compile = Command::new("iverilog");
        // only the bench has a timescale; the design has no delays
        compile.args(["-g2005", "-Wall", "-Wno-timescale", "-o", "bench.vvp", "qunet_tb.v"]);
        let output = compile.args(&report.manifest.verilog).current_dir(&folder).output()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        if !output.status.success() || !text.is_empty() {
            bail!("iverilog: {text}");
        }
        let output = Command::new("vvp").arg("bench.vvp").current_dir(&folder).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let verdict = text.lines().last().context("the bench prints nothing")?;
        if verdict != "PASS" {
            bail!("bench: {text}");
        }
        let outputs = report.manifest.operations.iter().flat_map(|op| op.outputs());
        let outputs = outputs.map(|(_, tensor)| network.tensors[tensor].spec.len());
        let n_values = outputs.sum::<usize>() as u64;
        let n_layers = report.test_bench_operations;
        Ok(Comparison { n_layers, n_values, ..Comparison::default() })
    }
}
