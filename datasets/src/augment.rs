//! Augmentation of a training patch: a smooth change of place, and changes of intensity.
//!
//! A source image and the corner of a patch enter [`Warp`], a patch leaves; [`intensity`] then
//! changes its values. Exact zeros, which is what padding looks like, stay zero.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::image::{Image, Mask};

/// Which symmetries a training patch goes through at random.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symmetries {
    /// Mirrors and quarter turns (half turns where the patch is not square).
    #[default]
    All,
    /// Columns are mirrored: for bodies, which have an upper and a lower side.
    LeftRight,
    /// None.
    None,
}

/// `[augment]`: how much a training patch is changed at random; 0 leaves it as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// `all`: mirrors and quarter turns; `left-right`: columns are mirrored, for bodies, which have an
    /// upper and a lower side; `none`.
    pub symmetries: Symmetries,
    /// Largest displacement of a control point of the elastic deformation, 0 to 64 pixels.
    pub elastic: f32,
    /// Largest rotation, 0 to 180 degrees; `symmetries` come besides.
    pub rotation: f32,
    /// Largest relative change of size, 0 to 0.9.
    pub scale: f32,
    /// Largest shear as a tangent, 0 to 1.
    pub shear: f32,
    /// Largest change of log2 of the exponent of the values between their least and largest, 0 to 4.
    pub gamma: f32,
    /// Standard deviation of the noise in units of the normalised image, 0 to 10.
    pub noise: f32,
    /// Largest relative change by a smooth field that multiplies, 0 to 0.9.
    pub bias_field: f32,
}

impl Augment {
    /// Checks every key against its legal values.
    ///
    /// # Errors
    /// [`DataError::Config`] naming the key, what is legal and what was found.
    pub fn validate(&self) -> Result<(), DataError> {
        let limits = [
            ("augment.elastic", self.elastic, 64.0, "0 to 64 pixels"),
            ("augment.rotation", self.rotation, 180.0, "0 to 180 degrees"),
            ("augment.scale", self.scale, 0.9, "0 to 0.9"),
            ("augment.shear", self.shear, 1.0, "0 to 1"),
            ("augment.gamma", self.gamma, 4.0, "0 to 4"),
            ("augment.noise", self.noise, 10.0, "0 to 10"),
            ("augment.bias_field", self.bias_field, 0.9, "0 to 0.9"),
        ];
        for (key, found, largest, expected) in limits {
            // a NaN is in no range
            if !(0.0..=largest).contains(&found) {
                return Err(DataError::config(key, expected, found));
            }
        }
        Ok(())
    }

    /// True if pixels move.
    pub fn moves(&self) -> bool {
        [self.elastic, self.rotation, self.scale, self.shear].iter().any(|v| *v > 0.0)
    }
}

/// Pixels between control points of the elastic deformation.
const ELASTIC_SPACING: usize = 16;
/// Control points of the bias field along a side of the patch.
const BIAS_POINTS: usize = 3;

/// Where each pixel of a patch comes from.
#[derive(Debug, Clone)]
pub struct Warp {
    size: [usize; 2],
    /// Source row and column of each pixel, row-major.
    from: Vec<[f32; 2]>,
}

impl Warp {
    /// Draws a deformation of the patch at `corner` (row, column of its first pixel) around its middle:
    /// affine, then elastic on a grid of control points (Simard et al. 2003, on a spline as in
    /// Ronneberger et al. 2015).
    pub fn draw(
        augment: &Augment,
        corner: [isize; 2],
        [height, width]: [usize; 2],
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let mut within = |limit: f32| limit * rng.random_range(-1.0..=1.0f32);
        let angle = within(augment.rotation).to_radians();
        let [zoom, shear] = [1.0 + within(augment.scale), within(augment.shear)];
        let (sin, cos) = angle.sin_cos();
        let matrix =
            [[cos * zoom, (shear * cos - sin) * zoom], [sin * zoom, (shear * sin + cos) * zoom]];
        let fields = [0, 1].map(|_| {
            let points = [height, width].map(|side| side.div_ceil(ELASTIC_SPACING) + 1);
            Field::draw(points, [height, width], augment.elastic, rng)
        });
        let middle = [height, width].map(|side| (side as f32 - 1.0) / 2.0);
        let mut from = Vec::with_capacity(height * width);
        for y in 0..height {
            for x in 0..width {
                let at = [y as f32 - middle[0], x as f32 - middle[1]];
                let place = |k: usize| {
                    let moved = matrix[k][0] * at[0] + matrix[k][1] * at[1];
                    moved + middle[k] + corner[k] as f32 + fields[k].at(y, x)
                };
                from.push([place(0), place(1)]);
            }
        }
        Self { size: [height, width], from }
    }

