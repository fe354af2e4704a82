//! Subjects dealt to training, validation and test; never one subject on two sides.

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::config::{SplitBy, SplitConfig};
use crate::error::DataError;

/// The subjects of each side, each in the order of names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubjectSplit {
    /// Subjects to train on.
    pub train: Vec<String>,
    /// Subjects to choose by.
    pub validation: Vec<String>,
    /// Subjects to report.
    pub test: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Train,
    Validation,
    Test,
    Dropped,
}

/// Deals `subjects` (duplicates count once) to the three sides.
///
/// # Errors
/// [`DataError::Config`] for illegal keys; [`DataError::Split`] if a listed subject does not exist,
/// or a side that was asked for stays empty.
pub fn split_subjects<'a>(
    subjects: impl IntoIterator<Item = &'a str>,
    config: &SplitConfig,
) -> Result<SubjectSplit, DataError> {
    config.validate()?;
    let all: BTreeSet<&str> = subjects.into_iter().collect();
    check_names(&all, "validation", &config.validation)?;
    check_names(&all, "test", &config.test)?;
    check_names(&all, "exclude", &config.exclude)?;
    let kept: Vec<&str> = all.into_iter().filter(|s| !contains(&config.exclude, s)).collect();
    let mut sides = deal(&kept, config)?;
    apply_gap(&mut sides, config.gap);
    let of = |side: Side| -> Vec<String> {
        let chosen = kept.iter().zip(&sides).filter(|(_, s)| **s == side);
        chosen.map(|(subject, _)| subject.to_string()).collect()
    };
    let split = SubjectSplit {
        train: of(Side::Train),
        validation: of(Side::Validation),
        test: of(Side::Test),
    };
    check_sides(&split, config, kept.len())?;
    Ok(split)
}

fn contains(list: &[String], name: &str) -> bool {
    list.iter().any(|s| s == name)
}

fn check_names(all: &BTreeSet<&str>, key: &'static str, names: &[String]) -> Result<(), DataError> {
    match names.iter().find(|name| !all.contains(name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let known: Vec<&str> = all.iter().take(12).copied().collect();
            let more = if all.len() > known.len() { ", …" } else { "" };
            let expected = format!("one of the {} subjects {}{more}", all.len(), known.join(", "));
            Err(DataError::Split { key, expected, found: name.clone() })
        }
    }
}

fn deal(kept: &[&str], config: &SplitConfig) -> Result<Vec<Side>, DataError> {
    let mut sides = vec![Side::Train; kept.len()];
    for (side, subject) in sides.iter_mut().zip(kept) {
        if contains(&config.validation, subject) {
            *side = Side::Validation;
        } else if contains(&config.test, subject) {
            *side = Side::Test;
        }
    }
    let mut free: Vec<usize> = (0..kept.len()).filter(|&i| sides[i] == Side::Train).collect();
    if config.by == SplitBy::Subject {
        free.shuffle(&mut ChaCha8Rng::seed_from_u64(config.seed));
    }
    for (side, listed, fraction) in [
        (Side::Test, !config.test.is_empty(), config.test_fraction),
        (Side::Validation, !config.validation.is_empty(), config.validation_fraction),
    ] {
        let wanted = if listed { 0 } else { n_subjects(fraction, kept.len()) };
        let remaining = free.len().checked_sub(wanted).ok_or_else(|| too_few(kept.len()))?;
        for index in free.drain(remaining..) {
            sides[index] = side;
        }
    }
    Ok(sides)
}

/// A side asked for has at least one subject.
fn n_subjects(fraction: f64, n: usize) -> usize {
    if fraction == 0.0 { 0 } else { ((fraction * n as f64).round() as usize).max(1) }
}

/// Drops what lies within `gap` of a side that matters more: test, then validation, then train.
fn apply_gap(sides: &mut [Side], gap: usize) {
    for (kept, yields) in [
        (Side::Test, [Side::Validation, Side::Train]),
        (Side::Validation, [Side::Train, Side::Train]),
    ] {
        let fixed: Vec<usize> = (0..sides.len()).filter(|&i| sides[i] == kept).collect();
        for index in 0..sides.len() {
            let near = fixed.iter().any(|&f| f.abs_diff(index) <= gap);
            if near && yields.contains(&sides[index]) {
                sides[index] = Side::Dropped;
            }
        }
    }
}

fn too_few(found: usize) -> DataError {
    let expected = "at least one subject for each side".to_string();
    DataError::Split { key: "test_fraction", expected, found: format!("{found} subjects") }
}

