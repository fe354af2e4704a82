//! NIfTI-1 volumes in (`.nii`, `.nii.gz`) and segmentations out in the scan's own geometry.

use std::io::Write;
use std::path::{Path, PathBuf};

use nifti::NiftiType;

use crate::error::DataError;
use crate::image::{Image, Mask};
use crate::nifti_header::{
    HEADER_BYTES, Source, affine, decode, parse_header, volume_dims, voxel_offset, voxel_type,
};
use crate::orientation::{Orientation, column_norms};
use crate::picture::{check_count, check_size};
use crate::preprocess::{Placement, Plane, Preprocess};
use crate::write::write_whole;

/// One scan with the bytes of its header.
#[derive(Debug, Clone)]
pub struct Volume {
    /// The file.
    pub path: PathBuf,
    /// Voxels along the file's axes.
    pub dims: [usize; 3],
    /// Voxel sizes in mm along right, anterior, superior.
    pub spacing: [f32; 3],
    /// Voxels after the header's scaling, in the file's order.
    data: Vec<f32>,
    orientation: Orientation,
    /// Everything before the voxels, extensions included.
    head: Vec<u8>,
    little_endian: bool,
    /// Segmentation whose centre the crop is laid around.
    crop_mask: Option<Box<Volume>>,
}

/// Whether the file's name ends like a NIfTI file.
pub fn is_nifti(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    name.ends_with(".nii") || name.ends_with(".nii.gz")
}

