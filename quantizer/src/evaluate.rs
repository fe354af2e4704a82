//! Masks from float, fake-quantized and integer networks, and the threshold chosen on validation.

use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};
use datasets::metrics::Counts;
use datasets::tiles::TileGrid;
use datasets::{Image, Mask, Sample};
use network::{HeadKind, Layer, Network};

use crate::error::QuantizerError;
use crate::fake_quant::QuantPlan;
use crate::forward::{Pass, Phase, forward};
use crate::integer_forward::IntegerForward;
use crate::integers::{LayerIntegers, layer_integers};
use crate::qat::input_code;
use crate::topology::Topology;
use crate::unet::{UNet, host};

/// Tiles evaluated at once.
const TILES_AT_ONCE: usize = 8;

/// A network without gradients, ready to segment.
#[derive(Clone, Copy)]
pub struct Predictor<'a> {
    /// The parameters.
    pub net: &'a UNet,
    /// Shapes and wiring.
    pub topology: &'a Topology,
    /// Fake quantization, or none.
    pub plan: Option<&'a QuantPlan>,
    /// Device without gradients.
    pub device: &'a Device,
}

/// Dice on validation samples and the threshold it was reached with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Validation {
    /// Pooled Dice, mean over the classes but the background.
    pub dice: f64,
    /// Foreground probability from which a pixel counts (two classes only).
    pub threshold: f64,
}

impl<'a> Predictor<'a> {
    /// A predictor without quantization.
    pub fn float(net: &'a UNet, topology: &'a Topology, device: &'a Device) -> Self {
        Self { net, topology, plan: None, device }
    }

    /// Logits of images of one size.
    ///
    /// # Shapes
    /// Result n·outputs·h·w.
    pub fn logits(&self, images: &[Image]) -> Tensor<4> {
        let (h, w) = (images[0].height, images[0].width);
        let mut data: Vec<f32> = images.iter().flat_map(|i| i.data.iter().copied()).collect();
        if let Some(plan) = self.plan.filter(|plan| plan.rounds_input()) {
            let step = plan.input_step;
            data.iter_mut().for_each(|x| *x = f32::from(input_code(*x, step)) * step);
        }
        let shape = [images.len(), self.topology.input_channels, h, w];
        let x = Tensor::<4>::from_data(TensorData::new(data, shape), self.device);
        let (topology, plan) = (self.topology, self.plan);
        let pass = Pass { topology, plan, phase: Phase::Evaluation, keep_outputs: false };
        forward(self.net, pass, x).logits
    }

    /// Classes of images of one size.
    pub fn classes(&self, images: &[Image], threshold: f64) -> Vec<Mask> {
        let logits = self.logits(images);
        let (h, w) = (images[0].height, images[0].width);
        if self.topology.n_outputs > 1 {
            return argmax(&host(logits), self.topology.n_outputs, h, w);
        }
        let least = logit(threshold) as f32;
        masks(&host(logits), h * w, w, |z| u8::from(z >= least))
    }

    /// Foreground probability as a byte, p·255 rounded down.
    fn probabilities(&self, images: &[Image]) -> Vec<Mask> {
        let (h, w) = (images[0].height, images[0].width);
        masks(&host(sigmoid(self.logits(images))), h * w, w, |p| (p * 255.0) as u8)
    }

    /// Masks of images of any size, by tiles of the network's input size.
    pub fn segment(&self, images: &[&Image], overlap: usize, threshold: f64) -> Vec<Mask> {
        let by_tiles =
            |image: &&Image| self.by_tiles(image, overlap, |tiles| self.classes(tiles, threshold));
        images.iter().map(by_tiles).collect()
    }

