//! From a raw plane to a network's image and back: resample, crop, normalise.

use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::image::{Image, Mask};
pub use crate::resample::Interpolation;
use crate::resample::{resize, resize_mask};

/// No raster grows beyond this by resampling, whatever spacing a header claims.
pub const MAX_SIDE: usize = 16384;

/// How intensities are made comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// Mean 0 and standard deviation 1 in each image or slice, after cropping.
    #[default]
    Zscore,
    /// Mean 0 and standard deviation 1 over all slices of the file, after cropping.
    ZscoreVolume,
    /// Smallest value 0, largest 1 in each image or slice, after cropping.
    Minmax,
    /// Values as they are.
    None,
}

/// All that is needed to turn a new scan into [`Image`]s and their masks back; kept in a model's
/// metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preprocess {
    /// Slicing axis of volumes after reorientation to RAS: 0, 1 or 2.
    pub axis: usize,
    /// In-plane spacing of volumes in mm as [rows, columns]; absent: as scanned.
    pub spacing: Option<[f32; 2]>,
    /// Size in pixels that planes are resized to, after `spacing` and before `crop`; absent: as is.
    pub size: Option<[usize; 2]>,
    /// Window in pixels cut after resampling; absent: the whole plane.
    pub crop: Option<[usize; 2]>,
    /// Kernel for images.
    pub interpolation: Interpolation,
    /// How intensities are made comparable.
    pub normalisation: Normalisation,
}

impl Default for Preprocess {
    fn default() -> Self {
        Self {
            axis: 2,
            spacing: None,
            size: None,
            crop: None,
            interpolation: Interpolation::Linear,
            normalisation: Normalisation::Zscore,
        }
    }
}

/// One raw slice or page, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// Number of rows.
    pub height: usize,
    /// Number of columns.
    pub width: usize,
    /// Values as stored in the file, after its own scaling.
    pub data: Vec<f32>,
}

/// Where a plane's pixels went: enough to bring a mask back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Rows and columns of the raw plane.
    pub raw: [usize; 2],
    /// Rows and columns after resampling.
    pub resampled: [usize; 2],
    /// Corner of the window in the resampled plane; negative where the window is larger.
    pub corner: [isize; 2],
    /// Rows and columns of the window.
    pub window: [usize; 2],
}

impl Preprocess {
    /// Checks every field against its legal values.
    ///
    /// # Errors
    /// [`DataError::Config`] naming the key, what is legal and what was found.
    pub fn validate(&self) -> Result<(), DataError> {
        if self.axis > 2 {
            return Err(DataError::config("data.axis", "0, 1 or 2", self.axis));
        }
        if let Some(spacing) = self.spacing
            && !spacing.iter().all(|mm| mm.is_finite() && *mm > 0.0)
        {
            let found = format!("{spacing:?}");
            return Err(DataError::config("data.spacing", "two lengths above 0 mm", found));
        }
        for (key, size) in [("data.size", self.size), ("data.crop", self.crop)] {
            if let Some(size) = size
                && !size.iter().all(|side| (1..=MAX_SIDE).contains(side))
            {
                let expected = format!("two sides of 1 to {MAX_SIDE} pixels");
                return Err(DataError::config(key, expected, format!("{size:?}")));
            }
        }
        Ok(())
    }

