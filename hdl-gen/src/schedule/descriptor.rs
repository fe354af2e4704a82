//! Fills the words of an operation's descriptor.

use network::descriptor::*;
use network::{HeadKind, Network, TensorSpec};

use super::operation::{Operation, OperationKind};
use crate::engine::Engine;
use crate::error::HdlError;

/// First words of an operation's weights and parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImageBase {
    /// First weight word.
    pub weights: usize,
    /// First parameter word.
    pub params: usize,
}

/// Where the rows of a tensor lie in feature memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Word of row 0.
    pub base: usize,
    /// Rows kept: row y lies where row y modulo them does; none where addresses do not wrap.
    pub ring: Option<usize>,
}

/// Where an operation finds and puts everything, and which output channels it computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Sources, as in the operation.
    pub sources: Vec<Place>,
    /// The output.
    pub output: Place,
    /// The output of the fused max-pool.
    pub pooled: Option<Place>,
    /// First group of TM output channels (of TN channels for max-pool), and their number.
    pub out_groups: (usize, usize),
    /// First words of its weights and parameters.
    pub images: ImageBase,
}

struct Filler<'a> {
    layer: &'a str,
    descriptor: Descriptor,
}

impl Filler<'_> {
    fn set(&mut self, field: Field, value: usize) -> Result<(), HdlError> {
        let fits = u32::try_from(value).is_ok_and(|value| self.descriptor.set(field, value));
        if fits { Ok(()) } else { Err(self.error(field, value as i64)) }
    }

    fn set_signed(&mut self, field: Field, value: i64) -> Result<(), HdlError> {
        let half = 1i64 << (field.width - 1);
        if !(-half..half).contains(&value) {
            return Err(self.error(field, value));
        }
        let code = value as u64 & (u64::from(u32::MAX) >> (32 - field.width));
        self.set(field, code as usize)
    }

    fn error(&self, field: Field, found: i64) -> HdlError {
        let layer = self.layer.to_string();
        HdlError::Field { layer, field: field.name, width: field.width, found }
    }
}

/// The descriptor of one operation.
///
/// # Errors
/// [`HdlError::Field`] if a number does not fit.
pub fn descriptor(
    network: &Network,
    engine: &Engine,
    operation: &Operation,
    places: &Places,
) -> Result<Descriptor, HdlError> {
    let mut filler = Filler { layer: &operation.name, descriptor: Descriptor::default() };
    sources(&mut filler, network, engine, operation, places)?;
    output(&mut filler, network, engine, operation, places)?;
    if operation.kind == OperationKind::MaxPool2d {
        pool(&mut filler, network, engine, operation)?;
    } else {
        convolution(&mut filler, network, engine, operation, places)?;
    }
    Ok(filler.descriptor)
}

/// The descriptor that ends a program.
pub fn end() -> Descriptor {
    Descriptor { words: [OP_END; DESCRIPTOR_STRIDE] }
}

/// Zero padding above and left.
fn padding(operation: &Operation) -> (usize, usize) {
    match operation.kind {
        OperationKind::Conv2d => ((operation.kernel_rows() - 1) / 2, (operation.kernel - 1) / 2),
        _ => (0, 0),
    }
}

fn sources(
    filler: &mut Filler,
    network: &Network,
    engine: &Engine,
    operation: &Operation,
    places: &Places,
) -> Result<(), HdlError> {
    let layout = engine.layout();
    let fields = [
        (UPSAMPLE_A, SIGNED_A, GROUPS_A_M1, START_A, PITCH_A),
        (UPSAMPLE_B, SIGNED_B, GROUPS_B_M1, START_B, PITCH_B),
    ];
    let rings = [(RING_AT_A, RING_M1_A, WRAP_A), (RING_AT_B, RING_M1_B, WRAP_B)];
    filler.set(SECOND_SOURCE, operation.sources.len() - 1)?;
    let (above, left) = padding(operation);
    let specs = operation.source_specs(network);
    for (idx, (source, spec)) in operation.sources.iter().zip(&specs).enumerate() {
        let (upsample, signed, groups_m1, start, pitch) = fields[idx];
        let (ring_at, ring_m1, wrap) = rings[idx];
        let Place { base, ring } = places.sources[idx];
        filler.set(upsample, usize::from(source.upsample))?;
        filler.set(signed, usize::from(spec.signed))?;
        filler.set(groups_m1, layout.groups(spec) - 1)?;
        filler.set(pitch, layout.pitch(spec))?;
        let first = |padding: usize| -(padding as i64) >> u32::from(source.upsample);
        let group = first(left).div_euclid(engine.tp as i64);
        let row = ring.map_or(first(above), |ring| first(above).rem_euclid(ring as i64));
        let words = row * layout.pitch(spec) as i64 + group * layout.groups(spec) as i64;
        filler.set_signed(start, base as i64 + words)?;
        if let Some(ring) = ring {
            filler.set(ring_at, row as usize)?;
            filler.set(ring_m1, ring - 1)?;
            filler.set(wrap, (ring - 1) * layout.pitch(spec))?;
        }
    }
    Ok(())
}