    /// Pooled Dice and, for two classes, the threshold that makes it largest.
    pub fn validate(&self, samples: &[Sample]) -> Validation {
        let overlap = self.topology.model.height.min(self.topology.model.width) / 8;
        if self.topology.n_outputs > 1 {
            let images: Vec<&Image> = samples.iter().map(|s| &s.image).collect();
            let found = self.segment(&images, overlap, 0.5);
            return Validation { dice: mean_dice(samples, &found, self.topology), threshold: 0.5 };
        }
        let mut histogram = [[0u64; 256]; 2];
        for sample in samples {
            let found = self.by_tiles(&sample.image, overlap, |tiles| self.probabilities(tiles));
            for (&p, &class) in found.data.iter().zip(&sample.mask.data) {
                histogram[usize::from(class > 0)][usize::from(p)] += 1;
            }
        }
        best_threshold(&histogram)
    }

    pub(crate) fn by_tiles(
        &self,
        image: &Image,
        overlap: usize,
        run: impl Fn(&[Image]) -> Vec<Mask>,
    ) -> Mask {
        let model = &self.topology.model;
        let grid = TileGrid::new([image.height, image.width], [model.height, model.width], overlap);
        let tiles: Vec<Image> = grid.corners().into_iter().map(|c| grid.cut(image, c)).collect();
        let found: Vec<Mask> = tiles.chunks(TILES_AT_ONCE).flat_map(run).collect();
        grid.join(&found)
    }
}

/// ln(p/(1−p)).
pub fn logit(probability: f64) -> f64 {
    (probability / (1.0 - probability)).ln()
}

/// The threshold with the largest Dice; of equal ones the one nearest to one half.
fn best_threshold(histogram: &[[u64; 256]; 2]) -> Validation {
    let truth: u64 = histogram[1].iter().sum();
    let mut best = Validation { dice: -1.0, threshold: 0.5 };
    let (mut predicted, mut intersection) = (0, 0);
    // From the highest probability down: pixels with byte >= t are foreground, 5% to 95%.
    for t in (13..=242usize).rev() {
        let from = if t == 242 { 242..256 } else { t..t + 1 };
        predicted += histogram.iter().map(|h| h[from.clone()].iter().sum::<u64>()).sum::<u64>();
        intersection += histogram[1][from].iter().sum::<u64>();
        let dice = Counts { intersection, predicted, truth }.dice();
        let threshold = t as f64 / 255.0;
        let nearer = (threshold - 0.5).abs() < (best.threshold - 0.5).abs();
        if dice > best.dice || (dice == best.dice && nearer) {
            best = Validation { dice, threshold };
        }
    }
    best
}

fn mean_dice(samples: &[Sample], found: &[Mask], topology: &Topology) -> f64 {
    let pooled = |class: u8| {
        let pairs = samples.iter().zip(found);
        let counts = pairs.map(|(sample, mask)| Counts::of(mask, &sample.mask, class));
        counts.fold(Counts::default(), Counts::plus).dice()
    };
    let n = topology.n_outputs as u8;
    (1..n).map(pooled).sum::<f64>() / f64::from(n - 1)
}

fn masks(values: &[f32], plane: usize, width: usize, class: impl Fn(f32) -> u8) -> Vec<Mask> {
    let mask = |image: &[f32]| Mask {
        height: plane / width,
        width,
        data: image.iter().map(|&v| class(v)).collect(),
    };
    values.chunks(plane).map(mask).collect()
}

/// Class of the largest logit, ties to the lowest class.
fn argmax<T: PartialOrd + Copy>(logits: &[T], n: usize, height: usize, width: usize) -> Vec<Mask> {
    let plane = height * width;
    let class = |image: &[T], pixel: usize| {
        let at = |class: usize| image[class * plane + pixel];
        (1..n).fold(0, |best, class| if at(class) > at(best) { class } else { best }) as u8
    };
    let mask = |image: &[T]| {
        let data = (0..plane).map(|pixel| class(image, pixel)).collect();
        Mask { height, width, data }
    };
    logits.chunks(n * plane).map(mask).collect()
}

