//! Runs many models that QEMU's loader has put into memory and compares every value of every layer;
//! one line of JSON for each, and one for all.
//!
//! A bundle is little-endian words: the number of cases, then for each the bytes of its model, the
//! number of its inputs, the bytes of an input and of its golden values, then the model, and input
//! and golden values of each input, each filled up to a word. See scripts/firmware.sh --bundle.
#![no_std]
#![no_main]
#![deny(clippy::float_arithmetic)]

use qunet_firmware::check::{self, Row};
use qunet_firmware::{board, text};
use runtime_embedded::{Arena, Model, Session};

/// Where the bundle lies, the room for it, and the largest arena.
mod place {
    include!(concat!(env!("OUT_DIR"), "/place.rs"));
}

static mut ARENA: Arena<{ place::ARENA_BYTES }> = Arena::new();
static mut ROW: Row = Row::new();

/// What is left of the bundle.
struct Bundle<'a>(&'a [u8]);

impl<'a> Bundle<'a> {
    fn bytes(&mut self, n_bytes: usize) -> Result<&'a [u8], &'static str> {
        let padded = n_bytes.next_multiple_of(4);
        let (bytes, rest) = self.0.split_at_checked(padded).ok_or("the bundle is cut off")?;
        self.0 = rest;
        bytes.get(..n_bytes).ok_or("the bundle is cut off")
    }

    fn number(&mut self) -> Result<usize, &'static str> {
        match self.bytes(4)? {
            [a, b, c, d] => Ok(u32::from_le_bytes([*a, *b, *c, *d]) as usize),
            _ => Err("the bundle is cut off"),
        }
    }
}

#[allow(unsafe_code)] // the name is what start-up code calls
#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    board::start();
    // SAFETY: start-up code calls `main` once and nothing else uses these; QEMU's loader fills the
    // place of the bundle, which the linker script gives to nothing else, before the program starts.
    let (arena, row, bundle) = unsafe {
        let bundle = core::slice::from_raw_parts(place::BUNDLE as *const u8, place::BUNDLE_BYTES);
        (&mut *(&raw mut ARENA), &mut *(&raw mut ROW), bundle)
    };
    match run(&mut Bundle(bundle), arena.as_bytes(), row) {
        Ok(mismatches) => board::exit(u32::from(mismatches > 0)),
        Err(problem) => text::fail(problem),
    }
}

fn run(bundle: &mut Bundle, arena: &mut [u8], row: &mut Row) -> Result<u32, &'static str> {
    let n_cases = bundle.number()?;
    let mut mismatches = 0;
    for case in 0..n_cases {
        mismatches += run_case(bundle, arena, row, case)?;
    }
    text::number("{\"cases\": ", n_cases as u64);
    text::number(", \"mismatches\": ", mismatches.into());
    text::number(", \"stack_bytes\": ", board::stack_bytes().into());
    text::number(", \"text_bytes\": ", board::text_bytes().into());
    text::print("}\n");
    Ok(mismatches)
}

fn run_case(
    bundle: &mut Bundle,
    arena: &mut [u8],
    row: &mut Row,
    case: usize,
) -> Result<u32, &'static str> {
    let (n_model, n_inputs) = (bundle.number()?, bundle.number()?);
    let (n_input, n_golden) = (bundle.number()?, bundle.number()?);
    let model = Model::from_bytes(bundle.bytes(n_model)?).map_err(|_| "a model was refused")?;
    let needed = model.arena_bytes();
    let (arena, guard) = arena.split_at_mut_checked(needed).ok_or("an arena is too small")?;
    arena.fill(0xA5);
    guard.iter_mut().take(16).for_each(|byte| *byte = 0x5A);
    let mut session = Session::new(model, arena).map_err(|_| "the arena is too small")?;
    let (mut mismatches, mut values, mut instructions) = (0, 0, 0);
    for _ in 0..n_inputs {
        let (input, golden) = (bundle.bytes(n_input)?, bundle.bytes(n_golden)?);
        let add = |layer: Option<usize>, count: u32| {
            instructions += layer.map_or(0, |_| u64::from(count));
        };
        let outcome = check::run(&mut session, input, golden, row, add)?;
        mismatches += outcome.mismatches;
        values += outcome.values_compared;
    }
    mismatches += u32::from(guard.iter().take(16).any(|byte| *byte != 0x5A));
    text::number("{\"case\": ", case as u64);
    text::number(", \"values\": ", values.into());
    text::number(", \"mismatches\": ", mismatches.into());
    text::number(", \"arena_bytes\": ", needed as u64);
    text::number(", \"instructions\": ", instructions);
    text::print("}\n");
    Ok(mismatches)
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    text::fail("panic")
}
