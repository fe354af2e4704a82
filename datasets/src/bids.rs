//! BIDS: `sub-*/…/*_SUFFIX.EXT` with masks at the same place under `derivatives/labels`.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::config::DataConfig;
use crate::dataset::Sample;
use crate::error::DataError;
use crate::folder::{entries, load_pair, require_folder};
use crate::labels::LabelRule;
use crate::nifti_io::{Volume, is_nifti};
use crate::picture::is_picture;
use crate::subject::SubjectPattern;

/// Folders below `sub-*` are searched this deep: session, then kind of data.
const DEPTH: usize = 2;
/// Endings of masks, the likeliest first.
const MASK_ENDINGS: [&str; 6] = ["nii.gz", "nii", "png", "tif", "tiff", "jpg"];

struct Found {
    /// The `sub-*` folder.
    subject: String,
    /// File name without extension.
    stem: String,
    image: PathBuf,
}

/// Loads every image of the configured suffix with its mask.
pub(crate) fn load(config: &DataConfig) -> Result<Vec<Sample>, DataError> {
    require_folder(&config.root, "a BIDS data set")?;
    let labels = config.root.join("derivatives").join("labels");
    require_folder(&labels, "the masks of a BIDS data set")?;
    let (rule, found) = (config.label_rule()?, find(config)?);
    let loaded: Vec<Vec<Sample>> = found
        .par_iter()
        .map(|one| load_one(config, &rule, &labels, one))
        .collect::<Result<_, _>>()?;
    Ok(loaded.into_iter().flatten().collect())
}

fn find(config: &DataConfig) -> Result<Vec<Found>, DataError> {
    let top = entries(&config.root)?;
    let ending = format!("_{}", config.suffix);
    let mut found = Vec::new();
    for folder in top.iter().filter(|path| path.is_dir() && name(path).starts_with("sub-")) {
        let mut files = Vec::new();
        collect(folder, DEPTH, &mut files)?;
        for image in files.into_iter().filter(|path| is_nifti(path) || is_picture(path)) {
            let stem = stem(&image);
            if stem.ends_with(&ending) {
                found.push(Found { subject: name(folder), stem, image });
            }
        }
    }
    if found.is_empty() {
        let expected = format!("images named sub-*{ending}.nii.gz, .nii, .png, .tif or .jpg");
        let path = config.root.clone();
        return Err(DataError::EmptyFolder { path, expected, found: top.len() });
    }
    Ok(found)
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), DataError> {
    for path in entries(folder)? {
        if !path.is_dir() {
            files.push(path);
        } else if depth > 0 {
            collect(&path, depth - 1, files)?;
        }
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The name up to its extension, `.nii.gz` being one.
fn stem(path: &Path) -> String {
    let name = name(path);
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_string()
}

/// The file beside which `derivatives/labels` keeps what belongs to `image`.
fn companion(
    config: &DataConfig,
    labels: &Path,
    image: &Path,
    suffix: &str,
) -> Result<PathBuf, DataError> {
    let relative = image.strip_prefix(&config.root).unwrap_or(image);
    let folder = labels.join(relative.parent().unwrap_or(Path::new("")));
    let base = format!("{}{suffix}", stem(image));
    let candidates = MASK_ENDINGS.map(|ending| folder.join(format!("{base}.{ending}")));
    match candidates.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => {
            let ending = if is_nifti(image) { "nii.gz" } else { "png" };
            let expected = folder.join(format!("{base}.{ending}"));
            Err(DataError::MissingMask { image: image.to_path_buf(), expected })
        }
    }
}

fn load_one(
    config: &DataConfig,
    rule: &LabelRule,
    labels: &Path,
    found: &Found,
) -> Result<Vec<Sample>, DataError> {
    let pattern = SubjectPattern::parse(&config.subject_pattern)?;
    let mask = companion(config, labels, &found.image, &config.label_suffix)?;
    let subject = |page: usize| match pattern {
        SubjectPattern::Page => pattern.subject(&found.stem, page),
        _ => pattern.subject(&found.subject, page),
    };
    if !is_nifti(&found.image) {
        return load_pair(config, rule, &found.stem, &subject, [&found.image, &mask]);
    }
    let mut volume = Volume::open(&found.image)?;
    if !config.crop_suffix.is_empty() {
        volume.set_crop_mask(&companion(config, labels, &found.image, &config.crop_suffix)?)?;
    }
    load_volume(config, rule, &volume, &mask, &found.stem, &subject)
}

fn load_volume(
    config: &DataConfig,
    rule: &LabelRule,
    volume: &Volume,
    mask_path: &Path,
    stem: &str,
    subject: &dyn Fn(usize) -> String,
) -> Result<Vec<Sample>, DataError> {
    let preprocess = config.preprocess();
    let axis = preprocess.axis;
    let labels = Volume::open(mask_path)?;
    volume.check_same_size(&labels)?;
    let placement = volume.place(&preprocess);
    let mut samples = Vec::new();
    let pairs = volume.slices(&preprocess)?.into_iter().zip(labels.planes(axis));
    for (slice, (image, plane)) in pairs.enumerate() {
        let position = |y, x| format!("{:?}", labels.file_position(axis, slice, [y, x]));
        let mask = placement.mask(&rule.apply(mask_path, &plane, position)?);
        if config.skip_empty && mask.data.iter().all(|&class| class == 0) {
            continue;
        }
        let name = format!("{stem}#{slice:04}");
        samples.push(Sample { subject: subject(slice), name, image, mask });
    }
    Ok(samples)
}
