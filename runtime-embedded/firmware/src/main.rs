//! Runs the embedded model on every golden input and compares every value of every layer.
//!
//! Data enters at build time through `QUNET_FIRMWARE_DATA` (see scripts/firmware.sh) and leaves
//! as one line of JSON over semihosting; the exit code is 0 if all values are equal.
#![no_std]
#![no_main]
#![deny(clippy::float_arithmetic)]

mod report;

use qunet_firmware::check::{self, Row};
use qunet_firmware::{board, text};
use runtime_embedded::{Arena, Model, Session};

use report::Report;

/// One input and the bytes that all layers write, in layer order.
pub struct Sample {
    input: &'static [u8],
    golden: &'static [u8],
}

/// The model, the samples and their sizes, from the build script.
#[allow(unsafe_code)] // places golden data by its section's name
mod data {
    use super::Sample;
    include!(concat!(env!("OUT_DIR"), "/data.rs"));
}

static mut ARENA: Arena<{ data::ARENA_BYTES }> = Arena::new();
static mut ROW: Row = Row::new();

#[allow(unsafe_code)] // the name is what start-up code calls
#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    board::start();
    let mut report = Report::new();
    // SAFETY: start-up code calls `main` once and nothing else uses these.
    let (arena, row) = unsafe { (&mut *(&raw mut ARENA), &mut *(&raw mut ROW)) };
    if let Err(problem) = run(arena.as_bytes(), row, &mut report) {
        text::fail(problem);
    }
    report.text_bytes = board::text_bytes();
    report.stack_bytes = board::stack_bytes();
    report.print();
    board::exit(u32::from(report.mismatches > 0))
}

fn run(arena: &mut [u8], row: &mut Row, report: &mut Report) -> Result<(), &'static str> {
    let model = Model::from_bytes(&data::MODEL).map_err(|_| "the model was refused")?;
    let mut session = Session::new(model, arena).map_err(|_| "the arena is too small")?;
    for (index, sample) in data::SAMPLES.iter().enumerate() {
        let add = |layer, instructions| report.add_layer(layer, instructions);
        let outcome = check::run(&mut session, sample.input, sample.golden, row, add)?;
        report.add_outcome(index as u32, &outcome);
    }
    Ok(())
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    text::fail("panic")
}
