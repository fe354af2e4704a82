//! The external-memory build: what is on chip when, and the commands of both queues.
//!
//! A [`View`] of a scheduled network and an [`ExternalConfig`] enter [`plan`]; an [`ExternalPlan`]
//! leaves. One pass a file: [`shape`] lists the ways to run some operations, [`select`] chooses
//! among them, [`place`] and [`outside`] give addresses, [`program`] writes all commands in a right
//! order, [`simulate`] orders the two queues, [`play`] proves the result.
//! [`tables`] and [`image`] give the words on chip, and the weights outside.

pub mod image;
pub mod outside;
pub mod place;
pub mod play;
pub mod program;
pub mod report;
pub mod rows;
pub mod select;
pub mod shadow;
pub mod shape;
pub mod simulate;
pub mod steps;
pub mod tables;
pub mod types;
pub mod view;

pub use types::*;
pub use view::View;

use network::Network;

use crate::error::HdlError;
use crate::schedule::Schedule;
use place::Placement;
use select::{Freedom, Segment};
use simulate::{Issue, Timeline};
use steps::Program;

/// Parts into which the feature memory is cut when tensors do not fit between each other.
const BUDGET_PARTS: usize = 32;

/// Plans a scheduled network for memories of given sizes.
///
/// # Errors
/// If a memory is too small for any plan, or a command does not fit its fields.
pub fn plan(
    network: &Network,
    schedule: &Schedule,
    config: &ExternalConfig,
) -> Result<ExternalPlan, HdlError> {
    let mut error = refused("no order of segments fits the memories");
    // parts of rows, and single rows, may need more commands than the queues can count
    for (grain, parts) in [(1, true), (1, false), (2, false), (4, false), (8, false), (16, false)] {
        let view = View::new(network, schedule).with_grain(grain);
        let minimum = minimum(&view);
        check("feature_words", config.feature_words, minimum.feature_words)?;
        check("weight_words", config.weight_words, minimum.weight_words)?;
        let Some((segments, placement)) = segments(&view, *config, parts) else { continue };
        match assemble(&view, &segments, &placement, *config) {
            Ok(plan) => {
                play::play(&view, &plan).map_err(|reason| refused(&reason))?;
                return Ok(plan);
            }
            Err(found) => error = found,
        }
    }
    Err(error)
}

/// Smallest memories with which a network runs: each operation alone, row by row, channel group
/// by channel group. What has too many rows for the queues to count needs more, as [`plan`] says.
pub fn minimum(view: &View) -> ExternalConfig {
    let ops = 0..view.operations.len();
    ExternalConfig {
        feature_words: ops.map(|op| shape::least_feature_words(view, op)).max().unwrap_or(0),
        weight_words: view.operations.iter().map(shape::least_weight_words).max().unwrap_or(0),
    }
}

fn check(key: &'static str, available: usize, needed: usize) -> Result<(), HdlError> {
    if available >= needed {
        return Ok(());
    }
    Err(HdlError::ExternalMemory { key, needed, available })
}

/// A plan of given segments.
fn assemble(
    view: &View,
    segments: &[Segment],
    placement: &Placement,
    config: ExternalConfig,
) -> Result<ExternalPlan, HdlError> {
    let outside = outside::outside(view, segments);
    let program = program::program(view, segments, placement, &outside);
    let timeline = simulate::simulate(&program);
    Ok(ExternalPlan {
        engine: engine_commands(&program, &timeline)?,
        dma: dma_commands(&program, &timeline)?,
        report: report::report(view, segments, &program, &timeline, config),
        visits: program.visits,
        channels: program.channels,
        tensors: outside.tensors,
        weights: outside.weights,
        external_bytes: outside.bytes,
        config,
    })
}

/// Segments that also find their places: where memory is cut up too much they are chosen again
/// for a smaller one, at last with every tensor outside.
fn segments(view: &View, config: ExternalConfig, parts: bool) -> Option<(Vec<Segment>, Placement)> {
    for part in 0..=BUDGET_PARTS {
        let feature_words = config.feature_words - config.feature_words * part / BUDGET_PARTS;
        let budget = ExternalConfig { feature_words, ..config };
        let freedom = Freedom { resident: part < BUDGET_PARTS, parts };
        let budget = if freedom.resident { budget } else { config };
        let segments = select::select(view, budget, freedom);
        let placed = segments.and_then(|s| place::place(view, &s, config).map(|p| (s, p)));
        if placed.is_some() {
            return placed;
        }
    }
    None
}

fn engine_commands(program: &Program, timeline: &Timeline) -> Result<Vec<EngineCommand>, HdlError> {
    let command = |issue: &Issue| {
        let step = &program.steps[issue.step];
        Ok(EngineCommand {
            wait: field("wait", issue.wait)?,
            visit: field("visit", step.target)?,
            rows: field("rows", step.rows)?,
            first: step.first,
        })
    };
    timeline.engine.iter().map(command).collect()
}

fn dma_commands(program: &Program, timeline: &Timeline) -> Result<Vec<DmaCommand>, HdlError> {
    let command = |issue: &Issue| {
        let step = &program.steps[issue.step];
        Ok(DmaCommand {
            wait: field("wait", issue.wait)?,
            channel: field("channel", step.target)?,
            rows: field("rows", step.rows)?,
            first: step.first,
        })
    };
    timeline.dma.iter().map(command).collect()
}

fn field<T: TryFrom<usize>>(name: &str, value: usize) -> Result<T, HdlError> {
    let error = || refused(&format!("{name} of a command is {value}, more than its field holds"));
    T::try_from(value).map_err(|_| error())
}

fn refused(reason: &str) -> HdlError {
    HdlError::ExternalPlan { reason: reason.into() }
}
