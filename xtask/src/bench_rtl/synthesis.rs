//! Area and clock of single engines by Yosys and nextpnr, beside the resource model.

use std::path::Path;

use anyhow::Result;
use hdl_gen::emit::{Depths, generate_engine};
use hdl_gen::synth::synth;
use hdl_gen::{CellChoice, Engine, HardwareConfig, Target, generate};
use network::Mode;
use qunet_tests::unet::{Unet, unet};

use super::progress::Progress;
use super::report::SynthesisRow;

/// An engine, with small memories so that the array decides, or with those of a whole network.
struct Build {
    target: Target,
    /// TN, TM, TP.
    lanes: [usize; 3],
    digit_bits: usize,
    lane_bits: u8,
    cell: CellChoice,
    scaled: bool,
    compact: bool,
    /// With the memory images of a U-Net of base 8 and depth 3 for 64².
    whole: bool,
}

const fn w4(target: Target, lanes: [usize; 3], cell: CellChoice) -> Build {
    Build {
        target,
        lanes,
        digit_bits: 4,
        lane_bits: 6,
        cell,
        scaled: true,
        compact: false,
        whole: false,
    }
}

const fn w1(target: Target, lanes: [usize; 3], compact: bool, whole: bool) -> Build {
    let cell = CellChoice::Plain;
    Build { target, lanes, digit_bits: 1, lane_bits: 3, cell, scaled: false, compact, whole }
}

/// Bits of accumulators and biases of a one-bit engine: those of a U-Net of base 8 and depth 3.
const ONE_BIT_SUMS: (usize, usize) = (17, 17);

/// The first two have a clock goal each; with `quick`, they alone.
const BUILDS: [Build; 6] = [
    w4(Target::Ecp5_25k, [2, 4, 2], CellChoice::Packed),
    w4(Target::Up5k, [2, 2, 2], CellChoice::Packed),
    w4(Target::Ecp5_25k, [2, 4, 4], CellChoice::Packed),
    w4(Target::Ecp5_25k, [2, 2, 2], CellChoice::Lut),
    w1(Target::Up5k, [8, 8, 1], true, false),
    w1(Target::Ecp5_25k, [8, 8, 8], false, true),
];

const DEPTHS: Depths =
    Depths { features: 512, weights: 256, params: 128, descriptors: 128, pool: 64, external: None };

/// Synthesizes the builds; those without a place-and-route tool have no clock.
pub fn measure(work: &Path, quick: bool) -> Result<Vec<SynthesisRow>> {
    let builds = if quick { &BUILDS[..2] } else { &BUILDS[..] };
    let progress = Progress::new(builds.len() as u64, "synthesis");
    let mut rows = Vec::new();
    for (idx, build) in builds.iter().enumerate() {
        progress.doing(&format!(
            "{} lanes on {}",
            build.lanes.iter().product::<usize>(),
            build.target
        ));
        rows.push(build.measure(&work.join(format!("synthesis-{idx}")))?);
        progress.step();
    }
    Ok(rows)
}

impl Build {
    fn measure(&self, folder: &Path) -> Result<SynthesisRow> {
        if self.whole {
            self.generate_whole(folder)?
        } else {
            self.generate_engine(folder)?
        }
        let found = synth(folder, self.target)?;
        let (area, model) = (found.area, found.estimate);
        let what = if self.whole { ", base 8 depth 3 at 64²" } else { "" };
        Ok(SynthesisRow {
            target: format!(
                "{}: W{} A{}, {:?}{what}",
                self.target, self.digit_bits, self.lane_bits, self.cell
            ),
            lanes: self.lanes.iter().product::<usize>() as u64,
            luts: area.luts as u64,
            ffs: area.ffs as u64,
            brams: area.block_rams as u64,
            dsps: area.multipliers as u64,
            model_luts: model.luts as u64,
            model_dsps: model.multipliers as u64,
            model_brams: model.block_rams as u64,
            fmax_mhz: found.fmax_mhz,
        })
    }

    fn config(&self) -> HardwareConfig {
        let [tn, tm, tp] = self.lanes;
        HardwareConfig {
            tn,
            tm,
            tp,
            digit_bits: self.digit_bits,
            lane_bits: Some(self.lane_bits),
            mac_cell: self.cell,
            compact: self.compact,
            ..Default::default()
        }
    }

    fn generate_whole(&self, folder: &Path) -> Result<()> {
        let network = unet(&Unet {
            base: 8,
            depth: 3,
            size: [64, 64],
            weight_bits: self.digit_bits as u8,
            activation_bits: self.lane_bits,
            mode: if self.scaled { Mode::Scaled } else { Mode::Fixed },
            ..Unet::default()
        });
        generate(&network, &self.config(), folder)?;
        Ok(())
    }

    fn generate_engine(&self, folder: &Path) -> Result<()> {
        let config = self.config();
        let engine = match self.scaled {
            true => Engine::new(&config, self.lane_bits, true, 0)?,
            false => {
                let (accumulator_bits, bias_bits) = ONE_BIT_SUMS;
                let engine = Engine::new(&config, self.lane_bits, false, accumulator_bits)?;
                Engine { bias_bits, ..engine }
            }
        };
        let pool = if self.compact { 0 } else { DEPTHS.pool };
        generate_engine(engine, Depths { pool, ..DEPTHS }, &config, folder)?;
        Ok(())
    }
}
