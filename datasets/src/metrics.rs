//! Dice per image, volume and subject, beside what trivial predictors reach.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::dataset::Sample;
use crate::image::Mask;

/// Pixel counts of one class in a prediction and its truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Pixels in both.
    pub intersection: u64,
    /// Pixels predicted.
    pub predicted: u64,
    /// Pixels in the truth.
    pub truth: u64,
}

impl Counts {
    /// Counts `class` in a prediction and its truth.
    ///
    /// # Panics
    /// If the sizes differ.
    pub fn of(prediction: &Mask, truth: &Mask, class: u8) -> Self {
        let (found, wanted) = ((prediction.height, prediction.width), (truth.height, truth.width));
        assert_eq!(found, wanted, "size of the prediction");
        let mut counts = Self::default();
        for (p, t) in prediction.data.iter().zip(&truth.data) {
            counts.predicted += u64::from(*p == class);
            counts.truth += u64::from(*t == class);
            counts.intersection += u64::from(*p == class && *t == class);
        }
        counts
    }

    /// The counts of both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            intersection: self.intersection + other.intersection,
            predicted: self.predicted + other.predicted,
            truth: self.truth + other.truth,
        }
    }

    /// Dice = 2·|P∩T| / (|P| + |T|) (Dice 1945); 1 where both are empty.
    pub fn dice(self) -> f64 {
        if self.both_empty() {
            return 1.0;
        }
        2.0 * self.intersection as f64 / (self.predicted + self.truth) as f64
    }

    /// Nothing predicted and nothing to predict: a Dice of 1 that says little.
    pub fn both_empty(self) -> bool {
        self.predicted + self.truth == 0
    }
}

/// Dice of a group of samples under its name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NamedDice {
    /// Image, volume or subject.
    pub name: String,
    /// Pooled counts of the group.
    pub counts: Counts,
    /// Dice of the pooled counts.
    pub dice: f64,
}

/// Dice of one class over a set of samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// The class counted.
    pub class: u8,
    /// One entry an image, in the order given.
    pub per_image: Vec<NamedDice>,
    /// One entry a volume, see [`Sample::volume`].
    pub per_volume: Vec<NamedDice>,
    /// One entry a subject.
    pub per_subject: Vec<NamedDice>,
    /// Mean over images.
    pub mean_image: f64,
    /// Mean over volumes.
    pub mean_volume: f64,
    /// Mean over subjects.
    pub mean_subject: f64,
    /// Dice of all pixels together.
    pub pooled: f64,
    /// Images whose Dice of 1 comes from being empty on both sides.
    pub n_empty_images: usize,
    /// Pooled Dice of predicting the class everywhere.
    pub trivial_all: f64,
    /// Pooled Dice of predicting the class nowhere.
    pub trivial_none: f64,
}

/// Dice of `class` for `predictions`, one for each sample.
///
/// # Panics
/// If the numbers or sizes of predictions and samples differ.
pub fn evaluate(samples: &[Sample], predictions: &[Mask], class: u8) -> Evaluation {
    assert_eq!(samples.len(), predictions.len(), "one prediction for each sample");
    let pairs = samples.iter().zip(predictions);
    let counts: Vec<Counts> = pairs.map(|(s, p)| Counts::of(p, &s.mask, class)).collect();
    let named = |(sample, counts): (&Sample, &Counts)| NamedDice {
        name: sample.name.clone(),
        counts: *counts,
        dice: counts.dice(),
    };
    let per_image: Vec<NamedDice> = samples.iter().zip(&counts).map(named).collect();
    let per_volume = group(samples, &counts, Sample::volume);
    let per_subject = group(samples, &counts, |sample| &sample.subject);
    let total = counts.iter().fold(Counts::default(), |sum, c| sum.plus(*c));
    let n_pixels = samples.iter().map(|s| s.mask.data.len() as u64).sum();
    let everywhere = Counts { intersection: total.truth, predicted: n_pixels, truth: total.truth };
    let nowhere = Counts { intersection: 0, predicted: 0, truth: total.truth };
    Evaluation {
        class,
        mean_image: mean(&per_image),
        mean_volume: mean(&per_volume),
        mean_subject: mean(&per_subject),
        pooled: total.dice(),
        n_empty_images: counts.iter().filter(|c| c.both_empty()).count(),
        trivial_all: everywhere.dice(),
        trivial_none: nowhere.dice(),
        per_image,
        per_volume,
        per_subject,
    }
}

/// [`evaluate`] for each class but the background.
///
/// # Panics
/// As [`evaluate`].
pub fn evaluate_classes(
    samples: &[Sample],
    predictions: &[Mask],
    n_classes: usize,
) -> Vec<Evaluation> {
    (1..n_classes).map(|class| evaluate(samples, predictions, class as u8)).collect()
}

