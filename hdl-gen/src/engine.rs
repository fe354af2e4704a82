//! The parameters of one engine build.

use network::TensorSpec;
use network::registers::FeatureLayout;
use serde::{Deserialize, Serialize};

use crate::cell::MacCell;
use crate::config::HardwareConfig;
use crate::error::HdlError;

/// Bits of a parameter word: M above B.
pub const PARAM_BITS: usize = 48;

/// Bits of B in a parameter word.
pub const BIAS_BITS: usize = 32;

/// Parameters of `qunet_engine.v` that shape the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    /// Input channel lanes, TN.
    pub tn: usize,
    /// Output channel lanes, TM.
    pub tm: usize,
    /// Pixel lanes, TP.
    pub tp: usize,
    /// Bits of a weight digit, D.
    pub digit_bits: usize,
    /// Bits of an activation lane, TA.
    pub lane_bits: usize,
    /// How a product is made, CELL.
    pub mac_cell: MacCell,
    /// Results requantized a cycle, RQ.
    pub requantize_lanes: usize,
    /// Bits of an accumulator, ACC.
    pub accumulator_bits: usize,
    /// Bits of a bias, BIAS.
    pub bias_bits: usize,
    /// Whether the requantizer has a multiplier.
    pub scaled: bool,
    /// Whether what only saves cycles is left out: PREFETCH, and the fused max-pool.
    pub compact: bool,
}

impl Engine {
    /// The engine of a configuration, with as many accumulator bits as asked for and the array's own
    /// sums need, and biases of 32 bits.
    ///
    /// # Errors
    /// [`HdlError::Config`] if the configured cell cannot make products on such lanes.
    pub fn new(
        config: &HardwareConfig,
        lane_bits: u8,
        scaled: bool,
        accumulator_bits: usize,
    ) -> Result<Engine, HdlError> {
        let engine = Engine {
            tn: config.tn,
            tm: config.tm,
            tp: config.tp,
            digit_bits: config.digit_bits,
            mac_cell: config.mac_cell(lane_bits)?,
            lane_bits: usize::from(lane_bits),
            requantize_lanes: config.requantize_lanes(),
            accumulator_bits,
            bias_bits: BIAS_BITS,
            scaled,
            compact: config.compact,
        };
        let least = engine.least_accumulator_bits();
        Ok(Engine { accumulator_bits: accumulator_bits.max(least), ..engine })
    }

    /// Multiply-accumulates a cycle.
    pub fn lanes(&self) -> usize {
        self.tn * self.tm * self.tp
    }

    /// How tensors lie in feature memory.
    pub fn layout(&self) -> FeatureLayout {
        FeatureLayout { input_lanes: self.tn, pixel_lanes: self.tp, lane_bits: self.lane_bits }
    }

    /// Weight digits of a layer of `weight_bits` bits.
    pub fn digits(&self, weight_bits: u8) -> usize {
        usize::from(weight_bits).div_ceil(self.digit_bits)
    }

    /// Cycles in which one channel of the array drains.
    pub fn drain_blocks(&self) -> usize {
        self.tp / self.requantize_lanes
    }

    /// Bits of a feature word.
    pub fn feature_bits(&self) -> usize {
        self.tp * self.tn * self.lane_bits
    }

    /// Bits of a weight word.
    pub fn weight_bits(&self) -> usize {
        self.tm * self.tn * self.digit_bits
    }

    /// Bits of a word of the fused max-pool's buffer: half the pixels of a feature word.
    pub fn pool_bits(&self) -> usize {
        (self.tp / 2).max(1) * self.tn * self.lane_bits
    }

    /// Words of the fused max-pool's buffer for a map of this shape, at least 2.
    pub fn pool_words(&self, map: &TensorSpec) -> usize {
        // with one pixel lane two words make one
        (map.width.div_ceil(self.tp.max(2)) * self.layout().groups(map)).max(2)
    }

    /// Fewest accumulator bits that the array's own sums allow.
    pub fn least_accumulator_bits(&self) -> usize {
        self.digit_bits + self.lane_bits + self.tn.ilog2() as usize + 4
    }
}
