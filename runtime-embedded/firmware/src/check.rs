//! Runs a session on an input and compares every value of every layer.

use runtime_embedded::{CycleSource, Session};

use crate::board;

/// Longest row of a tensor.
const ROW: usize = 4096;

/// A value that differs.
#[derive(Clone, Copy)]
pub struct Difference {
    /// Index of the layer.
    pub layer: u32,
    /// Byte of the layer's output, in CHW order.
    pub offset: u32,
    /// Golden byte.
    pub expected: u8,
    /// Byte that the firmware computed.
    pub found: u8,
}

/// What a run showed.
#[derive(Default)]
pub struct Outcome {
    /// Bytes compared.
    pub values_compared: u32,
    /// Bytes that differ.
    pub mismatches: u32,
    /// The first of them.
    pub first: Option<Difference>,
}

/// The board's instruction counter.
pub struct Instructions;

impl CycleSource for Instructions {
    fn now(&self) -> u32 {
        board::instructions() as u32
    }
}

/// Runs `input` and compares with `golden`, what all layers write one after another; `add` gets the
/// instructions of each layer, and of putting the input into the arena as layer none.
///
/// # Errors
/// If the input is refused or the layers write more or less than `golden`.
pub fn run(
    session: &mut Session,
    input: &[u8],
    golden: &[u8],
    row: &mut Row,
    mut add: impl FnMut(Option<usize>, u32),
) -> Result<Outcome, &'static str> {
    let mut outcome = Outcome::default();
    let start = Instructions.now();
    session.start(input).map_err(|_| "an input was refused")?;
    add(None, Instructions.now().wrapping_sub(start));
    let mut rest = golden;
    while let Some((layer, instructions)) = session.step_timed(&Instructions) {
        add(Some(layer), instructions);
        rest = outcome.compare(session, layer, row, rest)?;
    }
    match rest.is_empty() {
        true => Ok(outcome),
        false => Err("the layers wrote less than their golden values"),
    }
}

/// Room for one row of a tensor.
pub struct Row([u8; ROW]);

impl Row {
    /// Zeros.
    pub const fn new() -> Row {
        Row([0; ROW])
    }
}

impl Outcome {
    /// Compares a layer row by row; returns the golden values behind it.
    fn compare<'g>(
        &mut self,
        session: &Session,
        layer: usize,
        row: &mut Row,
        golden: &'g [u8],
    ) -> Result<&'g [u8], &'static str> {
        let Some(spec) = session.model().layer_spec(layer) else { return Err("no such layer") };
        let found = row.0.get_mut(..spec.width).ok_or("a row is too long")?;
        let (golden, rest) = golden
            .split_at_checked(spec.len())
            .ok_or("a layer wrote more than its golden values")?;
        for (index, golden) in golden.chunks(spec.width.max(1)).enumerate() {
            session.read_layer_rows(layer, index, found);
            self.values_compared += golden.len() as u32;
            for (x, (expected, found)) in golden.iter().zip(found.iter()).enumerate() {
                if expected != found {
                    let offset = (index * spec.width + x) as u32;
                    let (expected, found) = (*expected, *found);
                    self.mismatches += 1;
                    let layer = layer as u32;
                    self.first.get_or_insert(Difference { layer, offset, expected, found });
                }
            }
        }
        Ok(rest)
    }
}
