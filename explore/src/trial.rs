//! What a sweep consists of: float networks, one a seed, and trials that quantize them.

use std::str::FromStr;

use quantizer::QuantizeMode;

use crate::error::ExploreError;

/// A quantization of one float network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// `scaled`, `fixed`, or `fxq-compat` for the baseline.
    pub mode: QuantizeMode,
    /// W, 1..=8.
    pub weight_bits: u8,
    /// A, 1..=8.
    pub activation_bits: u8,
    /// From 1: which float network, and which order of patches.
    pub seed: u64,
}

/// A step of a sweep that is one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Trains the float network of a seed, and its control.
    Float {
        /// From 1.
        seed: u64,
    },
    /// Quantizes it.
    Trial(Trial),
}

impl Job {
    /// Name on the command line and of its folder: `float-s1`, `scaled-w4a6-s1`.
    pub fn name(&self) -> String {
        match self {
            Job::Float { seed } => format!("float-s{seed}"),
            Job::Trial(Trial { mode, weight_bits, activation_bits, seed }) => {
                format!("{}-w{weight_bits}a{activation_bits}-s{seed}", mode.name())
            }
        }
    }

    /// Which float network, from 1.
    pub fn seed(&self) -> u64 {
        match self {
            Job::Float { seed } | Job::Trial(Trial { seed, .. }) => *seed,
        }
    }
}

impl FromStr for Job {
    type Err = String;

    fn from_str(name: &str) -> Result<Job, String> {
        let parse = || {
            let (rest, seed) = name.rsplit_once("-s")?;
            let seed: u64 = seed.parse().ok().filter(|seed| (1..=9999).contains(seed))?;
            if rest == "float" {
                return Some(Job::Float { seed });
            }
            let (mode, bits) = rest.rsplit_once("-w")?;
            let (weight_bits, activation_bits) = bits.split_once('a')?;
            let bits = |text: &str| text.parse::<u8>().ok().filter(|bits| (1..=8).contains(bits));
            let (weight_bits, activation_bits) = (bits(weight_bits)?, bits(activation_bits)?);
            let mode = mode.parse().ok()?;
            Some(Job::Trial(Trial { mode, weight_bits, activation_bits, seed }))
        };
        // one name a job: `w04` or `+4` would be a second folder of the same trial
        let job = parse().filter(|job| job.name() == name);
        job.ok_or_else(|| format!("expected a name as float-s1 or scaled-w4a6-s1, found {name}"))
    }
}

/// The trials of a sweep: every combination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Widths of the weights, 1..=8.
    pub weights: Vec<u8>,
    /// Widths of the activations, 1..=8.
    pub activations: Vec<u8>,
    /// Modes.
    pub modes: Vec<QuantizeMode>,
    /// Number of float networks, 1..=9999.
    pub n_seeds: u64,
}

impl Grid {
    /// Checks every list.
    ///
    /// # Errors
    /// [`ExploreError::Option`] naming the option.
    pub fn validate(&self) -> Result<(), ExploreError> {
        let fail = |option, expected: &str, found: String| {
            Err(ExploreError::Option { option, expected: expected.into(), found })
        };
        for (option, bits) in [("--weights", &self.weights), ("--activations", &self.activations)] {
            if let Some(wrong) = bits.iter().find(|bits| !(1..=8).contains(*bits)) {
                return fail(option, "1 to 8 bits", wrong.to_string());
            }
            if bits.is_empty() {
                return fail(option, "at least one width", "none".into());
            }
        }
        if self.modes.is_empty() {
            return fail("--modes", "at least one mode", "none".into());
        }
        if !(1..=9999).contains(&self.n_seeds) {
            return fail("--seeds", "1 to 9999", self.n_seeds.to_string());
        }
        Ok(())
    }

    /// Every trial once, seed by seed, many bits first.
    pub fn trials(&self) -> Vec<Trial> {
        let sorted = |bits: &[u8]| {
            let mut bits = bits.to_vec();
            bits.sort_unstable_by(|a, b| b.cmp(a));
            bits.dedup();
            bits
        };
        let (weights, activations) = (sorted(&self.weights), sorted(&self.activations));
        let mut trials = Vec::new();
        for seed in 1..=self.n_seeds {
            for &mode in &self.modes {
                for &weight_bits in &weights {
                    for &activation_bits in &activations {
                        let trial = Trial { mode, weight_bits, activation_bits, seed };
                        if !trials.contains(&trial) {
                            trials.push(trial);
                        }
                    }
                }
            }
        }
        trials
    }

    /// All jobs, float networks before their trials.
    pub fn jobs(&self) -> Vec<Job> {
        let floats = (1..=self.n_seeds).map(|seed| Job::Float { seed });
        floats.chain(self.trials().into_iter().map(Job::Trial)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(weights: &[u8], n_seeds: u64) -> Grid {
        let modes = vec![QuantizeMode::Scaled, QuantizeMode::FxqCompat];
        Grid { weights: weights.into(), activations: vec![6, 2], modes, n_seeds }
    }

    #[test]
    fn names_and_jobs_are_one_to_one() {
        let jobs = grid(&[8, 4, 1], 3).jobs();
        assert_eq!(jobs.len(), 3 + 3 * 2 * 3 * 2);
        for job in &jobs {
            assert_eq!(job.name().parse(), Ok(*job));
        }
        let names: std::collections::BTreeSet<String> = jobs.iter().map(Job::name).collect();
        assert_eq!(names.len(), jobs.len());
        assert!(names.contains("fxq-compat-w4a6-s2") && names.contains("float-s3"));
        for wrong in ["", "float", "float-s0", "scaled-w9a6-s1", "scaled-w04a6-s1", "x-w4a6-s1"] {
            let message = wrong.parse::<Job>().unwrap_err();
            assert!(message.ends_with(&format!("found {wrong}")), "{message}");
        }
    }

    #[test]
    fn repeated_widths_are_one_trial() {
        assert_eq!(grid(&[4, 4, 8], 1).trials(), grid(&[8, 4], 1).trials());
    }

    #[test]
    fn illegal_widths_name_their_option() {
        let message = grid(&[4, 9], 1).validate().unwrap_err().to_string();
        assert_eq!(message, "--weights: expected 1 to 8 bits, found 9");
        let message = grid(&[4], 0).validate().unwrap_err().to_string();
        assert_eq!(message, "--seeds: expected 1 to 9999, found 0");
    }
}
