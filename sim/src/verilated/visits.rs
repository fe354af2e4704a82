//! Compares an external-memory design visit by visit: the rows that each command of the engine
//! wrote, where they lie in their rings. The DMA goes on while the engine is paused, so rows that
//! it stores may be overwritten at once: those tensors are compared in external memory at the end.
//! A map that is neither stored nor read, because only its fused max-pool is, is not compared.

use super::cosim::{Case, CosimReport, LayerCycles, Mismatch};
use super::error::VerilatedError;
use super::manifest::{ExternalProgram, VisitEntry};
use super::model::Verilated;

/// Steps through the program and compares every value of every layer.
pub(super) fn compare_visits(
    design: &mut Verilated,
    case: &Case,
    input: &[u8],
    program: &ExternalProgram,
    report: &mut CosimReport,
) -> Result<(), VerilatedError> {
    design.load_input(input)?;
    let mut rows_done = vec![0; program.visits.len()];
    let mut before = super::Counters::default();
    let first_image = case.image == 0;
    if first_image {
        let names = design.manifest().operations.iter().map(|operation| LayerCycles {
            name: operation.name.clone(),
            model_cycles: operation.model_cycles,
            ..LayerCycles::default()
        });
        report.per_layer = names.collect();
    }
    for (visit, rows, first) in &program.commands {
        design.step()?;
        let now = design.counters()?;
        let entry = &program.visits[*visit];
        if first_image {
            let layer = &mut report.per_layer[entry.operation];
            layer.cycles += u64::from(now.cycles - before.cycles);
            layer.busy += u64::from(now.busy - before.busy);
            layer.stall += u64::from(now.stall - before.stall);
        }
        before = now;
        let begin = if *first { 0 } else { rows_done[*visit] };
        rows_done[*visit] = begin + rows;
        compare_visit(design, case, (program, entry), begin..begin + rows, report)?;
    }
    // the step that finds the end of the program
    design.step()?;
    for operation in design.manifest().operations.clone() {
        for (layer, tensor) in operation.outputs().filter(|(_, t)| is_stored(program, *t)) {
            let found = design.read_external(tensor)?;
            let spec = case.network.tensors[tensor].spec;
            for y in 0..spec.height {
                let row = Row { tensor, layer, y };
                let pixels =
                    |c| c * spec.plane() + y * spec.width..c * spec.plane() + (y + 1) * spec.width;
                let values: Vec<u8> =
                    (0..spec.channels).flat_map(|c| found[pixels(c)].iter().copied()).collect();
                compare_row(case, &row, 0, &values, report);
            }
        }
    }
    Ok(())
}

fn is_stored(program: &ExternalProgram, tensor: usize) -> bool {
    program.tensors.iter().any(|stored| stored.tensor == tensor)
}

/// True if later operations read the rows on chip, so that they stay while the engine is paused.
fn stays(case: &Case, program: &ExternalProgram, tensor: usize) -> bool {
    let id = network::TensorId(tensor as u16);
    let pools = |layer: &network::Layer| matches!(layer, network::Layer::MaxPool2d(_));
    let read = case.network.layers.iter().any(|l| l.inputs().contains(&id) && !pools(l));
    read && !is_stored(program, tensor)
}

/// Compares the rows that loop rows `rows` of a visit wrote.
fn compare_visit(
    design: &mut Verilated,
    case: &Case,
    (program, visit): (&ExternalProgram, &VisitEntry),
    rows: std::ops::Range<usize>,
    report: &mut CosimReport,
) -> Result<(), VerilatedError> {
    let operation = design.manifest().operations[visit.operation].clone();
    let spec = case.network.tensors[operation.output].spec;
    let (first, n) = visit.channels;
    let channels = first..(first + n).min(spec.channels);
    let written = rows.start * visit.out_rows..rows.end * visit.out_rows;
    for y in written.filter(|_| stays(case, program, operation.output)) {
        let found = design.read_ring_row(operation.output, visit.output, y, channels.clone())?;
        let place = Row { tensor: operation.output, layer: &operation.name, y };
        compare_row(case, &place, channels.start, &found, report);
    }
    let Some((pooled, ring)) = operation.pooled.as_ref().zip(visit.pooled) else { return Ok(()) };
    let spec = case.network.tensors[pooled.output].spec;
    let written = rows.start / 2..(rows.end / 2).min(spec.height);
    for y in written.filter(|_| stays(case, program, pooled.output)) {
        let found = design.read_ring_row(pooled.output, ring, y, channels.clone())?;
        let place = Row { tensor: pooled.output, layer: &pooled.name, y };
        compare_row(case, &place, channels.start, &found, report);
    }
    Ok(())
}

struct Row<'a> {
    tensor: usize,
    layer: &'a str,
    y: usize,
}

fn compare_row(
    case: &Case,
    row: &Row,
    first_channel: usize,
    found: &[u8],
    report: &mut CosimReport,
) {
    let spec = case.network.tensors[row.tensor].spec;
    report.values_compared += found.len() as u64;
    for (idx, found) in found.iter().enumerate() {
        let (channel, x) = (first_channel + idx / spec.width, idx % spec.width);
        let at = channel * spec.plane() + row.y * spec.width + x;
        let expected = case.expected[row.tensor][at];
        if expected == *found {
            continue;
        }
        report.mismatches += 1;
        report.first_mismatch.get_or_insert_with(|| Mismatch {
            image: case.image,
            layer: row.layer.to_string(),
            channel,
            y: row.y,
            x,
            expected: spec.decode(expected),
            found: spec.decode(*found),
        });
    }
}
