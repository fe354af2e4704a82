//! Trials of several seeds as one row: means, and the interval of the drop.

use datasets::metrics::Counts;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::result::{TrialResult, VolumeDice};

/// One row of a table of results; the fields of `docs/results.json` but command and commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Name of the configuration.
    pub dataset: String,
    /// Names of the classes but the background.
    pub foreground: String,
    /// `scaled`, `fixed` or `fxq-compat`.
    pub mode: String,
    /// W.
    pub weight_bits: u8,
    /// A.
    pub activation_bits: u8,
    /// Number of seeds.
    pub seeds: usize,
    /// Mean Dice of the float control (trained for the same total steps).
    pub float_dice: f64,
    /// Mean Dice of the quantized network.
    pub dice: f64,
    /// Mean of float − quantized, positive where quantization costs.
    pub drop: f64,
    /// Lower end of its 95% interval over seeds and volumes.
    pub drop_low: f64,
    /// Upper end.
    pub drop_high: f64,
    /// Pooled Dice of calling every pixel foreground.
    pub trivial_dice: f64,
    /// Dice of marking the same pixels in every image, learned from the training masks.
    pub prior_dice: Option<f64>,
    /// Mean Dice of the background of the float control; absent where a seed has none.
    pub background_float_dice: Option<f64>,
    /// Mean Dice of the background of the quantized network.
    pub background_dice: Option<f64>,
    /// Mean Dice of all pixels together, of the float control.
    pub pooled_float_dice: f64,
    /// Mean Dice of all pixels together, of the quantized network.
    pub pooled_dice: f64,
    /// Lower end of the 95% interval of their difference, float − quantized, over seeds and volumes;
    /// absent where a result has no counts.
    #[serde(default)]
    pub pooled_drop_low: Option<f64>,
    /// Upper end.
    #[serde(default)]
    pub pooled_drop_high: Option<f64>,
    /// Float32 bytes of weights and biases.
    pub float_bytes: usize,
    /// Bytes of the `.qunet` file, mean over seeds; absent in mode `fxq-compat`.
    pub bytes: Option<usize>,
    /// Modelled cycles of a frame.
    pub cycles: Option<u64>,
    /// Pixels that differ between fake quantization and integers, all seeds together.
    pub fake_quant_mismatches: usize,
}

/// One row for each data set, mode, W and A, in the order of their first trials.
///
/// `n_resamples` and `seed` are those of the bootstrap.
pub fn summarize(results: &[TrialResult], n_resamples: usize, seed: u64) -> Vec<Row> {
    let key =
        |r: &TrialResult| (r.dataset.clone(), r.mode.clone(), r.weight_bits, r.activation_bits);
    let mut groups: Vec<Vec<&TrialResult>> = Vec::new();
    for result in results {
        match groups.iter_mut().find(|group| key(group[0]) == key(result)) {
            Some(group) => group.push(result),
            None => groups.push(vec![result]),
        }
    }
    groups.iter().map(|group| row(group, n_resamples, seed)).collect()
}