fn group<'a>(
    samples: &'a [Sample],
    counts: &[Counts],
    key: impl Fn(&'a Sample) -> &'a str,
) -> Vec<NamedDice> {
    let mut groups: BTreeMap<&str, Counts> = BTreeMap::new();
    for (sample, counts) in samples.iter().zip(counts) {
        let sum = groups.entry(key(sample)).or_default();
        *sum = sum.plus(*counts);
    }
    let named = |(name, counts): (&str, Counts)| NamedDice {
        name: name.to_string(),
        counts,
        dice: counts.dice(),
    };
    groups.into_iter().map(named).collect()
}

/// Mean Dice, 0 for an empty list.
fn mean(list: &[NamedDice]) -> f64 {
    list.iter().map(|d| d.dice).sum::<f64>() / list.len().max(1) as f64
}

/// A mean with the interval that holds it in 95 of 100 resamplings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The mean of the differences.
    pub mean: f64,
    /// 2.5% percentile.
    pub low: f64,
    /// 97.5% percentile.
    pub high: f64,
}

/// The mean of `a − b` over pairs (subjects, volumes) with its percentile bootstrap interval
/// (Efron and Tibshirani 1993, chapter 13).
///
/// # Panics
/// If the lists are empty or differ in length, or `n_resamples` is zero.
pub fn paired_bootstrap(a: &[f64], b: &[f64], n_resamples: usize, seed: u64) -> Interval {
    assert_eq!(a.len(), b.len(), "pairs");
    assert!(!a.is_empty() && n_resamples > 0, "nothing to resample");
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let n = differences.len();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut resample = || {
        let sum: f64 = (0..n).map(|_| differences[rng.random_range(0..n)]).sum();
        sum / n as f64
    };
    let mut means: Vec<f64> = (0..n_resamples).map(|_| resample()).collect();
    means.sort_by(f64::total_cmp);
    let percentile = |p: f64| means[((n_resamples - 1) as f64 * p).round() as usize];
    Interval {
        mean: differences.iter().sum::<f64>() / n as f64,
        low: percentile(0.025),
        high: percentile(0.975),
    }
}

/// The best Dice that one threshold on the intensities can reach over all samples together, in the
/// better of the two directions, with the threshold.
///
/// A yardstick: a task that a threshold solves needs no network.
pub fn best_threshold(samples: &[Sample], class: u8) -> (f64, f32) {
    let mut pixels: Vec<(f32, bool)> = samples
        .iter()
        .flat_map(|s| s.image.data.iter().zip(&s.mask.data).map(|(v, c)| (*v, *c == class)))
        .collect();
    pixels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let truth = pixels.iter().filter(|(_, inside)| *inside).count() as u64;
    let n = pixels.len() as u64;
    let mut best = (0.0, f32::NEG_INFINITY);
    let mut below = 0;
    for (index, (value, inside)) in pixels.iter().enumerate() {
        below += u64::from(*inside);
        if pixels.get(index + 1).is_some_and(|next| next.0 == *value) {
            continue;
        }
        let predicted = index as u64 + 1;
        let dark = Counts { intersection: below, predicted, truth };
        let bright = Counts { intersection: truth - below, predicted: n - predicted, truth };
        let dice = dark.dice().max(bright.dice());
        if dice > best.0 {
            best = (dice, *value);
        }
    }
    best
}

