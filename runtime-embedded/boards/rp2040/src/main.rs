//! Runs a model on a Raspberry Pi Pico (RP2040) and compares with the simulator.
//!
//! Counts are ticks of the ring oscillator, some 6 MHz after reset.
#![no_std]
#![no_main]
#![deny(clippy::float_arithmetic)]

use board::{Example, semihosting, systick::SysTick};
use cortex_m_rt::{entry, exception};
use runtime_embedded::Arena;

/// The model, the sample and their sizes, from the build script.
mod data {
    include!(concat!(env!("OUT_DIR"), "/data.rs"));
}

/// The second-stage bootloader for the flash chip of the Pico.
#[cfg(not(feature = "qemu"))]
#[allow(unsafe_code)] // the attribute only chooses a place
#[unsafe(link_section = ".boot2")]
#[used]
static BOOT2: [u8; 256] = rp2040_boot2::BOOT_LOADER_W25Q080;

#[entry]
fn main() -> ! {
    static mut ARENA: Arena<{ data::ARENA_BYTES }> = Arena::new();
    static mut OUTPUT: [u8; data::OUTPUT_BYTES] = [0; data::OUTPUT_BYTES];
    let counter = SysTick::start();
    let example = Example { model: &data::MODEL, input: &data::INPUT, expected: &data::OUTPUT };
    let code = board::run(example, ARENA.as_bytes(), OUTPUT, &counter, "ticks");
    semihosting::exit(code)
}

#[allow(unsafe_code)] // the attribute demands it
#[exception]
unsafe fn HardFault(_frame: &cortex_m_rt::ExceptionFrame) -> ! {
    semihosting::print("error: hard fault\n");
    semihosting::exit(1)
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    semihosting::print("error: panic\n");
    semihosting::exit(1)
}
