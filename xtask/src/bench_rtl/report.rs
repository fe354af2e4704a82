//! What bench-rtl writes as JSON.

use serde::{Deserialize, Serialize};

/// The whole report.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// How it was made.
    pub origin: Origin,
    /// Whole U-Nets.
    pub networks: Vec<NetworkRow>,
    /// Seconds of processor time from model to Verilog of base 16, depth 4, 256².
    pub generation_seconds: Option<f64>,
    /// Pairs of weight and activation bits: reference = Verilator = Icarus.
    pub bit_width_pairs: Equality,
    /// Different weight widths in one network.
    pub mixed_precision: Option<MixedPrecision>,
    /// Random networks and every image width 1 to 70: reference = Verilator.
    pub random_networks: RandomNetworks,
    /// The peer and ours.
    pub peer: Vec<PeerRow>,
    /// Area and clock.
    pub synthesis: Vec<SynthesisRow>,
}

/// How a report was made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The command line.
    pub command: String,
    /// The commit, with a plus sign if files differed from it.
    pub commit: String,
    /// Seed of weights and images.
    pub seed: u64,
    /// Seconds that it took.
    pub seconds: u64,
}

/// One whole network on one array.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NetworkRow {
    /// As `base 8 depth 3, 64²`.
    pub name: String,
    /// `on-chip` or `external`.
    pub memory: String,
    /// Multiply-accumulates a cycle.
    pub lanes: u64,
    /// TN, TM, TP.
    pub shape: [usize; 3],
    /// Multiply-accumulates of a frame.
    pub macs: u64,
    /// Useful digit products of a frame.
    pub digit_macs: u64,
    /// Counted by register CYCLES in an unbroken frame.
    pub cycles: u64,
    /// By the cycle model.
    pub model_cycles: u64,
    /// `digit_macs` / (lanes · cycles).
    pub utilization: f64,
    /// Share that is expected at least.
    pub utilization_floor: f64,
    /// Cycles in which the array waited for the requantizer.
    pub stall_cycles: u64,
    /// Layers whose counted cycles differ from the model's by more than 1 %.
    pub layers_off_model: usize,
    /// Values compared with the simulator.
    pub values_compared: u64,
    /// Values that differ.
    pub mismatches: u64,
    /// Bytes over the external bus in a frame.
    pub bytes_moved: u64,
    /// Bytes that any schedule must move.
    pub bytes_floor: u64,
    /// Most bytes that are expected; 0 on chip.
    #[serde(default)]
    pub bytes_allowed: u64,
    /// Simulated cycles a second.
    pub simulated_hz: f64,
}

/// Things compared, and how many differ.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Equality {
    /// Things run by every backend.
    pub tested: u64,
    /// Things of which some value differs.
    pub mismatches: u64,
    /// Values compared.
    pub values_compared: u64,
    /// What differs, at most ten lines.
    #[serde(default)]
    pub first: Vec<String>,
}

/// Random networks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RandomNetworks {
    /// Networks and what differs.
    #[serde(flatten)]
    pub equality: Equality,
    /// Seed of the first network; the others follow.
    pub seed: u64,
    /// Image widths that occurred.
    pub widths: usize,
    /// TN, TM, TP, D of each array.
    pub shapes: Vec<[usize; 4]>,
    /// Networks whose counted cycles differ from the model's.
    pub cycle_differences: u64,
}

/// Mixed precision at D = 2.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MixedPrecision {
    /// W of each layer.
    pub weight_bits: Vec<u8>,
    /// Counted.
    pub cycles: u64,
    /// By the model.
    pub model_cycles: u64,
    /// Values that differ from the reference.
    pub mismatches: u64,
    /// One convolution with 8-bit weights.
    pub cycles_w8: u64,
    /// The same with 4-bit weights.
    pub cycles_w4: u64,
}

/// A design of the peer or ours on the same task.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PeerRow {
    /// Who made it.
    #[serde(default)]
    pub generator: String,
    /// As `conv-int8`.
    pub name: String,
    /// Multiply-accumulates a cycle.
    pub lanes: u64,
    /// Multiply-accumulates of a frame.
    pub macs: u64,
    /// From start to idle.
    pub cycles: u64,
    /// Useful products / (lanes · cycles).
    pub utilization: f64,
    /// Values compared with the generator's own reference.
    pub compared: u64,
    /// Values that differ.
    pub mismatches: u64,
    /// Lines of Verilog.
    pub verilog_lines: u64,
    /// Bytes of Verilog.
    pub verilog_bytes: u64,
    /// Seconds to generate it.
    pub generation_seconds: f64,
}

/// One synthesised build.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SynthesisRow {
    /// As `ecp5-25k`.
    pub target: String,
    /// Multiply-accumulates a cycle.
    pub lanes: u64,
    /// Counted by Yosys.
    pub luts: u64,
    /// Counted by Yosys.
    pub ffs: u64,
    /// Counted by Yosys.
    pub brams: u64,
    /// Counted by Yosys.
    pub dsps: u64,
    /// By the resource model.
    pub model_luts: u64,
    /// By the resource model.
    pub model_dsps: u64,
    /// By the resource model.
    pub model_brams: u64,
    /// By nextpnr; none without it.
    pub fmax_mhz: Option<f64>,
}

