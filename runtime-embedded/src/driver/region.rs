//! The memory that an accelerator with external memory works in.

use super::mmio::Volatile;

/// The region of memory in which tensors and weights of an accelerator lie, in 32-bit words.
///
/// A frame takes it by value and gives it back when the accelerator has stopped, so that nobody
/// reads or writes it meanwhile.
pub trait Region {
    /// The address by which the accelerator reaches the first word, a multiple of 16.
    fn bus_address(&self) -> u32;
    /// Bytes of the region.
    fn n_bytes(&self) -> usize;
    /// The word at `index`; zero outside.
    fn read(&mut self, index: usize) -> u32;
    /// Writes the word at `index`; nothing happens outside.
    fn write(&mut self, index: usize, value: u32);
}

/// Memory that processor and accelerator reach at the same address, without a cache between them.
#[derive(Debug)]
pub struct DmaMemory(Volatile);

impl DmaMemory {
    /// Takes memory for good: a frame that is forgotten may write it for ever.
    ///
    /// The build's `external.hex` must lie in it before the first frame.
    pub fn new(words: &'static mut [u32]) -> DmaMemory {
        DmaMemory(Volatile::new(words))
    }
}

impl Region for DmaMemory {
    fn bus_address(&self) -> u32 {
        self.0.address() as u32
    }

    fn n_bytes(&self) -> usize {
        4 * self.0.n_words()
    }

    fn read(&mut self, index: usize) -> u32 {
        self.0.read(index)
    }

    fn write(&mut self, index: usize, value: u32) {
        self.0.write(index, value);
    }
}
