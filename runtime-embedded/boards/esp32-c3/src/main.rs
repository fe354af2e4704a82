//! Runs a model on an ESP32-C3 and compares with the simulator.
//!
//! Counts are cycles of the processor, whose clock is the crystal's after reset. With the feature
//! `qemu` the same program runs on QEMU's riscv32 virt.
#![no_std]
#![no_main]
#![deny(clippy::float_arithmetic)]

#[cfg(not(feature = "qemu"))]
mod chip;

use board::{Example, semihosting};
use runtime_embedded::Arena;

/// The model, the sample and their sizes, from the build script.
mod data {
    include!(concat!(env!("OUT_DIR"), "/data.rs"));
}

static mut ARENA: Arena<{ data::ARENA_BYTES }> = Arena::new();
static mut OUTPUT: [u8; data::OUTPUT_BYTES] = [0; data::OUTPUT_BYTES];

#[allow(unsafe_code)] // the start-up code calls it by name, once, and gives it the memory
#[unsafe(no_mangle)]
extern "C" fn board_main() -> ! {
    #[cfg(not(feature = "qemu"))]
    let counter = {
        chip::stop_watchdogs();
        chip::Cycles::start()
    };
    #[cfg(feature = "qemu")]
    let counter = board::riscv::Counters;
    // SAFETY: this function runs once, and nothing else names the two.
    let (arena, output) = unsafe { (&mut *(&raw mut ARENA), &mut *(&raw mut OUTPUT)) };
    let example = Example { model: &data::MODEL, input: &data::INPUT, expected: &data::OUTPUT };
    let code = board::run(example, arena.as_bytes(), output, &counter, "cycles");
    semihosting::exit(code)
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    semihosting::print("error: panic\n");
    semihosting::exit(1)
}
