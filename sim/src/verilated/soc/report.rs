//! Compares a system with the simulator: every layer in software, the output of the accelerator.

use network::soc::{Counts, Request};
use network::{Network, TensorSpec};
use serde::Serialize;

use super::model::{Soc, SocLayer, SocRun};
use crate::Simulator;
use crate::error::SimError;
use crate::verilated::cosim::Mismatch;
use crate::verilated::error::VerilatedError;

/// What a run of the whole system found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SocReport {
    /// Multiply-accumulate lanes of the accelerator.
    pub lanes: usize,
    /// Images run.
    pub images: usize,
    /// Values compared with the simulator.
    pub values_compared: u64,
    /// Values that differ.
    pub mismatches: u64,
    /// The first of them.
    pub first_mismatch: Option<Mismatch>,
    /// Cycles of the first image in software; none if it was not run there.
    pub software_cycles: Option<u64>,
    /// Instructions of the first image in software.
    pub software_instructions: Option<u64>,
    /// Cycles of the first image with the accelerator, transfers included.
    pub accelerator_cycles: u64,
    /// Of these, the input's way into the accelerator.
    pub load_cycles: u32,
    /// Of these, from start to end of the frame.
    pub run_cycles: u32,
    /// Of these, the output's way back.
    pub read_cycles: u32,
    /// Cycles of the frame by the engine's own counter.
    pub engine_cycles: u32,
    /// Cycles in software for one with the accelerator.
    pub speedup: Option<f64>,
    /// Deepest use of the stack in bytes.
    pub stack_bytes: u32,
    /// Bytes of machine code.
    pub text_bytes: u32,
    /// Layers of the first image in software: name, cycles, instructions.
    pub layers: Vec<(String, u64, u64)>,
    /// Cycles simulated in all.
    pub simulated_cycles: u64,
}

/// What to run, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocPlan {
    /// Multiply-accumulate lanes of the accelerator, for the report.
    pub lanes: usize,
    /// Images that also run in software, from the first on; every layer is compared.
    pub in_software: usize,
    /// Cycles that one request may take.
    pub limit: u64,
}

/// Runs images on a system and compares with the simulator; `seen` hears of each step by name.
///
/// # Shapes
/// Each input holds C·H·W bytes of the input tensor.
///
/// # Errors
/// If an input is not valid, or the program fails, falls back to software, or does not answer.
pub fn soc_report(
    soc: &mut Soc,
    network: &Network,
    inputs: &[Vec<u8>],
    plan: SocPlan,
    mut seen: impl FnMut(&str),
) -> Result<SocReport, SimError> {
    let simulator = Simulator::new(network)?;
    let mut report = SocReport { lanes: plan.lanes, ..SocReport::default() };
    for (image, input) in inputs.iter().enumerate() {
        let expected = simulator.trace(input)?.tensors;
        let case = Case { network, image };
        seen("accelerator");
        let run = soc.request(Request::Accelerator, input, plan.limit, |_| {})?;
        check_backend(soc, &run)?;
        let output = network.output.index();
        case.compare("mask from the accelerator", output, &expected, &run.output, &mut report);
        if image == 0 {
            report.set_accelerator(&run.counts);
        }
        if image < plan.in_software {
            let name = |layer: &SocLayer| network.layers.get(layer.index).map(|l| l.name());
            let mut heard = |layer: &SocLayer| seen(name(layer).unwrap_or("software"));
            let run = soc.request(Request::SoftwareLayers, input, plan.limit, &mut heard)?;
            for (layer, answer) in network.layers.iter().zip(&run.layers) {
                let tensor = layer.output().index();
                case.compare(layer.name(), tensor, &expected, &answer.output, &mut report);
            }
            case.count_layers(run.layers.len(), &mut report);
            case.compare("mask from software", output, &expected, &run.output, &mut report);
            if image == 0 {
                report.set_software(network, &run);
            }
        }
        report.images += 1;
    }
    let code = soc.end(plan.limit)?;
    if code != 0 {
        let problem = format!("it ended with {code}");
        return Err(VerilatedError::Program { problem, cycles: soc.cycles() }.into());
    }
    report.simulated_cycles = soc.cycles();
    Ok(report)
}

/// The accelerator answered at the first try, not software in its place.
fn check_backend(soc: &Soc, run: &SocRun) -> Result<(), VerilatedError> {
    let Counts { attempts, is_software, .. } = run.counts;
    if (attempts, is_software) == (1, 0) {
        return Ok(());
    }
    let by = if is_software == 0 { "the accelerator" } else { "software" };
    let problem = format!("expected the accelerator at the first try, found {by} after {attempts}");
    Err(VerilatedError::Program { problem, cycles: soc.cycles() })
}

struct Case<'a> {
    network: &'a Network,
    image: usize,
}

impl Case<'_> {
    /// Compares a tensor; bytes that are missing or too many differ.
    fn compare(
        &self,
        layer: &str,
        tensor: usize,
        expected: &[Vec<u8>],
        found: &[u8],
        report: &mut SocReport,
    ) {
        let spec: &TensorSpec = &self.network.tensors[tensor].spec;
        let expected = &expected[tensor];
        report.values_compared += expected.len() as u64;
        let n_missing = expected.len().abs_diff(found.len()) as u64;
        report.mismatches += n_missing;
        for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
            if expected == found {
                continue;
            }
            report.mismatches += 1;
            report.first_mismatch.get_or_insert_with(|| Mismatch {
                image: self.image,
                layer: layer.into(),
                channel: index / spec.plane(),
                y: index % spec.plane() / spec.width,
                x: index % spec.width,
                expected: spec.decode(*expected),
                found: spec.decode(*found),
            });
        }
    }

    /// Layers that were not answered differ in all their values.
    fn count_layers(&self, n_answered: usize, report: &mut SocReport) {
        for layer in self.network.layers.iter().skip(n_answered) {
            report.mismatches += self.network.spec(layer.output()).len() as u64;
        }
    }
}

impl SocReport {
    fn set_accelerator(&mut self, counts: &Counts) {
        self.accelerator_cycles = counts.cycles;
        self.load_cycles = counts.load_cycles;
        self.run_cycles = counts.run_cycles;
        self.read_cycles = counts.read_cycles;
        self.engine_cycles = counts.engine_cycles;
        self.text_bytes = counts.text_bytes;
        self.stack_bytes = counts.stack_bytes;
    }

    fn set_software(&mut self, network: &Network, run: &SocRun) {
        let counts = &run.counts;
        self.software_cycles = Some(counts.cycles);
        self.software_instructions = Some(counts.instructions);
        self.speedup = Some(counts.cycles as f64 / self.accelerator_cycles.max(1) as f64);
        self.stack_bytes = self.stack_bytes.max(counts.stack_bytes);
        let layers = network.layers.iter().zip(&run.layers);
        self.layers =
            layers.map(|(l, a)| (l.name().to_string(), a.cycles, a.instructions)).collect();
    }
}
