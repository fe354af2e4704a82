//! The cycle model: clock cycles of each operation, from the loop nest.
//!
//! A pass is digits × input groups × taps iterations; its last iteration waits for the drain of
//! the pass before. What one operation adds around its passes is constant.

use network::Network;

use crate::engine::Engine;
use crate::schedule::{Operation, OperationKind, Schedule};

/// From the last write of an operation to the start of the next loop nest.
const START_CYCLES: u64 = 1;
/// Fetching and checking a descriptor, while the one before runs.
const FETCH_CYCLES: u64 = 20;
/// The same after the one before, whose last cycle it shares.
const LATE_FETCH_CYCLES: u64 = 19;
/// From the last iteration of a pass to its first drained channel.
pub(crate) const ARRAY_LATENCY_CYCLES: u64 = 5;
/// From a drained value to its write.
pub(crate) const DRAIN_LATENCY_CYCLES: u64 = 9;
/// From the last read of a max-pool to its write.
pub(crate) const POOL_LATENCY_CYCLES: u64 = 5;
/// Fetching the first descriptor, and ending.
const FRAME_CYCLES: u64 = 20;

/// Cycles of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct CycleModel {
    /// Cycles of each operation.
    pub operations: Vec<u64>,
    /// Cycles of a frame.
    pub total: u64,
    /// Useful digit products: multiply-accumulates of the network × digits of the layer.
    pub digit_macs: u64,
    /// `digit_macs` / (lanes × total).
    pub utilization: f64,
}

/// Cycles of a scheduled network.
pub fn cycle_model(network: &Network, schedule: &Schedule) -> CycleModel {
    let engine = &schedule.engine;
    let operations: Vec<u64> =
        schedule.operations.iter().map(|op| operation_cycles(network, engine, op)).collect();
    let total = operations.iter().sum::<u64>() + FRAME_CYCLES;
    let digit_macs = schedule.operations.iter().map(|op| op.digit_macs(network, engine)).sum();
    let utilization = digit_macs as f64 / (engine.lanes() as u64 * total) as f64;
    CycleModel { operations, total, digit_macs, utilization }
}

/// Cycles of one operation: its own, and those in which the next descriptor is fetched.
pub fn operation_cycles(network: &Network, engine: &Engine, operation: &Operation) -> u64 {
    let cycles = loop_cycles(network, engine, operation);
    if engine.compact { cycles + LATE_FETCH_CYCLES } else { cycles.max(FETCH_CYCLES) }
}

fn loop_cycles(network: &Network, engine: &Engine, operation: &Operation) -> u64 {
    if operation.kind == OperationKind::MaxPool2d {
        return pool_cycles(network, engine, operation);
    }
    let (height, width) = operation.loop_extent(network);
    let groups: usize =
        operation.source_specs(network).iter().map(|spec| engine.layout().groups(spec)).sum();
    let pass = operation.digits(engine) * groups * operation.taps();
    let places = (height * width.div_ceil(engine.tp) * operation.phases()) as u64;

    let slow = operation.drains_slowly(engine);
    let blocks = if slow { 2 } else { engine.drain_blocks() };
    let out_groups = operation.out_channels().div_ceil(engine.tm);
    let last_lanes = operation.out_channels() - (out_groups - 1) * engine.tm;
    let after_full = pass.max(engine.tm * blocks) as u64;
    let after_last = pass.max(last_lanes * blocks) as u64;
    let first_pass = pass as u64;
    // each pass but the first begins after a pass of all lanes or of the last lanes
    let between = places * (out_groups as u64 - 1) * after_full + (places - 1) * after_last;
    let drain = (last_lanes * blocks - usize::from(slow)) as u64;
    // the second half of a transposed word and the pooled word are written one cycle later
    let second_write = u64::from(operation.writes_twice(engine));
    let latency = ARRAY_LATENCY_CYCLES + DRAIN_LATENCY_CYCLES + second_write;
    START_CYCLES + first_pass + between + drain + latency
}

fn pool_cycles(network: &Network, engine: &Engine, operation: &Operation) -> u64 {
    let spec = network.spec(operation.output);
    let across = if engine.tp == 1 { 2 * spec.width } else { (2 * spec.width).div_ceil(engine.tp) };
    let reads = 2 * across * spec.height * engine.layout().groups(spec);
    START_CYCLES + reads as u64 + POOL_LATENCY_CYCLES
}
