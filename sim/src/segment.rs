//! From a normalised image to a mask: input codes, tiles, simulation, decision.

use std::sync::Mutex;

use datasets::tiles::segment_by_tiles;
use datasets::{Image, Mask};
use network::{Layer, Network, TensorSpec};
use rayon::prelude::*;

use crate::config::EvaluateConfig;
use crate::error::SimError;
use crate::simulator::Simulator;

/// What the host needs of a model's metadata to feed it and to name its output.
#[derive(Clone, Debug, PartialEq)]
pub struct InputRule {
    /// Real value of one code of the input tensor.
    pub input_step: f32,
    /// Names of the classes, background first; empty if the metadata do not tell.
    pub class_names: Vec<String>,
}

impl InputRule {
    /// Reads `input_step` and `classes` from the network's metadata.
    ///
    /// # Errors
    /// [`SimError::Metadata`] if they are no JSON object with a positive `input_step`.
    pub fn of(network: &Network) -> Result<InputRule, SimError> {
        let fail = |key, expected, found: String| {
            let network = network.name.clone();
            SimError::Metadata { network, key, expected, found }
        };
        let metadata: serde_json::Value = serde_json::from_str(&network.metadata)
            .map_err(|error| fail("(all)", "a JSON object", error.to_string()))?;
        let step = &metadata["input_step"];
        let input_step = step.as_f64().unwrap_or(0.0) as f32;
        if !(input_step > 0.0 && input_step.is_finite()) {
            return Err(fail("input_step", "a positive number", step.to_string()));
        }
        let names = metadata["classes"].as_array().into_iter().flatten();
        let class_names = names.filter_map(|n| n.as_str().map(String::from)).collect();
        Ok(InputRule { input_step, class_names })
    }

    /// Input bytes of real values: `clamp(round(x / step))`, ties away from zero.
    pub fn quantize(&self, values: &[f32], input: &TensorSpec) -> Vec<u8> {
        let (low, high) = (input.min_value() as f32, input.max_value() as f32);
        // a cast from float takes NaN to zero
        let code = |x: &f32| (x / self.input_step).round().clamp(low, high) as i32;
        values.iter().map(|x| input.encode(code(x))).collect()
    }
}

/// Segments images of any size with a simulated network.
pub struct Segmenter<'a> {
    simulator: &'a Simulator,
    rule: InputRule,
    overlap: usize,
    soft_threshold: i32,
}

impl<'a> Segmenter<'a> {
    /// Reads the input step from the network's metadata.
    ///
    /// # Errors
    /// If the metadata have no `input_step`, the overlap is not below the network's input, or the
    /// network's output has another size than its input.
    pub fn new(simulator: &'a Simulator, config: &EvaluateConfig) -> Result<Self, SimError> {
        let network = simulator.network();
        let (input, output) = (network.spec(network.input), network.spec(network.output));
        config.validate()?;
        config.validate_tiles([input.height, input.width])?;
        if [input.height, input.width] != [output.height, output.width] {
            return Err(SimError::Mismatch {
                what: format!("network {}: rows × columns of the output", network.name),
                expected: format!("{}×{} as the input", input.height, input.width),
                found: format!("{}×{}", output.height, output.width),
            });
        }
        let rule = InputRule::of(network)?;
        let overlap = config.overlap([input.height, input.width]);
        let soft_threshold = config.soft_threshold;
        Ok(Segmenter { simulator, rule, overlap, soft_threshold })
    }

    /// How real values become input codes.
    pub fn rule(&self) -> &InputRule {
        &self.rule
    }

    /// Input bytes of an image that has the size of the network's input.
    ///
    /// # Errors
    /// [`SimError::Mismatch`] if its shape is another.
    pub fn input(&self, tile: &Image) -> Result<Vec<u8>, SimError> {
        let network = self.simulator.network();
        let spec = network.spec(network.input);
        self.check_channels(tile)?;
        if [tile.height, tile.width] != [spec.height, spec.width] {
            return Err(SimError::Mismatch {
                what: "rows × columns of the tile".into(),
                expected: format!("{}×{}", spec.height, spec.width),
                found: format!("{}×{}", tile.height, tile.width),
            });
        }
        Ok(self.rule.quantize(&tile.data, spec))
    }

    /// The class of every pixel of an image of any size.
    ///
    /// # Errors
    /// [`SimError::Mismatch`] if the image's number of channels is not the network's.
    pub fn segment(&self, image: &Image) -> Result<Mask, SimError> {
        self.check_channels(image)?;
        let network = self.simulator.network();
        let tile = network.spec(network.input);
        segment_by_tiles(image, tile.height, tile.width, self.overlap, |tile| {
            let output = self.simulator.run(&self.input(tile)?)?;
            Ok(self.decide(&output))
        })
    }

    /// [`Segmenter::segment`] on many images in parallel; `progress` gets the number finished.
    ///
    /// # Errors
    /// As [`Segmenter::segment`].
    pub fn segment_all(
        &self,
        images: &[&Image],
        progress: &mut (dyn FnMut(usize) + Send),
    ) -> Result<Vec<Mask>, SimError> {
        let state = Mutex::new((0, progress));
        let one = |image: &&Image| {
            let mask = self.segment(image);
            // a progress callback that panicked must not hide the panic behind a poisoned lock
            let mut state = state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            state.0 += 1;
            let n_done = state.0;
            (state.1)(n_done);
            mask
        };
        images.par_iter().map(one).collect()
    }

    /// Input bytes of the tiles that cover an image.
    ///
    /// # Errors
    /// As [`Segmenter::segment`].
    pub fn tile_inputs(&self, image: &Image) -> Result<Vec<Vec<u8>>, SimError> {
        let network = self.simulator.network();
        let spec = network.spec(network.input);
        let tile = [spec.height, spec.width];
        let grid = datasets::tiles::TileGrid::new([image.height, image.width], tile, self.overlap);
        grid.corners().into_iter().map(|at| self.input(&grid.cut(image, at))).collect()
    }

    /// Classes of an output tensor: a head's as they are, a soft map's by threshold or argmax.
    fn decide(&self, output: &[u8]) -> Mask {
        let network = self.simulator.network();
        let spec = network.spec(network.output);
        let (height, width) = (spec.height, spec.width);
        let is_head = matches!(network.layers.last(), Some(Layer::Head(_)));
        let data = if is_head {
            output.to_vec()
        } else if spec.channels == 1 {
            let class = |byte: &u8| u8::from(spec.decode(*byte) >= self.soft_threshold);
            output.iter().map(class).collect()
        } else {
            (0..spec.plane()).map(|pixel| argmax(spec, output, pixel)).collect()
        };
        Mask { height, width, data }
    }

    fn check_channels(&self, image: &Image) -> Result<(), SimError> {
        let network = self.simulator.network();
        let expected = network.spec(network.input).channels;
        if image.channels == expected {
            return Ok(());
        }
        let what = format!("network {}: channels of the image", network.name);
        let (expected, found) = (expected.to_string(), image.channels.to_string());
        Err(SimError::Mismatch { what, expected, found })
    }
}

/// The first channel (of at most 256) with the largest value.
fn argmax(spec: &TensorSpec, output: &[u8], pixel: usize) -> u8 {
    let value = |c: usize| spec.decode(output[c * spec.plane() + pixel]);
    let largest = |best: usize, c: usize| if value(c) > value(best) { c } else { best };
    (1..spec.channels.min(256)).fold(0, largest) as u8
}
