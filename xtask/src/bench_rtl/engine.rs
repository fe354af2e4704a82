//! A design with empty memories, into which the programs of many networks are loaded.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use hdl_gen::emit::Depths;
use hdl_gen::{HardwareConfig, generate, generate_loadable};
use network::Network;
use sim::verilated::{CosimReport, Verilated, cosim_on};

/// TN, TM, TP, D.
pub type Shape = [usize; 4];

/// Where compiled designs are kept.
pub fn cache(work: &Path) -> PathBuf {
    work.join("verilated")
}

/// Names of the array.
pub fn config([tn, tm, tp, digit_bits]: Shape) -> HardwareConfig {
    HardwareConfig { tn, tm, tp, digit_bits, ..HardwareConfig::default() }
}

/// The design of one shape, with lanes of 8 bits and a multiplier in the requantizer.
pub struct Engine {
    config: HardwareConfig,
    design: Verilated,
    program: PathBuf,
}

impl Engine {
    /// Compiles the design, or takes it from the cache.
    pub fn new(work: &Path, shape: Shape) -> Result<Engine> {
        let config =
            HardwareConfig { lane_bits: Some(8), scaled: Some(true), ..self::config(shape) };
        let [tn, tm, tp, digit_bits] = shape;
        let folder = work.join(format!("engine-{tn}-{tm}-{tp}-{digit_bits}"));
        let depths = Depths {
            features: 1 << 16,
            weights: 1 << 18,
            params: 1 << 10,
            descriptors: 1 << 11,
            pool: 1 << 10,
            external: None,
        };
        generate_loadable(&config, depths, &folder)?;
        let design = Verilated::build(&folder, &cache(work))?;
        Ok(Engine { config, design, program: folder.join("program") })
    }

    /// Runs every image layer by layer and again as an unbroken frame, and compares all values.
    pub fn run(&mut self, network: &Network, images: &[Vec<u8>]) -> Result<CosimReport> {
        generate(network, &self.config, &self.program)?;
        self.design.load_program(&self.program)?;
        Ok(cosim_on(&mut self.design, &self.program, images)?)
    }

    /// Fails unless a flipped weight bit is seen: a comparison that cannot fail proves nothing.
    pub fn check_that_it_can_fail(&mut self, network: &Network, image: &[u8]) -> Result<()> {
        generate(network, &self.config, &self.program)?;
        flip_weight_bit(&self.program, self.config.digit_bits)?;
        self.design.load_program(&self.program)?;
        let report = cosim_on(&mut self.design, &self.program, &[image.to_vec()])?;
        ensure!(report.mismatches > 0, "a flipped weight bit went unseen in Verilator");
        Ok(())
    }
}

/// Flips the top bit of the first digit of the first weight of a build folder.
pub fn flip_weight_bit(folder: &Path, digit_bits: usize) -> Result<()> {
    let path = folder.join("weights.hex");
    let text = std::fs::read_to_string(&path)?;
    let end = text.find('\n').unwrap_or(text.len());
    // the last hexadecimal digit of a word belongs to lane 0, which is never padding
    let digit = u32::from_str_radix(&text[end - 1..end], 16)?;
    let flipped = digit ^ (1 << (digit_bits.min(4) - 1));
    std::fs::write(&path, format!("{}{flipped:x}{}", &text[..end - 1], &text[end..]))?;
    Ok(())
}
