//! Compares the design with the reference kernels, layer by layer.

use std::path::Path;

use network::{Network, TensorSpec};
use serde::{Deserialize, Serialize};

use super::error::VerilatedError;
use super::manifest::Shape;
use super::model::{Counters, Traffic, Verilated};
use super::visits::compare_visits;

/// What a co-simulation found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CosimReport {
    /// Images compared.
    pub images: usize,
    /// Layers compared: those whose output lies in memory.
    pub layers: usize,
    /// Values compared: every layer's output, and the output of an unbroken run.
    pub values_compared: u64,
    /// Values that differ.
    pub mismatches: u64,
    /// The first of them.
    pub first_mismatch: Option<Mismatch>,
    /// Clock cycles of the unbroken runs, per image.
    pub cycles: u64,
    /// Modelled cycles of an image.
    pub model_cycles: u64,
    /// Useful digit products / (lanes × cycles).
    pub utilization: f64,
    /// Cycles of an image in which the array waited for the requantizer.
    pub stall_cycles: u64,
    /// What the last frame moved and waited for, if the build uses external memory.
    pub traffic: Option<Traffic>,
    /// Counters of each operation, from the single steps of the first image.
    pub per_layer: Vec<LayerCycles>,
}

/// Cycles in which a single step fetches its descriptor; in a frame the layer before hides them.
pub const FETCH_CYCLES: u64 = 20;

/// Cycles of an operation in a frame, from those of its single step.
pub fn frame_cycles(shape: &Shape, stepped: u64) -> u64 {
    // a compact engine fetches in a frame too, but for a cycle that the layer before shares
    if shape.compact {
        stepped.saturating_sub(1)
    } else {
        stepped.saturating_sub(FETCH_CYCLES).max(FETCH_CYCLES)
    }
}

/// What the engine counted while one operation ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerCycles {
    /// Name of the layer; the max-pool that runs with it is not named.
    pub name: String,
    /// Clock cycles; in a frame those in which the next descriptor is fetched at least.
    pub cycles: u64,
    /// Cycles in which the array took an operand.
    pub busy: u64,
    /// Cycles in which the array waited for the requantizer.
    pub stall: u64,
    /// Modelled cycles.
    pub model_cycles: u64,
}

/// One value that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// Index of the image.
    pub image: usize,
    /// Name of the layer.
    pub layer: String,
    /// Channel.
    pub channel: usize,
    /// Row.
    pub y: usize,
    /// Column.
    pub x: usize,
    /// By the reference kernels.
    pub expected: i32,
    /// By the design.
    pub found: i32,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Mismatch { image, layer, channel, y, x, expected, found } = self;
        write!(
            f,
            "image {image}, layer {layer}, channel {channel}, y {y}, x {x}: expected {expected}, \
             found {found}"
        )
    }
}

/// Builds the design of a build folder (in its `obj_dir`) and compares it on images.
///
/// # Shapes
/// Each input holds C·H·W bytes of the input tensor.
///
/// # Errors
/// If the folder or an input is not valid, or the design cannot be built or hangs. Values that
/// differ are not an error: they are in the report.
pub fn cosim(build_dir: &Path, inputs: &[Vec<u8>]) -> Result<CosimReport, VerilatedError> {
    let mut design = Verilated::build(build_dir, &build_dir.join("obj_dir"))?;
    cosim_on(&mut design, build_dir, inputs)
}

/// Compares a design that already holds the program of `build_dir`.
///
/// # Errors
/// As [`cosim`].
pub fn cosim_on(
    design: &mut Verilated,
    build_dir: &Path,
    inputs: &[Vec<u8>],
) -> Result<CosimReport, VerilatedError> {
    let network = read_model(build_dir)?;
    let mut report = CosimReport {
        layers: design.manifest().operations.iter().flat_map(|op| op.outputs()).count(),
        model_cycles: design.manifest().model_cycles,
        ..CosimReport::default()
    };
    let (mut cycles, mut stalls) = (0u64, 0u64);
    for (image, input) in inputs.iter().enumerate() {
        let expected = network.run_reference(input).map_err(VerilatedError::Input)?;
        match design.manifest().external.clone() {
            None => compare_layers(design, &network, input, &expected, image, &mut report)?,
            Some(program) => {
                let case = Case { network: &network, expected: &expected, image };
                compare_visits(design, &case, input, &program, &mut report)?
            }
        }
        design.load_input(input)?;
        let counters = design.run()?;
        if design.manifest().external.is_some() {
            report.traffic = Some(design.traffic()?);
        }
        let output = network.output.index();
        let found = design.read_output()?;
        let place = Place { image, layer: "whole frame", spec: *network.spec(network.output) };
        compare(place, &expected[output], &found, &mut report);
        cycles += u64::from(counters.cycles);
        stalls += u64::from(counters.stall);
        report.images += 1;
    }
    let n_images = report.images.max(1) as u64;
    report.cycles = cycles / n_images;
    report.stall_cycles = stalls / n_images;
    let slots = design.manifest().engine.lanes() * report.cycles;
    report.utilization = design.manifest().digit_macs as f64 / slots.max(1) as f64;
    Ok(report)
}

fn read_model(build_dir: &Path) -> Result<Network, VerilatedError> {
    let path = build_dir.join("model.qunet");
    let bytes =
        std::fs::read(&path).map_err(|source| VerilatedError::Io { path: path.clone(), source })?;
    Network::from_bytes(&bytes).map_err(|source| VerilatedError::Model { path, source })
}

/// Steps through the program and compares the tensors that each operation wrote.
fn compare_layers(
    design: &mut Verilated,
    network: &Network,
    input: &[u8],
    expected: &[Vec<u8>],
    image: usize,
    report: &mut CosimReport,
) -> Result<(), VerilatedError> {
    design.load_input(input)?;
    let mut before = Counters::default();
    for operation in design.manifest().operations.clone() {
        design.step()?;
        let now = design.counters()?;
        if image == 0 {
            report.per_layer.push(LayerCycles {
                name: operation.name.clone(),
                cycles: frame_cycles(
                    &design.manifest().engine,
                    (now.cycles - before.cycles).into(),
                ),
                busy: u64::from(now.busy - before.busy),
                stall: u64::from(now.stall - before.stall),
                model_cycles: operation.model_cycles,
            });
        }
        before = now;
        for (layer, output) in operation.outputs() {
            let found = design.read_tensor(output)?;
            let place = Place { image, layer, spec: network.tensors[output].spec };
            compare(place, &expected[output], &found, report);
        }
    }
    // the step that finds the end of the program
    design.step()?;
    Ok(())
}

/// An image and what the reference kernels make of it.
pub(super) struct Case<'a> {
    pub(super) network: &'a Network,
    /// Bytes of every tensor.
    pub(super) expected: &'a [Vec<u8>],
    pub(super) image: usize,
}

struct Place<'a> {
    image: usize,
    layer: &'a str,
    spec: TensorSpec,
}

fn compare(place: Place, expected: &[u8], found: &[u8], report: &mut CosimReport) {
    report.values_compared += expected.len() as u64;
    for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
        if expected == found {
            continue;
        }
        report.mismatches += 1;
        let Place { image, layer, spec } = &place;
        report.first_mismatch.get_or_insert_with(|| Mismatch {
            image: *image,
            layer: layer.to_string(),
            channel: index / spec.plane(),
            y: index % spec.plane() / spec.width,
            x: index % spec.width,
            expected: spec.decode(*expected),
            found: spec.decode(*found),
        });
    }
}
