//! The report: plain counters and their one line of JSON, without `core::fmt` and its panics.

use crate::data::{ARENA_BYTES, MACS, MODEL_BYTES, N_LAYERS, SAMPLES};
use crate::semihosting::print;

/// A value that differs.
#[derive(Clone, Copy)]
pub struct Difference {
    /// Index of the sample.
    pub sample: u32,
    /// Index of the layer.
    pub layer: u32,
    /// Byte of the layer's output, in CHW order.
    pub offset: u32,
    /// Golden byte.
    pub expected: u8,
    /// Byte that the firmware computed.
    pub found: u8,
}

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
    first: Option<Difference>,
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

    /// Counts the instructions of a layer.
    pub fn add_layer(&mut self, layer: usize, instructions: u64) {
        self.instructions += instructions;
        if let Some(sum) = self.layers.get_mut(layer) {
            *sum += instructions;
        }
    }

    /// Counts a difference and keeps the first.
    pub fn add_difference(&mut self, difference: Difference) {
        self.mismatches += 1;
        self.first.get_or_insert(difference);
    }

    /// Prints one line.
    pub fn print(&self) {
        print("{\"target\": \"thumbv7em-none-eabihf\"");
        number(", \"samples\": ", SAMPLES.len() as u64);
        number(", \"values_compared\": ", self.values_compared.into());
        number(", \"mismatches\": ", self.mismatches.into());
        print(", \"first_mismatch\": ");
        match self.first {
            Some(first) => {
                number("{\"sample\": ", first.sample.into());
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

fn number(label: &str, value: u64) {
    print(label);
    let mut digits = [b'0'; 20];
    let (mut rest, mut n_digits) = (value, 0);
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        n_digits += 1;
        if rest == 0 {
            break;
        }
    }
    let first = digits.len() - n_digits;
    print(core::str::from_utf8(digits.get(first..).unwrap_or_default()).unwrap_or("?"));
}
