//! The backends: one closed enum; a new one is a variant here and a test in `backends.rs`.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use export::{OnnxRuntime, Outputs, find_python};
use network::Network;
use network::plan::{Packing, Scratch, plan_with};
use runtime_embedded::{Model, Session};
use sim::{Comparison, Simulator, compare};

use super::Expected;
use super::hardware::{Icarus, Verilator};

/// Whatever computes the integers of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The reference kernels on the network in memory.
    Reference,
    /// The reference kernels on the network written to `.qunet` bytes and read back.
    File,
    /// The fast simulator.
    Simulator,
    /// The board's runtime, on the host.
    Runtime,
    /// The generated Verilog in Verilator.
    Verilator,
    /// The generated Verilog and its own test bench in Icarus.
    Icarus,
    /// The exported integer ONNX file in ONNX Runtime.
    OnnxRuntime,
}

/// A backend ready to run cases.
pub enum Runner {
    /// See [`Backend::Reference`].
    Reference,
    /// See [`Backend::File`].
    File,
    /// See [`Backend::Simulator`].
    Simulator,
    /// See [`Backend::Runtime`].
    Runtime,
    /// See [`Backend::Verilator`].
    Verilator(Verilator),
    /// See [`Backend::Icarus`].
    Icarus(Icarus),
    /// See [`Backend::OnnxRuntime`].
    OnnxRuntime(OnnxRuntime),
}

impl Backend {
    /// Makes the backend ready; none, and says so, if its tool is not installed.
    ///
    /// # Panics
    /// If the tool is missing and the environment variable `CI` is set.
    pub fn start(self) -> Option<Runner> {
        let runner = match self {
            Backend::Reference => Some(Runner::Reference),
            Backend::File => Some(Runner::File),
            Backend::Simulator => Some(Runner::Simulator),
            Backend::Runtime => Some(Runner::Runtime),
            Backend::Verilator => Verilator::start().map(Runner::Verilator),
            Backend::Icarus => Icarus::start().map(Runner::Icarus),
            Backend::OnnxRuntime => start_onnx_runtime().map(Runner::OnnxRuntime),
        };
        if runner.is_none() {
            let message = format!("skipped: {self:?}: its tool is not installed");
            assert!(std::env::var_os("CI").is_none(), "{message}");
            println!("{message}");
        }
        runner
    }
}

impl Runner {
    /// Runs every input of a case and compares every tensor.
    pub fn check(&mut self, expected: &Expected) -> Result<Comparison> {
        let case = &expected.case;
        let runs = match self {
            // several inputs share one compiled or loaded model
            Runner::Verilator(bench) => return bench.check(expected),
            Runner::Icarus(bench) => return bench.check(expected),
            Runner::OnnxRuntime(runtime) => {
                Ok(export::run(&case.network, Outputs::Layers, &case.inputs, runtime)?)
            }
            Runner::Reference => case.inputs.iter().map(|i| reference(&case.network, i)).collect(),
            Runner::File => {
                let bytes = case.network.to_bytes()?;
                let network = Network::from_bytes(&bytes)?;
                ensure!(network == case.network, "another network came back from its file");
                case.inputs.iter().map(|i| reference(&network, i)).collect()
            }
            Runner::Simulator => {
                let simulator = Simulator::new(&case.network)?;
                let trace = |input: &Vec<u8>| Ok(simulator.trace(input)?.tensors);
                case.inputs.iter().map(trace).collect::<Result<Vec<_>>>()
            }
            Runner::Runtime => case.inputs.iter().map(|i| runtime(&case.network, i)).collect(),
        };
        let mut total = Comparison::default();
        for (values, found) in expected.values.iter().zip(runs?) {
            total = total.plus(compare(&case.network, values, &found)?);
        }
        Ok(total)
    }
}

/// One process of the project's own Python for all cases.
fn start_onnx_runtime() -> Option<OnnxRuntime> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let python = find_python(&[root.to_path_buf()]).ok()?;
    Some(OnnxRuntime::start(&python).expect("ONNX Runtime starts"))
}

fn reference(network: &Network, input: &[u8]) -> Result<Vec<Vec<u8>>> {
    Ok(network.run_reference(input)?)
}

/// Every tensor as it leaves the arena, layer after layer; a byte a value and packed in turn.
fn runtime(network: &Network, input: &[u8]) -> Result<Vec<Vec<u8>>> {
    let packed = runtime_with(network, input, Packing::All)?;
    let tensors = runtime_with(network, input, Packing::Bytes)?;
    ensure!(packed == tensors, "packed tensors differ");
    Ok(tensors)
}

fn runtime_with(network: &Network, input: &[u8], packing: Packing) -> Result<Vec<Vec<u8>>> {
    let bytes = network.to_bytes_with(&plan_with(network, packing, Scratch::Compact))?;
    let model = Model::from_bytes(&bytes)?;
    let mut arena = vec![0xA5; model.arena_bytes()];
    let mut session = Session::new(model, &mut arena)?;
    let mut tensors = vec![Vec::new(); network.tensors.len()];
    tensors[network.input.index()] = input.to_vec();
    session.start(input)?;
    while let Some(layer) = session.step() {
        let output = network.layers.get(layer).context("a layer of the network")?.output();
        let tensor = &mut tensors[output.index()];
        tensor.resize(network.spec(output).len(), 0);
        session.read_layer(layer, tensor);
    }
    let mut output = vec![0; network.spec(network.output).len()];
    session.infer(input, &mut output)?;
    ensure!(output == tensors[network.output.index()], "infer differs from single steps");
    Ok(tensors)
}