fn check_sides(split: &SubjectSplit, config: &SplitConfig, n: usize) -> Result<(), DataError> {
    let validation_wanted = !config.validation.is_empty() || config.validation_fraction > 0.0;
    let test_wanted = !config.test.is_empty() || config.test_fraction > 0.0;
    for (key, wanted, side) in [
        ("validation", validation_wanted, &split.validation),
        ("test", test_wanted, &split.test),
        ("train", true, &split.train),
    ] {
        if wanted && side.is_empty() {
            let expected = "at least one subject".to_string();
            let found = format!("none of {n} subjects (gap {})", config.gap);
            return Err(DataError::Split { key, expected, found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("s{i:02}")).collect()
    }

    fn run(n: usize, config: &SplitConfig) -> Result<SubjectSplit, DataError> {
        split_subjects(names(n).iter().map(String::as_str), config)
    }

    #[test]
    fn blocks_leave_a_gap() {
        let config = SplitConfig {
            by: SplitBy::Block,
            validation_fraction: 0.2,
            test_fraction: 0.3,
            gap: 1,
            ..Default::default()
        };
        let split = run(10, &config).unwrap();
        assert_eq!(split.train, ["s00", "s01", "s02", "s03"]);
        assert_eq!(split.validation, ["s05"]);
        assert_eq!(split.test, ["s07", "s08", "s09"]);
    }

    #[test]
    fn lists_are_obeyed_and_gapped() {
        let config = SplitConfig {
            validation: vec!["s05".into()],
            test: vec!["s00".into(), "s01".into()],
            exclude: vec!["s07".into()],
            gap: 1,
            ..Default::default()
        };
        let split = run(9, &config).unwrap();
        assert_eq!(split.test, ["s00", "s01"]);
        assert_eq!(split.validation, ["s05"]);
        // s02, s04, s06 are beside another side, s07 is excluded
        assert_eq!(split.train, ["s03", "s08"]);
    }

    #[test]
    fn errors_name_the_key() {
        let config = SplitConfig { test: vec!["nobody".into()], ..Default::default() };
        let message = run(3, &config).unwrap_err().to_string();
        let wanted = "split.test: expected one of the 3 subjects s00, s01, s02, found nobody";
        assert_eq!(message, wanted);
        let message = run(2, &SplitConfig::default()).unwrap_err().to_string();
        assert!(message.starts_with("split.train: expected at least one subject"), "{message}");
        assert!(run(0, &SplitConfig::default()).is_err());
        let config = SplitConfig { by: SplitBy::Block, gap: 5, ..Default::default() };
        assert!(run(6, &config).is_err());
    }

    proptest! {
        #[test]
        fn no_subject_is_on_two_sides(
            n in 1usize..40,
            seed in any::<u64>(),
            block in any::<bool>(),
            gap in 0usize..3,
            validation in 0.0f64..0.49,
            test in 0.0f64..0.49,
            repeats in 1usize..4,
        ) {
            let by = if block { SplitBy::Block } else { SplitBy::Subject };
            let gap = if block { gap } else { 0 };
            let config = SplitConfig {
                by, seed, gap, validation_fraction: validation, test_fraction: test,
                ..Default::default()
            };
            let subjects = names(n);
            let repeated = subjects.iter().cycle().take(n * repeats).map(String::as_str);
            if let Ok(split) = split_subjects(repeated, &config) {
                let mut dealt: Vec<&String> =
                    split.train.iter().chain(&split.validation).chain(&split.test).collect();
                let total = dealt.len();
                dealt.sort();
                dealt.dedup();
                prop_assert_eq!(dealt.len(), total, "a subject was dealt twice");
                prop_assert!(dealt.iter().all(|s| subjects.contains(s)));
                prop_assert!(gap > 0 || total == n, "a subject was lost");
                if block {
                    let position = |s: &String| subjects.iter().position(|o| o == s).unwrap();
                    for (a, b) in [(&split.train, &split.validation),
                                   (&split.validation, &split.test), (&split.train, &split.test)] {
                        for (x, y) in a.iter().flat_map(|x| b.iter().map(move |y| (x, y))) {
                            prop_assert!(position(x) + gap < position(y), "gap is too small");
                        }
                    }
                }
                let again = split_subjects(subjects.iter().map(String::as_str), &config).unwrap();
                prop_assert_eq!(again, split);
            }
        }
    }
}
