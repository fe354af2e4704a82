//! The example of this board with its counts and errors as defmt frames: `probe-rs run` or
//! `defmt-print -e IMAGE` make text of them.
#![no_std]
#![no_main]
#![deny(clippy::float_arithmetic)]

use board::{semihosting, systick::SysTick};
use cortex_m as _; // the critical section
use cortex_m_rt::entry;
use defmt_semihosting as _; // the logger
use runtime_embedded::{Arena, Model, RunError, Session};

/// The model, the sample and their sizes, from the build script.
mod data {
    include!(concat!(env!("OUT_DIR"), "/data.rs"));
}

#[entry]
fn main() -> ! {
    static mut ARENA: Arena<{ data::ARENA_BYTES }> = Arena::new();
    static mut OUTPUT: [u8; data::OUTPUT_BYTES] = [0; data::OUTPUT_BYTES];
    let code = match Model::from_bytes(&data::MODEL) {
        Ok(model) => match infer(model, ARENA.as_bytes(), OUTPUT) {
            Ok(is_equal) => u32::from(!is_equal),
            Err(error) => {
                defmt::error!("run: {}", error);
                1
            }
        },
        Err(error) => {
            defmt::error!("model: {}", error);
            1
        }
    };
    semihosting::exit(code)
}

/// Runs the model on the sample; whether the output is the simulator's.
fn infer(model: Model, arena: &mut [u8], output: &mut [u8]) -> Result<bool, RunError> {
    let counter = SysTick::start();
    let mut session = Session::new(model, arena)?;
    session.start(&data::INPUT)?;
    while let Some((layer, ticks)) = session.step_timed(&counter) {
        defmt::info!("layer {}: {} ticks", layer, ticks);
    }
    session.read_output(output);
    let is_equal = *output == data::OUTPUT;
    defmt::info!("equal to the simulator: {}", is_equal);
    Ok(is_equal)
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    semihosting::print("error: panic\n");
    semihosting::exit(1)
}
