//! `[hardware]` of the configuration file.

use serde::{Deserialize, Serialize};

use crate::cell::{CellChoice, MacCell, PACKED_OPERAND_BITS, packed_operand_bits};
use crate::error::HdlError;

/// The bus on which the host sees the registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostBus {
    /// Wishbone B4, classic cycles.
    #[default]
    Wishbone,
    /// AXI4-Lite.
    Axi4Lite,
}

impl HostBus {
    /// Name as in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            HostBus::Wishbone => "wishbone",
            HostBus::Axi4Lite => "axi4-lite",
        }
    }
}

/// Where tensors and weights lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemoryPlace {
    /// All in memories of the engine.
    #[default]
    OnChip,
    /// In memory on an AXI4 bus; the engine's memories are buffers.
    External,
}

/// Buffers of an external-memory build in KiB where the configuration names none.
const DEFAULT_BUFFERS_KIB: (usize, usize) = (256, 80);

/// Numbers of lanes, and their shape as TN, TM, TP.
const LANES: [(usize, [usize; 3]); 6] = [
    (8, [2, 2, 2]),
    (16, [2, 4, 2]),
    (32, [2, 4, 4]),
    (64, [2, 4, 8]),
    (128, [2, 8, 8]),
    (256, [4, 8, 8]),
];

/// Shape and memories of the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HardwareConfig {
    /// Input channel lanes (TN): a power of two, 1 to 64.
    pub tn: usize,
    /// Output channel lanes (TM): a power of two, 1 to 128.
    pub tm: usize,
    /// Pixel lanes (TP): a power of two, 1 to 16.
    pub tp: usize,
    /// Bits of a weight digit (D): 1, 2, 4 or 8; a layer of W bits takes ceil(W/D) passes.
    pub digit_bits: usize,
    /// Bits of an activation lane (TA), 1 to 8; absent: as few as hold all tensors, a wide input
    /// split in two; fewer split it into more parts.
    pub lane_bits: Option<u8>,
    /// How a product is made: `"plain"` (a multiplier each), `"lut"` (shift and add), `"packed"` (two
    /// output channels share a multiplier) or `"auto"` (what a target has room for; without a
    /// target plain). All are exactly equal; with D = 1 plain and lut only add and subtract.
    pub mac_cell: CellChoice,
    /// Results requantized a cycle: divides `tp`; absent: TM·TP/8, at least 1, at most TP.
    pub requantize_lanes: Option<usize>,
    /// Whether the requantizer has a multiplier; absent: unless the network is in `fixed` mode.
    pub scaled: Option<bool>,
    /// Whether to leave out what only saves cycles, for small devices: max-pools fused into
    /// convolutions, and fetching a descriptor while another runs. On chip only.
    pub compact: bool,
    /// Where tensors and weights lie: `"on-chip"`, or `"external"` (memory on an AXI4 bus; the
    /// engine's memories are buffers).
    pub memory: MemoryPlace,
    /// Largest feature memory in KiB, or size of the feature buffer if `memory` is external; absent:
    /// as large as the network needs, 256 for a buffer.
    pub feature_memory_kib: Option<usize>,
    /// Largest weight memory in KiB, or size of the weight buffer if `memory` is external; absent:
    /// as large as the network needs, 80 for a buffer.
    pub weight_memory_kib: Option<usize>,
    /// Cycles after which a frame is stopped with an error, 0 = never; absent: four times the model.
    pub watchdog_cycles: Option<u32>,
    /// Bus of the register block: `"wishbone"` or `"axi4-lite"`.
    pub host_bus: HostBus,
}

impl Default for HardwareConfig {
    fn default() -> Self {
        HardwareConfig {
            tn: 2,
            tm: 4,
            tp: 4,
            digit_bits: 4,
            lane_bits: None,
            mac_cell: CellChoice::Auto,
            requantize_lanes: None,
            scaled: None,
            compact: false,
            memory: MemoryPlace::OnChip,
            feature_memory_kib: None,
            weight_memory_kib: None,
            watchdog_cycles: None,
            host_bus: HostBus::Wishbone,
        }
    }
}