impl Volume {
    /// Reads a scan.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Truncated`], [`DataError::Undecodable`],
    /// [`DataError::Unsupported`], [`DataError::NotFinite`].
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let bytes = std::fs::read(path).map_err(DataError::io(path, "read"))?;
        Self::from_bytes(path, &bytes)
    }

    /// Reads a scan from a file's bytes; `path` only names it in errors.
    ///
    /// # Errors
    /// As [`Volume::open`].
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, DataError> {
        let mut source = Source::new(path, bytes);
        let mut head = source.read(HEADER_BYTES as u64, "header")?;
        let header = parse_header(path, &head)?;
        let little_endian = i32::from_le_bytes([head[0], head[1], head[2], head[3]]) == 348;
        let dims = volume_dims(path, &header)?;
        let kind = voxel_type(path, &header)?;
        let offset = voxel_offset(path, &header)?;
        head.extend(source.read((offset - HEADER_BYTES) as u64, "header extensions")?);
        let n_voxels = dims.iter().map(|&n| n as u64).product::<u64>();
        let raw = source.read(n_voxels * kind.size_of() as u64, "voxels")?;
        source.finish()?;
        let data = decode(path, &header, kind, raw)?;
        if let Some(index) = data.iter().position(|v| !v.is_finite()) {
            let position = format!("{:?}", coordinates(dims, index));
            return Err(DataError::NotFinite {
                path: path.to_path_buf(),
                position,
                found: data[index],
            });
        }
        let affine = affine(&header);
        let orientation = Orientation::nearest(&affine).ok_or_else(|| DataError::Unsupported {
            path: path.to_path_buf(),
            what: "affine",
            expected: "three finite axes of a length above 0".to_string(),
            found: format!("axes of {:?} mm", column_norms(&affine)),
        })?;
        let spacing = orientation.reorder(column_norms(&affine)).map(|mm| mm as f32);
        Ok(Self {
            path: path.to_path_buf(),
            dims,
            spacing,
            data,
            orientation,
            head,
            little_endian,
            crop_mask: None,
        })
    }

    /// Voxels along right, anterior, superior.
    pub fn patient_dims(&self) -> [usize; 3] {
        self.orientation.reorder(self.dims)
    }

    /// The slices across patient axis `axis`, in the order of that axis. Columns run along the lower
    /// of the other two axes (to the right, or anterior), rows against the higher one (superior or
    /// anterior is up).
    ///
    /// # Panics
    /// If `axis` is above 2.
    pub fn planes(&self, axis: usize) -> Vec<Plane> {
        let n = self.patient_dims();
        let [rows, columns] = in_plane(axis);
        let plane = |slice: usize| {
            let mut data = Vec::with_capacity(n[rows] * n[columns]);
            self.visit(axis, slice, |index| data.push(self.data[index]));
            Plane { height: n[rows], width: n[columns], data }
        };
        (0..n[axis]).map(plane).collect()
    }

    /// Calls `visit` with the file position of each pixel of a slice, row by row.
    fn visit(&self, axis: usize, slice: usize, mut visit: impl FnMut(usize)) {
        let n = self.patient_dims();
        let [rows, columns] = in_plane(axis);
        let mut at = [slice; 3];
        for y in 0..n[rows] {
            at[rows] = n[rows] - 1 - y;
            for x in 0..n[columns] {
                at[columns] = x;
                visit(self.orientation.file_index(self.dims, at));
            }
        }
    }

    /// Coordinates in the file's axes of a pixel of a slice.
    pub(crate) fn file_position(
        &self,
        axis: usize,
        slice: usize,
        [y, x]: [usize; 2],
    ) -> [usize; 3] {
        let n = self.patient_dims();
        let [rows, columns] = in_plane(axis);
        let mut at = [slice; 3];
        at[rows] = n[rows] - 1 - y;
        at[columns] = x;
        coordinates(self.dims, self.orientation.file_index(self.dims, at))
    }

    /// Lays the crop around the centre of a segmentation (all voxels above 0) of the same size.
    ///
    /// # Errors
    /// Those of reading `path`; [`DataError::SizeMismatch`]; [`DataError::Unsupported`] if nothing is
    /// segmented.
    pub fn set_crop_mask(&mut self, path: &Path) -> Result<(), DataError> {
        let mask = Self::open(path)?;
        self.check_same_size(&mask)?;
        if !mask.data.iter().any(|&v| v > 0.0) {
            return Err(DataError::Unsupported {
                path: path.to_path_buf(),
                what: "segmentation to crop around",
                expected: "a voxel above 0".to_string(),
                found: "none".to_string(),
            });
        }
        self.crop_mask = Some(Box::new(mask));
        Ok(())
    }

    /// Fails unless `other`, a mask of this scan, has as many voxels along each patient axis.
    pub(crate) fn check_same_size(&self, other: &Self) -> Result<(), DataError> {
        let (expected, found) = (self.patient_dims(), other.patient_dims());
        if expected == found {
            return Ok(());
        }
        let text = |[r, a, s]: [usize; 3]| format!("{r}×{a}×{s} (right, anterior, superior)");
        Err(DataError::SizeMismatch {
            path: other.path.clone(),
            partner: self.path.clone(),
            expected: text(expected),
            found: text(found),
        })
    }

    /// Where the pixels of this scan's slices go.
    pub(crate) fn place(&self, preprocess: &Preprocess) -> Placement {
        let n = self.patient_dims();
        let [rows, columns] = in_plane(preprocess.axis);
        let spacing = [self.spacing[rows], self.spacing[columns]];
        let centre = self.crop_mask.as_ref().map(|mask| mask.centre(preprocess.axis));
        preprocess.place([n[rows], n[columns]], Some(spacing), centre)
    }

    /// Mean row and column of the voxels above 0 over all slices.
    fn centre(&self, axis: usize) -> [f32; 2] {
        let (mut sum, mut count) = ([0.0f64; 2], 0.0f64);
        for plane in self.planes(axis) {
            for (index, _) in plane.data.iter().enumerate().filter(|(_, v)| **v > 0.0) {
                sum[0] += (index / plane.width) as f64;
                sum[1] += (index % plane.width) as f64;
                count += 1.0;
            }
        }
        sum.map(|s| (s / count) as f32)
    }

    /// The slices prepared for a network.
    ///
    /// # Errors
    /// [`DataError::Config`] if `preprocess` is not legal.
    pub fn slices(&self, preprocess: &Preprocess) -> Result<Vec<Image>, DataError> {
        preprocess.validate()?;
        Ok(preprocess.images(&self.planes(preprocess.axis), &self.place(preprocess)))
    }

    /// Writes the masks of [`Volume::slices`] as a volume of class indices (u8) with this scan's
    /// shape, affine and header; compressed if `path` ends in `.gz`.
    ///
    /// # Errors
    /// [`DataError::Shape`] if the masks do not fit, [`DataError::Io`] if writing fails.
    pub fn write_labels(
        &self,
        path: &Path,
        masks: &[Mask],
        preprocess: &Preprocess,
    ) -> Result<(), DataError> {
        preprocess.validate()?;
        let axis = preprocess.axis;
        check_count(&self.path, masks.len(), self.patient_dims()[axis])?;
        let placement = self.place(preprocess);
        let mut voxels = vec![0u8; self.data.len()];
        for (slice, mask) in masks.iter().enumerate() {
            check_size(&self.path, mask, placement.window)?;
            let raw = placement.back(mask);
            let mut classes = raw.data.iter();
            self.visit(axis, slice, |index| voxels[index] = *classes.next().unwrap_or(&0));
        }
        let mut bytes = self.label_head();
        bytes.extend_from_slice(&voxels);
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz")) {
            bytes = compress(&bytes).map_err(DataError::io(path, "compress"))?;
        }
        write_whole(path, &bytes)
    }

    /// This scan's header and extensions, telling of unscaled u8 voxels; all else stays.
    fn label_head(&self) -> Vec<u8> {
        let mut head = self.head.clone();
        let mut put = |at: usize, little: &[u8]| {
            head[at..at + little.len()].copy_from_slice(little);
            if !self.little_endian {
                head[at..at + little.len()].reverse();
            }
        };
        put(70, &(NiftiType::Uint8 as i16).to_le_bytes());
        put(72, &8i16.to_le_bytes());
        put(108, &(self.head.len() as f32).to_le_bytes());
        put(112, &1f32.to_le_bytes());
        put(116, &0f32.to_le_bytes());
        // the display range was that of the scan's intensities
        put(124, &0f32.to_le_bytes());
        put(128, &0f32.to_le_bytes());
        head
    }
}

/// The patient axes that rows and columns of a slice across `axis` run along.
fn in_plane(axis: usize) -> [usize; 2] {
    match axis {
        0 => [2, 1],
        1 => [2, 0],
        _ => [1, 0],
    }
}

fn coordinates(dims: [usize; 3], index: usize) -> [usize; 3] {
    [index % dims[0], index / dims[0] % dims[1], index / (dims[0] * dims[1])]
}

fn compress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}
