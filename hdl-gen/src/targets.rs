//! Devices, and the engine that runs a network on one in the fewest cycles.
//!
//! A network, a configuration and a target enter; the configuration with the shape of the array
//! filled in leaves, with every engine that was looked at.

use std::fmt;

use network::Network;
use network::descriptor::DESCRIPTOR_STRIDE;
use serde::{Deserialize, Serialize};

use crate::cell::{CellChoice, MacCell};
use crate::config::{HardwareConfig, MemoryPlace};
use crate::cycles::cycle_model;
use crate::emit::Depths;
use crate::engine::Engine;
use crate::error::HdlError;
use crate::resources::{Family, Resources, estimate};
use crate::schedule::{Schedule, schedule};

/// Share of the lookup tables that a placed design may take, in percent.
const MOST_LUTS_PERCENT: usize = 90;
/// Share of the logic cells of an iCE40.
const MOST_CELLS_PERCENT: usize = 95;
/// Flip-flops of an iCE40 that find no table to share a cell with, in percent, by nextpnr.
const ALONE_PERCENT: usize = 56;

/// What a build is made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Lattice LFE5U-25F.
    #[serde(rename = "ecp5-25k")]
    Ecp5_25k,
    /// Lattice LFE5U-85F.
    #[serde(rename = "ecp5-85k")]
    Ecp5_85k,
    /// Lattice iCE40 UP5K.
    Up5k,
    /// Xilinx XC7A35T.
    Xc7,
    /// No device: the shape is that of the configuration.
    #[default]
    Generic,
}

impl Target {
    /// All targets.
    pub const ALL: [Target; 5] =
        [Target::Ecp5_25k, Target::Ecp5_85k, Target::Up5k, Target::Xc7, Target::Generic];

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Target::Ecp5_25k => "ecp5-25k",
            Target::Ecp5_85k => "ecp5-85k",
            Target::Up5k => "up5k",
            Target::Xc7 => "xc7",
            Target::Generic => "generic",
        }
    }

    /// Family by which a build is estimated.
    pub fn family(self) -> Family {
        match self {
            Target::Ecp5_25k | Target::Ecp5_85k | Target::Generic => Family::Ecp5,
            Target::Up5k => Family::Ice40,
            Target::Xc7 => Family::Xc7,
        }
    }

    /// What the device has; none for `generic`.
    pub fn capacity(self) -> Option<Resources> {
        let [luts, ffs, block_rams, multipliers] = match self {
            Target::Ecp5_25k => [24288, 24288, 56, 28],
            Target::Ecp5_85k => [83640, 83640, 208, 156],
            Target::Up5k => [5280, 5280, 30, 8],
            // 50 RAMB36, each two of 18 Kibit
            Target::Xc7 => [20800, 41600, 100, 90],
            Target::Generic => return None,
        };
        Some(Resources { luts, ffs, block_rams, multipliers })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        Target::ALL.into_iter().find(|target| target.name() == text).ok_or_else(|| {
            let names = Target::ALL.map(Target::name).join(", ");
            format!("expected one of {names}, found {text}")
        })
    }
}

/// An engine that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// Its shape.
    pub engine: Engine,
    /// Modelled cycles of a frame.
    pub cycles: u64,
    /// What it takes.
    pub resources: Resources,
    /// What the device has too little of, e.g. `3 block RAMs`; empty if it fits.
    pub missing: Vec<String>,
}

/// The outcome of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The configuration with the shape of the best engine.
    pub config: HardwareConfig,
    /// Engines looked at, fewest cycles first.
    pub tried: Vec<Candidate>,
}

