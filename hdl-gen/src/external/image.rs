//! The weights that lie in external memory before a frame.

use crate::images::Images;

use super::types::{ExternalPlan, WeightChunk};
use super::view::View;

/// The 32-bit words of each weight chunk of a plan, low bits first, rows padded.
///
/// # Panics
/// If the images are not those of the planned network.
pub fn weight_images(view: &View, plan: &ExternalPlan, images: &Images) -> Vec<Vec<u32>> {
    plan.weights.iter().map(|chunk| weight_image(view, chunk, images)).collect()
}

fn weight_image(view: &View, chunk: &WeightChunk, images: &Images) -> Vec<u32> {
    let op = view.operations.iter().find(|op| op.operation == chunk.operation);
    let op = op.expect("an operation of the network");
    let phase_words = op.weight_words(op.out_groups) / op.phases;
    let group_words = phase_words / op.out_groups;
    let base = images.bases[chunk.operation].weights + chunk.first_out_group * group_words;
    let of_phase = |phase| {
        let first = base + phase * phase_words;
        &images.weights.words[first..first + chunk.n_out_groups * group_words]
    };
    let words: Vec<&Vec<u32>> = (0..op.phases).flat_map(of_phase).collect();
    let mut image = Vec::new();
    for (row, words) in words.chunks(chunk.row_words).enumerate() {
        image.extend(words.iter().flat_map(|word| word.iter().copied()));
        image.resize((row + 1) * chunk.row_bytes / 4, 0);
    }
    image
}
