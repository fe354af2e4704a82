//! What a network costs: bytes of its file, cycles and energy on the accelerator.

use hdl_gen::cycles::cycle_model;
use hdl_gen::energy;
use hdl_gen::external::{BytesMoved, ExternalConfig, plan};
use hdl_gen::schedule::schedule;
use hdl_gen::{HardwareConfig, MemoryPlace};
use network::Network;
use serde::{Deserialize, Serialize};

use crate::error::ExploreError;

/// Costs of a network on a configured accelerator.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Bytes of the whole file.
    pub bytes: usize,
    /// Modelled cycles of a frame.
    pub cycles: u64,
    /// Estimated energy of a frame in microjoules, every product counted.
    pub energy_uj: f64,
}

/// What a search must not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Budget {
    /// Bytes of the whole file.
    Bytes(usize),
    /// Modelled cycles of a frame.
    Cycles(u64),
    /// Estimated microjoules of a frame.
    Energy(f64),
}

impl Budget {
    /// The part of a cost that the budget limits, and the limit.
    pub fn compare(&self, cost: &Cost) -> (f64, f64) {
        match *self {
            Budget::Bytes(limit) => (cost.bytes as f64, limit as f64),
            Budget::Cycles(limit) => (cost.cycles as f64, limit as f64),
            Budget::Energy(limit) => (cost.energy_uj, limit),
        }
    }

    /// Name on the command line.
    pub fn option(&self) -> &'static str {
        match self {
            Budget::Bytes(_) => "--max-bytes",
            Budget::Cycles(_) => "--max-cycles",
            Budget::Energy(_) => "--max-energy",
        }
    }
}

/// Counts the bytes of a network and models it on an accelerator.
///
/// # Errors
/// If the network cannot be written, or does not fit the accelerator.
pub fn cost_of(network: &Network, hardware: &HardwareConfig) -> Result<Cost, ExploreError> {
    let bytes = network.to_bytes()?.len();
    let schedule = schedule(network, hardware)?;
    let (cycles, moved) = match hardware.memory {
        MemoryPlace::OnChip => (cycle_model(network, &schedule).total, BytesMoved::default()),
        MemoryPlace::External => {
            let (features, weights) = hardware.buffers_kib();
            let sizes = ExternalConfig {
                feature_words: features * 8192 / schedule.engine.feature_bits(),
                weight_words: weights * 8192 / schedule.engine.weight_bits(),
            };
            let report = plan(network, &schedule, &sizes)?.report;
            (report.cycles, report.moved)
        }
    };
    let energy = energy::estimate(network, hardware, moved, None)?;
    Ok(Cost { bytes, cycles, energy_uj: energy.total.total_pj() / 1e6 })
}
