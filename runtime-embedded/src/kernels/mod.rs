//! The kernels: one operation per file, each equal to its namesake in `network::kernels`.
//!
//! A layer's input is an [`Input`]: the stored tensors that it is made of, so that a concat or a
//! nearest upsampling is read in place and never stored. A kernel gathers rows of it into scratch
//! memory as 16-bit halves ([`gather`]), unpacks there the weights of a few output channels
//! ([`weights`]), multiplies ([`multiply`]) and stores the row of its output ([`store`]). Slices are
//! taken with `get`, chunks and iterators only, so that no kernel can panic.

mod concat;
mod conv2d;
mod conv_transpose2d;
mod convolution;
mod gather;
mod head;
mod max_pool2d;
mod memory;
mod multiply;
mod rescale;
mod store;
mod upsample2d;
mod weights;

pub(crate) use gather::Input;
pub(crate) use memory::{Memory, Place, Tensors};
pub(crate) use store::write_image;

use network::format::LayerData;
use network::tiling::Tiling;
use network::{LayerInfo, Operation};

use rescale::Clamp;

/// A layer ready to run.
pub(crate) struct Job<'l, 'm> {
    /// What it does.
    pub info: &'l LayerInfo,
    /// Its weights and parameters.
    pub data: &'l LayerData<'m>,
    /// What it reads.
    pub input: &'l Input,
    /// Where it writes.
    pub output: &'l Place,
    /// How it is cut.
    pub tiling: Tiling,
}

/// Ranges of at most `size` that follow one another up to `end`; `step_by` would leave a panic.
fn pieces(end: usize, size: usize) -> impl Iterator<Item = core::ops::Range<usize>> {
    let mut start = 0usize;
    core::iter::from_fn(move || {
        let piece = start..end.min(start.saturating_add(size.max(1)));
        start = piece.end;
        (!piece.is_empty()).then_some(piece)
    })
}

impl Job<'_, '_> {
    /// Runs the layer; everything was checked when the model was loaded.
    pub(crate) fn run(&self, memory: &mut Memory) {
        match self.info.operation {
            Operation::Conv2d { kernel } => conv2d::conv2d(self, kernel, memory),
            Operation::ConvTranspose2d => conv_transpose2d::conv_transpose2d(self, memory),
            Operation::Head { kind } => head::head(self, kind, memory),
            Operation::MaxPool2d => max_pool2d::max_pool2d(self, memory),
            Operation::Upsample2d => upsample2d::upsample2d(self, memory),
            Operation::Concat => concat::concat(self, memory),
        }
    }

    fn clamp(&self) -> Clamp {
        let spec = &self.output.spec;
        Clamp { shift: self.info.shift, low: spec.min_value(), high: spec.max_value() }
    }
}
