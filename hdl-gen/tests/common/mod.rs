//! What the tests of this crate share: a loadable design per array shape, and one check.
#![allow(dead_code)]

use std::path::PathBuf;

use hdl_gen::emit::Depths;
use hdl_gen::{HardwareConfig, generate, generate_loadable};
use network::Network;
use sim::verilated::{CosimReport, Verilated, cosim_on, is_installed};

/// TN, TM, TP, D.
pub type Lanes = [usize; 4];

/// The configuration of a shape with lanes of 8 bits and a multiplier.
pub fn config([tn, tm, tp, digit_bits]: Lanes) -> HardwareConfig {
    HardwareConfig {
        tn,
        tm,
        tp,
        digit_bits,
        lane_bits: Some(8),
        scaled: Some(true),
        ..Default::default()
    }
}

/// Where compiled designs are kept between tests and runs.
pub fn cache_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("verilated")
}

/// False, and says which test is skipped, if Verilator is absent.
pub fn has_verilator(test: &str) -> bool {
    let installed = is_installed();
    if !installed {
        eprintln!("skipped: {test}: verilator is not installed");
    }
    installed
}

/// A design with empty memories for programs of one shape.
pub struct Bench {
    config: HardwareConfig,
    design: Verilated,
    folder: tempfile::TempDir,
}

impl Bench {
    /// Compiles the design, or takes it from the cache.
    pub fn new(config: HardwareConfig) -> Bench {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let name =
            format!("engine-{}-{}-{}-{}", config.tn, config.tm, config.tp, config.digit_bits);
        let engine = folder.path().join(name);
        let depths = Depths {
            features: 1 << 16,
            weights: 1 << 18,
            params: 1 << 10,
            descriptors: 1 << 10,
            pool: if config.compact { 0 } else { 1 << 10 },
            external: None,
        };
        generate_loadable(&config, depths, &engine).expect("generates");
        let design = Verilated::build(&engine, &cache_dir()).expect("builds");
        Bench { config, design, folder }
    }

    /// Runs one network and compares every layer.
    pub fn cosim(&mut self, network: &Network, inputs: &[Vec<u8>]) -> CosimReport {
        let program = self.folder.path().join("program");
        generate(network, &self.config, &program).expect("generates");
        self.design.load_program(&program).expect("loads");
        cosim_on(&mut self.design, &program, inputs).expect("runs")
    }

    /// Runs one network and requires that nothing differs.
    pub fn check(&mut self, name: &str, network: &Network, inputs: &[Vec<u8>]) -> CosimReport {
        let report = self.cosim(network, inputs);
        if let Some(mismatch) = &report.first_mismatch {
            let config = &self.config;
            panic!("{name} on {config:?}: {} mismatches, first {mismatch}", report.mismatches);
        }
        for layer in &report.per_layer {
            assert_eq!(layer.cycles, layer.model_cycles, "{name}: {layer:?}");
            assert!(layer.busy + layer.stall < layer.cycles, "{name}: {layer:?}");
        }
        report
    }

    /// The compiled design.
    pub fn design(&mut self) -> &mut Verilated {
        &mut self.design
    }
}