impl Report {
    /// What is not as it must be; empty if all is well.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for row in &self.networks {
            row.problems(&mut problems);
        }
        for (name, equality) in [
            ("bit width pairs", &self.bit_width_pairs),
            ("random networks", &self.random_networks.equality),
        ] {
            if equality.mismatches > 0 {
                let Equality { tested, mismatches, first, .. } = equality;
                let first = first.join("\n");
                problems.push(format!("{name}: {mismatches} of {tested} differ\n{first}"));
            }
        }
        if self.random_networks.cycle_differences > 0 {
            let n = self.random_networks.cycle_differences;
            problems.push(format!("random networks: {n} take other cycles than modelled"));
        }
        if let Some(mixed) = &self.mixed_precision {
            mixed.problems(&mut problems);
        }
        if let Some(seconds) = self.generation_seconds.filter(|s| *s > 5.0) {
            problems.push(format!("model to Verilog: expected at most 5 s, found {seconds:.1} s"));
        }
        for row in self.peer.iter().filter(|row| row.mismatches > 0) {
            problems.push(format!("{} {}: {} mismatches", row.generator, row.name, row.mismatches));
        }
        problems
    }
}

impl NetworkRow {
    fn problems(&self, problems: &mut Vec<String>) {
        let place = format!("{}, {}, {} lanes", self.name, self.memory, self.lanes);
        if self.mismatches > 0 || self.values_compared == 0 {
            let (n, of) = (self.mismatches, self.values_compared);
            problems.push(format!("{place}: {n} of {of} values differ"));
        }
        if self.cycles.abs_diff(self.model_cycles) * 100 > self.model_cycles {
            let (found, expected) = (self.cycles, self.model_cycles);
            problems.push(format!("{place}: expected {expected} cycles within 1 %, found {found}"));
        }
        if self.layers_off_model > 0 {
            let n = self.layers_off_model;
            problems.push(format!("{place}: {n} layers are off the cycle model by more than 1 %"));
        }
        if self.bytes_moved > self.bytes_allowed {
            let (found, most) = (self.bytes_moved, self.bytes_allowed);
            problems.push(format!("{place}: expected at most {most} bytes, moved {found}"));
        }
        if self.utilization < self.utilization_floor {
            let (found, floor) = (100.0 * self.utilization, 100.0 * self.utilization_floor);
            problems
                .push(format!("{place}: expected {floor:.0} % of the lanes, found {found:.2} %"));
        }
    }
}

impl MixedPrecision {
    /// Cycles of 8-bit weights over those of 4-bit weights.
    pub fn ratio(&self) -> f64 {
        self.cycles_w8 as f64 / self.cycles_w4 as f64
    }

    fn problems(&self, problems: &mut Vec<String>) {
        if self.mismatches > 0 {
            problems.push(format!("mixed precision: {} values differ", self.mismatches));
        }
        if self.cycles != self.model_cycles {
            let (found, expected) = (self.cycles, self.model_cycles);
            problems.push(format!("mixed precision: expected {expected} cycles, found {found}"));
        }
        if !(1.98..=2.02).contains(&self.ratio()) {
            let ratio = self.ratio();
            problems
                .push(format!("W8 over W4 at D = 2: expected twice the cycles, found {ratio:.3}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Report {
        let row = NetworkRow {
            cycles: 1000,
            model_cycles: 1000,
            utilization: 0.97,
            utilization_floor: 0.95,
            values_compared: 1,
            ..NetworkRow::default()
        };
        let mixed =
            MixedPrecision { cycles_w8: 2000, cycles_w4: 1001, ..MixedPrecision::default() };
        Report { networks: vec![row], mixed_precision: Some(mixed), ..Report::default() }
    }

    #[test]
    fn each_fault_is_named() {
        assert_eq!(good().problems(), [""; 0]);
        let faults: [fn(&mut Report); 10] = [
            |r| r.networks[0].mismatches = 1,
            |r| r.networks[0].values_compared = 0,
            |r| r.networks[0].cycles = 1011,
            |r| r.networks[0].layers_off_model = 1,
            |r| r.networks[0].utilization = 0.949,
            |r| r.bit_width_pairs.mismatches = 1,
            |r| r.random_networks.cycle_differences = 1,
            |r| r.generation_seconds = Some(5.1),
            |r| r.mixed_precision.as_mut().expect("some").cycles_w4 = 1100,
            |r| r.peer.push(PeerRow { mismatches: 1, ..PeerRow::default() }),
        ];
        for (index, fault) in faults.iter().enumerate() {
            let mut report = good();
            fault(&mut report);
            assert_eq!(report.problems().len(), 1, "fault {index}: {:?}", report.problems());
        }
    }

    #[test]
    fn a_report_survives_its_file() {
        let text = serde_json::to_string(&good()).expect("JSON");
        let back: Report = serde_json::from_str(&text).expect("a report");
        assert_eq!(serde_json::to_string(&back).expect("JSON"), text);
        assert!(text.contains(r#""random_networks":{"tested":0,"mismatches":0"#), "{text}");
    }
}
