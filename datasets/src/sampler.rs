//! Training batches: random patches with symmetries, intensity jitter and augmentation.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::augment::{Augment, Symmetries, Warp, intensity};
use crate::dataset::Sample;
use crate::image::{Image, Mask};

/// What a [`PatchSampler`] draws.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplerOptions {
    /// Rows of a patch.
    pub height: usize,
    /// Columns of a patch.
    pub width: usize,
    /// Patches in a batch.
    pub batch: usize,
    /// Seed of everything drawn.
    pub seed: u64,
    /// Fraction of patches laid over a random foreground pixel where the image has one, 0 to 1.
    pub foreground: f32,
    /// Largest relative change of contrast, and largest shift in units of the normalised image.
    pub intensity_jitter: f32,
    /// Deformation, exponent, field and noise.
    pub augment: Augment,
}

impl Default for SamplerOptions {
    fn default() -> Self {
        Self {
            height: 64,
            width: 64,
            batch: 8,
            seed: 0,
            foreground: 0.0,
            intensity_jitter: 0.0,
            augment: Augment::default(),
        }
    }
}

/// A training batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Number of patches.
    pub n: usize,
    /// Channels of a patch.
    pub channels: usize,
    /// Rows of a patch.
    pub height: usize,
    /// Columns of a patch.
    pub width: usize,
    /// Pixels in NCHW order.
    pub images: Vec<f32>,
    /// Classes in NHW order.
    pub masks: Vec<u8>,
}

/// Draws batches; batch `step` depends on nothing but the samples, the options and `step`, so that a
/// resumed training sees what an uninterrupted one would.
#[derive(Debug, Clone)]
pub struct PatchSampler<'a> {
    samples: &'a [Sample],
    options: SamplerOptions,
    foreground: Vec<Vec<u32>>,
}

impl<'a> PatchSampler<'a> {
    /// A sampler over `samples`, all with the same number of channels.
    ///
    /// # Panics
    /// If there are no samples, a side or the batch is zero, or the channels differ.
    pub fn new(samples: &'a [Sample], options: SamplerOptions) -> Self {
        assert!(!samples.is_empty(), "no samples to draw patches from");
        assert!(options.height > 0 && options.width > 0 && options.batch > 0, "{options:?}");
        let channels = samples[0].image.channels;
        assert!(samples.iter().all(|s| s.image.channels == channels), "channels differ");
        let pixels = |sample: &Sample| {
            let indexed = sample.mask.data.iter().enumerate();
            indexed.filter(|(_, class)| **class > 0).map(|(index, _)| index as u32).collect()
        };
        let wanted = options.foreground > 0.0;
        let foreground = if wanted { samples.iter().map(pixels).collect() } else { Vec::new() };
        Self { samples, options, foreground }
    }

    /// Batches after which every image was drawn at least once.
    pub fn batches_per_epoch(&self) -> usize {
        self.samples.len().div_ceil(self.options.batch)
    }

    /// The batch of training step `step`.
    pub fn batch(&self, step: u64) -> Batch {
        let SamplerOptions { batch: n, height, width, .. } = self.options;
        let channels = self.samples[0].image.channels;
        let mut batch = Batch {
            n,
            channels,
            height,
            width,
            images: Vec::with_capacity(n * channels * height * width),
            masks: Vec::with_capacity(n * height * width),
        };
        let (mut epoch, mut order) = (u64::MAX, Vec::new());
        for position in 0..n as u64 {
            let draw = step * n as u64 + position;
            if draw / self.samples.len() as u64 != epoch {
                epoch = draw / self.samples.len() as u64;
                order = self.order(epoch);
            }
            let index = order[(draw % self.samples.len() as u64) as usize];
            let (image, mask) = self.patch(index, draw);
            batch.images.extend_from_slice(&image.data);
            batch.masks.extend_from_slice(&mask.data);
        }
        batch
    }

