//! The whole system: where memory, host port and accelerator lie, and what host and program say
//! to each other.
//!
//! This table is the only definition: Verilog, linker script, C header, firmware and simulation
//! follow it. Every register is 32 bits wide and takes whole words.

use crate::registers::{Access, Register, bits, register, with_bits};

/// First byte of the memory, where the processor starts.
pub const RAM_BASE: u32 = 0;
/// First byte of the host port's registers.
pub const HOST_BASE: u32 = 0x1000_0000;
/// First byte of the accelerator's registers ([`crate::registers`]).
pub const ACCELERATOR_BASE: u32 = 0x2000_0000;

/// STATUS: a word of INPUT is there.
pub const STATUS_INPUT: u32 = 1 << 0;
/// STATUS: there is room for a word of OUTPUT.
pub const STATUS_OUTPUT: u32 = 1 << 1;
/// STATUS: the interrupt line of the accelerator.
pub const STATUS_IRQ: u32 = 1 << 2;
/// STATUS: an access went to an address at which nothing lies, or was not answered.
pub const STATUS_FAULT: u32 = 1 << 3;

/// A character for the console.
pub const CONSOLE: Register =
    register("console", 0x00, Access::WriteOnly, "bits 7:0 are printed as a character");
/// The end of the program.
pub const EXIT: Register =
    register("exit", 0x04, Access::WriteOnly, "ends the program with this code");
/// State of the port.
pub const STATUS: Register = with_bits(
    register("status", 0x08, Access::WriteOneToClear, "state of the port"),
    &[
        bits("input", 0, 1, "a word of INPUT is there"),
        bits("output", 1, 1, "there is room for a word of OUTPUT"),
        bits("irq", 2, 1, "the interrupt line of the accelerator"),
        bits("fault", 3, 1, "an access went nowhere, or the accelerator did not answer it"),
    ],
);
/// Words from the host.
pub const INPUT: Register =
    register("input", 0x0c, Access::ReadOnly, "the next word from the host; waits for it");
/// Words to the host.
pub const OUTPUT: Register =
    register("output", 0x10, Access::WriteOnly, "a word to the host; waits until it is taken");
/// Size of the memory.
pub const RAM_BYTES: Register =
    register("ram_bytes", 0x14, Access::ReadOnly, "bytes of memory from address 0 on");

/// Every register of the host port, by offset.
pub const REGISTERS: &[Register] = &[CONSOLE, EXIT, STATUS, INPUT, OUTPUT, RAM_BYTES];

/// First word of what the host asks for; behind [`Request::End`] nothing follows, behind the
/// others the bytes of an input tensor in whole words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The program ends.
    End,
    /// Run in software; answered by a layer each, counts and the output.
    Software,
    /// As [`Request::Software`], and each layer's answer carries what it wrote.
    SoftwareLayers,
    /// Run on the accelerator; answered by counts and the output.
    Accelerator,
}

impl Request {
    /// Every request, by word.
    pub const ALL: [Request; 4] =
        [Request::End, Request::Software, Request::SoftwareLayers, Request::Accelerator];

    /// Its word.
    pub const fn word(self) -> u32 {
        self as u32
    }

    /// The request of a word.
    pub fn from_word(word: u32) -> Option<Request> {
        Request::ALL.get(word as usize).copied()
    }
}

/// First word of what the program answers; the second is a number of bytes, which follow in whole
/// words, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All is answered.
    End,
    /// Text: what went wrong.
    Error,
    /// A layer's [`LAYER_WORDS`] words, and the bytes it wrote if they were asked for.
    Layer,
    /// [`Counts`].
    Counts,
    /// Bytes of the output tensor.
    Output,
}

impl Answer {
    /// Every answer, by word.
    pub const ALL: [Answer; 5] =
        [Answer::End, Answer::Error, Answer::Layer, Answer::Counts, Answer::Output];

    /// Its word.
    pub const fn word(self) -> u32 {
        self as u32
    }

    /// The answer of a word.
    pub fn from_word(word: u32) -> Option<Answer> {
        Answer::ALL.get(word as usize).copied()
    }
}

/// Words of a layer's answer before its bytes: index, cycles and instructions, low words first.
pub const LAYER_WORDS: usize = 5;

/// What a run took: the words of [`Answer::Counts`], of 64-bit numbers the low word first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cycles of the run: from the input in memory to the output in memory.
    pub cycles: u64,
    /// Instructions of the run.
    pub instructions: u64,
    /// Of the cycles, those of the input's way into the accelerator.
    pub load_cycles: u32,
    /// Of the cycles, those from start to end of the frame.
    pub run_cycles: u32,
    /// Of the cycles, those of the output's way back.
    pub read_cycles: u32,
    /// Cycles of the frame by the engine's own counter.
    pub engine_cycles: u32,
    /// Runs tried on the accelerator.
    pub attempts: u32,
    /// 1 if the output came from software, else 0.
    pub is_software: u32,
    /// Deepest use of the stack so far in bytes.
    pub stack_bytes: u32,
    /// Bytes of machine code.
    pub text_bytes: u32,
}

/// Words of [`Counts`].
pub const COUNT_WORDS: usize = 12;

impl Counts {
    /// The words.
    pub const fn to_words(&self) -> [u32; COUNT_WORDS] {
        [
            self.cycles as u32,
            (self.cycles >> 32) as u32,
            self.instructions as u32,
            (self.instructions >> 32) as u32,
            self.load_cycles,
            self.run_cycles,
            self.read_cycles,
            self.engine_cycles,
            self.attempts,
            self.is_software,
            self.stack_bytes,
            self.text_bytes,
        ]
    }

    /// The counts of these words.
    pub const fn from_words(words: &[u32; COUNT_WORDS]) -> Counts {
        Counts {
            cycles: words[0] as u64 | (words[1] as u64) << 32,
            instructions: words[2] as u64 | (words[3] as u64) << 32,
            load_cycles: words[4],
            run_cycles: words[5],
            read_cycles: words[6],
            engine_cycles: words[7],
            attempts: words[8],
            is_software: words[9],
            stack_bytes: words[10],
            text_bytes: words[11],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_follow_each_other_and_fit_the_decoder() {
        for (index, register) in REGISTERS.iter().enumerate() {
            assert_eq!(register.offset as usize, 4 * index, "{}", register.name);
            assert!(register.offset < 256);
        }
        for base in [RAM_BASE, HOST_BASE, ACCELERATOR_BASE] {
            assert_eq!(base % 256, 0);
        }
        let masks = [STATUS_INPUT, STATUS_OUTPUT, STATUS_IRQ, STATUS_FAULT];
        for (bits, mask) in STATUS.bits.iter().zip(masks) {
            assert_eq!(1 << bits.lsb, mask, "{}", bits.name);
        }
    }

    #[test]
    fn words_and_names_go_both_ways() {
        for request in Request::ALL {
            assert_eq!(Request::from_word(request.word()), Some(request));
        }
        for answer in Answer::ALL {
            assert_eq!(Answer::from_word(answer.word()), Some(answer));
        }
        assert_eq!((Request::from_word(4), Answer::from_word(5)), (None, None));
        let words = core::array::from_fn(|index| 1 << 20 | index as u32);
        let counts = Counts::from_words(&words);
        assert_eq!(counts.instructions, 0x0010_0003_0010_0002);
        assert_eq!(counts.to_words(), words);
    }
}
