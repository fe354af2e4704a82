//! The comparison with ONNX Runtime can fail, and says where; `tests/tests/backends.rs` runs the
//! whole case list.

use std::path::{Path, PathBuf};

use export::{ExportError, OnnxRuntime, Outputs, check, find_python, onnx_integer, run};
use network::{Layer, Network};
use qunet_tests::cases;
use sim::{Simulator, compare};

/// None, and says so, where ONNX Runtime is not installed; in CI it must be.
fn runtime() -> Option<OnnxRuntime> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    match find_python(&[root.to_path_buf()]) {
        Ok(python) => Some(OnnxRuntime::start(&python).expect("ONNX Runtime starts")),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{error}");
            println!("skipped: {error}");
            None
        }
    }
}

#[test]
fn both_files_give_the_simulators_integers() {
    let Some(mut runtime) = runtime() else { return };
    assert!(runtime.version().starts_with("1."), "{}", runtime.version());
    for case in cases::small_unets() {
        let comparison = check(&case.network, &case.inputs, &mut runtime).expect("runs");
        assert_eq!(comparison.first(), None, "{}", case.name);
        let tensors = case.network.layers.iter().map(|layer| layer.output());
        let n_values: usize = tensors.map(|id| case.network.spec(id).len()).sum();
        let n_outputs = case.network.spec(case.network.output).len();
        let per_input = (n_values + n_outputs) as u64;
        assert_eq!(comparison.n_values, per_input * case.inputs.len() as u64, "{}", case.name);
    }
}

/// Layer in which ONNX Runtime, given `faulty`, first differs from the simulator of `network`.
fn first_difference(network: &Network, faulty: &Network, runtime: &mut OnnxRuntime) -> String {
    let input = vec![100; network.spec(network.input).len()];
    let expected = Simulator::new(network).expect("valid").trace(&input).expect("fits").tensors;
    let inputs = [input];
    let found = run(faulty, Outputs::Layers, &inputs, runtime).expect("runs");
    let comparison = compare(network, &expected, &found[0]).expect("same shapes");
    comparison.first().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn a_fault_is_named_by_layer() {
    let Some(mut runtime) = runtime() else { return };
    let case = cases::small_unets().remove(0);
    let mut n_faults = 0;
    for index in 0..case.network.layers.len() {
        let mut faulty = case.network.clone();
        let requantize = match &mut faulty.layers[index] {
            Layer::Conv2d(layer) => &mut layer.requantize,
            Layer::ConvTranspose2d(layer) => &mut layer.requantize,
            _ => continue,
        };
        // half of the range more, so that no value stays what it was
        requantize.channels[0].bias += 31 << requantize.shift;
        let name = faulty.layers[index].name().to_owned();
        let message = first_difference(&case.network, &faulty, &mut runtime);
        assert!(message.starts_with(&format!("layer {name} (")), "{name}: {message}");
        assert!(message.contains("channel 0, y 0, x 0: expected"), "{name}: {message}");
        n_faults += 1;
    }
    assert!(n_faults >= 4, "expected faults in several layers, found {n_faults}");
    assert_eq!(first_difference(&case.network, &case.network, &mut runtime), "");
}

#[test]
fn what_is_no_model_is_refused_and_the_next_one_runs() {
    let Some(mut runtime) = runtime() else { return };
    let case = cases::small_unets().remove(0);
    let error = runtime.run("noise", &[7; 100], &[&case.inputs[0]]).expect_err("no model");
    assert!(error.to_string().starts_with("ONNX Runtime: network noise: "), "{error}");
    let model = onnx_integer(&case.network, Outputs::Network).expect("valid");
    let error = runtime.run("short", &model, &[&[0; 3]]).expect_err("short input");
    assert!(matches!(error, ExportError::Refused { .. }), "{error}");
    let outputs = runtime.run("whole", &model, &[&case.inputs[0]]).expect("runs");
    let expected = case.network.run_reference(&case.inputs[0]).expect("fits");
    assert_eq!(outputs, [expected[case.network.output.index()].clone()]);
}

#[test]
fn an_input_that_does_not_fit_and_an_invalid_network_are_errors() {
    let mut network = cases::small_unets().remove(0).network;
    if let Some(Layer::Conv2d(layer)) = network.layers.first_mut() {
        layer.requantize.shift = 40;
    }
    let error = onnx_integer(&network, Outputs::Network).expect_err("invalid");
    assert!(error.to_string().contains("shift: expected 0 to 31, found 40"), "{error}");
    let Some(mut runtime) = runtime() else { return };
    let network = cases::small_unets().remove(0).network;
    let error = check(&network, &[vec![0; 3]], &mut runtime).expect_err("short");
    assert!(error.to_string().contains("found 3"), "{error}");
}

#[test]
fn a_missing_python_is_named() {
    let error = OnnxRuntime::start(&PathBuf::from("no/such/python")).err().expect("none");
    assert!(error.to_string().starts_with("no/such/python: "), "{error}");
}