    fn rng(&self, stream: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.options.seed);
        rng.set_stream(stream);
        rng
    }

    /// Every image once an epoch, shuffled.
    fn order(&self, epoch: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.samples.len()).collect();
        order.shuffle(&mut self.rng(2 * epoch));
        order
    }

    fn patch(&self, index: usize, draw: u64) -> (Image, Mask) {
        let mut rng = self.rng(2 * draw + 1);
        let (sample, options) = (&self.samples[index], &self.options);
        let size = [sample.image.height, sample.image.width];
        let patch = [options.height, options.width];
        let anchor = self.anchor(index, &mut rng).map(|at| [at / size[1], at % size[1]]);
        let corner = |side: usize, rng: &mut ChaCha8Rng| {
            let slack = size[side] as isize - patch[side] as isize;
            let (low, high) = (slack.min(0), slack.max(0));
            let drawn = rng.random_range(low as i64..=high as i64) as isize;
            match anchor {
                None => drawn,
                Some(at) => {
                    let within = rng.random_range(0..patch[side]) as isize;
                    (at[side] as isize - within).clamp(low, high)
                }
            }
        };
        let (top, left) = (corner(0, &mut rng), corner(1, &mut rng));
        let symmetry = Symmetry::draw(options, &mut rng);
        let (mut image, mut mask) = if options.augment.moves() {
            let warp = Warp::draw(&options.augment, [top, left], patch, &mut rng);
            (warp.image(&sample.image), warp.mask(&sample.mask))
        } else {
            (
                sample.image.window(top, left, patch[0], patch[1]),
                sample.mask.window(top, left, patch[0], patch[1]),
            )
        };
        if options.intensity_jitter > 0.0 {
            let jitter = options.intensity_jitter;
            let gain = 1.0 + rng.random_range(-jitter..=jitter);
            let shift = rng.random_range(-jitter..=jitter);
            // zero stays zero: it is what padding looks like
            let changed = image.data.iter_mut().filter(|v| **v != 0.0);
            changed.for_each(|v| *v = *v * gain + shift);
        }
        intensity(&mut image, &options.augment, &mut rng);
        let plane = patch[0] * patch[1];
        image.data =
            image.data.chunks_exact(plane).flat_map(|p| symmetry.apply(p, patch)).collect();
        mask.data = symmetry.apply(&mask.data, patch);
        (image, mask)
    }

    /// A foreground pixel to lay the patch over, for the fraction of patches that want one.
    fn anchor(&self, index: usize, rng: &mut ChaCha8Rng) -> Option<usize> {
        let wanted = rng.random::<f32>() < self.options.foreground;
        let pixels = self.foreground.get(index)?;
        if !wanted || pixels.is_empty() {
            return None;
        }
        Some(pixels[rng.random_range(0..pixels.len())] as usize)
    }
}

/// One of the eight symmetries of a rectangle's pixels (four where it is not square).
#[derive(Debug, Clone, Copy)]
struct Symmetry {
    transpose: bool,
    flip_rows: bool,
    flip_columns: bool,
}

impl Symmetry {
    fn draw(options: &SamplerOptions, rng: &mut ChaCha8Rng) -> Self {
        let symmetries = options.augment.symmetries;
        let turns = if symmetries == Symmetries::All { rng.random_range(0..4u8) } else { 0 };
        let turns = if options.height == options.width { turns } else { turns & 2 };
        // a quarter turn is a transposition and one flip
        let mut symmetry = Self {
            transpose: turns & 1 == 1,
            flip_rows: turns & 2 != 0,
            flip_columns: turns == 1 || turns == 2,
        };
        if symmetries == Symmetries::All {
            symmetry.flip_rows ^= rng.random::<bool>();
        }
        if symmetries != Symmetries::None {
            symmetry.flip_columns ^= rng.random::<bool>();
        }
        symmetry
    }