fn row(group: &[&TrialResult], n_resamples: usize, seed: u64) -> Row {
    let first = group[0];
    let n = group.len();
    let mean =
        |value: fn(&TrialResult) -> f64| group.iter().map(|r| value(r)).sum::<f64>() / n as f64;
    let mean_of_all = |value: fn(&TrialResult) -> Option<f64>| {
        let sum: Option<f64> = group.iter().map(|r| value(r)).sum();
        sum.map(|sum| sum / n as f64)
    };
    let n_volumes: Vec<usize> = group.iter().map(|r| r.volumes.len()).collect();
    let bootstrap = Bootstrap { n_volumes, n_resamples, seed };
    let (drop_low, drop_high) = bootstrap.interval(|idx, picked| mean_drop(group[idx], picked));
    let counted = group.iter().all(|r| r.volumes.iter().all(|v| !v.counts.is_empty()));
    let pooled = counted.then(|| bootstrap.interval(|idx, picked| pooled_drop(group[idx], picked)));
    let bytes: Option<usize> = group.iter().map(|r| r.bytes).sum();
    Row {
        dataset: first.dataset.clone(),
        foreground: first.foreground.clone(),
        mode: first.mode.clone(),
        weight_bits: first.weight_bits,
        activation_bits: first.activation_bits,
        seeds: n,
        float_dice: mean(|r| r.control_dice.unwrap_or(r.float_dice)),
        dice: mean(|r| r.dice),
        drop: mean(|r| r.drop),
        drop_low,
        drop_high,
        trivial_dice: mean(|r| r.trivial_dice),
        prior_dice: first.prior_dice,
        background_float_dice: mean_of_all(|r| r.background_float_dice),
        background_dice: mean_of_all(|r| r.background_dice),
        pooled_float_dice: mean(|r| r.pooled_float_dice),
        pooled_dice: mean(|r| r.pooled_dice),
        pooled_drop_low: pooled.map(|interval| interval.0),
        pooled_drop_high: pooled.map(|interval| interval.1),
        float_bytes: first.float_bytes,
        bytes: bytes.map(|sum| sum / n),
        cycles: first.cycles,
        fake_quant_mismatches: group.iter().map(|r| r.fake_quant_mismatches).sum(),
    }
}

/// Mean over some of a trial's volumes of float − quantized.
fn mean_drop(result: &TrialResult, picked: &[usize]) -> f64 {
    let drop = |idx: &usize| result.volumes[*idx].float - result.volumes[*idx].dice;
    picked.iter().map(drop).sum::<f64>() / picked.len() as f64
}

/// Float − quantized over all pixels of some of a trial's volumes, mean over the classes.
fn pooled_drop(result: &TrialResult, picked: &[usize]) -> f64 {
    let pooled = |counts: fn(&VolumeDice) -> &[Counts]| {
        let n_classes = counts(&result.volumes[0]).len();
        let class = |class: usize| {
            let found = picked.iter().map(|idx| counts(&result.volumes[*idx])[class]);
            found.fold(Counts::default(), Counts::plus).dice()
        };
        (0..n_classes).map(class).sum::<f64>() / n_classes as f64
    };
    pooled(|volume| &volume.float_counts) - pooled(|volume| &volume.counts)
}

/// Seeds are resampled, and in each its volumes.
struct Bootstrap {
    /// Of each seed.
    n_volumes: Vec<usize>,
    n_resamples: usize,
    seed: u64,
}

