//! Cortex-M in QEMU: SysTick as instruction counter, BKPT for semihosting.
//!
//! Under `-icount shift=6` QEMU's clock advances 64 ns an instruction and SysTick counts one tick
//! in 40 ns (25 MHz, mps2), so instructions = ticks · 5 / 8, within three. The micro:bit's SysTick
//! has another clock, so its counts are not reported. On a real board the same numbers would be
//! ticks, not instructions.
#![allow(unsafe_code)]

use core::arch::asm;
use core::ptr::{read_volatile, write_volatile};

use cortex_m_rt::exception;

const CONTROL: *mut u32 = 0xE000_E010 as *mut u32;
const RELOAD: *mut u32 = 0xE000_E014 as *mut u32;
const CURRENT: *mut u32 = 0xE000_E018 as *mut u32;
/// The counter has 24 bits and counts down.
const TOP: u32 = 0x00FF_FFFF;

/// Times that the counter passed zero; written by the interrupt alone.
static mut WRAPS: u32 = 0;

/// Starts the counter.
pub fn start() {
    // SAFETY: SysTick's registers, which these cores have at these addresses (Armv7-M Architecture
    // Reference Manual, B3.3); nobody else uses the timer.
    unsafe {
        write_volatile(RELOAD, TOP);
        write_volatile(CURRENT, 0);
        write_volatile(CONTROL, 0b111); // processor clock, interrupt, on
    }
}

fn wraps() -> u32 {
    // SAFETY: a volatile read of an aligned word is one instruction, which the interrupt comes
    // before or after.
    unsafe { read_volatile(&raw const WRAPS) }
}

/// Instructions since [`start`].
pub fn instructions() -> u64 {
    loop {
        let before = wraps();
        // SAFETY: as in `start`; reading has no side effect.
        let current = unsafe { read_volatile(CURRENT) };
        if wraps() == before {
            let ticks = (u64::from(before) << 24) + u64::from(TOP - (current & TOP));
            return ticks * 5 / 8;
        }
    }
}

#[exception]
fn SysTick() {
    // SAFETY: only this interrupt writes it, and it does not interrupt itself.
    unsafe { write_volatile(&raw mut WRAPS, wraps() + 1) };
}

#[exception]
unsafe fn HardFault(_frame: &cortex_m_rt::ExceptionFrame) -> ! {
    crate::text::fail("hard fault")
}

pub(super) fn semihosting(operation: u32, argument: u32) {
    // SAFETY: BKPT 0xAB is a semihosting call: it reads the operation in r0 and its argument in
    // r1 and writes only r0. SYS_WRITEC reads the byte behind the argument, which outlives the
    // call; the asm may read memory, so that byte has been stored.
    unsafe {
        asm!("bkpt #0xAB", inout("r0") operation => _, in("r1") argument, options(nostack, preserves_flags, readonly));
    }
}
