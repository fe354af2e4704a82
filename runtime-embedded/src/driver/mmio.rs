//! Registers and shared memory in the address space: volatile accesses. The only unsafe code of the
//! crate outside the kernels' assembly.
#![allow(unsafe_code)]

use core::ptr::{read_volatile, write_volatile};

use network::registers::REGISTERS;

use super::RegBus;

/// A register block mapped into the address space.
#[derive(Debug)]
pub struct Mmio {
    base: *mut u32,
}

impl Mmio {
    /// The register block at `base`, aligned to four bytes.
    ///
    /// # Safety
    /// From `base` on, the registers of [`network::registers`] (or plain memory of that size) must
    /// be mapped for reading and writing as long as the value lives, and nobody else may use them.
    pub const unsafe fn new(base: *mut u32) -> Mmio {
        Mmio { base }
    }

    /// The address of a register; offsets outside the block have none.
    #[inline]
    fn register(&self, offset: u32) -> Option<*mut u32> {
        let index = offset as usize / 4;
        let known = offset.is_multiple_of(4) && index < REGISTERS.len();
        known.then(|| self.base.wrapping_add(index))
    }
}

impl RegBus for Mmio {
    #[inline]
    fn read(&mut self, offset: u32) -> u32 {
        match self.register(offset) {
            // SAFETY: `new`'s caller promised the block's registers, and this is one of them.
            Some(register) => unsafe { read_volatile(register) },
            None => u32::MAX,
        }
    }

    #[inline]
    fn write(&mut self, offset: u32, value: u32) {
        if let Some(register) = self.register(offset) {
            // SAFETY: as in `read`; `&mut self` excludes a concurrent access of ours.
            unsafe { write_volatile(register, value) }
        }
    }
}

/// Memory that an accelerator reads and writes too.
#[derive(Debug)]
pub(super) struct Volatile(&'static mut [u32]);

impl Volatile {
    pub(super) fn new(words: &'static mut [u32]) -> Volatile {
        Volatile(words)
    }

    pub(super) fn address(&self) -> usize {
        self.0.as_ptr().addr()
    }

    pub(super) fn n_words(&self) -> usize {
        self.0.len()
    }

    pub(super) fn read(&mut self, index: usize) -> u32 {
        match self.0.get(index) {
            // SAFETY: a reference to a word is valid, and nobody else has this memory.
            Some(word) => unsafe { read_volatile(word) },
            None => 0,
        }
    }

    pub(super) fn write(&mut self, index: usize, value: u32) {
        if let Some(word) = self.0.get_mut(index) {
            // SAFETY: as in `read`.
            unsafe { write_volatile(word, value) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::registers::{CTRL, ID};

    #[test]
    fn words_of_shared_memory_by_hand() {
        let words: &'static mut [u32] = std::boxed::Box::leak(std::boxed::Box::new([1, 2, 3]));
        let mut memory = Volatile::new(words);
        memory.write(1, 7);
        memory.write(3, 9);
        assert_eq!([0, 1, 2, 3].map(|index| memory.read(index)), [1, 7, 3, 0]);
        assert_eq!((memory.n_words(), memory.address() % 4), (3, 0));
    }

    #[test]
    fn reads_and_writes_whole_registers_of_the_block_only() {
        let mut block = [0u32; REGISTERS.len()];
        block[0] = 7;
        // SAFETY: plain memory of the block's size, used by nobody else meanwhile.
        let mut bus = unsafe { Mmio::new(block.as_mut_ptr()) };
        assert_eq!(bus.read(ID.offset), 7);
        bus.write(CTRL.offset, 3);
        let behind = 4 * REGISTERS.len() as u32;
        bus.write(behind, 9);
        bus.write(CTRL.offset + 1, 9);
        assert_eq!((bus.read(behind), bus.read(2)), (u32::MAX, u32::MAX));
        let written: [usize; 2] = [0, CTRL.offset as usize / 4];
        let expected = core::array::from_fn(|i| match i {
            i if i == written[0] => 7,
            i if i == written[1] => 3,
            _ => 0,
        });
        assert_eq!(block, expected);
    }
}