impl HardwareConfig {
    /// Checks every key.
    ///
    /// # Errors
    /// [`HdlError::Config`] naming the first illegal key.
    pub fn validate(&self) -> Result<(), HdlError> {
        power_of_two("tn", self.tn, 64)?;
        power_of_two("tm", self.tm, 128)?;
        power_of_two("tp", self.tp, 16)?;
        power_of_two("digit_bits", self.digit_bits, 8)?;
        let word = self.tn * self.tm * self.digit_bits;
        check(
            "tm",
            word <= 8192,
            "at most 8192 bits in a weight word, tn * tm * digit_bits",
            word,
        )?;
        if let Some(bits) = self.lane_bits {
            check("lane_bits", (1..=8).contains(&bits), "1 to 8", bits)?;
        }
        // lanes as narrow as can be; the schedule checks those that the network needs
        self.mac_cell(self.lane_bits.unwrap_or(1))?;
        let lanes = self.requantize_lanes();
        let divides = lanes >= 1 && lanes.is_power_of_two() && lanes <= self.tp;
        check("requantize_lanes", divides, "a power of two, at most tp", lanes)?;
        let on_chip = self.memory == MemoryPlace::OnChip;
        check("compact", on_chip || !self.compact, "false with external memory", self.compact)?;
        for (key, limit) in [
            ("feature_memory_kib", self.feature_memory_kib),
            ("weight_memory_kib", self.weight_memory_kib),
        ] {
            let limit = limit.unwrap_or(1);
            check(key, (1..=1 << 20).contains(&limit), "1 to 1048576", limit)?;
        }
        Ok(())
    }

    /// The same engine with so many multiply-accumulate lanes, along pixels first, as they are used best.
    ///
    /// # Errors
    /// [`HdlError::Config`] if there is no such shape.
    pub fn of_lanes(&self, lanes: usize) -> Result<HardwareConfig, HdlError> {
        let shape = LANES.iter().find(|(n, _)| *n == lanes).map(|(_, shape)| *shape);
        let Some([tn, tm, tp]) = shape else {
            let counts: Vec<String> = LANES.iter().map(|(n, _)| n.to_string()).collect();
            let expected = format!("one of {} lanes", counts.join(", "));
            return Err(HdlError::Config { key: "tn", expected, found: lanes.to_string() });
        };
        Ok(HardwareConfig { tn, tm, tp, requantize_lanes: None, ..self.clone() })
    }

    /// Feature and weight buffers of an external-memory build in KiB.
    pub fn buffers_kib(&self) -> (usize, usize) {
        let (features, weights) = DEFAULT_BUFFERS_KIB;
        (self.feature_memory_kib.unwrap_or(features), self.weight_memory_kib.unwrap_or(weights))
    }

    /// How a product is made on lanes of `lane_bits` bits.
    ///
    /// # Errors
    /// [`HdlError::Config`] if the chosen cell cannot make these products.
    pub fn mac_cell(&self, lane_bits: u8) -> Result<MacCell, HdlError> {
        let cell = match self.mac_cell {
            CellChoice::Auto | CellChoice::Plain => return Ok(MacCell::Plain),
            CellChoice::Lut => return Ok(MacCell::Lut),
            CellChoice::Packed => MacCell::Packed,
        };
        let found = "packed";
        check("mac_cell", self.digit_bits > 1, "plain, lut or auto where digit_bits = 1", found)?;
        check("mac_cell", self.tm > 1, "plain, lut or auto where tm = 1", found)?;
        let bits = packed_operand_bits(self.digit_bits, usize::from(lane_bits), self.tn);
        let expected = format!(
            "a cell whose operand has at most {PACKED_OPERAND_BITS} bits (packed: 2 * digit_bits + \
             lane_bits + log2 tn + 1)"
        );
        let found = format!("packed with {bits} bits");
        check("mac_cell", bits <= PACKED_OPERAND_BITS, &expected, found)?;
        Ok(cell)
    }

