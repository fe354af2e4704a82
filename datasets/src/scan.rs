//! A new scan of either kind: images for a network out, its masks back in.

use std::path::Path;

use crate::error::DataError;
use crate::image::{Image, Mask};
use crate::nifti_io::{Volume, is_nifti};
use crate::picture::{EXTENSIONS, Picture, is_picture};
use crate::preprocess::Preprocess;

/// A file to segment.
#[derive(Debug, Clone)]
pub enum Scan {
    /// A NIfTI volume.
    Volume(Volume),
    /// A PNG, JPEG or TIFF.
    Picture(Picture),
}

impl Scan {
    /// Opens a scan by the ending of its name.
    ///
    /// # Errors
    /// [`DataError::Unsupported`] for another ending, and those of [`Volume::open`] and
    /// [`Picture::open`].
    pub fn open(path: &Path) -> Result<Self, DataError> {
        if is_nifti(path) {
            return Ok(Self::Volume(Volume::open(path)?));
        }
        if is_picture(path) {
            return Ok(Self::Picture(Picture::open(path)?));
        }
        if path.is_dir() {
            let (expected, found) = ("one volume or picture", "a folder".into());
            return Err(DataError::Undecodable { path: path.to_path_buf(), expected, found });
        }
        Err(DataError::Unsupported {
            path: path.to_path_buf(),
            what: "ending",
            expected: format!("nii, nii.gz, {}", EXTENSIONS.join(", ")),
            found: path.extension().map_or("none".into(), |e| e.to_string_lossy().into_owned()),
        })
    }

    /// Lays the crop around a segmentation of the same size instead of the centre (volumes only).
    ///
    /// # Errors
    /// As [`Volume::set_crop_mask`]; [`DataError::Unsupported`] for a picture.
    pub fn set_crop_mask(&mut self, path: &Path) -> Result<(), DataError> {
        match self {
            Self::Volume(volume) => volume.set_crop_mask(path),
            Self::Picture(picture) => Err(DataError::Unsupported {
                path: picture.path.clone(),
                what: "segmentation to crop around",
                expected: "a NIfTI volume to crop".to_string(),
                found: "a picture".to_string(),
            }),
        }
    }

    /// The slices or pages prepared for a network.
    ///
    /// # Errors
    /// [`DataError::Config`] if `preprocess` is not legal.
    pub fn slices(&self, preprocess: &Preprocess) -> Result<Vec<Image>, DataError> {
        match self {
            Self::Volume(volume) => volume.slices(preprocess),
            Self::Picture(picture) => picture.slices(preprocess),
        }
    }

    /// Writes one mask for each of [`Scan::slices`] in the scan's own size and geometry: NIfTI for a
    /// volume, PNG (a TIFF stack for several pages) for a picture. An existing file is replaced only
    /// once the new one is whole.
    ///
    /// # Errors
    /// [`DataError::Shape`] if the masks do not fit, [`DataError::Unsupported`] if the ending of `path`
    /// does not suit the scan, [`DataError::Io`] if writing fails.
    pub fn write_labels(
        &self,
        path: &Path,
        masks: &[Mask],
        preprocess: &Preprocess,
    ) -> Result<(), DataError> {
        let (expected, suits) = match self {
            Self::Volume(_) => ("nii or nii.gz", is_nifti(path)),
            Self::Picture(picture) if picture.pages.len() == 1 => {
                ("png", has_ending(path, &["png"]))
            }
            Self::Picture(_) => ("tif or tiff", has_ending(path, &["tif", "tiff"])),
        };
        if !suits {
            return Err(DataError::Unsupported {
                path: path.to_path_buf(),
                what: "ending of the segmentation",
                expected: expected.to_string(),
                found: path.extension().map_or("none".into(), |e| e.to_string_lossy().into_owned()),
            });
        }
        match self {
            Self::Volume(volume) => volume.write_labels(path, masks, preprocess),
            Self::Picture(picture) => picture.write_labels(path, masks, preprocess),
        }
    }
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let found = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    found.is_some_and(|found| endings.contains(&found.as_str()))
}
