//! An estimate of the energy of one inference: counted operations and memory accesses × constants.
//!
//! The constants are those of a 45 nm process at 0.9 V: M. Horowitz, "Computing's energy problem
//! (and what we can do about it)", ISSCC 2014. Adders scale with their width, multipliers with
//! the product of their operand widths, memories with the bits moved, whatever their size. Clock
//! tree, wires, control and leakage are not counted, and an FPGA's fabric costs several times an
//! ASIC's. So the figures compare builds and networks; they do not replace a measurement.

use network::descriptor::CHIP_WORDS;
use network::{Network, TensorSpec};
use serde::{Deserialize, Serialize};

use crate::config::HardwareConfig;
use crate::engine::{Engine, PARAM_BITS};
use crate::error::HdlError;
use crate::external::BytesMoved;
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
const DESCRIPTOR_BITS: u64 = 32 * CHIP_WORDS as u64;

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
    /// Bits read from and written to feature memory, and the buffer of a fused max-pool.
    pub feature_bits: u64,
    /// Bits read from weight memory.
    pub weight_bits: u64,
    /// Bits read from parameter and descriptor memory.
    pub parameter_bits: u64,
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
    /// Whether the activity is that of an image; else it is 1, every product counts.
    pub sampled: bool,
    /// Bytes between the chip and external memory; none if all memories are on chip.
    pub moved: BytesMoved,
    /// Operations and transfers together, an estimate.
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
             feature memory, {:.0} % weight memory, {:.0} % external memory; {}",
            self.total.total_pj() / 1e6,
            percent(self.total.array_pj + self.total.requantize_pj),
            percent(self.total.feature_pj),
            percent(self.total.weight_pj),
            percent(self.total.external_pj),
            if self.sampled { "activity from a real image" } else { "activity 1.0, no sample" },
        )
    }
}

/// Estimates a network on a configuration.
///
/// `tensors` holds the bytes of every tensor of one image, from which the fraction of products
/// with a zero operand is taken; without it every product counts. `moved` is what the plan of an
/// external-memory build moves.
///
/// # Errors
/// If the network cannot be scheduled.
pub fn estimate(
    network: &Network,
    config: &HardwareConfig,
    moved: BytesMoved,
    tensors: Option<&[Vec<u8>]>,
) -> Result<EnergyReport, HdlError> {
    let schedule = schedule(network, config)?;
    let engine = &schedule.engine;
    let one = |operation: &Operation| {
        let counts = counts(network, engine, operation);
        let activity = tensors.map_or(1.0, |t| activity(network, engine, operation, t));
        let energy = energy(engine, &counts, activity, operation.one_bit(engine));
        OperationEnergy { name: operation.name.clone(), counts, activity, energy }
    };
    let operations: Vec<OperationEnergy> = schedule.operations.iter().map(one).collect();
    let total = operations.iter().fold(transfers(&moved), |sum, op| sum.plus(op.energy));
    Ok(EnergyReport { operations, sampled: tensors.is_some(), moved, total })
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
        comparisons: operation.pooled.map_or(0, |id| 3 * network.spec(id).len() as u64),
        feature_bits: iterations * engine.feature_bits() as u64
            + written
            + operation.pooled.map_or(0, |id| pooled_bits(engine, out, network.spec(id))),
        weight_bits: iterations * engine.weight_bits() as u64,
        parameter_bits: drained * PARAM_BITS as u64 + DESCRIPTOR_BITS,
    }
}

/// Bits of a fused max-pool: each word of the map reads the buffer, one that leaves a block
/// unfinished writes it back, and the pooled map is written.
fn pooled_bits(engine: &Engine, map: &TensorSpec, pooled: &TensorSpec) -> u64 {
    let layout = engine.layout();
    let columns = if engine.tp == 1 { map.width / 2 } else { map.width.div_ceil(engine.tp) };
    let finished = map.height / 2 * columns * layout.groups(map);
    let buffer = 2 * layout.words(map) - finished;
    (buffer * engine.pool_bits() + layout.words(pooled) * engine.feature_bits()) as u64
}

/// Picojoules of the transfers, outside and in the memories on chip.
fn transfers(moved: &BytesMoved) -> Energy {
    let on_chip = |bytes: usize| 8.0 * bytes as f64 * SRAM_PJ_PER_BIT;
    Energy {
        feature_pj: on_chip(moved.features_in + moved.features_out),
        weight_pj: on_chip(moved.weights),
        external_pj: moved.total() as f64 * DRAM_PJ_PER_BYTE,
        ..Energy::default()
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
        external_pj: 0.0,
    }
}

