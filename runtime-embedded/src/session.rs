//! Runs a model layer after layer in one arena.

use core::ops::Range;

use network::format::LayerRecord;
use network::kernels::Decision;
use network::{Graph, Operation, TensorId};

use crate::error::RunError;
use crate::kernels::{self, Source, Target};
use crate::model::{Model, Placed};

/// A counter that only grows and wraps at 32 bits: DWT, mcycle, a timer.
pub trait CycleSource {
    /// The count now.
    fn now(&self) -> u32;
}

/// A model with its arena.
#[derive(Debug)]
pub struct Session<'m, 'a> {
    model: Model<'m>,
    arena: &'a mut [u8],
    next_layer: usize,
}

impl<'m, 'a> Session<'m, 'a> {
    /// Takes the arena for as long as the session lives.
    ///
    /// # Errors
    /// [`RunError::Arena`] if it is smaller than [`Model::arena_bytes`].
    pub fn new(model: Model<'m>, arena: &'a mut [u8]) -> Result<Session<'m, 'a>, RunError> {
        let (expected, found) = (model.arena_bytes(), arena.len());
        if found < expected {
            return Err(RunError::Arena { expected, found });
        }
        let next_layer = model.n_layers();
        Ok(Session { model, arena, next_layer })
    }

    /// The model.
    pub fn model(&self) -> &Model<'m> {
        &self.model
    }

    /// Runs the whole network.
    ///
    /// # Shapes
    /// `input` holds C·H·W bytes of the input tensor, `output` of the output tensor.
    ///
    /// # Errors
    /// [`RunError::Input`] or [`RunError::Output`], before anything is computed.
    pub fn infer(&mut self, input: &[u8], output: &mut [u8]) -> Result<(), RunError> {
        let (expected, found) = (self.model.output_spec().len(), output.len());
        if expected != found {
            return Err(RunError::Output { expected, found });
        }
        self.start(input)?;
        while self.step().is_some() {}
        copy(output, self.output());
        Ok(())
    }

    /// Puts an input into the arena; the next [`Self::step`] runs the first layer.
    ///
    /// # Errors
    /// [`RunError::Input`].
    pub fn start(&mut self, input: &[u8]) -> Result<(), RunError> {
        self.model.check_input(input).map_err(RunError::Input)?;
        let range = self.model.placed(self.model.view().input()).range;
        copy(self.arena.get_mut(range).unwrap_or_default(), input);
        self.next_layer = 0;
        Ok(())
    }

    /// Runs the next layer and returns its index; none when the network has been run.
    pub fn step(&mut self) -> Option<usize> {
        let index = self.next_layer;
        let layer = self.model.layer(index)?;
        self.run_layer(&layer);
        self.next_layer = index + 1;
        Some(index)
    }

    /// As [`Self::step`], with the counts that passed.
    pub fn step_timed(&mut self, source: &impl CycleSource) -> Option<(usize, u32)> {
        let start = source.now();
        let layer = self.step()?;
        Some((layer, source.now().wrapping_sub(start)))
    }

    /// Bytes that a layer wrote; valid until a later step reuses their place in the arena.
    pub fn layer_output(&self, layer: usize) -> &[u8] {
        match self.model.layer(layer) {
            Some(layer) => self.tensor(layer.info.output),
            None => &[],
        }
    }

    /// Bytes of the output tensor, after the last step.
    pub fn output(&self) -> &[u8] {
        self.tensor(self.model.view().output())
    }

    fn tensor(&self, id: TensorId) -> &[u8] {
        let range = self.model.placed(id).range;
        self.arena.get(range).unwrap_or_default()
    }

    fn run_layer(&mut self, layer: &LayerRecord) {
        let (info, data) = (&layer.info, self.model.data(layer));
        let [first, second] = info.inputs;
        let shift = info.shift;
        let (input, output) = self.split(first, info.output);
        match info.operation {
            Operation::Conv2d { kernel } => kernels::conv2d(&data, kernel, shift, input, output),
            Operation::ConvTranspose2d => kernels::conv_transpose2d(&data, shift, input, output),
            Operation::MaxPool2d => kernels::max_pool2d(input, output),
            Operation::Upsample2d => kernels::upsample2d(input, output),
            Operation::Concat => {
                let n_first = input.data.len();
                kernels::copy_channels(input, output, 0);
                let (input, output) = self.split(second, info.output);
                kernels::copy_channels(input, output, n_first);
            }
            Operation::Head { kind } => {
                let n_classes = info.n_channels;
                kernels::head(&data, Decision { kind, n_classes }, shift, input, output);
            }
        }
    }

    /// A layer's input and output in the arena.
    fn split(&mut self, input: TensorId, output: TensorId) -> (Source<'_>, Target<'_>) {
        let (input, output) = (self.model.placed(input), self.model.placed(output));
        let (read, write) = split(self.arena, &input, &output);
        let source = Source { spec: input.spec, data: read };
        (source, Target { spec: output.spec, data: write })
    }
}

/// Both ranges of the arena. Loading proves that a layer's input and output do not overlap; were
/// that wrong, both would be empty and kernels do nothing.
fn split<'a>(arena: &'a mut [u8], input: &Placed, output: &Placed) -> (&'a [u8], &'a mut [u8]) {
    let (read, write) = (&input.range, &output.range);
    let relative = |range: &Range<usize>, start| range.start - start..range.end - start;
    if read.end <= write.start {
        let (low, high) = arena.split_at_mut_checked(write.start).unwrap_or_default();
        let write = high.get_mut(relative(write, write.start));
        return (low.get(read.clone()).unwrap_or_default(), write.unwrap_or_default());
    }
    if write.end <= read.start {
        let (low, high) = arena.split_at_mut_checked(read.start).unwrap_or_default();
        let write = low.get_mut(write.clone());
        return (
            high.get(relative(read, read.start)).unwrap_or_default(),
            write.unwrap_or_default(),
        );
    }
    debug_assert!(false, "a layer's input and output overlap");
    (&[], &mut [])
}

fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
