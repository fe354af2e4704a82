//! The report: plain counters and their one line of JSON, without `core::fmt` and its panics.

use crate::data::{ARENA_BYTES, MACS, MODEL_BYTES, N_LAYERS, SAMPLES};
use qunet_firmware::check::{Difference, Outcome};
use qunet_firmware::text::{number, print};

/// What was measured over all samples.
pub struct Report {
    /// Bytes compared.
    pub values_compared: u32,
    /// Bytes that differ.
    pub mismatches: u32,
    /// Instructions of all runs, without the comparison.
    pub instructions: u64,
    /// Deepest use of the stack.
    pub stack_bytes: u32,
    /// Machine code of the image.
    pub text_bytes: u32,
    first: Option<(u32, Difference)>,
    layers: [u64; N_LAYERS],
}

impl Report {
    /// Nothing measured yet.
    pub const fn new() -> Report {
        Report {
            values_compared: 0,
            mismatches: 0,
            instructions: 0,
            stack_bytes: 0,
            text_bytes: 0,
            first: None,
            layers: [0; N_LAYERS],
        }
    }

    /// Counts the instructions of a layer, or of the input.
    pub fn add_layer(&mut self, layer: Option<usize>, instructions: u32) {
        self.instructions += u64::from(instructions);
        if let Some(sum) = layer.and_then(|layer| self.layers.get_mut(layer)) {
            *sum += u64::from(instructions);
        }
    }

    /// Counts what a sample showed.
    pub fn add_outcome(&mut self, sample: u32, outcome: &Outcome) {
        self.values_compared += outcome.values_compared;
        self.mismatches += outcome.mismatches;
        self.first = self.first.or(outcome.first.map(|first| (sample, first)));
    }

    /// Prints one line.
    pub fn print(&self) {
        print("{\"target\": \"");
        print(env!("QUNET_TARGET"));
        print("\"");
        number(", \"samples\": ", SAMPLES.len() as u64);
        number(", \"values_compared\": ", self.values_compared.into());
        number(", \"mismatches\": ", self.mismatches.into());
        print(", \"first_mismatch\": ");
        match self.first {
            Some((sample, first)) => {
                number("{\"sample\": ", sample.into());
                number(", \"layer\": ", first.layer.into());
                number(", \"offset\": ", first.offset.into());
                number(", \"expected\": ", first.expected.into());
                number(", \"found\": ", first.found.into());
                print("}");
            }
            None => print("null"),
        }
        number(", \"instructions\": ", self.instructions);
        number(", \"macs\": ", MACS * SAMPLES.len() as u64);
        number(", \"arena_bytes\": ", ARENA_BYTES as u64);
        number(", \"stack_bytes\": ", self.stack_bytes.into());
        number(", \"text_bytes\": ", self.text_bytes.into());
        number(", \"model_bytes\": ", MODEL_BYTES as u64);
        print(", \"layer_instructions\": ");
        for (index, instructions) in self.layers.iter().enumerate() {
            number(if index == 0 { "[" } else { ", " }, *instructions);
        }
        print("]}\n");
    }
}