/// Chooses the engine with the fewest cycles that fits the target; of equals the smallest.
///
/// The keys that shape the array (`tn`, `tm`, `tp`, `digit_bits`, `requantize_lanes`) are chosen,
/// `mac_cell` only if it is `auto`, `compact` only if it is false; all other keys hold. For
/// `generic` nothing is chosen.
///
/// # Errors
/// If the network or configuration is not valid, or no engine fits: [`HdlError::Target`]. Builds
/// with external memory are planned for one engine; none is chosen for them.
pub fn choose(
    network: &Network,
    config: &HardwareConfig,
    target: Target,
) -> Result<Choice, HdlError> {
    let Some(capacity) = target.capacity() else {
        return Ok(Choice { config: config.clone(), tried: Vec::new() });
    };
    if config.memory == MemoryPlace::External {
        let expected = format!("on-chip where the engine is chosen for target {target}");
        return Err(HdlError::Config { key: "memory", expected, found: "external".into() });
    }
    let start = schedule(network, &HardwareConfig { mac_cell: CellChoice::Auto, ..config.clone() });
    let unlimited = start?;
    let work = |engine: &Engine| {
        let macs =
            unlimited.operations.iter().map(|op| op.macs(network) * op.digits(engine) as u64);
        macs.sum::<u64>() / engine.lanes() as u64
    };
    let mut candidates: Vec<(u64, HardwareConfig)> = shapes(config)
        .into_iter()
        .filter(|shape| array_fits(&unlimited.engine, shape, target, &capacity))
        .map(|shape| (work(&shaped(&unlimited.engine, &shape)), shape))
        .collect();
    candidates.sort_by_key(|(least_cycles, _)| *least_cycles);

    let mut tried: Vec<(Candidate, HardwareConfig)> = Vec::new();
    let mut best: Option<u64> = None;
    let mut refused = None;
    for (least_cycles, shape) in candidates {
        // no engine takes fewer cycles than its multiply-accumulates do
        if best.is_some_and(|best| least_cycles > best) {
            break;
        }
        let found = match schedule(network, &shape) {
            Ok(found) => found,
            Err(error) => {
                refused = refused.or(Some(error));
                continue;
            }
        };
        let candidate = candidate(network, &found, target, &capacity);
        if candidate.missing.is_empty() {
            best = Some(best.map_or(candidate.cycles, |best| best.min(candidate.cycles)));
        }
        tried.push((candidate, shape));
    }
    tried.sort_by_key(|(c, _)| (c.cycles, c.resources.luts, c.resources.multipliers));
    let chosen = tried.iter().find(|(candidate, _)| candidate.missing.is_empty());
    match (chosen.map(|(_, shape)| shape.clone()), refused) {
        (Some(config), _) => Ok(Choice {
            config,
            tried: tried.into_iter().map(|(candidate, _)| candidate).collect(),
        }),
        (None, Some(error)) if tried.is_empty() => Err(error),
        (None, _) => Err(nothing_fits(&tried, target)),
    }
}

/// What a build of a schedule takes of a target's family.
pub fn schedule_resources(network: &Network, schedule: &Schedule, target: Target) -> Resources {
    estimate(target.family(), &schedule.engine, &depths(network, schedule))
}

/// Words of the memories of a schedule.
pub fn depths(network: &Network, schedule: &Schedule) -> Depths {
    let engine = &schedule.engine;
    let array = schedule.operations.iter().filter(|operation| operation.uses_array());
    let weights = array.clone().map(|operation| {
        let specs = operation.source_specs(network);
        let groups: usize = specs.iter().map(|spec| engine.layout().groups(spec)).sum();
        let out_groups = operation.out_channels().div_ceil(engine.tm);
        operation.phases() * out_groups * operation.digits(engine) * groups * operation.taps()
    });
    Depths {
        features: schedule.features.words.max(2),
        weights: weights.sum::<usize>().max(2),
        params: array.map(|operation| operation.out_channels()).sum::<usize>().max(2),
        descriptors: DESCRIPTOR_STRIDE * (schedule.operations.len() + 1),
        pool: schedule.pool_words(network),
        external: None,
    }
}

fn candidate(
    network: &Network,
    schedule: &Schedule,
    target: Target,
    capacity: &Resources,
) -> Candidate {
    let resources = schedule_resources(network, schedule, target);
    Candidate {
        engine: schedule.engine,
        cycles: cycle_model(network, schedule).total,
        resources,
        missing: missing(&resources, capacity, target.family()),
    }
}

/// Every shape of the array with the other keys of `config`.
fn shapes(config: &HardwareConfig) -> Vec<HardwareConfig> {
    let cells = match config.mac_cell {
        CellChoice::Auto => vec![CellChoice::Plain, CellChoice::Packed, CellChoice::Lut],
        chosen => vec![chosen],
    };
    let mut shapes = Vec::new();
    for tn in [1, 2, 4, 8, 16] {
        for tm in [1, 2, 4, 8, 16, 32] {
            for tp in [1, 2, 4, 8, 16] {
                for digit_bits in [1, 2, 4, 8] {
                    for &mac_cell in &cells {
                        let shape = HardwareConfig {
                            tn,
                            tm,
                            tp,
                            digit_bits,
                            mac_cell,
                            requantize_lanes: None,
                            ..config.clone()
                        };
                        let one_cell = digit_bits > 1 || mac_cell == cells[0];
                        let drains = drains(&shape).filter(|s| one_cell && s.validate().is_ok());
                        shapes.extend(drains);
                    }
                }
            }
        }
    }
    shapes
}

