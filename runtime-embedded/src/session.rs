//! Runs a model layer after layer in one arena.

use network::format::LayerRecord;
use network::layout::{ALIGNMENT, Layout, layer_sources, scratch_shape, sources};
use network::{Graph, TensorId};

use crate::error::RunError;
use crate::kernels::{Input, Job, Memory, Place, Tensors, write_image};
use crate::model::Model;

/// A counter that only grows and wraps at 32 bits: DWT, mcycle, a timer.
pub trait CycleSource {
    /// The count now.
    fn now(&self) -> u32;
}

/// A model with its arena.
#[derive(Debug)]
pub struct Session<'m, 'a> {
    model: Model<'m>,
    arena: &'a mut [u32],
    next_layer: usize,
}

impl<'m, 'a> Session<'m, 'a> {
    /// Takes the arena for as long as the session lives; it must start at a multiple of 4 bytes, as
    /// an [`crate::Arena`] does.
    ///
    /// # Errors
    /// [`RunError::Arena`] if the whole words in it are fewer bytes than [`Model::arena_bytes`].
    pub fn new(model: Model<'m>, arena: &'a mut [u8]) -> Result<Session<'m, 'a>, RunError> {
        // only the words up to the model's size are ever touched
        let (_, arena, _) = bytemuck::pod_align_to_mut::<u8, u32>(arena);
        let (expected, found) = (model.arena_bytes(), arena.len() * ALIGNMENT);
        let arena = arena.get_mut(..expected / ALIGNMENT);
        let arena = arena.ok_or(RunError::Arena { expected, found })?;
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
        self.read_output(output);
        Ok(())
    }

    /// Puts an input into the arena; the next [`Self::step`] runs the first layer.
    ///
    /// # Errors
    /// [`RunError::Input`].
    pub fn start(&mut self, input: &[u8]) -> Result<(), RunError> {
        self.model.check_input(input).map_err(RunError::Input)?;
        let place = self.place(self.model.view().input());
        write_image(&mut Memory::new(self.arena, 0..0), &place, input);
        self.next_layer = 0;
        Ok(())
    }

    /// Runs the next layer and returns its index; none when the network has been run.
    ///
    /// A concat or upsampling whose readers read its inputs in place has nothing to do.
    pub fn step(&mut self) -> Option<usize> {
        let index = self.next_layer;
        let layer = self.model.layer(index)?;
        self.run_layer(index, &layer);
        self.next_layer = index + 1;
        Some(index)
    }

    /// As [`Self::step`], with the counts that passed.
    #[cfg(feature = "profile")]
    pub fn step_timed(&mut self, source: &impl CycleSource) -> Option<(usize, u32)> {
        let start = source.now();
        let layer = self.step()?;
        Some((layer, source.now().wrapping_sub(start)))
    }

    /// Writes what a layer wrote in CHW order, one byte a value, and returns the number of bytes.
    ///
    /// Valid until a later step reuses its place in the arena; `bytes` that are too few are filled.
    pub fn read_layer(&self, layer: usize, bytes: &mut [u8]) -> usize {
        self.read_layer_rows(layer, 0, bytes)
    }

    /// As [`Self::read_layer`], from row `first` on; row `channel·H + y` is row `y` of a channel.
    pub fn read_layer_rows(&self, layer: usize, first: usize, bytes: &mut [u8]) -> usize {
        match self.model.layer(layer) {
            Some(layer) => self.read(layer.info.output, first, bytes),
            None => 0,
        }
    }

    /// Writes the output tensor, after the last step, as [`Self::read_layer`] does.
    pub fn read_output(&self, bytes: &mut [u8]) -> usize {
        self.read(self.model.view().output(), 0, bytes)
    }

    fn read(&self, id: TensorId, first: usize, bytes: &mut [u8]) -> usize {
        let spec = self.model.view().spec(id);
        let Some(sources) = sources(self.model.view(), id) else { return 0 };
        let (input, tensors) = (Input::new(&self.model, &sources), Tensors::whole(self.arena));
        let mut n_read = 0;
        let rows = first..spec.channels * spec.height;
        for (row, bytes) in rows.zip(bytes.chunks_mut(spec.width.max(1))) {
            let channel = row.checked_div(spec.height).unwrap_or(0);
            let y = row - channel * spec.height;
            n_read += bytes.len();
            if let Some(stored) = input.bytes(tensors, y) {
                bytes.iter_mut().zip(stored).for_each(|(to, from)| *to = *from);
                continue;
            }
            for (x, byte) in bytes.iter_mut().enumerate() {
                *byte = input.value(tensors, [channel, y, x]);
            }
        }
        n_read
    }

    fn run_layer(&mut self, index: usize, layer: &LayerRecord) {
        let (view, info) = (self.model.view(), &layer.info);
        if Layout::placement(view, info.output).is_view() {
            return;
        }
        let scratch = view.scratch(index);
        let scratch = scratch.start / ALIGNMENT..scratch.end / ALIGNMENT;
        let shape = scratch_shape(view, info);
        let Some((tiling, sources)) = shape.tiling(scratch.len()).zip(layer_sources(view, info))
        else {
            debug_assert!(false, "loading proves that a layer can run");
            return;
        };
        let input = Input::new(&self.model, &sources);
        let (data, output) = (self.model.data(layer), self.place(info.output));
        let job = Job { info, data: &data, input: &input, output: &output, tiling };
        job.run(&mut Memory::new(self.arena, scratch));
    }

    fn place(&self, id: TensorId) -> Place {
        let view = self.model.view();
        Place::new(view.spec(id), Layout::placement(view, id))
    }
}
