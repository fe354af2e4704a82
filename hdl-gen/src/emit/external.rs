//! What an external-memory build adds to its folder: the tables of the plan and the weights outside.

use std::fmt::Write;

use network::Network;
use network::channel::ADDRESS_BITS;

use super::folder::Folder;
use super::hex;
use crate::config::HardwareConfig;
use crate::error::HdlError;
use crate::external::tables::{Tables, tables};
use crate::external::{ExternalConfig, ExternalPlan, View, image, plan};
use crate::images::Images;
use crate::schedule::Schedule;

/// A planned network.
pub struct External {
    /// The plan.
    pub plan: ExternalPlan,
    /// Its words on chip.
    pub tables: Tables,
    /// Its weights outside: byte address and 32-bit words.
    pub weights: Vec<(usize, Vec<u32>)>,
}

impl External {
    /// Plans a scheduled network for the configured buffers.
    ///
    /// # Errors
    /// If the buffers are too small, or a number does not fit its field.
    pub fn new(
        network: &Network,
        schedule: &Schedule,
        config: &HardwareConfig,
        images: &Images,
    ) -> Result<External, HdlError> {
        let (features, weights) = config.buffers_kib();
        // the tables' addresses have so many bits, however narrow a word is
        let words = |kib: usize, bits: usize| (kib * 8192 / bits).min(1 << ADDRESS_BITS);
        let sizes = ExternalConfig {
            feature_words: words(features, schedule.engine.feature_bits()),
            weight_words: words(weights, schedule.engine.weight_bits()),
        };
        let plan = plan(network, schedule, &sizes)?;
        let view = View::new(network, schedule);
        let tables = tables(network, schedule, &plan, images)?;
        let words = image::weight_images(&view, &plan, images);
        let weights = plan.weights.iter().map(|chunk| chunk.address).zip(words).collect();
        Ok(External { plan, tables, weights })
    }

    /// Writes the images.
    ///
    /// # Errors
    /// If writing fails.
    pub fn write(&self, folder: &mut Folder, images: &Images) -> Result<(), HdlError> {
        let t = &self.tables;
        for (name, image) in [
            ("params.hex", &images.params),
            ("descriptors.hex", &t.descriptors),
            ("commands.hex", &t.commands),
            ("transfers.hex", &t.transfers),
            ("channels.hex", &t.channels),
        ] {
            folder.write(name, hex::readmemh(&super::padded(image)).as_bytes())?;
        }
        folder.write("external.hex", beats(&self.weights).as_bytes())
    }
}

/// `$readmemh` text of words at byte addresses that are multiples of 16, a beat a line.
pub fn beats(blocks: &[(usize, Vec<u32>)]) -> String {
    let mut text = String::new();
    for (address, words) in blocks {
        let _ = writeln!(text, "@{:x}", address / 16);
        for beat in words.chunks(4) {
            let word = |idx: usize| beat.get(idx).copied().unwrap_or(0);
            let _ = writeln!(text, "{:08x}{:08x}{:08x}{:08x}", word(3), word(2), word(1), word(0));
        }
    }
    text
}