/// A shape with one and two times the usual requantize lanes, each of them compact and not.
fn drains(shape: &HardwareConfig) -> impl Iterator<Item = HardwareConfig> {
    let usual = shape.requantize_lanes();
    let ways = [(usual, false), (usual, true), (2 * usual, false), (2 * usual, true)];
    let asked = shape.compact;
    ways.into_iter().filter(move |(_, compact)| *compact || !asked).map(|(lanes, compact)| {
        HardwareConfig { requantize_lanes: Some(lanes), compact, ..shape.clone() }
    })
}

/// The engine of a shape, as wide as one that was scheduled.
fn shaped(engine: &Engine, shape: &HardwareConfig) -> Engine {
    let lane_bits = u8::try_from(engine.lane_bits).unwrap_or(u8::MAX);
    let shaped = Engine {
        tn: shape.tn,
        tm: shape.tm,
        tp: shape.tp,
        digit_bits: shape.digit_bits,
        mac_cell: shape.mac_cell(lane_bits).unwrap_or(MacCell::Plain),
        requantize_lanes: shape.requantize_lanes(),
        compact: shape.compact,
        ..*engine
    };
    let accumulator_bits = engine.accumulator_bits.max(shaped.least_accumulator_bits());
    Engine { accumulator_bits, ..shaped }
}

/// True if the array fits without its memories, and its products are legal.
fn array_fits(
    engine: &Engine,
    shape: &HardwareConfig,
    target: Target,
    capacity: &Resources,
) -> bool {
    let lane_bits = u8::try_from(engine.lane_bits).unwrap_or(u8::MAX);
    let least = Depths {
        features: 2,
        weights: 2,
        params: 2,
        descriptors: DESCRIPTOR_STRIDE,
        pool: 0,
        external: None,
    };
    let resources = estimate(target.family(), &shaped(engine, shape), &least);
    // one lane is always looked at, so that an error has something to name
    let smallest = shape.tn * shape.tm * shape.tp == 1 && shape.digit_bits == 1;
    shape.mac_cell(lane_bits).is_ok()
        && (smallest || missing(&resources, capacity, target.family()).is_empty())
}

/// What the tables of a device are called and how many are taken, of how many: an iCE40 has a logic cell for
/// each table, and other flip-flops take cells too.
fn cells(needed: &Resources, capacity: &Resources, family: Family) -> (&'static str, usize, usize) {
    match family {
        Family::Ice40 => {
            let taken = needed.luts + needed.ffs * ALONE_PERCENT / 100;
            ("logic cells", taken, capacity.luts * MOST_CELLS_PERCENT / 100)
        }
        Family::Ecp5 | Family::Xc7 => {
            ("lookup tables", needed.luts, capacity.luts * MOST_LUTS_PERCENT / 100)
        }
    }
}

/// What the device has too little of.
fn missing(needed: &Resources, capacity: &Resources, family: Family) -> Vec<String> {
    [
        cells(needed, capacity, family),
        ("flip-flops", needed.ffs, capacity.ffs),
        ("block RAMs", needed.block_rams, capacity.block_rams),
        ("multipliers", needed.multipliers, capacity.multipliers),
    ]
    .into_iter()
    .filter(|(_, needed, found)| needed > found)
    .map(|(name, needed, found)| {
        let few = needed - found;
        format!("{needed} {name} where there are {found} ({few} too few)")
    })
    .collect()
}

/// The error that names what the closest engine lacks.
fn nothing_fits(tried: &[(Candidate, HardwareConfig)], target: Target) -> HdlError {
    let closest = tried.iter().map(|(candidate, _)| candidate).min_by_key(|candidate| {
        let needed = &candidate.resources;
        (candidate.missing.len(), needed.block_rams, needed.luts, needed.multipliers)
    });
    HdlError::Target {
        target: target.name(),
        needed: closest.map_or(String::new(), |candidate| candidate.missing.join(", ")),
        lanes: closest.map_or(0, |candidate| candidate.engine.lanes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for target in Target::ALL {
            assert_eq!(target.to_string().parse(), Ok(target));
            assert_eq!(serde_json::to_string(&target).unwrap(), format!("\"{target}\""));
        }
        let error = "ecp5".parse::<Target>().unwrap_err();
        assert_eq!(error, "expected one of ecp5-25k, ecp5-85k, up5k, xc7, generic, found ecp5");
    }

    #[test]
    fn missing_names_what_and_how_much() {
        let needed = Resources { luts: 4000, ffs: 2000, block_rams: 45, multipliers: 8 };
        let capacity = Target::Up5k.capacity().unwrap();
        let found = missing(&needed, &capacity, Family::Ice40);
        assert_eq!(
            found,
            [
                "5120 logic cells where there are 5016 (104 too few)",
                "45 block RAMs where there are 30 (15 too few)"
            ]
        );
    }
}
