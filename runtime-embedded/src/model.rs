//! A checked model, borrowed from flash.

use core::ops::Range;

use network::format::{LayerRecord, NetworkView};
use network::{Graph, NetworkError, TensorId, TensorSpec};

use crate::error::LoadError;
use crate::kernels::LayerData;

/// A checked `.qunet` file; its bytes stay where they are.
#[derive(Clone, Copy, Debug)]
pub struct Model<'m> {
    view: NetworkView<'m>,
}

/// A tensor's format and its place in the arena.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) spec: TensorSpec,
    pub(crate) range: Range<usize>,
}

impl<'m> Model<'m> {
    /// Checks everything once: afterwards inference cannot fail.
    ///
    /// # Errors
    /// The first [`LoadError`] found; hostile bytes do not panic.
    pub fn from_bytes(bytes: &'m [u8]) -> Result<Model<'m>, LoadError> {
        let view = NetworkView::new_checked(bytes)?;
        Ok(Model { view })
    }

    /// Bytes of the arena that the model's plan needs.
    pub fn arena_bytes(&self) -> usize {
        self.view.arena_bytes()
    }

    /// CRC-32 of the model's payload, which an accelerator build carries in MODEL_HASH.
    pub fn model_hash(&self) -> u32 {
        self.view.model_hash()
    }

    /// Number of layers, each one [`crate::Session::step`].
    pub fn n_layers(&self) -> usize {
        self.view.n_layers()
    }

    /// Format of the input tensor.
    pub fn input_spec(&self) -> TensorSpec {
        self.placed(self.view.input()).spec
    }

    /// Format of the output tensor.
    pub fn output_spec(&self) -> TensorSpec {
        self.placed(self.view.output()).spec
    }

    /// The checked file, for names and metadata.
    pub fn view(&self) -> &NetworkView<'m> {
        &self.view
    }

    /// Checks the length of an input and that every byte is in the input tensor's format.
    ///
    /// # Errors
    /// [`NetworkError::InputLength`] or [`NetworkError::InputValue`].
    pub fn check_input(&self, input: &[u8]) -> Result<(), NetworkError> {
        let spec = self.input_spec();
        if input.len() != spec.len() {
            let (expected, found) = (spec.len(), input.len());
            return Err(NetworkError::InputLength { expected, found });
        }
        if spec.bits == u8::BITS as u8 {
            return Ok(()); // every byte is a value
        }
        let legal = spec.min_value()..=spec.max_value();
        let illegal = |byte: &u8| !legal.contains(&spec.decode(*byte));
        match input.iter().position(illegal) {
            None => Ok(()),
            Some(index) => Err(NetworkError::InputValue { index, bits: spec.bits }),
        }
    }

    pub(crate) fn layer(&self, index: usize) -> Option<LayerRecord> {
        self.view.get_layer(index)
    }

    pub(crate) fn data(&self, layer: &LayerRecord) -> LayerData<'m> {
        self.view.record_data(layer)
    }

    pub(crate) fn placed(&self, id: TensorId) -> Placed {
        let record = self.view.tensor(id.index());
        let end = record.arena_offset.saturating_add(record.spec.len());
        let range = record.arena_offset..end;
        Placed { spec: record.spec, range }
    }
}
