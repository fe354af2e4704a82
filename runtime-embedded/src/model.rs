//! A checked model, borrowed from flash.

use network::format::{LayerData, LayerRecord, NetworkView};
use network::{Graph, NetworkError, TensorSpec};

use crate::error::LoadError;

/// A checked `.qunet` file; its bytes stay where they are.
#[derive(Clone, Copy, Debug)]
pub struct Model<'m> {
    view: NetworkView<'m>,
}

impl<'m> Model<'m> {
    /// Checks everything once: afterwards inference cannot fail.
    ///
    /// # Errors
    /// The first [`LoadError`] found; hostile bytes do not panic.
    pub fn from_bytes(bytes: &'m [u8]) -> Result<Model<'m>, LoadError> {
        let view = NetworkView::new_checked(bytes)?;
        if !view.has_plan() {
            let problem = "is missing; quantize the model again, or write it with `qunet firmware`";
            return Err(NetworkError::Section { section: "plan", problem });
        }
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
        self.view.spec(self.view.input())
    }

    /// Format of the output tensor.
    pub fn output_spec(&self) -> TensorSpec {
        self.view.spec(self.view.output())
    }

    /// Format of the tensor that a layer writes; none if there is no such layer.
    pub fn layer_spec(&self, layer: usize) -> Option<TensorSpec> {
        Some(self.view.spec(self.layer(layer)?.info.output))
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
}