/// The mean Dice by volume of marking the same pixels in every image: those that `class` covers in
/// the training masks at least as often as a threshold that is best there.
///
/// None unless all images have one size. A yardstick where images are centred on the organ.
pub fn position_prior(training: &[Sample], samples: &[Sample], class: u8) -> Option<f64> {
    let first = &training.first()?.mask;
    let size = |s: &Sample| (s.mask.height, s.mask.width);
    let same = |s: &Sample| size(s) == (first.height, first.width);
    if samples.is_empty() || !training.iter().chain(samples).all(same) {
        return None;
    }
    let mut covered = vec![0usize; first.data.len()];
    for sample in training {
        covered.iter_mut().zip(&sample.mask.data).for_each(|(n, c)| *n += usize::from(*c == class));
    }
    let mask_from = |least: usize| Mask {
        data: covered.iter().map(|n| if *n >= least { class } else { !class }).collect(),
        ..first.clone()
    };
    let of = |side: &[Sample], least: usize| {
        evaluate(side, &vec![mask_from(least); side.len()], class).mean_volume
    };
    // every threshold on few images, a hundred of them on many
    let stride = training.len().div_ceil(100);
    let best = (1..=training.len())
        .step_by(stride)
        .map(|least| (of(training, least), least))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(of(samples, best.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Image;
    use proptest::prelude::*;

    fn mask(data: &[u8]) -> Mask {
        Mask { height: 1, width: data.len(), data: data.to_vec() }
    }

    fn sample(subject: &str, name: &str, data: &[u8]) -> Sample {
        let values = data.iter().map(|&c| f32::from(c)).collect();
        Sample {
            subject: subject.into(),
            name: name.into(),
            image: Image::grey(1, data.len(), values),
            mask: mask(data),
        }
    }

    #[test]
    fn dice_by_hand() {
        let counts = Counts::of(&mask(&[1, 1, 0, 1]), &mask(&[1, 0, 0, 1]), 1);
        assert_eq!(counts, Counts { intersection: 2, predicted: 3, truth: 2 });
        assert_eq!(counts.dice(), 0.8);
        let empty = Counts::of(&mask(&[0]), &mask(&[0]), 1);
        assert!(empty.both_empty() && empty.dice() == 1.0);
        assert_eq!(Counts::of(&mask(&[1]), &mask(&[0]), 1).dice(), 0.0);
    }

    #[test]
    fn groups_pool_their_pixels() {
        let samples = [
            sample("p1", "v1#0000", &[1, 1, 0, 0]),
            sample("p1", "v1#0001", &[0, 0, 0, 0]),
            sample("p1", "v2#0000", &[1, 0, 0, 0]),
            sample("p2", "v3", &[1, 1, 1, 1]),
        ];
        let predictions =
            [mask(&[1, 0, 0, 0]), mask(&[0, 0, 0, 0]), mask(&[0, 1, 0, 0]), mask(&[1, 1, 1, 1])];
        let report = evaluate(&samples, &predictions, 1);
        let dice = |list: &[NamedDice]| list.iter().map(|d| d.dice).collect::<Vec<_>>();
        assert_eq!(dice(&report.per_image), [2.0 / 3.0, 1.0, 0.0, 1.0]);
        assert_eq!(dice(&report.per_volume), [2.0 / 3.0, 0.0, 1.0]);
        assert_eq!(dice(&report.per_subject), [0.4, 1.0]);
        assert_eq!(report.n_empty_images, 1);
        // truth 7 of 16 pixels, predicted 6, both 5
        assert_eq!(report.pooled, 10.0 / 13.0);
        assert_eq!(report.trivial_all, 14.0 / 23.0);
        assert_eq!(report.trivial_none, 0.0);
        assert_eq!(evaluate_classes(&samples, &predictions, 3)[1].pooled, 1.0);
    }

    #[test]
    fn bootstrap_holds_the_mean_and_repeats() {
        let a = [0.9, 0.8, 0.95, 0.7];
        let b = [0.85, 0.8, 0.9, 0.72];
        let interval = paired_bootstrap(&a, &b, 2000, 3);
        assert!((interval.mean - 0.02).abs() < 1e-12);
        assert!(interval.low < interval.mean && interval.mean < interval.high);
        assert!(interval.low >= -0.02 - 1e-12 && interval.high <= 0.05 + 1e-12);
        assert_eq!(interval, paired_bootstrap(&a, &b, 2000, 3));
        let constant = paired_bootstrap(&[1.0, 2.0], &[0.5, 1.5], 10, 0);
        assert_eq!((constant.low, constant.high), (0.5, 0.5));
    }

    #[test]
    fn best_threshold_by_hand() {
        let mut bright = sample("s", "s", &[0, 0, 1, 1]);
        bright.image.data = vec![0.1, 0.5, 0.4, 0.9];
        // above 0.1: 3 predicted, 2 right
        assert_eq!(best_threshold(&[bright.clone()], 1), (0.8, 0.1));
        bright.image.data = vec![0.9, 0.8, 0.1, 0.2];
        assert_eq!(best_threshold(&[bright], 1), (1.0, 0.2));
    }

    #[test]
    fn position_prior_by_hand() {
        let training = [
            sample("a", "a", &[1, 1, 0, 0]),
            sample("b", "b", &[0, 1, 1, 0]),
            sample("c", "c", &[0, 1, 0, 0]),
        ];
        // at least 1 of 3: {0, 1, 2}, Dice 4/5, 4/5, 1/2; at least 2: {1}, Dice 2/3, 2/3, 1
        let test = [sample("d", "d", &[0, 1, 1, 1])];
        assert_eq!(position_prior(&training, &test, 1), Some(0.5));
        let larger = [sample("e", "e", &[0, 1, 1, 1, 0])];
        assert_eq!(position_prior(&training, &larger, 1), None);
        assert_eq!(position_prior(&[], &test, 1), None);
    }

    proptest! {
        #[test]
        fn dice_is_symmetric_and_bounded(p in any::<[bool; 16]>(), t in any::<[bool; 16]>()) {
            let (p, t) = (mask(&p.map(u8::from)), mask(&t.map(u8::from)));
            let dice = Counts::of(&p, &t, 1).dice();
            prop_assert!((0.0..=1.0).contains(&dice));
            prop_assert_eq!(dice, Counts::of(&t, &p, 1).dice());
            prop_assert_eq!(Counts::of(&p, &p, 1).dice(), 1.0);
            prop_assert_eq!(dice == 1.0, p == t);
        }
    }
}
