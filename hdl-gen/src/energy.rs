//! An estimate of the energy of one inference: counted operations and memory accesses × constants.
//!
//! The constants are those of a 45 nm process at 0.9 V: M. Horowitz, "Computing's energy problem
//! (and what we can do about it)", ISSCC 2014. Adders scale with their width, multipliers with
//! the product of their operand widths, memories with the bits moved, whatever their size. Clock
//! tree, wires, control and leakage are not counted, and an FPGA's fabric costs several times an
//! ASIC's. So the figures compare builds and networks; they do not replace a measurement.

use network::Network;
use serde::{Deserialize, Serialize};

use crate::config::HardwareConfig;
use crate::engine::{Engine, PARAM_BITS};
use crate::error::HdlError;
use crate::images::weight_digit;
use crate::schedule::{Operation, OperationKind, schedule};

/// 32-bit addition 0.1 pJ, by bit.
const ADD_PJ_PER_BIT: f64 = 0.1 / 32.0;
/// 8-bit multiplication 0.2 pJ, by product of operand bits.
const MULTIPLY_PJ_PER_BIT2: f64 = 0.2 / 64.0;
/// 64 bits of an 8 KiB cache 10 pJ, by bit.
const SRAM_PJ_PER_BIT: f64 = 10.0 / 64.0;
/// 64 bits of DRAM 1.3 to 2.6 nJ, the middle, by byte.
const DRAM_PJ_PER_BYTE: f64 = 1950.0 / 8.0;
/// Bits of the requantizer's multiplier M and of its bias B.
const M_BITS: usize = 16;
const B_BITS: usize = 32;
/// Bits of one descriptor.
const DESCRIPTOR_BITS: u64 = 16 * 32;

/// What one operation does in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Products of a weight digit and an activation.
    pub digit_products: u64,
    /// Updates of an accumulator.
    pub accumulations: u64,
    /// Sums turned into output values.
    pub requantizations: u64,
    /// Comparisons of a max-pool.
    pub comparisons: u64,
    /// Bits read from and written to feature memory.
    pub feature_bits: u64,
    /// Bits read from weight memory.
    pub weight_bits: u64,
    /// Bits read from parameter and descriptor memory.
    pub parameter_bits: u64,
    /// Bytes to and from external memory; builds with all memories on chip move none.
    pub external_bytes: u64,
}

/// Estimated picojoules of an operation or a frame, by what takes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// Multipliers and adders of the array and comparators of max-pools.
    pub array_pj: f64,
    /// Requantizers.
    pub requantize_pj: f64,
    /// Feature memory.
    pub feature_pj: f64,
    /// Weight memory.
    pub weight_pj: f64,
    /// Parameter and descriptor memory.
    pub parameter_pj: f64,
    /// External memory.
    pub external_pj: f64,
}

/// Estimate of one operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationEnergy {
    /// Name of the layer.
    pub name: String,
    /// What it does.
    pub counts: Counts,
    /// Fraction of its digit products that are not zero.
    pub activity: f64,
    /// What that takes, an estimate.
    pub energy: Energy,
}

/// Estimate of one inference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnergyReport {
    /// Operations in the order they run.
    pub operations: Vec<OperationEnergy>,
    /// All together, an estimate.
    pub total: Energy,
}

impl Energy {
    /// Everything, in picojoules.
    pub fn total_pj(&self) -> f64 {
        self.array_pj
            + self.requantize_pj
            + self.feature_pj
            + self.weight_pj
            + self.parameter_pj
            + self.external_pj
    }

    fn plus(self, other: Energy) -> Energy {
        Energy {
            array_pj: self.array_pj + other.array_pj,
            requantize_pj: self.requantize_pj + other.requantize_pj,
            feature_pj: self.feature_pj + other.feature_pj,
            weight_pj: self.weight_pj + other.weight_pj,
            parameter_pj: self.parameter_pj + other.parameter_pj,
            external_pj: self.external_pj + other.external_pj,
        }
    }
}

impl std::fmt::Display for EnergyReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = |pj: f64| 100.0 * pj / self.total.total_pj().max(f64::MIN_POSITIVE);
        write!(
            f,
            "energy a frame (estimate, 45 nm constants): {:.2} uJ, {:.0} % arithmetic, {:.0} % \
             feature memory, {:.0} % weight memory",
            self.total.total_pj() / 1e6,
            percent(self.total.array_pj + self.total.requantize_pj),
            percent(self.total.feature_pj),
            percent(self.total.weight_pj),
        )
    }
}