    /// The patch of an image, bilinear; a pixel of which a neighbour is outside is zero.
    pub fn image(&self, image: &Image) -> Image {
        let [height, width] = self.size;
        let mut out = Image::zeros(image.channels, height, width);
        let plane = image.height * image.width;
        for (channel, target) in out.data.chunks_exact_mut(height * width).enumerate() {
            let source = &image.data[channel * plane..][..plane];
            for (value, at) in target.iter_mut().zip(&self.from) {
                *value = bilinear(source, [image.height, image.width], *at);
            }
        }
        out
    }

    /// The patch of a mask, nearest; outside it is zero.
    pub fn mask(&self, mask: &Mask) -> Mask {
        let [height, width] = self.size;
        let class = |at: &[f32; 2]| {
            let [y, x] = at.map(f32::round);
            let inside = y >= 0.0 && x >= 0.0 && y < mask.height as f32 && x < mask.width as f32;
            if inside { mask.at(y as usize, x as usize) } else { 0 }
        };
        Mask { height, width, data: self.from.iter().map(class).collect() }
    }
}

fn bilinear(plane: &[f32], [height, width]: [usize; 2], [y, x]: [f32; 2]) -> f32 {
    let last = [height as f32 - 1.0, width as f32 - 1.0];
    if !(y >= 0.0 && x >= 0.0 && y <= last[0] && x <= last[1]) {
        return 0.0;
    }
    let (top, left) = (y as usize, x as usize);
    let (bottom, right) = ((top + 1).min(height - 1), (left + 1).min(width - 1));
    let (fy, fx) = (y - top as f32, x - left as f32);
    let row = |row: usize| {
        let [a, b] = [plane[row * width + left], plane[row * width + right]];
        a + (b - a) * fx
    };
    let [above, below] = [row(top), row(bottom)];
    above + (below - above) * fy
}

/// Random values on a grid of control points over a patch, cubic B-spline between them.
struct Field {
    size: [usize; 2],
    /// Control points a side, those around the patch included.
    points: [usize; 2],
    values: Vec<f32>,
}

impl Field {
    fn draw(points: [usize; 2], size: [usize; 2], limit: f32, rng: &mut ChaCha8Rng) -> Self {
        let points = points.map(|n| n + 2);
        let values = match limit > 0.0 {
            true => (0..points[0] * points[1]).map(|_| rng.random_range(-limit..=limit)).collect(),
            false => Vec::new(),
        };
        Self { size, points, values }
    }

    fn at(&self, y: usize, x: usize) -> f32 {
        if self.values.is_empty() {
            return 0.0;
        }
        let along = |k: usize, at: usize| {
            let intervals = (self.points[k] - 3) as f32;
            let t = at as f32 / (self.size[k].max(2) - 1) as f32 * intervals;
            let cell = (t as usize).min(self.points[k] - 4);
            (cell, cubic(t - cell as f32))
        };
        let ((row, by_row), (column, by_column)) = (along(0, y), along(1, x));
        let mut sum = 0.0;
        for (i, wy) in by_row.iter().enumerate() {
            for (j, wx) in by_column.iter().enumerate() {
                sum += wy * wx * self.values[(row + i) * self.points[1] + column + j];
            }
        }
        sum
    }
}

/// Weights of the uniform cubic B-spline; they add up to 1.
fn cubic(t: f32) -> [f32; 4] {
    let u = 1.0 - t;
    let inner = |t: f32| (3.0 * t - 6.0) * t * t + 4.0;
    [u * u * u / 6.0, inner(t) / 6.0, inner(u) / 6.0, t * t * t / 6.0]
}

/// Changes the values of a patch that are not zero: exponent, smooth field, noise.
pub fn intensity(image: &mut Image, augment: &Augment, rng: &mut ChaCha8Rng) {
    if augment.gamma > 0.0 {
        let exponent = rng.random_range(-augment.gamma..=augment.gamma).exp2();
        let values = || image.data.iter().copied().filter(|v| *v != 0.0);
        let (low, high) = (values().fold(f32::MAX, f32::min), values().fold(f32::MIN, f32::max));
        let range = high - low;
        if range > 0.0 {
            change(image, |v, _| low + range * ((v - low) / range).powf(exponent));
        }
    }
    if augment.bias_field > 0.0 {
        let size = [image.height, image.width];
        let field = Field::draw([BIAS_POINTS; 2], size, augment.bias_field, rng);
        let width = image.width;
        let plane = image.height * width;
        change(image, |v, index| v * (1.0 + field.at(index % plane / width, index % width)));
    }
    if augment.noise > 0.0 {
        change(image, |v, _| v + augment.noise * normal(rng));
    }
}

fn change(image: &mut Image, mut to: impl FnMut(f32, usize) -> f32) {
    for (index, value) in image.data.iter_mut().enumerate().filter(|(_, v)| **v != 0.0) {
        *value = to(*value, index);
    }
}