    /// Results requantized a cycle.
    pub fn requantize_lanes(&self) -> usize {
        self.requantize_lanes.unwrap_or_else(|| (self.tm * self.tp / 8).clamp(1, self.tp))
    }
}

fn power_of_two(key: &'static str, found: usize, most: usize) -> Result<(), HdlError> {
    let legal = found.is_power_of_two() && found <= most;
    check(key, legal, &format!("a power of two, 1 to {most}"), found)
}

fn check(
    key: &'static str,
    legal: bool,
    expected: &str,
    found: impl std::fmt::Display,
) -> Result<(), HdlError> {
    if legal {
        return Ok(());
    }
    Err(HdlError::Config { key, expected: expected.into(), found: found.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        let config: HardwareConfig = toml::from_str(text).unwrap();
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn default_is_legal() {
        HardwareConfig::default().validate().unwrap();
    }

    #[test]
    fn shapes_have_the_lanes_that_were_asked_for() {
        for (lanes, _) in LANES {
            let config = HardwareConfig::default().of_lanes(lanes).unwrap();
            config.validate().unwrap();
            assert_eq!(config.tn * config.tm * config.tp, lanes);
        }
        let error = HardwareConfig::default().of_lanes(60).unwrap_err().to_string();
        assert_eq!(error, "hardware.tn: expected one of 8, 16, 32, 64, 128, 256 lanes, found 60");
    }

    #[test]
    fn messages_name_key_expected_and_found() {
        assert_eq!(message("tn = 3"), "hardware.tn: expected a power of two, 1 to 64, found 3");
        assert_eq!(message("lane_bits = 9"), "hardware.lane_bits: expected 1 to 8, found 9");
        assert_eq!(
            message("requantize_lanes = 8"),
            "hardware.requantize_lanes: expected a power of two, at most tp, found 8"
        );
        assert_eq!(
            message("tn = 64\ntm = 32\ndigit_bits = 8"),
            "hardware.tm: expected at most 8192 bits in a weight word, tn * tm * digit_bits, \
             found 16384"
        );
        assert!(toml::from_str::<HardwareConfig>("lanes = 4").is_err());
    }

    #[test]
    fn buses_are_written_as_they_are_named() {
        for bus in [HostBus::Wishbone, HostBus::Axi4Lite] {
            let text = format!("host_bus = \"{}\"", bus.name());
            assert_eq!(toml::from_str::<HardwareConfig>(&text).unwrap().host_bus, bus);
        }
        let error = toml::from_str::<HardwareConfig>("host_bus = \"ahb\"").unwrap_err();
        assert!(error.to_string().contains("expected `wishbone` or `axi4-lite`"), "{error}");
    }

    #[test]
    fn packed_cells_need_room_and_pairs() {
        let start = "hardware.mac_cell: expected ";
        let one_bit = message("digit_bits = 1\nmac_cell = \"packed\"");
        assert_eq!(
            one_bit,
            format!("{start}plain, lut or auto where digit_bits = 1, found packed")
        );
        let single = message("tm = 1\nrequantize_lanes = 1\nmac_cell = \"packed\"");
        assert_eq!(single, format!("{start}plain, lut or auto where tm = 1, found packed"));
        let wide = message("digit_bits = 8\nlane_bits = 8\nmac_cell = \"packed\"");
        assert_eq!(
            wide,
            format!(
                "{start}a cell whose operand has at most 18 bits (packed: 2 * digit_bits + \
                 lane_bits + log2 tn + 1), found packed with 26 bits"
            )
        );
        let error = toml::from_str::<HardwareConfig>("mac_cell = \"dsp\"").unwrap_err();
        assert!(error.to_string().contains("unknown variant `dsp`"), "{error}");
    }
}
