//! A folder of pictures beside a folder of masks of the same names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::config::DataConfig;
use crate::dataset::Sample;
use crate::error::DataError;
use crate::labels::LabelRule;
use crate::picture::{EXTENSIONS, Picture, is_picture};
use crate::subject::SubjectPattern;

/// Loads every picture of `root/image` with its mask from `root/mask`.
pub(crate) fn load(config: &DataConfig) -> Result<Vec<Sample>, DataError> {
    let rule = config.label_rule()?;
    let pattern = SubjectPattern::parse(&config.subject_pattern)?;
    require_folder(&config.root, "the data set")?;
    let (image_folder, mask_folder) =
        (config.root.join(&config.image), config.root.join(&config.mask));
    let images = pictures_by_stem(&image_folder, "pictures of the data set")?;
    let masks = pictures_by_stem(&mask_folder, "masks of the data set")?;
    if let Some((_, mask)) = masks.iter().find(|(stem, _)| !images.contains_key(*stem)) {
        return Err(DataError::MissingImage { mask: mask.clone(), expected: image_folder });
    }
    let pairs = images.iter().map(|(stem, image)| match masks.get(stem) {
        Some(mask) => Ok((stem.as_str(), image.as_path(), mask.as_path())),
        None => {
            let name = image.file_name().unwrap_or_default();
            let expected = mask_folder.join(name);
            Err(DataError::MissingMask { image: image.clone(), expected })
        }
    });
    let pairs: Vec<(&str, &Path, &Path)> = pairs.collect::<Result<_, _>>()?;
    let loaded: Vec<Vec<Sample>> = pairs
        .into_par_iter()
        .map(|(stem, image, mask)| {
            let subject = |page: usize| pattern.subject(stem, page);
            load_pair(config, &rule, stem, &subject, [image, mask])
        })
        .collect::<Result<_, _>>()?;
    Ok(loaded.into_iter().flatten().collect())
}

/// Samples of one picture file and its mask file: [image, mask].
pub(crate) fn load_pair(
    config: &DataConfig,
    rule: &LabelRule,
    name: &str,
    subject: &dyn Fn(usize) -> String,
    [image_path, mask_path]: [&Path; 2],
) -> Result<Vec<Sample>, DataError> {
    let (image, mask) = (Picture::open(image_path)?, Picture::open(mask_path)?);
    check_sizes(&image, &mask)?;
    let preprocess = config.preprocess();
    let images = image.slices(&preprocess)?;
    let n_pages = images.len();
    let mut samples = Vec::with_capacity(n_pages);
    for (page, (image, plane)) in images.into_iter().zip(&mask.pages).enumerate() {
        let position = |y, x| match n_pages {
            1 => format!("(row {y}, column {x})"),
            _ => format!("(page {page}, row {y}, column {x})"),
        };
        let raw = rule.apply(mask_path, plane, position)?;
        let placement = preprocess.place([plane.height, plane.width], None, None);
        let name = if n_pages == 1 { name.to_string() } else { format!("{name}#{page:04}") };
        samples.push(Sample { subject: subject(page), name, image, mask: placement.mask(&raw) });
    }
    Ok(samples)
}

fn check_sizes(image: &Picture, mask: &Picture) -> Result<(), DataError> {
    let mismatch = |expected: String, found: String| DataError::SizeMismatch {
        path: mask.path.clone(),
        partner: image.path.clone(),
        expected,
        found,
    };
    let (pages, found) = (image.pages.len(), mask.pages.len());
    if pages != found {
        return Err(mismatch(format!("{pages} pages"), format!("{found} pages")));
    }
    for (page, mask) in image.pages.iter().zip(&mask.pages) {
        if (page.height, page.width) != (mask.height, mask.width) {
            let expected = format!("{}×{}", page.height, page.width);
            return Err(mismatch(expected, format!("{}×{}", mask.height, mask.width)));
        }
    }
    Ok(())
}

/// Fails unless `path` is a folder.
pub(crate) fn require_folder(path: &Path, what: &'static str) -> Result<(), DataError> {
    if path.is_dir() {
        return Ok(());
    }
    Err(DataError::MissingFolder { path: path.to_path_buf(), what })
}

/// The entries of a folder that do not start with a dot, in the order of names.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(DataError::io(folder, "read"))? {
        let entry = entry.map_err(DataError::io(folder, "read"))?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn pictures_by_stem(
    folder: &Path,
    what: &'static str,
) -> Result<BTreeMap<String, PathBuf>, DataError> {
    require_folder(folder, what)?;
    let all = entries(folder)?;
    let mut pictures: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in all.iter().filter(|path| is_picture(path) && path.is_file()) {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(twin) = pictures.insert(stem, path.clone()) {
            return Err(DataError::Unsupported {
                path: path.clone(),
                what: "name",
                expected: "one picture of each name".to_string(),
                found: format!("{} beside it", twin.display()),
            });
        }
    }
    if pictures.is_empty() {
        let expected = format!("pictures ({})", EXTENSIONS.join(", "));
        return Err(DataError::EmptyFolder {
            path: folder.to_path_buf(),
            expected,
            found: all.len(),
        });
    }
    Ok(pictures)
}
