//! The register block in the address space: volatile accesses. The only unsafe code of the crate.
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

#[cfg(test)]
mod tests {
    use super::*;
    use network::registers::{CTRL, ID};

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