    /// Where the pixels of a plane of `raw` size go. `spacing` is the plane's own in mm, if known;
    /// `centre` is where the crop is laid around in raw pixel coordinates, the plane's centre if absent.
    /// Sides are limited to [`MAX_SIDE`].
    pub fn place(
        &self,
        raw: [usize; 2],
        spacing: Option<[f32; 2]>,
        centre: Option<[f32; 2]>,
    ) -> Placement {
        let mut resampled = raw;
        if let (Some(from), Some(to)) = (spacing, self.spacing) {
            for side in 0..2 {
                let exact = raw[side] as f64 * f64::from(from[side]) / f64::from(to[side]);
                resampled[side] = (exact.round() as usize).clamp(1, MAX_SIDE);
            }
        }
        resampled = self.size.unwrap_or(resampled);
        let window = self.crop.unwrap_or(resampled);
        let mut corner = [0; 2];
        for side in 0..2 {
            let ratio = resampled[side] as f64 / raw[side] as f64;
            let middle = match centre {
                Some(centre) => (f64::from(centre[side]) + 0.5) * ratio,
                None => resampled[side] as f64 / 2.0,
            };
            let slack = resampled[side] as isize - window[side] as isize;
            let wanted = (middle - window[side] as f64 / 2.0).round() as isize;
            // as much of the plane as possible; a window larger than the plane is laid around it
            corner[side] = if slack >= 0 { wanted.clamp(0, slack) } else { slack / 2 };
        }
        Placement { raw, resampled, corner, window }
    }

    /// Images of the planes of one file.
    pub fn images(&self, planes: &[Plane], placement: &Placement) -> Vec<Image> {
        let cut = |plane: &Plane| {
            let resampled =
                resize(&plane.data, placement.raw, placement.resampled, self.interpolation);
            let full = Image::grey(placement.resampled[0], placement.resampled[1], resampled);
            let [height, width] = placement.window;
            full.window(placement.corner[0], placement.corner[1], height, width)
        };
        let mut images: Vec<Image> = planes.iter().map(cut).collect();
        let inside = placement.inside();
        match self.normalisation {
            Normalisation::None => {}
            Normalisation::ZscoreVolume => zscore(&mut images, &inside),
            Normalisation::Zscore => {
                images.chunks_mut(1).for_each(|image| zscore(image, &inside));
            }
            Normalisation::Minmax => images.iter_mut().for_each(|image| minmax(image, &inside)),
        }
        images
    }
}

impl Placement {
    /// The part of a raw mask that an image shows.
    pub fn mask(&self, raw: &Mask) -> Mask {
        let [height, width] = self.window;
        resize_mask(raw, self.resampled).window(self.corner[0], self.corner[1], height, width)
    }

    /// A mask of an image back in the raw plane; background outside the window.
    pub fn back(&self, mask: &Mask) -> Mask {
        let [height, width] = self.resampled;
        resize_mask(&mask.window(-self.corner[0], -self.corner[1], height, width), self.raw)
    }

    /// For each pixel of the window, whether the plane reaches there.
    fn inside(&self) -> Vec<bool> {
        let within = |side: usize, index: usize| {
            let at = self.corner[side] + index as isize;
            at >= 0 && at < self.resampled[side] as isize
        };
        let [height, width] = self.window;
        (0..height * width).map(|i| within(0, i / width) && within(1, i % width)).collect()
    }
}

