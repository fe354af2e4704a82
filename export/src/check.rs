//! Every value of every layer: ONNX Runtime against the simulator.

use network::Network;
use sim::{Comparison, Simulator, compare};

use crate::error::ExportError;
use crate::onnx::{Outputs, onnx_integer};
use crate::onnx_runtime::OnnxRuntime;

/// Compares what ONNX Runtime computes from the exported network with the simulator.
///
/// The file with every layer as an output shows each value; the file with the network's output
/// alone, which ONNX Runtime may optimize differently, must then give the same output.
///
/// # Shapes
/// Each input holds C·H·W bytes of the input tensor.
///
/// # Errors
/// If an input does not fit the network, or ONNX Runtime refuses the file.
pub fn check(
    network: &Network,
    inputs: &[Vec<u8>],
    runtime: &mut OnnxRuntime,
) -> Result<Comparison, ExportError> {
    let simulator = Simulator::new(network)?;
    let mut expected = Vec::with_capacity(inputs.len());
    for input in inputs {
        expected.push(simulator.trace(input)?.tensors);
    }
    let mut total = Comparison::default();
    for outputs in [Outputs::Layers, Outputs::Network] {
        let found = run(network, outputs, inputs, runtime)?;
        for (expected, found) in expected.iter().zip(&found) {
            total = total.plus(compare(network, expected, found)?);
        }
    }
    Ok(total)
}

/// The tensors that ONNX Runtime shows, for each input; others are empty.
pub fn run(
    network: &Network,
    outputs: Outputs,
    inputs: &[Vec<u8>],
    runtime: &mut OnnxRuntime,
) -> Result<Vec<Vec<Vec<u8>>>, ExportError> {
    let model = onnx_integer(network, outputs)?;
    let images: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
    let found = runtime.run(&network.name, &model, &images)?;
    let tensors = outputs.tensors(network);
    let mut runs = vec![vec![Vec::new(); network.tensors.len()]; inputs.len()];
    for (id, bytes) in tensors.iter().zip(&found) {
        // a length that does not fit is found by the comparison
        let length = bytes.len().div_ceil(inputs.len().max(1)).max(1);
        for (run, image) in runs.iter_mut().zip(bytes.chunks(length)) {
            run[id.index()] = image.to_vec();
        }
    }
    Ok(runs)
}
