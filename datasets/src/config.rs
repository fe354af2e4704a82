//! The sections `[data]` and `[split]` of a configuration file.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::labels::LabelRule;
use crate::preprocess::{Interpolation, Normalisation, Preprocess};
use crate::subject::SubjectPattern;

/// Where samples come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataKind {
    /// Drawn spinal cords, see [`crate::phantom::cord`].
    #[default]
    PhantomCord,
    /// Drawn cell membranes, see [`crate::phantom::membrane`].
    PhantomMembrane,
    /// A folder of pictures and a folder of masks of the same names.
    Folder,
    /// A BIDS data set with masks in `derivatives/labels`.
    Bids,
}

/// The section `[data]`: what to load and how to prepare it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// `"phantom-cord"`, `"phantom-membrane"`, `"folder"` or `"bids"`.
    pub kind: DataKind,
    /// Folder of the data set (kinds `folder` and `bids`).
    pub root: PathBuf,
    /// Subfolder of `root` with the pictures (kind `folder`).
    pub image: String,
    /// Subfolder of `root` with the masks, same file names but for the extension (kind `folder`).
    pub mask: String,
    /// BIDS suffix of the images, as `T2starw` (kind `bids`).
    pub suffix: String,
    /// Ending of the masks' names in `derivatives/labels`, as `_gmseg-manual` (kind `bids`).
    pub label_suffix: String,
    /// Ending of the segmentation whose centre `crop` is laid around, as `_seg-manual`; empty: the
    /// image centre (kind `bids`).
    pub crop_suffix: String,
    /// Mask values above this are foreground; legal: any finite number; absent: `mask_values` decide.
    pub mask_threshold: Option<f32>,
    /// The legal mask values in the order of their classes, as `[0, 255]`; any other is an error.
    pub mask_values: Vec<f32>,
    /// Swap the two classes of a binary mask, where the dark label is the foreground.
    pub invert: bool,
    /// Names of the classes, background first; empty: `background`, `foreground`.
    pub class_names: Vec<String>,
    /// How a file name gives its subject: `"stem"` (the whole name; in BIDS the `sub-` folder),
    /// `"before:X"` (what precedes the first `X`), `"page"` (each page or slice is its own).
    pub subject_pattern: String,
    /// Slicing axis after reorientation to RAS: 0 sagittal, 1 coronal, 2 axial.
    pub axis: usize,
    /// In-plane spacing in mm as [rows, columns] to resample to; absent: as scanned.
    pub spacing: Option<[f32; 2]>,
    /// Size in pixels as [rows, columns] that pictures are resized to and phantoms drawn at; absent:
    /// pictures as they are, phantoms 64 × 64.
    pub size: Option<[usize; 2]>,
    /// Window in pixels as [rows, columns] cut after resampling; absent: the whole slice.
    pub crop: Option<[usize; 2]>,
    /// `"linear"` or `"cubic"` for images (masks always by coverage).
    pub interpolation: Interpolation,
    /// `"zscore"` (each image or slice), `"zscore-volume"`, `"minmax"` or `"none"`.
    pub normalisation: Normalisation,
    /// Leave out slices of volumes whose mask is empty.
    pub skip_empty: bool,
    /// Number of phantom images, at least 1.
    pub count: usize,
    /// Number of phantom slices that share one subject, at least 1.
    pub slices_per_subject: usize,
    /// Standard deviation of the phantom's noise; 1.0 is the span from black to white.
    pub noise: f32,
    /// Seed of the phantom.
    pub seed: u64,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            kind: DataKind::PhantomCord,
            root: PathBuf::new(),
            image: "image".into(),
            mask: "label".into(),
            suffix: "T2starw".into(),
            label_suffix: "_gmseg-manual".into(),
            crop_suffix: String::new(),
            mask_threshold: None,
            mask_values: Vec::new(),
            invert: false,
            class_names: Vec::new(),
            subject_pattern: "stem".into(),
            axis: 2,
            spacing: None,
            size: None,
            crop: None,
            interpolation: Interpolation::Linear,
            normalisation: Normalisation::Zscore,
            skip_empty: false,
            count: 240,
            slices_per_subject: 4,
            noise: 0.06,
            seed: 0,
        }
    }
}

