//! Runs a model on one image and compares its output with the simulator's.

use runtime_embedded::{CycleSource, Model, Session};

use crate::semihosting::{print, print_number};

/// A model, an image, and what the simulator makes of it.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The `.qunet` file, in flash.
    pub model: &'static [u8],
    /// CHW bytes of the input tensor.
    pub input: &'static [u8],
    /// CHW bytes of the output tensor.
    pub expected: &'static [u8],
}

/// Runs the example, prints what each layer took and whether the output is equal; the exit code.
///
/// # Shapes
/// `arena` and `output` are as large as the model asks for.
pub fn run(
    example: Example,
    arena: &mut [u8],
    output: &mut [u8],
    counter: &impl CycleSource,
    unit: &str,
) -> u32 {
    match infer(example, arena, output, counter, unit) {
        Ok(()) => compare(example.expected, output),
        Err(problem) => {
            print("error: ");
            print(problem);
            print("\n");
            1
        }
    }
}

fn infer(
    example: Example,
    arena: &mut [u8],
    output: &mut [u8],
    counter: &impl CycleSource,
    unit: &str,
) -> Result<(), &'static str> {
    let model = Model::from_bytes(example.model).map_err(|_| "the model was refused")?;
    print_number("layers: ", model.n_layers() as u32, "\n");
    print_number("arena: ", model.arena_bytes() as u32, " bytes\n");
    let mut session = Session::new(model, arena).map_err(|_| "the arena is too small")?;
    session.start(example.input).map_err(|_| "the input was refused")?;
    let mut total = 0u32;
    while let Some((layer, count)) = session.step_timed(counter) {
        print_number("layer ", layer as u32, ": ");
        print_number("", count, " ");
        print(unit);
        print("\n");
        total = total.wrapping_add(count);
    }
    print_number("in all: ", total, " ");
    print(unit);
    print("\n");
    session.read_output(output);
    Ok(())
}

fn compare(expected: &[u8], found: &[u8]) -> u32 {
    let differs = |(expected, found): (&u8, &u8)| expected != found;
    match expected.iter().zip(found).position(differs) {
        None if expected.len() == found.len() => {
            print_number("equal to the simulator: ", found.len() as u32, " values\n");
            0
        }
        None => {
            print("error: the output has a wrong length\n");
            1
        }
        Some(index) => {
            let byte = |bytes: &[u8]| bytes.get(index).copied().unwrap_or(0).into();
            print_number("error: value ", index as u32, ": ");
            print_number("expected ", byte(expected), ", ");
            print_number("found ", byte(found), "\n");
            1
        }
    }
}