/// The first word of a row's first pixel group that the operation's output groups fill.
fn first_word(engine: &Engine, operation: &Operation, places: &Places) -> usize {
    let lanes = if operation.uses_array() { engine.tm } else { engine.tn };
    places.out_groups.0 * lanes / engine.tn
}

fn output(
    filler: &mut Filler,
    network: &Network,
    engine: &Engine,
    operation: &Operation,
    places: &Places,
) -> Result<(), HdlError> {
    let layout = engine.layout();
    let spec = network.spec(operation.output);
    let (height, _) = operation.loop_extent(network);
    let first_word = first_word(engine, operation, places);
    filler.set(HEIGHT_M1, height - 1)?;
    filler.set(OUT_BASE, places.output.base + first_word)?;
    filler.set(PITCH_OUT, layout.pitch(spec))?;
    filler.set(OUT_STEP_M1, layout.groups(spec) - 1)?;
    if let Some(ring) = places.output.ring {
        filler.set(RING_M1_OUT, ring - 1)?;
        filler.set(WRAP_OUT, (ring - 1) * layout.pitch(spec))?;
    }
    if let (Some(pooled), Some(place)) = (operation.pooled, places.pooled) {
        let pitch = layout.pitch(network.spec(pooled));
        filler.set(POOL_FUSED, 1)?;
        filler.set(POOL_BASE, place.base + first_word)?;
        if let Some(ring) = place.ring {
            filler.set(PITCH_POOL, pitch)?;
            filler.set(RING_M1_POOL, ring - 1)?;
            filler.set(WRAP_POOL, (ring - 1) * pitch)?;
        }
    }
    filler.set(OUT_WIDTH_M1, spec.width - 1)
}

fn pool(
    filler: &mut Filler,
    network: &Network,
    engine: &Engine,
    operation: &Operation,
) -> Result<(), HdlError> {
    let spec = network.spec(operation.output);
    // with one pixel lane the pair is two reads, else it lies within one
    let (columns, reads_across) =
        if engine.tp == 1 { (spec.width, 2) } else { (2 * spec.width, 1) };
    filler.set(OP, OP_POOL as usize)?;
    filler.set(WIDTH_M1, columns - 1)?;
    filler.set(KERNEL_H_M1, 1)?;
    filler.set(KERNEL_W_M1, reads_across - 1)?;
    filler.set(LAST_LANES, 1)?;
    filler.set(OUT_GROUPS_M1, engine.layout().groups(spec) - 1)
}

fn convolution(
    filler: &mut Filler,
    network: &Network,
    engine: &Engine,
    operation: &Operation,
    places: &Places,
) -> Result<(), HdlError> {
    let (_, width) = operation.loop_extent(network);
    let (first, n_groups) = places.out_groups;
    let n_channels = (operation.out_channels() - first * engine.tm).min(n_groups * engine.tm);
    let is_one_phase = operation.phases() == 1;
    let (taps_down, taps_across) =
        if is_one_phase { (operation.kernel_rows(), operation.kernel) } else { (1, 1) };
    let (above, left) = padding(operation);
    filler.set(OP, OP_CONV as usize)?;
    filler.set(ONE_BIT, usize::from(operation.one_bit(engine)))?;
    filler.set(PHASES, usize::from(operation.phases() > 1))?;
    filler.set(DIGITS_M1, operation.digits(engine) - 1)?;
    filler.set(WIDTH_M1, width - 1)?;
    filler.set(KERNEL_H_M1, taps_down - 1)?;
    filler.set(KERNEL_W_M1, taps_across - 1)?;
    filler.set(PAD_H, above)?;
    filler.set(PAD_W, left)?;
    filler.set(SHIFT, usize::from(operation.requantize.shift))?;
    filler.set(LAST_LANES, n_channels - (n_groups - 1) * engine.tm)?;
    filler.set(OUT_GROUPS_M1, n_groups - 1)?;
    filler.set(WEIGHT_BASE, places.images.weights)?;
    filler.set(PARAM_BASE, places.images.params + first * engine.tm)?;
    decision(filler, operation, network.spec(operation.output))
}

fn decision(filler: &mut Filler, operation: &Operation, out: &TensorSpec) -> Result<(), HdlError> {
    let OperationKind::Head(kind) = operation.kind else {
        filler.set_signed(CLAMP_LOW, i64::from(out.min_value()))?;
        return filler.set_signed(CLAMP_HIGH, i64::from(out.max_value()));
    };
    filler.set_signed(CLAMP_LOW, i64::from(network::arithmetic::LOGIT_MIN))?;
    filler.set_signed(CLAMP_HIGH, i64::from(network::arithmetic::LOGIT_MAX))?;
    match kind {
        HeadKind::Threshold { threshold } => {
            filler.set(HEAD, HEAD_THRESHOLD as usize)?;
            filler.set_signed(THRESHOLD, i64::from(threshold))
        }
        HeadKind::Argmax => filler.set(HEAD, HEAD_ARGMAX as usize),
    }
}
