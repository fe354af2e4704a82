//! The U-Net as a list of layers and one walk over them.
//!
//! Float training, fake quantization, integer evaluation and lowering all follow [`walk`], each
//! with its own [`Walk`], so that their wiring cannot differ.

use serde::{Deserialize, Serialize};

use crate::config::{ModelConfig, Upsample};

/// Everything that fixes the shapes of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Topology {
    /// Width, depth, upsampling and input size.
    pub model: ModelConfig,
    /// Channels of the image.
    pub input_channels: usize,
    /// Logits per pixel: 1 for two classes, else one per class.
    pub n_outputs: usize,
}

/// What a weighted layer computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// 3×3 convolution, batch norm, ReLU.
    Conv3x3,
    /// 2×2 transposed convolution with stride 2, batch norm, ReLU.
    Up2x2,
    /// 1×1 convolution with bias, to logits.
    Head,
}

/// One layer with weights, in the order in which it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSpec {
    /// Name, e.g. `enc0.conv1`.
    pub name: String,
    /// What it computes.
    pub operation: Operation,
    /// Channels read.
    pub in_channels: usize,
    /// Channels written.
    pub out_channels: usize,
    /// The layer whose activation step this one's output uses: itself, or for tensors that are
    /// concatenated the encoder's layer.
    pub step_owner: usize,
}

impl LayerSpec {
    /// Side of the kernel.
    pub fn kernel(&self) -> usize {
        match self.operation {
            Operation::Conv3x3 => 3,
            Operation::Up2x2 => 2,
            Operation::Head => 1,
        }
    }

    /// Shape of the weights, `[out, in, ky, kx]` for every operation.
    pub fn weight_shape(&self) -> [usize; 4] {
        [self.out_channels, self.in_channels, self.kernel(), self.kernel()]
    }
}

impl Topology {
    /// The topology for a data set.
    pub fn new(model: &ModelConfig, input_channels: usize, n_classes: usize) -> Self {
        let n_outputs = if n_classes <= 2 { 1 } else { n_classes };
        Self { model: model.clone(), input_channels, n_outputs }
    }

    /// Number of classes that the network tells apart.
    pub fn n_classes(&self) -> usize {
        self.n_outputs.max(2)
    }

    /// The weighted layers in run order; the head is last.
    pub fn layers(&self) -> Vec<LayerSpec> {
        let mut builder = Builder { specs: Vec::new() };
        let depth = self.model.depth;
        let width = |level| self.model.width_of(level);
        let mut channels = self.input_channels;
        let mut skips = Vec::new();
        for level in 0..depth {
            builder.block(&format!("enc{level}"), channels, width(level));
            skips.push(builder.last());
            channels = width(level);
        }
        builder.block("bottom", channels, width(depth));
        for level in (0..depth).rev() {
            let skip = skips[level];
            let mut up_channels = width(level + 1);
            if self.model.upsample == Upsample::Transposed {
                let name = format!("dec{level}.up");
                builder.push(name, Operation::Up2x2, up_channels, width(level));
                up_channels = width(level);
            }
            let producer = builder.last();
            builder.specs[producer].step_owner = skip;
            builder.block(&format!("dec{level}"), up_channels + width(level), width(level));
        }
        builder.push("head".into(), Operation::Head, width(0), self.n_outputs);
        builder.specs
    }
}

struct Builder {
    specs: Vec<LayerSpec>,
}

impl Builder {
    fn push(&mut self, name: String, operation: Operation, in_channels: usize, out: usize) {
        let step_owner = self.specs.len();
        self.specs.push(LayerSpec { name, operation, in_channels, out_channels: out, step_owner });
    }

    fn block(&mut self, name: &str, in_channels: usize, out_channels: usize) {
        self.push(format!("{name}.conv1"), Operation::Conv3x3, in_channels, out_channels);
        self.push(format!("{name}.conv2"), Operation::Conv3x3, out_channels, out_channels);
    }

    fn last(&self) -> usize {
        self.specs.len() - 1
    }
}

/// What to do at each node of the network; `Value` is what flows along its edges.
pub trait Walk {
    /// A tensor, or whatever stands for one.
    type Value: Clone;
    /// Runs the weighted layer with this index in [`Topology::layers`].
    fn layer(&mut self, layer_idx: usize, x: Self::Value) -> Self::Value;
    /// 2×2 max-pool with stride 2.
    fn max_pool(&mut self, name: String, x: Self::Value) -> Self::Value;
    /// Nearest-neighbour ×2.
    fn upsample(&mut self, name: String, x: Self::Value) -> Self::Value;
    /// Channels of `upsampled`, then channels of `skip`.
    fn concat(&mut self, name: String, upsampled: Self::Value, skip: Self::Value) -> Self::Value;
}

