//! NIfTI-1 headers and voxels out of bytes that nobody vouches for.

use std::io::Read;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use nifti::volume::element::DataElement;
use nifti::{InMemNiftiVolume, NiftiHeader, NiftiType};

use crate::error::DataError;
use crate::orientation::{Affine, quaternion_affine};

/// Size of the header itself.
pub(crate) const HEADER_BYTES: usize = 348;
/// Header and the four bytes that announce extensions.
const LEAST_OFFSET: usize = 352;
/// Larger volumes (2 GiB as floats) are not handled.
const MAX_VOXELS: u64 = 1 << 29;

/// Bytes of a file, decompressed as they are asked for: nothing is allocated because a header says so.
pub(crate) struct Source<'a> {
    path: &'a Path,
    reader: Box<dyn Read + 'a>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(path: &'a Path, bytes: &'a [u8]) -> Self {
        let compressed = bytes.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn Read> =
            if compressed { Box::new(MultiGzDecoder::new(bytes)) } else { Box::new(bytes) };
        Self { path, reader }
    }

    pub(crate) fn read(&mut self, expected: u64, what: &'static str) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        let result = self.reader.by_ref().take(expected).read_to_end(&mut bytes);
        let found = bytes.len() as u64;
        match result {
            Err(e) if e.kind() != std::io::ErrorKind::UnexpectedEof => Err(self.damaged(&e)),
            _ if found < expected => {
                let path = self.path.to_path_buf();
                Err(DataError::Truncated { path, what, expected, found })
            }
            _ => Ok(bytes),
        }
    }

    /// Reads a little on, so that the checksum at the end of compressed data is compared.
    pub(crate) fn finish(mut self) -> Result<(), DataError> {
        let mut rest = Vec::new();
        match self.reader.by_ref().take(1 << 16).read_to_end(&mut rest) {
            Ok(_) => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
                let (path, found) = (self.path.to_path_buf(), rest.len() as u64);
                Err(DataError::Truncated { path, what: "gzip checksum", expected: 8, found })
            }
            Err(e) => Err(self.damaged(&e)),
        }
    }

    fn damaged(&self, reason: &std::io::Error) -> DataError {
        DataError::Undecodable {
            path: self.path.to_path_buf(),
            expected: "intact gzip data",
            found: reason.to_string(),
        }
    }
}

fn undecodable(path: &Path, found: impl ToString) -> DataError {
    let expected = "a NIfTI-1 file (.nii or .nii.gz)";
    DataError::Undecodable { path: path.to_path_buf(), expected, found: found.to_string() }
}

pub(crate) fn parse_header(path: &Path, head: &[u8]) -> Result<NiftiHeader, DataError> {
    let size = [head[0], head[1], head[2], head[3]];
    if i32::from_le_bytes(size) != 348 && i32::from_be_bytes(size) != 348 {
        let found = format!("a header of {} bytes instead of 348", i32::from_le_bytes(size));
        return Err(undecodable(path, found));
    }
    let header = NiftiHeader::from_reader(head).map_err(|e| undecodable(path, e))?;
    if header.sizeof_hdr != 348 {
        return Err(undecodable(path, "a header whose byte order changes within"));
    }
    if &header.magic != b"n+1\0" {
        return Err(DataError::Unsupported {
            path: path.to_path_buf(),
            what: "layout",
            expected: "header and voxels in one file".to_string(),
            found: "a header whose voxels are in an .img file".to_string(),
        });
    }
    Ok(header)
}

pub(crate) fn volume_dims(path: &Path, header: &NiftiHeader) -> Result<[usize; 3], DataError> {
    let dims = header.dim().map_err(|e| undecodable(path, e))?;
    if let Some(negative) = dims.iter().find(|n| **n > i16::MAX as u16) {
        return Err(undecodable(path, format!("a dimension of {}", *negative as i16)));
    }
    let along = |axis: usize| dims.get(axis).map_or(1, |&n| usize::from(n));
    let volume = [along(0), along(1), along(2)];
    let unsupported = |what, expected: String, found: String| {
        Err(DataError::Unsupported { path: path.to_path_buf(), what, expected, found })
    };
    if dims.iter().skip(3).any(|&n| n != 1) {
        let found = format!("dimensions {dims:?}");
        return unsupported("dimensions", "one volume of 3 dimensions".to_string(), found);
    }
    let n_voxels = volume.iter().map(|&n| n as u64).product::<u64>();
    if n_voxels > MAX_VOXELS {
        let found = format!("{n_voxels} ({volume:?})");
        return unsupported("voxels", format!("at most {MAX_VOXELS}"), found);
    }
    Ok(volume)
}