/// Fraction of the digit products of an operation in which neither operand is zero, channel by
/// channel of what it reads; what lies outside the image counts as the rest of its channel.
fn activity(network: &Network, engine: &Engine, operation: &Operation, tensors: &[Vec<u8>]) -> f64 {
    let packing = &operation.packing;
    let mut nonzero: Vec<f64> = Vec::new();
    for source in &operation.sources {
        let (spec, values) = (network.spec(source.tensor), &tensors[source.tensor.index()]);
        for channel in 0..packing.spec(spec).channels {
            let pixels = (0..spec.plane()).map(|at| [at / spec.width, at % spec.width]);
            let n = pixels.filter(|at| packing.value(spec, values, channel, *at) != 0).count();
            nonzero.push(n as f64 / spec.plane() as f64);
        }
    }
    let is_one_bit = operation.one_bit(engine);
    let digits = operation.digits(engine);
    let window = operation.window();
    let mut active = 0.0;
    for (index, code) in operation.weights.iter().enumerate() {
        let n_digits = (0..digits)
            .filter(|digit| is_one_bit || weight_digit(engine, operation, *code, *digit) != 0)
            .count();
        active += nonzero[index / window % nonzero.len()] * n_digits as f64;
    }
    let all = operation.weights.len() * digits;
    if all == 0 { 1.0 } else { active / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::{
        ChannelParams, Conv2d, Layer, Mode, Requantize, Resample, Tensor, TensorId, TensorSpec,
    };

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

    fn sampled(network: &Network, tensors: &[Vec<u8>]) -> EnergyReport {
        let (config, moved) = (HardwareConfig::default(), BytesMoved::default());
        estimate(network, &config, moved, Some(tensors)).unwrap()
    }

    fn total(network: &Network, digit_bits: usize, lane_bits: u8) -> Energy {
        let lane_bits = Some(lane_bits);
        let config = HardwareConfig { digit_bits, lane_bits, ..Default::default() };
        estimate(network, &config, BytesMoved::default(), None).unwrap().total
    }

    #[test]
    fn small_case_by_hand() {
        // TN 2, TM 4, TP 4, D 4, lanes of 4 bits, RQ 2, accumulators of 13 bits; words of 32 bits
        let network = network(4, [1, 2, 0, -3]);
        let tensors = network.run_reference(&[1, 2, 3, 4, 0, 0, 0, 9]).unwrap();
        let report = sampled(&network, &tensors);
        let OperationEnergy { counts, activity, energy, .. } = &report.operations[0];
        let expected = Counts {
            digit_products: 16,
            accumulations: 8,
            requantizations: 8,
            comparisons: 0,
            feature_bits: 2 * 32 + 2 * 32,
            weight_bits: 2 * 32,
            parameter_bits: 8 * 48 + 512,
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
        assert!(report.to_string().ends_with("activity from a real image"), "{report}");
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
        let energy = |tensors: &[Vec<u8>]| sampled(&network, tensors).total;
        let dark = energy(&network.run_reference(&[0; 8]).unwrap());
        let bright = energy(&network.run_reference(&[15; 8]).unwrap());
        assert!(dark.array_pj < bright.array_pj);
        assert_eq!(dark.feature_pj, bright.feature_pj);
    }

    #[test]
    fn transfers_by_hand() {
        let network = network(4, [1, 2, 0, -3]);
        let config = HardwareConfig::default();
        let moved = BytesMoved { features_in: 32, features_out: 16, weights: 64 };
        let [on_chip, external] = [BytesMoved::default(), moved]
            .map(|moved| estimate(&network, &config, moved, None).unwrap());
        assert!(external.to_string().ends_with("activity 1.0, no sample"), "{external}");
        assert_eq!((on_chip.total.external_pj, external.moved), (0.0, moved));
        // 112 bytes of 243.75 pJ; 48 and 64 bytes of 1.25 pJ on chip
        assert_eq!(external.total.external_pj, 27300.0);
        let more = |of: fn(&Energy) -> f64| of(&external.total) - of(&on_chip.total);
        assert_eq!((more(|e| e.feature_pj), more(|e| e.weight_pj)), (60.0, 80.0));
        assert_eq!(more(|e| e.array_pj + e.requantize_pj + e.parameter_pj), 0.0);
    }

    /// The convolution with a max-pool behind it.
    fn pooled() -> Network {
        let mut network = network(4, [1, 2, 0, -3]);
        let spec = TensorSpec { height: 1, width: 1, ..*network.spec(TensorId(1)) };
        network.tensors.push(Tensor { name: "pooled".into(), spec });
        let pool = Resample { name: "pool".into(), input: TensorId(1), output: TensorId(2) };
        network.layers.push(Layer::MaxPool2d(pool));
        network.output = TensorId(2);
        network
    }

    #[test]
    fn a_fused_max_pool_by_hand() {
        let report = |network| {
            let config = HardwareConfig::default();
            estimate(&network, &config, BytesMoved::default(), None).unwrap()
        };
        let (plain, fused) = (report(network(4, [1, 2, 0, -3])), report(pooled()));
        assert_eq!(fused.operations.len(), 1);
        let [plain, fused] = [&plain, &fused].map(|report| report.operations[0].counts);
        assert_eq!(fused.comparisons, 3 * 2);
        // two words of 16 bits: two reads, one write; a pooled word of 32 bits
        assert_eq!(fused.feature_bits - plain.feature_bits, 3 * 16 + 32);
    }

    #[test]
    fn a_split_input_by_hand() {
        let mut network = network(2, [1, 1, 1, 1]);
        network.tensors[0].spec.bits = 6;
        // channel 0 in the low bits only, channel 1 in the high bits only
        let tensors = network.run_reference(&[1, 1, 1, 1, 4, 4, 4, 4]).unwrap();
        let config = HardwareConfig { digit_bits: 8, lane_bits: Some(4), ..Default::default() };
        let report = estimate(&network, &config, BytesMoved::default(), Some(&tensors)).unwrap();
        let OperationEnergy { counts, activity, .. } = &report.operations[0];
        assert_eq!((counts.digit_products, *activity), (32, 0.5));
    }
}