/// How far three forms of one network agree on the same tiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Output pixels compared.
    pub pixels: usize,
    /// Pixels where the fake-quant evaluation and the integer network differ.
    pub fake_quant_mismatches: usize,
    /// Pixels where the differentiable fake-quant graph and the integer network differ.
    pub training_graph_differences: usize,
}

/// Runs tiles through the fake-quant evaluation, the differentiable graph and `network`.
///
/// # Errors
/// If the network refuses an input.
pub fn agreement(
    predictor: &Predictor<'_>,
    plan: &QuantPlan,
    integers: &[LayerIntegers],
    network: &Network,
    tiles: &[Image],
) -> Result<Agreement, QuantizerError> {
    let topology = predictor.topology;
    let forward = IntegerForward::new(topology, plan, integers, predictor.device);
    let mut total = Agreement::default();
    for tile in tiles {
        let codes = codes(tile, plan);
        let (evaluated, threshold) = classes(&forward, network, integers, tile, &codes);
        let bytes: Vec<u8> = codes.iter().map(|&c| c as u8).collect();
        let values = network.run_reference(&bytes)?;
        let reference = &values[network.output.index()];
        let graph = predictor.classes(std::slice::from_ref(tile), threshold);
        let differ = |mask: &Mask| mask.data.iter().zip(reference).filter(|(a, b)| a != b).count();
        total.pixels += reference.len();
        total.fake_quant_mismatches += differ(&evaluated);
        total.training_graph_differences += differ(&graph[0]);
    }
    Ok(total)
}

/// Masks by the fake-quantized network with integer semantics, evaluated in Burn; only the head's
/// decision is that of `network`.
///
/// # Errors
/// If a layer does not fit integers.
pub(crate) fn integer_masks(
    predictor: &Predictor<'_>,
    plan: &QuantPlan,
    network: &Network,
    samples: &[Sample],
    overlap: usize,
) -> Result<Vec<Mask>, QuantizerError> {
    let integers = layer_integers(predictor.topology, plan, &predictor.net.values())?;
    let forward = IntegerForward::new(predictor.topology, plan, &integers, predictor.device);
    let one = |tile: &Image| classes(&forward, network, &integers, tile, &codes(tile, plan)).0;
    let mask = |sample: &Sample| {
        predictor.by_tiles(&sample.image, overlap, |tiles| tiles.iter().map(one).collect())
    };
    Ok(samples.iter().map(mask).collect())
}

/// Input codes of a tile.
fn codes(tile: &Image, plan: &QuantPlan) -> Vec<i8> {
    tile.data.iter().map(|&x| input_code(x, plan.input_step)).collect()
}

/// Classes of a tile, and the probability that the head's threshold stands for.
fn classes(
    forward: &IntegerForward<'_>,
    network: &Network,
    integers: &[LayerIntegers],
    tile: &Image,
    codes: &[i8],
) -> (Mask, f64) {
    let logits = forward.logits(codes, 1, tile.height, tile.width);
    decide(&logits, network, integers, tile, forward.n_outputs())
}

/// The head's decision on integer logits, and the probability that its threshold stands for.
fn decide(
    logits: &[i32],
    network: &Network,
    integers: &[LayerIntegers],
    tile: &Image,
    n_outputs: usize,
) -> (Mask, f64) {
    let (h, w) = (tile.height, tile.width);
    let step = integers.last().map_or(1.0, |l| l.output_step);
    match network.layers.last() {
        Some(Layer::Head(head)) => match head.kind {
            HeadKind::Threshold { threshold } => {
                let least = i32::from(threshold);
                let data = logits.iter().map(|&z| u8::from(z >= least)).collect();
                let probability = 1.0 / (1.0 + (-f64::from(least) * step).exp());
                (Mask { height: h, width: w, data }, probability)
            }
            HeadKind::Argmax => (argmax(logits, n_outputs, h, w).swap_remove(0), 0.5),
        },
        other => unreachable!("lowering ends with a head, found {other:?}"),
    }
}
