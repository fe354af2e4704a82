//! One case list, every backend: each must give the integers of the exact oracle, on every tensor.
//!
//! `cargo test -p qunet-tests --test backends -- --nocapture` prints what each has really run.

mod common;

use common::backend::{Backend, Runner};
use common::{Expected, expected};
use qunet_tests::coverage::Coverage;
use sim::Comparison;

/// Runs cases on a backend, prints its coverage, and fails at the first difference.
fn check<'a>(backend: Backend, cases: impl Iterator<Item = &'a Expected>) -> Option<Coverage> {
    let mut runner = backend.start()?;
    let mut coverage = Coverage::default();
    let mut total = Comparison::default();
    for expected in cases {
        let comparison = check_case(backend, &mut runner, expected);
        total = total.plus(comparison);
        coverage.record(&expected.case.network);
    }
    println!("{backend:?}: {} values equal\n{coverage}\n", total.n_values);
    Some(coverage)
}

fn check_case(backend: Backend, runner: &mut Runner, expected: &Expected) -> Comparison {
    let name = &expected.case.name;
    match runner.check(expected) {
        Err(error) => panic!("{backend:?}, case {name}: {error:#}"),
        Ok(comparison) => match comparison.first() {
            Some(mismatch) => panic!("{backend:?}, case {name}: {mismatch}"),
            None => comparison,
        },
    }
}

/// All cases, and nothing that must be covered left out.
fn check_all(backend: Backend) {
    if let Some(coverage) = check(backend, expected().iter()) {
        let missing = coverage.missing();
        assert!(missing.is_empty(), "{backend:?} has not run: {}", missing.join(", "));
    }
}

#[test]
fn reference() {
    check_all(Backend::Reference);
}

#[test]
fn file() {
    check_all(Backend::File);
}

#[test]
fn simulator() {
    check_all(Backend::Simulator);
}

#[test]
fn runtime() {
    check_all(Backend::Runtime);
}

#[test]
fn verilator() {
    check_all(Backend::Verilator);
}

#[test]
fn onnx_runtime() {
    check_all(Backend::OnnxRuntime);
}

/// Icarus takes seconds a case, so it runs every 15th: each operation in both modes and signs, each
/// W, each A, not each pair of them.
#[test]
fn icarus() {
    if let Some(coverage) = check(Backend::Icarus, expected().iter().skip(3).step_by(15)) {
        let missing = coverage.missing_margins();
        assert!(missing.is_empty(), "Icarus has not run: {}", missing.join(", "));
    }
}