impl DataConfig {
    /// Checks every key against its legal values.
    ///
    /// # Errors
    /// [`DataError::Config`] naming the key, what is legal and what was found.
    pub fn validate(&self) -> Result<(), DataError> {
        self.preprocess().validate()?;
        SubjectPattern::parse(&self.subject_pattern)?;
        match self.kind {
            DataKind::PhantomCord | DataKind::PhantomMembrane => self.validate_phantom()?,
            DataKind::Folder => {
                require(&self.image, "data.image", "a subfolder of data.root")?;
                require(&self.mask, "data.mask", "a subfolder of data.root")?;
            }
            DataKind::Bids => {
                require(&self.suffix, "data.suffix", "a BIDS suffix such as T2starw")?;
                require(&self.label_suffix, "data.label_suffix", "an ending such as _seg-manual")?;
            }
        }
        if matches!(self.kind, DataKind::Folder | DataKind::Bids) {
            if self.root.as_os_str().is_empty() {
                let expected = "the folder of the data set";
                return Err(DataError::config("data.root", expected, "nothing"));
            }
            self.label_rule()?;
        }
        let n_classes = self.n_classes();
        if !self.class_names.is_empty() && self.class_names.len() != n_classes {
            let expected = format!("{n_classes} names, one for each class");
            return Err(DataError::config("data.class_names", expected, self.class_names.len()));
        }
        Ok(())
    }

    fn validate_phantom(&self) -> Result<(), DataError> {
        if self.count == 0 {
            return Err(DataError::config("data.count", "at least 1", self.count));
        }
        if self.slices_per_subject == 0 {
            let found = self.slices_per_subject;
            return Err(DataError::config("data.slices_per_subject", "at least 1", found));
        }
        if !(0.0..=1.0).contains(&self.noise) {
            return Err(DataError::config("data.noise", "0 to 1", self.noise));
        }
        let [height, width] = self.phantom_size();
        if height < 16 || width < 16 {
            let found = format!("[{height}, {width}]");
            return Err(DataError::config("data.size", "at least [16, 16] for a phantom", found));
        }
        Ok(())
    }

    /// All that is needed to prepare a new scan as these data were prepared.
    pub fn preprocess(&self) -> Preprocess {
        let phantom = matches!(self.kind, DataKind::PhantomCord | DataKind::PhantomMembrane);
        Preprocess {
            axis: self.axis,
            spacing: self.spacing,
            size: if phantom { None } else { self.size },
            crop: self.crop,
            interpolation: self.interpolation,
            normalisation: self.normalisation,
        }
    }

    /// How mask values become classes.
    ///
    /// # Errors
    /// [`DataError::Config`] if neither or both of `mask_threshold` and `mask_values` are given for
    /// a folder, or if the values are not distinct.
    pub fn label_rule(&self) -> Result<LabelRule, DataError> {
        LabelRule::from_config(self)
    }

    /// Number of classes, background included.
    pub fn n_classes(&self) -> usize {
        match self.kind {
            DataKind::PhantomCord | DataKind::PhantomMembrane => 2,
            DataKind::Folder | DataKind::Bids => self.mask_values.len().max(2),
        }
    }

    /// Names of the classes, background first.
    pub fn class_names(&self) -> Vec<String> {
        if !self.class_names.is_empty() {
            return self.class_names.clone();
        }
        let foreground = match self.kind {
            DataKind::PhantomCord => "grey matter",
            DataKind::PhantomMembrane => "membrane",
            DataKind::Folder | DataKind::Bids => "foreground",
        };
        let mut names = vec!["background".to_string(), foreground.to_string()];
        names.extend((2..self.n_classes()).map(|class| format!("class {class}")));
        names
    }

    /// Rows and columns of a phantom.
    pub fn phantom_size(&self) -> [usize; 2] {
        self.size.unwrap_or([64, 64])
    }
}

fn require(value: &str, key: &'static str, expected: &str) -> Result<(), DataError> {
    if value.is_empty() {
        return Err(DataError::config(key, expected, "nothing"));
    }
    Ok(())
}

/// How subjects are dealt to the sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitBy {
    /// Subjects are shuffled by `seed` and dealt.
    #[default]
    Subject,
    /// Subjects in the order of their names are cut into blocks: train, validation, test. For the
    /// slices of one specimen, with `gap`.
    Block,
}

/// The section `[split]`: which subjects train, which choose, which are reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SplitConfig {
    /// `"subject"` (shuffled) or `"block"` (in the order of names).
    pub by: SplitBy,
    /// Fraction of the subjects that chooses, 0 to 1; not used where `validation` is given.
    pub validation_fraction: f64,
    /// Fraction of the subjects that is reported, 0 to 1; not used where `test` is given.
    pub test_fraction: f64,
    /// Seed of the shuffle.
    pub seed: u64,
    /// The subjects that choose; empty: by fraction.
    pub validation: Vec<String>,
    /// The subjects that are reported; empty: by fraction.
    pub test: Vec<String>,
    /// Subjects left out altogether.
    pub exclude: Vec<String>,
    /// Subjects dropped at each border between sides, in the order of names; only with `by = "block"`
    /// or with both `validation` and `test` given.
    pub gap: usize,
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self {
            by: SplitBy::Subject,
            validation_fraction: 0.15,
            test_fraction: 0.2,
            seed: 0,
            validation: Vec::new(),
            test: Vec::new(),
            exclude: Vec::new(),
            gap: 0,
        }
    }
}

