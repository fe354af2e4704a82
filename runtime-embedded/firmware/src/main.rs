//! Runs the embedded model on every golden input and compares every value of every layer.
//!
//! Data enters at build time through `QUNET_FIRMWARE_DATA` (see scripts/firmware.sh) and leaves
//! as one line of JSON over semihosting; the exit code is 0 if all values are equal.
#![no_std]
#![no_main]
#![deny(clippy::float_arithmetic)]

mod counter;
mod memory;
mod report;
mod semihosting;

use cortex_m_rt::{entry, exception};
use runtime_embedded::{Arena, Model, Session};

use report::{Difference, Report};

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

#[entry]
fn main() -> ! {
    static mut ARENA: Arena<{ data::ARENA_BYTES }> = Arena::new();
    counter::start();
    let mut report = Report::new();
    match run(ARENA.as_bytes(), &mut report) {
        Ok(()) => {}
        Err(problem) => fail(problem),
    }
    report.text_bytes = memory::text_bytes();
    report.stack_bytes = memory::stack_bytes();
    report.print();
    semihosting::exit(u32::from(report.mismatches > 0))
}

fn run(arena: &mut [u8], report: &mut Report) -> Result<(), &'static str> {
    let model = Model::from_bytes(&data::MODEL).map_err(|_| "the model was refused")?;
    let mut session = Session::new(model, arena).map_err(|_| "the arena is too small")?;
    for (index, sample) in data::SAMPLES.iter().enumerate() {
        run_sample(&mut session, index, sample, report)?;
    }
    Ok(())
}

fn run_sample(
    session: &mut Session,
    index: usize,
    sample: &Sample,
    report: &mut Report,
) -> Result<(), &'static str> {
    let mut golden = sample.golden;
    let start = counter::instructions();
    session.start(sample.input).map_err(|_| "an input was refused")?;
    report.instructions += counter::instructions() - start;
    loop {
        let start = counter::instructions();
        let Some(layer) = session.step() else {
            break;
        };
        report.add_layer(layer, counter::instructions() - start);
        let found = session.layer_output(layer);
        let Some((expected, rest)) = golden.split_at_checked(found.len()) else {
            return Err("a layer wrote more than its golden values");
        };
        golden = rest;
        report.values_compared += found.len() as u32;
        for (offset, (expected, found)) in expected.iter().zip(found).enumerate() {
            if expected != found {
                let difference = Difference {
                    sample: index as u32,
                    layer: layer as u32,
                    offset: offset as u32,
                    expected: *expected,
                    found: *found,
                };
                report.add_difference(difference);
            }
        }
    }
    match golden.is_empty() {
        true => Ok(()),
        false => Err("the layers wrote less than their golden values"),
    }
}

fn fail(problem: &'static str) -> ! {
    semihosting::print("{\"error\": \"");
    semihosting::print(problem);
    semihosting::print("\"}\n");
    semihosting::exit(1)
}

#[allow(unsafe_code)] // the attribute demands it
#[exception]
unsafe fn HardFault(_frame: &cortex_m_rt::ExceptionFrame) -> ! {
    fail("hard fault")
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    fail("panic")
}