pub(crate) fn voxel_type(path: &Path, header: &NiftiHeader) -> Result<NiftiType, DataError> {
    let kind = header.data_type().map_err(|e| undecodable(path, e))?;
    let real = matches!(
        kind,
        NiftiType::Uint8
            | NiftiType::Int8
            | NiftiType::Uint16
            | NiftiType::Int16
            | NiftiType::Uint32
            | NiftiType::Int32
            | NiftiType::Uint64
            | NiftiType::Int64
            | NiftiType::Float32
            | NiftiType::Float64
    );
    if !real {
        return Err(DataError::Unsupported {
            path: path.to_path_buf(),
            what: "voxel type",
            expected: "integers of 8 to 64 bits or floats of 32 or 64".to_string(),
            found: format!("{kind:?}"),
        });
    }
    let bits = 8 * kind.size_of() as i16;
    if header.bitpix != bits {
        return Err(undecodable(path, format!("{} bits for a {kind:?}", header.bitpix)));
    }
    Ok(kind)
}

pub(crate) fn voxel_offset(path: &Path, header: &NiftiHeader) -> Result<usize, DataError> {
    let offset = header.vox_offset;
    if !(0.0..=1e9).contains(&offset) {
        return Err(undecodable(path, format!("voxels at byte {offset}")));
    }
    Ok((offset as usize).max(LEAST_OFFSET))
}

pub(crate) fn decode(
    path: &Path,
    header: &NiftiHeader,
    kind: NiftiType,
    raw: Vec<u8>,
) -> Result<Vec<f32>, DataError> {
    let volume = InMemNiftiVolume::from_raw_data(header, raw).map_err(|e| undecodable(path, e))?;
    let (slope, inter) = (f64::from(header.scl_slope), f64::from(header.scl_inter));
    // a slope of 0 means none; so does one that is no number
    let scaled = slope != 0.0 && slope.is_finite() && inter.is_finite();
    let (slope, inter) = if scaled { (slope, inter) } else { (1.0, 0.0) };
    fn scale<T: DataElement>(
        volume: InMemNiftiVolume,
        scale: impl Fn(T) -> f64,
        [slope, inter]: [f64; 2],
    ) -> nifti::Result<Vec<f32>> {
        let values = volume.into_nifti_typed_data::<T>()?;
        Ok(values.into_iter().map(|v| (scale(v) * slope + inter) as f32).collect())
    }
    let line = [slope, inter];
    match kind {
        NiftiType::Uint8 => scale::<u8>(volume, f64::from, line),
        NiftiType::Int8 => scale::<i8>(volume, f64::from, line),
        NiftiType::Uint16 => scale::<u16>(volume, f64::from, line),
        NiftiType::Int16 => scale::<i16>(volume, f64::from, line),
        NiftiType::Uint32 => scale::<u32>(volume, f64::from, line),
        NiftiType::Int32 => scale::<i32>(volume, f64::from, line),
        NiftiType::Uint64 => scale::<u64>(volume, |v| v as f64, line),
        NiftiType::Int64 => scale::<i64>(volume, |v| v as f64, line),
        NiftiType::Float32 => scale::<f32>(volume, f64::from, line),
        _ => scale::<f64>(volume, |v| v, line),
    }
    .map_err(|e| undecodable(path, e))
}

/// The header's transform: sform if its code is set, else qform, else the voxel sizes (nifti1.h).
pub(crate) fn affine(header: &NiftiHeader) -> Affine {
    let sizes = [1, 2, 3].map(|axis| f64::from(header.pixdim[axis]).abs());
    if header.sform_code > 0 {
        return [header.srow_x, header.srow_y, header.srow_z].map(|row| row.map(f64::from));
    }
    if header.qform_code > 0 {
        let quaternion = [header.quatern_b, header.quatern_c, header.quatern_d].map(f64::from);
        let offset = [header.quatern_x, header.quatern_y, header.quatern_z].map(f64::from);
        let sign = if header.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
        return quaternion_affine(quaternion, sizes, sign, offset);
    }
    quaternion_affine([0.0; 3], sizes, 1.0, [0.0; 3])
}
