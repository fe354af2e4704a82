//! SysTick as a counter of processor clocks, on any Cortex-M.
#![allow(unsafe_code)]

use core::ptr::{read_volatile, write_volatile};
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m_rt::exception;
use runtime_embedded::CycleSource;

const CONTROL: *mut u32 = 0xE000_E010 as *mut u32;
const RELOAD: *mut u32 = 0xE000_E014 as *mut u32;
const CURRENT: *mut u32 = 0xE000_E018 as *mut u32;
/// The counter has 24 bits and counts down.
const TOP: u32 = 0x00FF_FFFF;

/// Times that the counter passed zero.
static WRAPS: AtomicU32 = AtomicU32::new(0);

/// The running counter.
#[derive(Debug)]
pub struct SysTick(());

impl SysTick {
    /// Starts the counter.
    pub fn start() -> SysTick {
        // SAFETY: SysTick's registers, which every Cortex-M that has the timer has at these
        // addresses; nobody else uses it.
        unsafe {
            write_volatile(RELOAD, TOP);
            write_volatile(CURRENT, 0);
            write_volatile(CONTROL, 0b111); // processor clock, interrupt, on
        }
        SysTick(())
    }
}

impl CycleSource for SysTick {
    fn now(&self) -> u32 {
        loop {
            let wraps = WRAPS.load(Ordering::Relaxed);
            // SAFETY: as in `start`; reading has no side effect.
            let current = unsafe { read_volatile(CURRENT) };
            if WRAPS.load(Ordering::Relaxed) == wraps {
                // it is zero after a wrap and before the first tick
                return (wraps << 24).wrapping_add((TOP + 1 - (current & TOP)) & TOP);
            }
        }
    }
}

#[exception]
fn SysTick() {
    // plain load and store: the M0+ has no other, and only this handler writes
    WRAPS.store(WRAPS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}