/// Estimates a network on a configuration.
///
/// `tensors` holds the bytes of every tensor of one image, from which the fraction of products
/// with a zero operand is taken; without it every product counts.
///
/// # Errors
/// If the network cannot be scheduled.
pub fn estimate(
    network: &Network,
    config: &HardwareConfig,
    tensors: Option<&[Vec<u8>]>,
) -> Result<EnergyReport, HdlError> {
    let schedule = schedule(network, config)?;
    let engine = &schedule.engine;
    let one = |operation: &Operation| {
        let counts = counts(network, engine, operation);
        let activity = tensors.map_or(1.0, |t| activity(network, engine, operation, t));
        let is_one_bit = engine.digit_bits == 1 && operation.weight_bits == 1;
        let energy = energy(engine, &counts, activity, is_one_bit);
        OperationEnergy { name: operation.name.clone(), counts, activity, energy }
    };
    let operations: Vec<OperationEnergy> = schedule.operations.iter().map(one).collect();
    let total = operations.iter().fold(Energy::default(), |sum, op| sum.plus(op.energy));
    Ok(EnergyReport { operations, total })
}

/// What an operation does in a frame.
pub fn counts(network: &Network, engine: &Engine, operation: &Operation) -> Counts {
    let layout = engine.layout();
    let out = network.spec(operation.output);
    let written = (layout.words(out) * engine.feature_bits()) as u64;
    let groups: usize = operation.source_specs(network).iter().map(|s| layout.groups(s)).sum();
    if operation.kind == OperationKind::MaxPool2d {
        let across = (2 * out.width).div_ceil(engine.tp);
        let reads = (2 * across * out.height * groups * engine.feature_bits()) as u64;
        return Counts {
            comparisons: 3 * out.len() as u64,
            feature_bits: reads + written,
            parameter_bits: DESCRIPTOR_BITS,
            ..Counts::default()
        };
    }
    let (height, width) = operation.loop_extent(network);
    let pass = operation.digits(engine) * groups * operation.taps();
    let places = height * width.div_ceil(engine.tp) * operation.phases();
    let iterations = (places * operation.out_channels().div_ceil(engine.tm) * pass) as u64;
    let values = (operation.out_channels() * height * width * operation.phases()) as u64;
    let drained = (places * operation.out_channels() * engine.drain_blocks()) as u64;
    Counts {
        digit_products: (operation.weights.len() * height * width * operation.digits(engine))
            as u64,
        accumulations: values * pass as u64,
        requantizations: values,
        comparisons: 0,
        feature_bits: iterations * engine.feature_bits() as u64 + written,
        weight_bits: iterations * engine.weight_bits() as u64,
        parameter_bits: drained * PARAM_BITS as u64 + DESCRIPTOR_BITS,
        external_bytes: 0,
    }
}

/// Picojoules of counted work; a one-bit cell adds or subtracts and has no multiplier.
fn energy(engine: &Engine, counts: &Counts, activity: f64, is_one_bit: bool) -> Energy {
    let multiply = |a: usize, b: usize| (a * b) as f64 * MULTIPLY_PJ_PER_BIT2;
    let add = |width: usize| width as f64 * ADD_PJ_PER_BIT;
    let product = if is_one_bit { 0.0 } else { multiply(engine.digit_bits, engine.lane_bits) };
    let tree = add(engine.digit_bits + engine.lane_bits + engine.tn.ilog2() as usize);
    let scale = if engine.scaled { multiply(engine.accumulator_bits, M_BITS) } else { 0.0 };
    let sram = |bits: u64| bits as f64 * SRAM_PJ_PER_BIT;
    Energy {
        array_pj: counts.digit_products as f64 * activity * (product + tree)
            + counts.accumulations as f64 * add(engine.accumulator_bits)
            + counts.comparisons as f64 * add(engine.lane_bits),
        requantize_pj: counts.requantizations as f64 * (scale + add(B_BITS)),
        feature_pj: sram(counts.feature_bits),
        weight_pj: sram(counts.weight_bits),
        parameter_pj: sram(counts.parameter_bits),
        external_pj: counts.external_bytes as f64 * DRAM_PJ_PER_BYTE,
    }
}