/// Follows the network from its input to the logits.
pub fn walk<W: Walk>(topology: &Topology, walker: &mut W, input: W::Value) -> W::Value {
    let depth = topology.model.depth;
    let mut next_layer = 0..;
    let mut run = |walker: &mut W, x| walker.layer(next_layer.next().unwrap_or(usize::MAX), x);
    let mut x = input;
    let mut skips = Vec::new();
    for level in 0..depth {
        x = run(walker, x);
        x = run(walker, x);
        skips.push(x.clone());
        x = walker.max_pool(format!("enc{level}.pool"), x);
    }
    x = run(walker, x);
    x = run(walker, x);
    for (level, skip) in skips.into_iter().enumerate().rev() {
        x = match topology.model.upsample {
            Upsample::Nearest => walker.upsample(format!("dec{level}.upsample"), x),
            Upsample::Transposed => run(walker, x),
        };
        x = walker.concat(format!("dec{level}.concat"), x, skip);
        x = run(walker, x);
        x = run(walker, x);
    }
    run(walker, x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(upsample: Upsample) -> Vec<String> {
        let model = ModelConfig { base_width: 4, depth: 2, upsample, ..Default::default() };
        let layers = Topology::new(&model, 1, 2).layers();
        let text = |l: &LayerSpec| format!("{} {}>{}", l.name, l.in_channels, l.out_channels);
        layers.iter().map(text).collect()
    }

    #[test]
    fn nearest_layers_in_order() {
        let expected = [
            "enc0.conv1 1>4",
            "enc0.conv2 4>4",
            "enc1.conv1 4>8",
            "enc1.conv2 8>8",
            "bottom.conv1 8>16",
            "bottom.conv2 16>16",
            "dec1.conv1 24>8",
            "dec1.conv2 8>8",
            "dec0.conv1 12>4",
            "dec0.conv2 4>4",
            "head 4>1",
        ];
        assert_eq!(names(Upsample::Nearest), expected);
    }

    #[test]
    fn deep_levels_keep_the_largest_width() {
        // the published U-Net: 64, 128, 256 channels, 256 at the bottom
        let model = ModelConfig { base_width: 64, max_width: 256, depth: 3, ..Default::default() };
        let layers = Topology::new(&model, 1, 2).layers();
        let shape = |name: &str| {
            let layer = layers.iter().find(|l| l.name == name).unwrap();
            (layer.in_channels, layer.out_channels)
        };
        assert_eq!(shape("bottom.conv1"), (256, 256));
        assert_eq!(shape("dec2.conv1"), (512, 256));
        assert_eq!(shape("dec1.conv1"), (384, 128));
        assert_eq!(shape("dec0.conv1"), (192, 64));
        let model = ModelConfig { upsample: Upsample::Transposed, ..model };
        let layers = Topology::new(&model, 1, 2).layers();
        let up = layers.iter().find(|l| l.name == "dec2.up").unwrap();
        assert_eq!((up.in_channels, up.out_channels), (256, 256));
    }

    #[test]
    fn transposed_layers_in_order() {
        let found = names(Upsample::Transposed);
        assert_eq!(found[6..8], ["dec1.up 16>8", "dec1.conv1 16>8"]);
        assert_eq!(found[9..11], ["dec0.up 8>4", "dec0.conv1 8>4"]);
    }

    #[test]
    fn concatenated_tensors_share_the_encoders_step() {
        let model = ModelConfig { base_width: 4, depth: 2, ..Default::default() };
        let owners = |upsample| {
            let model = ModelConfig { upsample, ..model.clone() };
            let layers = Topology::new(&model, 1, 2).layers();
            let tied = layers.iter().enumerate().filter(|(idx, l)| l.step_owner != *idx);
            let pair =
                |(_, l): (_, &LayerSpec)| (l.name.clone(), layers[l.step_owner].name.clone());
            tied.map(pair).collect::<Vec<_>>()
        };
        let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
        let nearest = [pair("bottom.conv2", "enc1.conv2"), pair("dec1.conv2", "enc0.conv2")];
        assert_eq!(owners(Upsample::Nearest), nearest);
        let transposed = [pair("dec1.up", "enc1.conv2"), pair("dec0.up", "enc0.conv2")];
        assert_eq!(owners(Upsample::Transposed), transposed);
    }
}
