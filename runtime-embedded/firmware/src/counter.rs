//! Instructions executed, from SysTick in QEMU.
//!
//! Under `-icount shift=6` QEMU's clock advances 64 ns an instruction and SysTick counts one tick
//! in 40 ns (25 MHz), so instructions = ticks · 5 / 8, within two. On a real board the same
//! numbers would be ticks, not instructions.
#![allow(unsafe_code)]

use core::ptr::{read_volatile, write_volatile};
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m_rt::exception;

const CONTROL: *mut u32 = 0xE000_E010 as *mut u32;
const RELOAD: *mut u32 = 0xE000_E014 as *mut u32;
const CURRENT: *mut u32 = 0xE000_E018 as *mut u32;
/// The counter has 24 bits and counts down.
const TOP: u32 = 0x00FF_FFFF;

/// Times that the counter passed zero.
static WRAPS: AtomicU32 = AtomicU32::new(0);

/// Starts the counter.
pub fn start() {
    // SAFETY: SysTick's registers, which every Cortex-M4 has at these addresses (Armv7-M
    // Architecture Reference Manual, B3.3); nobody else uses the timer.
    unsafe {
        write_volatile(RELOAD, TOP);
        write_volatile(CURRENT, 0);
        write_volatile(CONTROL, 0b111); // processor clock, interrupt, on
    }
}

/// Instructions since [`start`].
pub fn instructions() -> u64 {
    loop {
        let wraps = WRAPS.load(Ordering::Acquire);
        // SAFETY: as in `start`; reading has no side effect.
        let current = unsafe { read_volatile(CURRENT) };
        if WRAPS.load(Ordering::Acquire) == wraps {
            let ticks = u64::from(wraps) * u64::from(TOP + 1) + u64::from(TOP - (current & TOP));
            return ticks * 5 / 8;
        }
    }
}

#[exception]
fn SysTick() {
    WRAPS.store(WRAPS.load(Ordering::Relaxed) + 1, Ordering::Release);
}