/// Fraction of the digit products of an operation in which neither operand is zero, channel by
/// channel; what lies outside the image counts as the rest of its channel.
fn activity(network: &Network, engine: &Engine, operation: &Operation, tensors: &[Vec<u8>]) -> f64 {
    let nonzero: Vec<f64> = operation
        .sources
        .iter()
        .flat_map(|source| {
            let plane = network.spec(source.tensor).plane();
            tensors[source.tensor.index()].chunks(plane).map(|values| {
                values.iter().filter(|value| **value != 0).count() as f64 / values.len() as f64
            })
        })
        .collect();
    let is_one_bit = engine.digit_bits == 1 && operation.weight_bits == 1;
    let digits = operation.digits(engine);
    let taps = operation.kernel * operation.kernel;
    let mut active = 0.0;
    for (index, code) in operation.weights.iter().enumerate() {
        let n_digits = (0..digits)
            .filter(|digit| is_one_bit || weight_digit(engine, operation, *code, *digit) != 0)
            .count();
        active += nonzero[index / taps % nonzero.len()] * n_digits as f64;
    }
    let all = operation.weights.len() * digits;
    if all == 0 { 1.0 } else { active / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::{ChannelParams, Conv2d, Layer, Mode, Requantize, Tensor, TensorId, TensorSpec};

    /// A 1x1 convolution of 2 -> 2 channels on 2x2 pixels of 4 bits.
    fn network(weight_bits: u8, weights: [i8; 4]) -> Network {
        let tensor = |name: &str| Tensor {
            name: name.into(),
            spec: TensorSpec { channels: 2, height: 2, width: 2, bits: 4, signed: false },
        };
        let unit = ChannelParams { multiplier: 1, bias: 0 };
        let layer = Conv2d {
            name: "conv".into(),
            input: TensorId(0),
            output: TensorId(1),
            kernel: 1,
            weight_bits,
            weights: weights.into(),
            requantize: Requantize { channels: vec![unit; 2], shift: 0 },
        };
        Network {
            name: "small".into(),
            mode: Mode::Scaled,
            tensors: vec![tensor("in"), tensor("out")],
            layers: vec![Layer::Conv2d(layer)],
            input: TensorId(0),
            output: TensorId(1),
            metadata: String::new(),
        }
    }

    fn total(network: &Network, digit_bits: usize, lane_bits: u8) -> Energy {
        let lane_bits = Some(lane_bits);
        let config = HardwareConfig { digit_bits, lane_bits, ..Default::default() };
        estimate(network, &config, None).unwrap().total
    }

    #[test]
    fn small_case_by_hand() {
        // TN 2, TM 4, TP 4, D 4, lanes of 4 bits, RQ 2, accumulators of 13 bits; words of 32 bits
        let network = network(4, [1, 2, 0, -3]);
        let tensors = network.run_reference(&[1, 2, 3, 4, 0, 0, 0, 9]).unwrap();
        let report = estimate(&network, &HardwareConfig::default(), Some(&tensors)).unwrap();
        let OperationEnergy { counts, activity, energy, .. } = &report.operations[0];
        let expected = Counts {
            digit_products: 16,
            accumulations: 8,
            requantizations: 8,
            comparisons: 0,
            feature_bits: 2 * 32 + 2 * 32,
            weight_bits: 2 * 32,
            parameter_bits: 8 * 48 + 512,
            external_bytes: 0,
        };
        assert_eq!(*counts, expected);
        // weights 1 (on 4 of 4), 2 and -3 (on 1 of 4)
        assert_eq!(*activity, 1.5 / 4.0);
        // a product 0.05, its addition 9 / 320; an accumulation 13 / 320
        let array = 16.0 * 0.375 * (0.05 + 9.0 / 320.0) + 8.0 * 13.0 / 320.0;
        // 13 x 16 bits 0.65, 32 bits 0.1
        let found = [energy.array_pj, energy.requantize_pj, energy.feature_pj, energy.weight_pj];
        for (found, expected) in found.into_iter().zip([array, 6.0, 20.0, 10.0]) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        assert_eq!((energy.parameter_pj, energy.external_pj), (140.0, 0.0));
        assert_eq!(report.total, *energy);
        assert!(report.to_string().contains("estimate"), "{report}");
    }

    #[test]
    fn more_bits_take_more() {
        let codes = [1, -1, 1, -1];
        let by_weight: Vec<f64> =
            (1..=8).map(|bits| total(&network(bits, codes), 1, 4).total_pj()).collect();
        assert!(by_weight.is_sorted_by(|a, b| a < b), "{by_weight:?}");
        let by_lane: Vec<f64> =
            (4..=8).map(|bits| total(&network(4, codes), 4, bits).total_pj()).collect();
        assert!(by_lane.is_sorted_by(|a, b| a < b), "{by_lane:?}");
    }

    #[test]
    fn one_bit_cells_are_cheaper() {
        let codes = [1, -1, 1, -1];
        let (one, four) = (total(&network(1, codes), 1, 4), total(&network(4, codes), 4, 4));
        assert!(one.array_pj < four.array_pj, "{one:?} {four:?}");
        assert!(one.total_pj() < four.total_pj(), "{one:?} {four:?}");
        // the same width of digit and lane with a multiplier
        assert!(one.array_pj < total(&network(2, codes), 1, 4).array_pj / 2.0);
    }

    #[test]
    fn zeros_take_nothing_in_the_multipliers() {
        let network = network(4, [1, 2, 0, -3]);
        let energy = |tensors: &[Vec<u8>]| {
            estimate(&network, &HardwareConfig::default(), Some(tensors)).unwrap().total
        };
        let dark = energy(&network.run_reference(&[0; 8]).unwrap());
        let bright = energy(&network.run_reference(&[15; 8]).unwrap());
        assert!(dark.array_pj < bright.array_pj);
        assert_eq!(dark.feature_pj, bright.feature_pj);
    }
}