impl Bootstrap {
    /// 95% interval of the mean over seeds of `value`, given the seed's place and the volumes picked.
    fn interval(&self, value: impl Fn(usize, &[usize]) -> f64) -> (f64, f64) {
        let filled: Vec<usize> =
            (0..self.n_volumes.len()).filter(|idx| self.n_volumes[*idx] > 0).collect();
        if filled.is_empty() || self.n_resamples == 0 {
            return (f64::NAN, f64::NAN);
        }
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let mut one = || {
            let mut sum = 0.0;
            for _ in 0..filled.len() {
                let idx = filled[random.random_range(0..filled.len())];
                let n = self.n_volumes[idx];
                let picked: Vec<usize> = (0..n).map(|_| random.random_range(0..n)).collect();
                sum += value(idx, &picked);
            }
            sum / filled.len() as f64
        };
        let mut means: Vec<f64> = (0..self.n_resamples).map(|_| one()).collect();
        means.sort_by(f64::total_cmp);
        let at = |p: f64| means[((self.n_resamples - 1) as f64 * p).round() as usize];
        (at(0.025), at(0.975))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixels with this Dice; the second volume has ten times the first one's.
    fn counts(volume: usize, dice: f64) -> Counts {
        let truth = 1000 * 10u64.pow(volume as u32);
        Counts { intersection: (dice * truth as f64).round() as u64, predicted: truth, truth }
    }

    fn result(weight_bits: u8, seed: u64, pairs: &[(f64, f64)]) -> TrialResult {
        let volume = |(i, (float, dice)): (usize, &(f64, f64))| VolumeDice {
            name: format!("v{i}"),
            float: *float,
            dice: *dice,
            float_counts: vec![counts(i, *float)],
            counts: vec![counts(i, *dice)],
        };
        let mean = |value: fn(&(f64, f64)) -> f64| {
            pairs.iter().map(value).sum::<f64>() / pairs.len() as f64
        };
        let (float, dice) = (mean(|p| p.0), mean(|p| p.1));
        TrialResult {
            name: format!("scaled-w{weight_bits}a6-s{seed}"),
            dataset: "em".into(),
            foreground: "membrane".into(),
            mode: "scaled".into(),
            weight_bits,
            activation_bits: 6,
            seed,
            float_dice: 0.1,
            control_dice: Some(float),
            dice,
            drop: float - dice,
            drop_low: 0.0,
            drop_high: 0.0,
            pooled_float_dice: float,
            pooled_dice: dice,
            trivial_dice: 0.3,
            prior_dice: None,
            background_float_dice: Some(0.9),
            background_dice: (seed == 1).then_some(0.9),
            validation_dice: dice,
            best_step: 1,
            steps: 2,
            float_bytes: 4000,
            bytes: Some(1000 + seed as usize),
            cycles: Some(10),
            energy_uj: None,
            compared_pixels: 9,
            fake_quant_mismatches: 1,
            volumes: pairs.iter().enumerate().map(volume).collect(),
        }
    }

    #[test]
    fn without_counts_there_is_no_pooled_interval() {
        let mut old = result(4, 1, &[(0.8, 0.79)]);
        old.volumes[0].counts.clear();
        let rows = summarize(&[old, result(4, 2, &[(0.8, 0.79)])], 100, 3);
        assert_eq!((rows[0].pooled_drop_low, rows[0].pooled_drop_high), (None, None));
    }

    #[test]
    fn seeds_become_one_row() {
        let results = [
            result(4, 1, &[(0.8, 0.79), (0.9, 0.88)]),
            result(1, 1, &[(0.8, 0.7), (0.9, 0.8)]),
            result(4, 2, &[(0.8, 0.81), (0.9, 0.86)]),
        ];
        let rows = summarize(&results, 1000, 3);
        assert_eq!(rows.len(), 2);
        let row = &rows[0];
        assert_eq!((row.weight_bits, row.seeds, row.fake_quant_mismatches), (4, 2, 2));
        // drops 0.01, 0.02 | −0.01, 0.04: mean 0.015
        assert!((row.drop - 0.015).abs() < 1e-12 && (row.float_dice - 0.85).abs() < 1e-12);
        assert!((row.dice - 0.835).abs() < 1e-12);
        assert_eq!(row.bytes, Some(1001));
        // a mean over some of the seeds is not one over all
        assert_eq!((row.background_float_dice, row.background_dice), (Some(0.9), None));
        assert!(row.drop_low < 0.005 && row.drop_low >= -0.01, "{row:?}");
        assert!(row.drop_high > 0.025 && row.drop_high <= 0.04, "{row:?}");
        // equal differences leave no doubt
        assert!((rows[1].drop_low - 0.1).abs() < 1e-9 && (rows[1].drop_high - 0.1).abs() < 1e-9);
        let pooled = |row: &Row| [row.pooled_drop_low.unwrap(), row.pooled_drop_high.unwrap()];
        assert!(pooled(&rows[1]).iter().all(|end| (end - 0.1).abs() < 1e-9));
        // drops 0.01, 0.02 | −0.01, 0.04 of volumes that weigh 1 and 10
        let [low, high] = pooled(row);
        assert!((-0.01..0.005).contains(&low) && (0.035..=0.04).contains(&high), "{row:?}");
        assert!(high > row.drop_high - 1e-12, "the large volume's drop weighs more");
    }
}
