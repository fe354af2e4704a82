//! The host port: words in, words out, an end.
#![allow(unsafe_code)]

use core::ptr::{read_volatile, write_volatile};

use network::registers::Register;
use network::soc::{self, Answer, HOST_BASE};

const fn address(register: Register) -> *mut u32 {
    (HOST_BASE + register.offset) as *mut u32
}

fn read(register: Register) -> u32 {
    // SAFETY: a register of the host port, which takes whole words at any time.
    unsafe { read_volatile(address(register)) }
}

fn write(register: Register, value: u32) {
    // SAFETY: as in `read`.
    unsafe { write_volatile(address(register), value) }
}

/// The next word from the host, once there is one.
pub fn input() -> u32 {
    read(soc::INPUT)
}

/// Fills bytes from whole words of the host.
pub fn input_bytes(bytes: &mut [u8]) {
    for bytes in bytes.chunks_mut(4) {
        let word = input().to_le_bytes();
        bytes.iter_mut().zip(word).for_each(|(to, from)| *to = from);
    }
}

/// A word to the host, once it is taken.
pub fn output(word: u32) {
    write(soc::OUTPUT, word);
}

/// Begins an answer of so many bytes.
pub fn answer(answer: Answer, n_bytes: usize) {
    output(answer.word());
    output(n_bytes as u32);
}

/// Bytes to the host in whole words.
pub fn output_bytes(bytes: &[u8]) {
    for bytes in bytes.chunks(4) {
        let mut word = [0; 4];
        word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        output(u32::from_le_bytes(word));
    }
}

/// Bytes of an answer that come one at a time; the last word is filled up with zeros.
#[derive(Default)]
pub struct Bytes {
    word: u32,
    n_bytes: u32,
}

impl Bytes {
    /// The next byte.
    pub fn put(&mut self, byte: u8) {
        self.word |= u32::from(byte) << (8 * self.n_bytes);
        self.n_bytes += 1;
        if self.n_bytes == 4 {
            output(self.word);
            *self = Bytes::default();
        }
    }

    /// Puts out what is left.
    pub fn end(self) {
        if self.n_bytes > 0 {
            output(self.word);
        }
    }
}

/// An answer that is an error.
pub fn error(text: &str) {
    answer(Answer::Error, text.len());
    output_bytes(text.as_bytes());
}

/// Ends the program.
pub fn exit(code: u32) -> ! {
    write(soc::EXIT, code);
    loop {}
}
