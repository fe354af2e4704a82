//! Drawn data with exact ground truth.
//!
//! A scene is an analytic function of the position: what tissue is there and how bright it is. Each
//! pixel is the mean over a grid of [`SUPERSAMPLING`]² points of it, as a scanner's pixel is the mean
//! over its area; the mask is 1 where the structure covers at least half of the pixel. A smooth bias
//! field and noise are added to the image alone. The same seed gives the same data everywhere: the
//! random numbers are ChaCha8's, and nothing but +, −, ×, ÷ and √ is computed from them.

pub mod cord;
pub mod membrane;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::config::DataConfig;
use crate::dataset::Sample;
use crate::image::Mask;
use crate::preprocess::Plane;

/// Points along each side of a pixel at which the scene is evaluated.
pub const SUPERSAMPLING: usize = 6;

/// Brightness (0 black, 1 white) and whether the point belongs to the structure.
type Point = (f32, bool);

/// A seeded source of what the phantoms need.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream `stream` of `seed`.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// Uniform in `[low, high)`.
    pub(crate) fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.0.random::<f32>()
    }

    /// Uniform in `[−reach, reach)`.
    pub(crate) fn around_zero(&mut self, reach: f32) -> f32 {
        self.uniform(-reach, reach)
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f32) -> bool {
        self.0.random::<f32>() < probability
    }

    /// Nearly normal, mean 0, variance 1: the sum of 12 uniforms (Irwin–Hall), with no logarithm whose
    /// last bit depends on the platform.
    pub(crate) fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.0.random::<f32>()).sum::<f32>() - 6.0
    }

    /// Cosine and sine of an angle within ±2·atan(`reach`), by the rational parametrization.
    pub(crate) fn rotation(&mut self, reach: f32) -> [f32; 2] {
        let t = self.around_zero(reach);
        let scale = 1.0 / (1.0 + t * t);
        [(1.0 - t * t) * scale, 2.0 * t * scale]
    }
}

/// Smooth noise within −1..1: random values on a lattice, joined by smoothsteps.
pub(crate) struct SmoothNoise {
    n: usize,
    cell: f32,
    values: Vec<f32>,
}

impl SmoothNoise {
    /// Noise for positions within `0..extent` whose lattice spacing is `cell`.
    pub(crate) fn new(draw: &mut Draw, extent: f32, cell: f32) -> Self {
        let n = (extent / cell).ceil() as usize + 3;
        Self { n, cell, values: (0..n * n).map(|_| draw.around_zero(1.0)).collect() }
    }

    /// The value at (`x`, `y`); positions outside are clamped.
    pub(crate) fn at(&self, x: f32, y: f32) -> f32 {
        let top = self.n as f32 - 2.001;
        let (x, y) = ((x / self.cell + 1.0).clamp(0.0, top), (y / self.cell + 1.0).clamp(0.0, top));
        let (ix, iy) = (x as usize, y as usize);
        let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
        let (tx, ty) = (smooth(x - ix as f32), smooth(y - iy as f32));
        let row = |iy: usize| {
            let at = iy * self.n + ix;
            self.values[at] + (self.values[at + 1] - self.values[at]) * tx
        };
        row(iy) + (row(iy + 1) - row(iy)) * ty
    }
}

/// Averages the scene over each pixel: the clean image and the structure's mask.
pub(crate) fn render(
    [height, width]: [usize; 2],
    scene: impl Fn(f32, f32) -> Point,
) -> (Vec<f32>, Mask) {
    let mut image = Vec::with_capacity(height * width);
    let mut mask = Mask::zeros(height, width);
    let step = 1.0 / SUPERSAMPLING as f32;
    let n_points = SUPERSAMPLING * SUPERSAMPLING;
    for y in 0..height {
        for x in 0..width {
            let (mut sum, mut covered) = (0.0, 0);
            for k in 0..n_points {
                let sub_x = (k % SUPERSAMPLING) as f32 + 0.5;
                let sub_y = (k / SUPERSAMPLING) as f32 + 0.5;
                let (value, inside) = scene(x as f32 + sub_x * step, y as f32 + sub_y * step);
                sum += value;
                covered += usize::from(inside);
            }
            image.push(sum / n_points as f32);
            mask.data[y * width + x] = u8::from(2 * covered >= n_points);
        }
    }
    (image, mask)
}

/// Multiplies by a smooth bias field of up to `bias` and adds noise.
pub(crate) fn degrade(image: &mut [f32], width: usize, draw: &mut Draw, bias: f32, noise: f32) {
    let height = image.len() / width;
    let extent = height.max(width) as f32;
    let field = SmoothNoise::new(draw, extent, extent / 1.5);
    for (index, value) in image.iter_mut().enumerate() {
        let (x, y) = ((index % width) as f32, (index / width) as f32);
        *value *= 1.0 + bias * field.at(x, y);
        // magnitude of a complex signal, as MRI and detectors have it: never negative
        let (real, imaginary) = (*value + noise * draw.normal(), noise * draw.normal());
        *value = (real * real + imaginary * imaginary).sqrt();
    }
}

/// Draws `count` samples with `draw_slice(subject, slice)`, prepared as any other data.
pub(crate) fn samples(
    config: &DataConfig,
    draw_slice: impl Fn(u64, usize) -> (Plane, Mask) + Sync,
) -> Vec<Sample> {
    let preprocess = config.preprocess();
    let one = |index: usize| {
        let subject_index = index / config.slices_per_subject;
        let slice = index % config.slices_per_subject;
        let (plane, mask) = draw_slice(subject_index as u64, slice);
        let placement = preprocess.place([plane.height, plane.width], None, None);
        let image = preprocess.images(&[plane], &placement).remove(0);
        let subject = format!("phantom-{subject_index:04}");
        let name = format!("{subject}#{slice:04}");
        Sample { subject, name, image, mask: placement.mask(&mask) }
    };
    (0..config.count).into_par_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_plane_is_exact() {
        // covers columns below 1.5: pixel 1 exactly half, so it counts
        let (image, mask) = render([1, 3], |x, _| if x < 1.5 { (1.0, true) } else { (0.0, false) });
        assert_eq!(mask.data, [1, 1, 0]);
        assert_eq!(image, [1.0, 0.5, 0.0]);
    }

    #[test]
    fn a_disc_has_its_area() {
        let inside = |x: f32, y: f32| (x - 32.0).powi(2) + (y - 32.0).powi(2) < 400.0;
        let (image, mask) =
            render([64, 64], |x, y| (f32::from(u8::from(inside(x, y))), inside(x, y)));
        let area = std::f32::consts::PI * 400.0;
        assert!((image.iter().sum::<f32>() - area).abs() < 0.002 * area);
        assert!((mask.count(1) as f32 - area).abs() < 0.01 * area);
    }

    #[test]
    fn draws_have_their_moments_and_repeat() {
        let mut draw = Draw::new(1, 2);
        let n = 20_000;
        let values: Vec<f32> = (0..n).map(|_| draw.normal()).collect();
        let mean = values.iter().sum::<f32>() / n as f32;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n as f32;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        assert_eq!(Draw::new(1, 2).normal(), values[0]);
        assert_ne!(Draw::new(1, 3).normal(), values[0]);
        let [cosine, sine] = draw.rotation(0.3);
        assert!((cosine * cosine + sine * sine - 1.0).abs() < 1e-6);
    }
}
