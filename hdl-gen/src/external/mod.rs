//! The external-memory build: what is on chip when, and the commands of both queues.
//!
//! A [`View`] of a scheduled network and an [`ExternalConfig`] enter [`plan`]; an [`ExternalPlan`]
//! leaves. One pass a file: [`shape`] lists the ways to run some operations, [`select`] chooses
//! among them, [`place`] and [`outside`] give addresses, [`program`] writes all commands in a right
//! order, [`simulate`] orders the two queues, [`play`] proves the result.

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
pub mod types;
pub mod view;

pub use types::*;
pub use view::View;

use network::Network;

use crate::error::HdlError;
use crate::schedule::Schedule;
use place::Placement;
use program::Program;
use select::Segment;
use simulate::{Issue, Timeline};

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
    let view = View::new(network, schedule);
    let minimum = minimum(&view);
    check("feature_words", config.feature_words, minimum.feature_words)?;
    check("weight_words", config.weight_words, minimum.weight_words)?;
    let (segments, placement) = segments(&view, *config)?;
    let outside = outside::outside(&view, &segments);
    let program = program::program(&view, &segments, &placement, &outside);
    let timeline = simulate::simulate(&program);
    let report = report::report(&view, &segments, &program, &timeline);
    let (engine, dma) = (engine_commands(&program, &timeline)?, dma_commands(&program, &timeline)?);
    let plan = ExternalPlan {
        engine,
        dma,
        visits: program.visits,
        channels: program.channels,
        tensors: outside.tensors,
        weights: outside.weights,
        external_bytes: outside.bytes,
        config: *config,
        minimum,
        report,
    };
    play::play(&view, &plan).map_err(|reason| refused(&reason))?;
    Ok(plan)
}

/// Smallest memories with which a network runs: each operation alone, row by row, channel group
/// by channel group.
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

/// Segments that also find their places: what is cut up too much is chosen again for a smaller
/// memory, at last with every tensor outside.
fn segments(view: &View, config: ExternalConfig) -> Result<(Vec<Segment>, Placement), HdlError> {
    for part in 0..=BUDGET_PARTS {
        let feature_words = config.feature_words - config.feature_words * part / BUDGET_PARTS;
        let budget = ExternalConfig { feature_words, ..config };
        let Some(segments) = select::select(view, budget, true) else { break };
        if let Some(placement) = place::place(view, &segments, config) {
            return Ok((segments, placement));
        }
    }
    let segments = select::select(view, config, false);
    let placed = segments.and_then(|s| place::place(view, &s, config).map(|p| (s, p)));
    placed.ok_or_else(|| refused("no order of segments fits the memories"))
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
