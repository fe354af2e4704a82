//! What the ESP32-C3 needs beside the model: watchdogs that stand still, and its cycle counter.
#![allow(unsafe_code)]

use core::arch::asm;
use core::ptr::write_volatile;

use runtime_embedded::CycleSource;

/// Key of the watchdogs of timer groups and of the RTC.
const WATCHDOG_KEY: u32 = 0x50D8_3AA1;
/// Key of the super watchdog.
const SUPER_KEY: u32 = 0x8F1D_312A;
/// The super watchdog feeds itself.
const AUTO_FEED: u32 = 1 << 31;
/// Address of a write protection, its key, address of the configuration, value that stops it
/// (Technical Reference Manual, "Watchdog Timers").
const WATCHDOGS: [(usize, u32, usize, u32); 4] = [
    (0x6001_F064, WATCHDOG_KEY, 0x6001_F048, 0), // timer group 0
    (0x6002_0064, WATCHDOG_KEY, 0x6002_0048, 0), // timer group 1
    (0x6000_80A8, WATCHDOG_KEY, 0x6000_8090, 0), // RTC
    (0x6000_80B0, SUPER_KEY, 0x6000_80AC, AUTO_FEED),
];

/// Stops what would reset a program that takes its time.
pub fn stop_watchdogs() {
    for (protection, key, configuration, value) in WATCHDOGS {
        // SAFETY: registers of the chip, which nobody else uses.
        unsafe {
            write_volatile(protection as *mut u32, key);
            write_volatile(configuration as *mut u32, value);
            write_volatile(protection as *mut u32, 0);
        }
    }
}

/// The chip's own cycle counter; it has none of the standard ones.
#[derive(Debug)]
pub struct Cycles(());

impl Cycles {
    /// Starts the counter.
    pub fn start() -> Cycles {
        // SAFETY: mpcer counts cycles, mpcmr switches the counter on; no other state changes.
        unsafe { asm!("csrw 0x7e0, {0}", "csrw 0x7e1, {0}", in(reg) 1, options(nomem, nostack)) };
        Cycles(())
    }
}

impl CycleSource for Cycles {
    fn now(&self) -> u32 {
        let count: u32;
        // SAFETY: reading mpccr has no side effect.
        unsafe { asm!("csrr {0}, 0x7e2", out(reg) count, options(nomem, nostack)) };
        count
    }
}