/// A standard normal number (Box and Muller 1958).
fn normal(rng: &mut ChaCha8Rng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.random::<f32>()).ln()).sqrt();
    radius * (std::f32::consts::TAU * rng.random::<f32>()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(7)
    }

    fn ramp(height: usize, width: usize) -> Image {
        // linear, so that bilinear interpolation is exact
        let data = (0..height * width).map(|i| 1.0 + (i / width) as f32 + 0.5 * (i % width) as f32);
        Image::grey(height, width, data.collect())
    }

    #[test]
    fn nothing_asked_for_changes_nothing() {
        let image = ramp(9, 7);
        let warp = Warp::draw(&Augment::default(), [2, 1], [5, 4], &mut rng());
        assert_eq!(warp.image(&image), image.window(2, 1, 5, 4));
        let mut same = image.clone();
        intensity(&mut same, &Augment::default(), &mut rng());
        assert_eq!(same, image);
    }

    #[test]
    fn image_and_mask_move_together() {
        let image = ramp(64, 64);
        let mask = Mask {
            height: 64,
            width: 64,
            data: (0..64 * 64).map(|i| (i / 64 / 8) as u8).collect(),
        };
        let augment =
            Augment { elastic: 4.0, rotation: 20.0, scale: 0.2, shear: 0.1, ..Default::default() };
        let warp = Warp::draw(&augment, [8, 8], [48, 48], &mut rng());
        let (moved, classes) = (warp.image(&image), warp.mask(&mask));
        let mut n_moved = 0;
        for (index, at) in warp.from.iter().enumerate() {
            let inside = at.iter().all(|v| *v >= 0.0 && *v <= 63.0);
            if inside {
                let expected = 1.0 + at[0] + 0.5 * at[1];
                assert!((moved.data[index] - expected).abs() < 1e-3, "{index}: {at:?}");
                assert_eq!(classes.data[index], (at[0].round() as usize / 8) as u8);
            } else {
                assert_eq!(moved.data[index], 0.0, "{index}: {at:?}");
            }
            let still = [8 + index / 48, 8 + index % 48];
            n_moved += usize::from((at[0] - still[0] as f32).abs() > 1.0);
        }
        assert!(n_moved > 500, "{n_moved} pixels moved");
    }

    #[test]
    fn an_elastic_deformation_is_smooth_and_bounded() {
        let augment = Augment { elastic: 3.0, ..Default::default() };
        let warp = Warp::draw(&augment, [0, 0], [40, 56], &mut rng());
        for (index, at) in warp.from.iter().enumerate() {
            let shift = [at[0] - (index / 56) as f32, at[1] - (index % 56) as f32];
            assert!(shift.iter().all(|s| s.abs() <= 3.0), "{index}: {shift:?}");
            if index % 56 > 0 {
                let step = at[1] - warp.from[index - 1][1];
                assert!((0.2..1.8).contains(&step), "{index}: {step}");
            }
        }
    }

    #[test]
    fn intensity_keeps_zeros_and_the_range_of_gamma() {
        let mut image = ramp(16, 16);
        image.data[5] = 0.0;
        let before = image.clone();
        intensity(&mut image, &Augment { gamma: 0.7, ..Default::default() }, &mut rng());
        let last = image.data.len() - 1;
        assert_eq!(image.data[5], 0.0);
        assert!((image.data[0] - before.data[0]).abs() < 1e-4);
        assert!((image.data[last] - before.data[last]).abs() < 1e-4);
        assert!(image.data[100] != before.data[100]);
        let all = Augment { gamma: 0.3, noise: 0.2, bias_field: 0.3, ..Default::default() };
        intensity(&mut image, &all, &mut rng());
        assert!(image.data[5] == 0.0 && image.data.iter().all(|v| v.is_finite()));
    }

    #[test]
    fn illegal_values_name_their_key() {
        let check = |augment: Augment, expected: &str| {
            assert_eq!(augment.validate().unwrap_err().to_string(), expected);
        };
        Augment::default().validate().unwrap();
        let none = Augment::default();
        check(
            Augment { rotation: 200.0, ..none },
            "augment.rotation: expected 0 to 180 degrees, found 200",
        );
        check(Augment { noise: f32::NAN, ..none }, "augment.noise: expected 0 to 10, found NaN");
        check(Augment { scale: -0.1, ..none }, "augment.scale: expected 0 to 0.9, found -0.1");
    }

    #[test]
    fn noise_has_its_deviation() {
        let mut image = Image::grey(64, 64, vec![1.0; 4096]);
        intensity(&mut image, &Augment { noise: 0.5, ..Default::default() }, &mut rng());
        let mean = image.data.iter().sum::<f32>() / 4096.0;
        let variance = image.data.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 4096.0;
        assert!(
            (mean - 1.0).abs() < 0.05 && (variance.sqrt() - 0.5).abs() < 0.03,
            "{mean} {variance}"
        );
    }
}
