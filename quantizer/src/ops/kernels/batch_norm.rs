//! Batch normalisation and its gradients, one channel plane at a time.

use pulp::Arch;
use rayon::prelude::*;

/// Images, channels, and values of a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Images.
    pub n: usize,
    /// Channels.
    pub n_channels: usize,
    /// Rows times columns.
    pub plane: usize,
}

impl Shape {
    fn count(&self) -> f64 {
        (self.n * self.plane) as f64
    }
}

/// Mean and biased variance per channel.
pub fn statistics(x: &[f32], shape: Shape) -> (Vec<f32>, Vec<f32>) {
    let sums = per_channel(shape, |at, _| Arch::new().dispatch(|| sum(&x[at..][..shape.plane])));
    let mean: Vec<f32> = sums.iter().map(|s| (s / shape.count()) as f32).collect();
    let squares = per_channel(shape, |at, c| {
        Arch::new().dispatch(|| squares(&x[at..][..shape.plane], mean[c]))
    });
    (mean, squares.iter().map(|s| (s / shape.count()) as f32).collect())
}

/// (x − mean)·scale + offset per channel.
pub fn apply(x: &[f32], mean: &[f32], scale: &[f32], offset: &[f32], shape: Shape) -> Vec<f32> {
    let mut output = vec![0.0; x.len()];
    let planes = output.par_chunks_mut(shape.plane).zip(x.par_chunks(shape.plane)).enumerate();
    planes.for_each(|(i, (output, x))| {
        let c = i % shape.n_channels;
        let (mean, scale, offset) = (mean[c], scale[c], offset[c]);
        Arch::new().dispatch(|| {
            output.iter_mut().zip(x).for_each(|(o, x)| *o = (x - mean) * scale + offset)
        });
    });
    output
}

/// What the backward pass needs of the forward pass.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Mean per channel.
    pub mean: Vec<f32>,
    /// 1/√(variance + ε) per channel.
    pub inverse_deviation: Vec<f32>,
    /// Gain per channel.
    pub gamma: Vec<f32>,
}

/// Gradients of x, γ and β (Ioffe and Szegedy 2015, section 3).
pub fn gradients(
    x: &[f32],
    gradient: &[f32],
    saved: &Saved,
    shape: Shape,
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let beta =
        per_channel(shape, |at, _| Arch::new().dispatch(|| sum(&gradient[at..][..shape.plane])));
    let products = per_channel(shape, |at, c| {
        let (x, g) = (&x[at..][..shape.plane], &gradient[at..][..shape.plane]);
        Arch::new().dispatch(|| centred_products(x, g, saved.mean[c]))
    });
    let inverse = |c: usize| f64::from(saved.inverse_deviation[c]);
    let gamma: Vec<f64> = products.iter().enumerate().map(|(c, p)| p * inverse(c)).collect();
    let mut output = vec![0.0; x.len()];
    let planes = output.par_chunks_mut(shape.plane).enumerate();
    planes.for_each(|(i, output)| {
        let c = i % shape.n_channels;
        let (x, g) = (&x[i * shape.plane..][..shape.plane], &gradient[i * shape.plane..]);
        let scale = saved.gamma[c] * saved.inverse_deviation[c];
        let mean_gradient = (beta[c] / shape.count()) as f32;
        let slope = (gamma[c] / shape.count()) as f32 * saved.inverse_deviation[c];
        let mean = saved.mean[c];
        Arch::new().dispatch(|| {
            for ((o, x), g) in output.iter_mut().zip(x).zip(g) {
                *o = scale * (g - mean_gradient - (x - mean) * slope);
            }
        });
    });
    let narrow = |v: Vec<f64>| v.into_iter().map(|v| v as f32).collect();
    (output, narrow(gamma), narrow(beta))
}

/// Adds `of(start of the plane, channel)` over the images of each channel, in image order.
fn per_channel(shape: Shape, of: impl Fn(usize, usize) -> f32 + Sync) -> Vec<f64> {
    let planes: Vec<f32> = (0..shape.n * shape.n_channels)
        .into_par_iter()
        .map(|i| of(i * shape.plane, i % shape.n_channels))
        .collect();
    let mut sums = vec![0.0; shape.n_channels];
    for (i, plane) in planes.iter().enumerate() {
        sums[i % shape.n_channels] += f64::from(*plane);
    }
    sums
}

/// Sixteen partial sums, so that the compiler can use vectors.
const LANES: usize = 16;

#[inline(always)]
fn sum(x: &[f32]) -> f32 {
    let (blocks, rest) = x.as_chunks::<LANES>();
    let mut lanes = [0.0f32; LANES];
    blocks.iter().for_each(|b| (0..LANES).for_each(|i| lanes[i] += b[i]));
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

#[inline(always)]
fn squares(x: &[f32], mean: f32) -> f32 {
    let (blocks, rest) = x.as_chunks::<LANES>();
    let mut lanes = [0.0f32; LANES];
    let square = |v: f32| (v - mean) * (v - mean);
    blocks.iter().for_each(|b| (0..LANES).for_each(|i| lanes[i] += square(b[i])));
    lanes.iter().sum::<f32>() + rest.iter().map(|&v| square(v)).sum::<f32>()
}

#[inline(always)]
fn centred_products(x: &[f32], g: &[f32], mean: f32) -> f32 {
    let ((xs, x_rest), (gs, g_rest)) = (x.as_chunks::<LANES>(), g.as_chunks::<LANES>());
    let mut lanes = [0.0f32; LANES];
    for (x, g) in xs.iter().zip(gs) {
        (0..LANES).for_each(|i| lanes[i] += (x[i] - mean) * g[i]);
    }
    let rest = x_rest.iter().zip(g_rest).map(|(x, g)| (x - mean) * g);
    lanes.iter().sum::<f32>() + rest.sum::<f32>()
}
