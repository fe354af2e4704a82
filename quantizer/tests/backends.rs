//! Burn's other backends train alike, within what sums in another order differ by.
//!
//! Each is compiled in by the feature of its name: `cargo test -p qunet-quantizer --features wgpu`;
//! the WebGPU backend runs on a processor too where Mesa's llvmpipe is installed.
#![cfg(any(feature = "ndarray", feature = "cuda", feature = "wgpu"))]

mod common;

use common::{discs, tiny};
use datasets::Preprocess;
use qunet_quantizer::Backend;
use qunet_quantizer::run::{quantize, train_float};
use qunet_quantizer::train::Resume;

/// Losses of a short training and fine-tuning; the integers are those of the fake-quantized network.
fn losses_on(backend: Backend) -> Vec<f32> {
    let data = discs(16, 2);
    let mut configs = tiny(16, 6, 4);
    configs.train.backend = backend;
    let dir = tempfile::tempdir().unwrap();
    let mut losses = Vec::new();
    let mut keep = |event: qunet_quantizer::progress::ProgressEvent| losses.push(event.loss as f32);
    train_float(&data, &configs, dir.path(), Resume::Fresh, &mut keep).unwrap();
    let preprocess = Preprocess::default();
    let report =
        quantize(&data, &configs, &preprocess, dir.path(), Resume::Fresh, &mut keep).unwrap();
    assert_eq!(report.fake_quant_mismatches, 0, "{backend:?}: {report:?}");
    losses
}

fn check(backend: Backend) {
    let (expected, found) = (losses_on(Backend::Flex), losses_on(backend));
    println!("flex    {expected:?}\n{backend:?} {found:?}");
    assert_eq!(expected.len(), found.len());
    for (step, (expected, found)) in expected.iter().zip(&found).enumerate() {
        let close = (expected - found).abs() <= 0.01 * expected.abs();
        assert!(close, "step {step}: expected {expected}, found {found}");
    }
}

#[cfg(feature = "ndarray")]
#[test]
fn ndarray_trains_alike() {
    check(Backend::NdArray);
}

#[cfg(feature = "cuda")]
#[test]
fn cuda_trains_alike() {
    check(Backend::Cuda);
}

#[cfg(feature = "wgpu")]
#[test]
fn wgpu_trains_alike() {
    check(Backend::Wgpu);
}
