//! The words on chip of a plan: a descriptor for each visit, the channel table, both queues.

use network::Network;
use network::channel::{self as fields, COMMAND_END, KIND_LOAD_FEATURES, KIND_LOAD_WEIGHTS};
use network::channel::{KIND_STORE_FEATURES, MAX_ROWS, MAX_WAIT, command};
use network::descriptor::{DESCRIPTOR_STRIDE, Field};

use super::types::{DmaChannel, DmaKind, ExternalPlan, Ring, Visit};
use crate::error::HdlError;
use crate::images::{Image, Images};
use crate::schedule::{self, ImageBase, Place, Places, Schedule};

/// Images of the memories that only an external-memory build has, and its descriptors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// A descriptor for each visit.
    pub descriptors: Image,
    /// Commands of the engine.
    pub commands: Image,
    /// Commands of the DMA.
    pub transfers: Image,
    /// Channels of the DMA.
    pub channels: Image,
}

/// The tables of a plan; `images` are those of the network with all its weights.
///
/// # Errors
/// If a number does not fit its field.
pub fn tables(
    network: &Network,
    schedule: &Schedule,
    plan: &ExternalPlan,
    images: &Images,
) -> Result<Tables, HdlError> {
    let mut descriptors = Image::new(32);
    for visit in &plan.visits {
        let operation = &schedule.operations[visit.operation];
        let places = places(visit, images);
        let descriptor = schedule::descriptor(network, &schedule.engine, operation, &places)?;
        descriptors.words.extend(descriptor.words.map(|word| vec![word]));
    }
    let mut channels = Image::new(32);
    for channel in &plan.channels {
        channels.words.extend(channel_words(channel)?.map(|word| vec![word]));
    }
    let engine = plan.engine.iter().map(|c| (c.wait, c.visit, c.rows, c.first));
    let dma = plan.dma.iter().map(|c| (c.wait, c.channel, c.rows, c.first));
    let (commands, transfers) = (queue(engine), queue(dma));
    debug_assert_eq!(descriptors.words.len(), plan.visits.len() * DESCRIPTOR_STRIDE);
    Ok(Tables { descriptors, commands, transfers, channels })
}

fn places(visit: &Visit, images: &Images) -> Places {
    let place = |ring: &Ring| Place { base: ring.base, ring: Some(ring.ring) };
    Places {
        sources: visit.sources.iter().map(place).collect(),
        output: place(&visit.output),
        pooled: visit.pooled.as_ref().map(place),
        out_groups: (visit.first_out_group, visit.n_out_groups),
        images: ImageBase {
            weights: visit.weight_base,
            params: images.bases[visit.operation].params,
        },
    }
}

fn channel_words(channel: &DmaChannel) -> Result<[u32; fields::CHANNEL_WORDS], HdlError> {
    let kind = match channel.kind {
        DmaKind::LoadFeature => KIND_LOAD_FEATURES,
        DmaKind::StoreFeature => KIND_STORE_FEATURES,
        DmaKind::LoadWeights => KIND_LOAD_WEIGHTS,
    };
    let mut words = [0; fields::CHANNEL_WORDS];
    let mut set = |field: Field, value: usize| -> Result<(), HdlError> {
        if value as u64 >> field.width != 0 {
            let layer = "a transfer".into();
            let (name, width, found) = (field.name, field.width, value as i64);
            return Err(HdlError::Field { layer, field: name, width, found });
        }
        words[field.word] |= (value as u32) << field.lsb;
        Ok(())
    };
    set(fields::KIND, kind as usize)?;
    set(fields::RING_M1, channel.ring - 1)?;
    set(fields::BEATS, channel.row_bytes / 16)?;
    set(fields::EXTERNAL, channel.external_address)?;
    set(fields::BASE, channel.base)?;
    set(fields::PITCH, channel.pitch)?;
    set(fields::RUN_M1, channel.run_words - 1)?;
    set(fields::RUNS_M1, channel.runs - 1)?;
    set(fields::STRIDE, channel.run_stride)?;
    Ok(words)
}

/// Command words: a wait as what it adds to the waits before it.
fn queue(commands: impl Iterator<Item = (u16, u16, u8, bool)>) -> Image {
    let mut image = Image::new(32);
    let mut waited = 0;
    for (wait, index, rows, first) in commands {
        let mut more = usize::from(wait).saturating_sub(waited);
        waited += more;
        while more > MAX_WAIT {
            image.words.push(vec![command(0, 0, false, MAX_WAIT)]);
            more -= MAX_WAIT;
        }
        debug_assert!(usize::from(rows) <= MAX_ROWS);
        image.words.push(vec![command(index, usize::from(rows), first, more)]);
    }
    image.words.push(vec![COMMAND_END]);
    image
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_differences() {
        let commands = [(3, 7, 2, true), (2, 8, 1, false), (600, 9, 1, false)];
        let words: Vec<u32> = queue(commands.into_iter()).words.concat();
        assert_eq!(
            words,
            [
                command(7, 2, true, 3),
                command(8, 1, false, 0),
                command(0, 0, false, 255),
                command(0, 0, false, 255),
                command(9, 1, false, 87),
                COMMAND_END
            ]
        );
    }
}