    fn apply<T: Copy>(self, plane: &[T], [height, width]: [usize; 2]) -> Vec<T> {
        let mut out = Vec::with_capacity(plane.len());
        for y in 0..height {
            for x in 0..width {
                let sy = if self.flip_rows { height - 1 - y } else { y };
                let sx = if self.flip_columns { width - 1 - x } else { x };
                let (sy, sx) = if self.transpose { (sx, sy) } else { (sy, sx) };
                out.push(plane[sy * width + sx]);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn sample(height: usize, width: usize, name: &str) -> Sample {
        let data = (0..height * width).map(|i| i as f32 + 1.0).collect();
        let mask = (0..height * width).map(|i| (i % 3) as u8).collect();
        Sample {
            subject: name.into(),
            name: name.into(),
            image: Image::grey(height, width, data),
            mask: Mask { height, width, data: mask },
        }
    }

    fn options(height: usize, width: usize) -> SamplerOptions {
        SamplerOptions { height, width, batch: 6, seed: 5, ..Default::default() }
    }

    #[test]
    fn image_and_mask_move_together_and_steps_repeat() {
        let samples = [sample(9, 7, "a"), sample(4, 12, "b")];
        let options = SamplerOptions { foreground: 0.5, ..options(5, 5) };
        let sampler = PatchSampler::new(&samples, options);
        for step in 0..20 {
            let batch = sampler.batch(step);
            assert_eq!(batch, sampler.batch(step));
            assert_eq!((batch.images.len(), batch.masks.len()), (6 * 25, 6 * 25));
            for (value, class) in batch.images.iter().zip(&batch.masks) {
                let expected = if *value == 0.0 { 0 } else { ((*value as usize - 1) % 3) as u8 };
                assert_eq!(*class, expected, "step {step}, pixel {value}");
            }
        }
        assert_ne!(sampler.batch(0), sampler.batch(1));
    }

    #[test]
    fn every_image_is_drawn_once_an_epoch() {
        let samples: Vec<Sample> = (0..12).map(|_| sample(1, 1, "s")).collect();
        let mut samples = samples;
        for (index, sample) in samples.iter_mut().enumerate() {
            sample.image.data[0] = index as f32;
        }
        let sampler = PatchSampler::new(&samples, options(1, 1));
        assert_eq!(sampler.batches_per_epoch(), 2);
        for epoch in 0..3 {
            let mut seen: Vec<f32> =
                (0..2).flat_map(|i| sampler.batch(2 * epoch + i).images).collect();
            seen.sort_by(f32::total_cmp);
            assert_eq!(seen, (0..12).map(|i| i as f32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn all_eight_symmetries_occur() {
        let samples = [sample(2, 2, "a")];
        let sampler = PatchSampler::new(&samples, options(2, 2));
        let seen: BTreeSet<Vec<u32>> = (0..100)
            .flat_map(|step| {
                let batch = sampler.batch(step);
                batch
                    .images
                    .chunks(4)
                    .map(|p| p.iter().map(|v| *v as u32).collect())
                    .collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(seen.len(), 8, "{seen:?}");
        for (symmetries, expected) in [
            (Symmetries::LeftRight, vec![vec![1, 2, 3, 4], vec![2, 1, 4, 3]]),
            (Symmetries::None, vec![vec![1, 2, 3, 4]]),
        ] {
            let augment = Augment { symmetries, ..Augment::default() };
            let sampler = PatchSampler::new(&samples, SamplerOptions { augment, ..options(2, 2) });
            let seen: BTreeSet<Vec<u32>> = (0..100)
                .flat_map(|step| {
                    let batch = sampler.batch(step);
                    let patches = batch.images.chunks(4);
                    patches.map(|p| p.iter().map(|v| *v as u32).collect()).collect::<Vec<_>>()
                })
                .collect();
            assert_eq!(seen, expected.into_iter().collect());
        }
    }

    #[test]
    fn foreground_patches_hold_foreground() {
        let mut only = sample(30, 30, "a");
        only.mask = Mask::zeros(30, 30);
        only.mask.data[17 * 30 + 4] = 1;
        let samples = [only];
        let options = SamplerOptions { foreground: 1.0, ..options(4, 6) };
        let sampler = PatchSampler::new(&samples, options);
        for step in 0..10 {
            let batch = sampler.batch(step);
            assert!(
                batch.masks.chunks(24).all(|mask| mask.iter().filter(|c| **c == 1).count() == 1)
            );
        }
    }
}