impl SplitConfig {
    /// Checks every key against its legal values.
    ///
    /// # Errors
    /// [`DataError::Config`] naming the key, what is legal and what was found.
    pub fn validate(&self) -> Result<(), DataError> {
        for (key, value) in [
            ("split.validation_fraction", self.validation_fraction),
            ("split.test_fraction", self.test_fraction),
        ] {
            if !(0.0..1.0).contains(&value) {
                return Err(DataError::config(key, "0 or more, below 1", value));
            }
        }
        let sum = self.validation_fraction + self.test_fraction;
        if sum >= 1.0 {
            let expected = "a sum with split.validation_fraction below 1";
            return Err(DataError::config("split.test_fraction", expected, sum));
        }
        if let Some(both) = self.validation.iter().find(|s| self.test.contains(s)) {
            let expected = "subjects that are not in split.validation";
            return Err(DataError::config("split.test", expected, both));
        }
        let explicit = !self.validation.is_empty() && !self.test.is_empty();
        if self.gap > 0 && self.by == SplitBy::Subject && !explicit {
            let expected = "0, or by = \"block\", or validation and test listed";
            return Err(DataError::config("split.gap", expected, self.gap));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> DataConfig {
        toml::from_str(text).expect("parses")
    }

    #[test]
    fn defaults_are_legal_and_survive_toml() {
        let (data, split) = (DataConfig::default(), SplitConfig::default());
        data.validate().unwrap();
        split.validate().unwrap();
        let text = toml::to_string(&data).unwrap();
        assert_eq!(read(&text), data);
        let text = toml::to_string(&split).unwrap();
        assert_eq!(toml::from_str::<SplitConfig>(&text).unwrap(), split);
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(toml::from_str::<DataConfig>("knd = 'folder'").is_err());
        assert!(toml::from_str::<SplitConfig>("tests = []").is_err());
    }

    #[test]
    fn each_illegal_value_names_its_key() {
        let folder = "kind = 'folder'\nroot = 'r'\n";
        for (text, key) in [
            ("count = 0", "data.count"),
            ("slices_per_subject = 0", "data.slices_per_subject"),
            ("noise = 2.0", "data.noise"),
            ("noise = nan", "data.noise"),
            ("size = [64, 8]", "data.size"),
            ("axis = 3", "data.axis"),
            ("spacing = [0.0, 1.0]", "data.spacing"),
            ("crop = [0, 64]", "data.crop"),
            ("subject_pattern = 'before:'", "data.subject_pattern"),
            ("class_names = ['a']", "data.class_names"),
            ("kind = 'folder'", "data.root"),
            (folder, "data.mask_values"),
            ("kind = 'folder'\nroot = 'r'\nimage = ''", "data.image"),
            ("kind = 'folder'\nroot = 'r'\nmask_values = [1.0]", "data.mask_values"),
            ("kind = 'folder'\nroot = 'r'\nmask_values = [1.0, 1.0]", "data.mask_values"),
            ("kind = 'folder'\nroot = 'r'\nmask_values = [0, 1, 2]\ninvert = true", "data.invert"),
            (
                "kind = 'folder'\nroot = 'r'\nmask_values = [0, 1]\nmask_threshold = 1",
                "data.mask_threshold",
            ),
            ("kind = 'bids'\nroot = 'r'\nlabel_suffix = ''", "data.label_suffix"),
        ] {
            let message = read(text).validate().expect_err(text).to_string();
            assert!(message.starts_with(key), "{text}: {message}");
        }
    }

    #[test]
    fn each_illegal_split_names_its_key() {
        for (text, key) in [
            ("test_fraction = 1.0", "split.test_fraction"),
            ("validation_fraction = -0.1", "split.validation_fraction"),
            ("validation_fraction = 0.5\ntest_fraction = 0.5", "split.test_fraction"),
            ("validation = ['a']\ntest = ['a']", "split.test"),
            ("gap = 1", "split.gap"),
        ] {
            let config: SplitConfig = toml::from_str(text).unwrap();
            let message = config.validate().expect_err(text).to_string();
            assert!(message.starts_with(key), "{text}: {message}");
        }
    }
}