fn zscore(images: &mut [Image], inside: &[bool]) {
    let values = || {
        let pairs = images.iter().flat_map(|image| image.data.iter().zip(inside));
        pairs.filter(|(_, inside)| **inside).map(|(v, _)| f64::from(*v))
    };
    let n = values().count().max(1) as f64;
    let mean = values().sum::<f64>() / n;
    let deviation = (values().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    // a flat image carries nothing: all zero
    let gain = if deviation > 1e-12 * mean.abs().max(1e-12) { 1.0 / deviation } else { 0.0 };
    for image in images.iter_mut() {
        for (value, _) in image.data.iter_mut().zip(inside).filter(|(_, inside)| **inside) {
            *value = ((f64::from(*value) - mean) * gain) as f32;
        }
    }
}

fn minmax(image: &mut Image, inside: &[bool]) {
    let real = || image.data.iter().zip(inside).filter(|(_, i)| **i).map(|(v, _)| f64::from(*v));
    let low = real().fold(f64::INFINITY, f64::min);
    let high = real().fold(f64::NEG_INFINITY, f64::max);
    let gain = if high > low { 1.0 / (high - low) } else { 0.0 };
    for (value, _) in image.data.iter_mut().zip(inside).filter(|(_, inside)| **inside) {
        *value = ((f64::from(*value) - low) * gain) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn zscore_leaves_padding_zero() {
        let preprocess = Preprocess { crop: Some([1, 4]), ..Default::default() };
        let plane = Plane { height: 1, width: 2, data: vec![10.0, 30.0] };
        let placement = preprocess.place([1, 2], None, None);
        let images = preprocess.images(&[plane], &placement);
        assert_eq!(images[0].data, [0.0, -1.0, 1.0, 0.0]);
    }

    #[test]
    fn volume_statistics_are_shared_and_flat_is_zero() {
        let normalisation = Normalisation::ZscoreVolume;
        let preprocess = Preprocess { normalisation, ..Default::default() };
        let plane = |v| Plane { height: 1, width: 1, data: vec![v] };
        let placement = preprocess.place([1, 1], None, None);
        let images = preprocess.images(&[plane(1.0), plane(3.0)], &placement);
        assert_eq!((images[0].data[0], images[1].data[0]), (-1.0, 1.0));
        let flat = Preprocess::default().images(&[plane(7.0)], &placement);
        assert_eq!(flat[0].data, [0.0]);
        let minmax = Preprocess { normalisation: Normalisation::Minmax, ..Default::default() };
        let placement = minmax.place([1, 3], None, None);
        let plane = Plane { height: 1, width: 3, data: vec![2.0, 4.0, 3.0] };
        assert_eq!(minmax.images(&[plane], &placement)[0].data, [0.0, 1.0, 0.5]);
    }

    #[test]
    fn crop_is_laid_around_the_centre_and_stays_inside() {
        let preprocess = Preprocess { crop: Some([4, 4]), ..Default::default() };
        let at = |centre| preprocess.place([10, 10], None, Some(centre)).corner;
        assert_eq!(at([4.5, 4.5]), [3, 3]);
        assert_eq!(at([0.0, 9.0]), [0, 6]);
        assert_eq!(preprocess.place([10, 2], None, None).corner, [3, -1]);
    }

    #[test]
    fn spacing_sets_the_size_within_limits() {
        let preprocess = Preprocess { spacing: Some([0.5, 0.5]), ..Default::default() };
        let size = |spacing| preprocess.place([10, 10], Some(spacing), None).resampled;
        assert_eq!(size([1.0, 0.25]), [20, 5]);
        assert_eq!(size([1e30, 1e-30]), [MAX_SIDE, 1]);
    }

    #[test]
    fn preprocess_survives_the_metadata() {
        let preprocess = Preprocess {
            spacing: Some([0.5, 0.4]),
            crop: Some([96, 80]),
            normalisation: Normalisation::ZscoreVolume,
            ..Default::default()
        };
        let text = serde_json::to_string(&preprocess).unwrap();
        assert_eq!(serde_json::from_str::<Preprocess>(&text).unwrap(), preprocess);
    }

    proptest! {
        #[test]
        fn cropping_back_keeps_the_window_and_clears_the_rest(
            h in 1usize..20, w in 1usize..20, ch in 1usize..24, cw in 1usize..24,
            cy in -3.0f32..24.0, cx in -3.0f32..24.0, bits in any::<u64>(),
        ) {
            let data = (0..h * w).map(|i| (bits.rotate_left(i as u32) & 3) as u8).collect();
            let mask = Mask { height: h, width: w, data };
            let preprocess = Preprocess { crop: Some([ch, cw]), ..Default::default() };
            let placement = preprocess.place([h, w], None, Some([cy, cx]));
            let back = placement.back(&placement.mask(&mask));
            for y in 0..h {
                for x in 0..w {
                    let inside = |side: usize, at: usize, n: usize| {
                        let at = at as isize - placement.corner[side];
                        at >= 0 && at < n as isize
                    };
                    let kept = inside(0, y, ch) && inside(1, x, cw);
                    prop_assert_eq!(back.at(y, x), if kept { mask.at(y, x) } else { 0 });
                }
            }
            if ch >= h && cw >= w {
                prop_assert_eq!(back, mask);
            }
        }
    }
}
