//! Samples, and the one door through which data enter.

use std::collections::BTreeSet;

use crate::config::{DataConfig, DataKind, SplitConfig};
use crate::error::DataError;
use crate::image::{Image, Mask};
use crate::phantom::{cord, membrane};
use crate::split::split_subjects;
use crate::{bids, folder};

/// One image with its mask.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The person, animal or specimen; never on two sides of a split.
    pub subject: String,
    /// File name without extension, followed by `#` and the page or slice where a file has several.
    pub name: String,
    /// The prepared image.
    pub image: Image,
    /// The class of each of the image's pixels.
    pub mask: Mask,
}

impl Sample {
    /// The file this sample is a page or slice of: its name up to `#`.
    pub fn volume(&self) -> &str {
        self.name.split('#').next().unwrap_or(&self.name)
    }
}

/// Samples split by subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Samples to train on.
    pub train: Vec<Sample>,
    /// Samples to choose by.
    pub validation: Vec<Sample>,
    /// Samples to report.
    pub test: Vec<Sample>,
    /// Number of classes, background included.
    pub n_classes: usize,
    /// Names of the classes, background first.
    pub class_names: Vec<String>,
}

/// Loads or draws all samples in the order of their names, not yet split.
///
/// # Errors
/// [`DataError`] telling what is wrong with which file or key.
pub fn load_samples(data: &DataConfig) -> Result<Vec<Sample>, DataError> {
    data.validate()?;
    match data.kind {
        DataKind::PhantomCord => Ok(cord::samples(data)),
        DataKind::PhantomMembrane => Ok(membrane::samples(data)),
        DataKind::Folder => folder::load(data),
        DataKind::Bids => bids::load(data),
    }
}

/// Loads or draws the samples and deals them to training, validation and test by subject.
///
/// # Errors
/// [`DataError`] telling what is wrong with which file or key.
pub fn load(data: &DataConfig, split: &SplitConfig) -> Result<Dataset, DataError> {
    split.validate()?;
    let samples = load_samples(data)?;
    let sides = split_subjects(samples.iter().map(|s| s.subject.as_str()), split)?;
    let validation: BTreeSet<&String> = sides.validation.iter().collect();
    let test: BTreeSet<&String> = sides.test.iter().collect();
    let train: BTreeSet<&String> = sides.train.iter().collect();
    let mut dataset = Dataset {
        train: Vec::new(),
        validation: Vec::new(),
        test: Vec::new(),
        n_classes: data.n_classes(),
        class_names: data.class_names(),
    };
    for sample in samples {
        if test.contains(&sample.subject) {
            dataset.test.push(sample);
        } else if validation.contains(&sample.subject) {
            dataset.validation.push(sample);
        } else if train.contains(&sample.subject) {
            dataset.train.push(sample);
        }
    }
    Ok(dataset)
}
