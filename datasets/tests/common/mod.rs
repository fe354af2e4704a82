//! NIfTI bytes built and taken apart field by field, without the crate's own reader or writer.
#![allow(dead_code)]

use std::io::{Read, Write};
use std::path::Path;

/// What a test file says.
#[derive(Clone)]
pub struct NiftiFile {
    pub dims: [usize; 3],
    pub pixdim: [f32; 4],
    pub sform: Option<[[f32; 4]; 3]>,
    pub quaternion: Option<[f32; 3]>,
    /// NIfTI code: 2 u8, 4 i16, 16 f32, 64 f64.
    pub datatype: i16,
    pub scaling: [f32; 2],
    pub big_endian: bool,
    pub extension: Vec<u8>,
    pub data: Vec<f64>,
}

impl NiftiFile {
    /// An upright (RAS) float volume of 1 mm.
    pub fn new(dims: [usize; 3], data: Vec<f64>) -> Self {
        let sform = [[1., 0., 0., 0.], [0., 1., 0., 0.], [0., 0., 1., 0.]];
        Self {
            dims,
            pixdim: [1.0; 4],
            sform: Some(sform),
            quaternion: None,
            datatype: 16,
            scaling: [0.0, 0.0],
            big_endian: false,
            extension: Vec::new(),
            data,
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut out = vec![0u8; 352];
        let mut put = |at: usize, bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            if self.big_endian {
                out[at..at + bytes.len()].reverse();
            }
        };
        put(0, &348i32.to_le_bytes());
        for (axis, n) in
            [3, self.dims[0], self.dims[1], self.dims[2], 1, 1, 1, 1].iter().enumerate()
        {
            put(40 + 2 * axis, &(*n as i16).to_le_bytes());
        }
        put(70, &self.datatype.to_le_bytes());
        put(72, &(8 * self.voxel_bytes() as i16).to_le_bytes());
        for (axis, mm) in self.pixdim.iter().enumerate() {
            put(76 + 4 * axis, &mm.to_le_bytes());
        }
        put(108, &(352.0 + self.extension.len() as f32).to_le_bytes());
        put(112, &self.scaling[0].to_le_bytes());
        put(116, &self.scaling[1].to_le_bytes());
        put(124, &1000f32.to_le_bytes());
        let (qform_code, sform_code): (i16, i16) = (
            if self.quaternion.is_some() { 1 } else { 0 },
            if self.sform.is_some() { 2 } else { 0 },
        );
        put(252, &qform_code.to_le_bytes());
        put(254, &sform_code.to_le_bytes());
        for (k, value) in self.quaternion.unwrap_or_default().iter().enumerate() {
            put(256 + 4 * k, &value.to_le_bytes());
        }
        for (k, value) in self.sform.unwrap_or_default().iter().flatten().enumerate() {
            put(280 + 4 * k, &value.to_le_bytes());
        }
        out[123] = 10;
        out[148..152].copy_from_slice(b"test");
        out[344..348].copy_from_slice(b"n+1\0");
        if !self.extension.is_empty() {
            out[348] = 1;
        }
        out.extend_from_slice(&self.extension);
        for &value in &self.data {
            let mut voxel = match self.datatype {
                2 => vec![value as u8],
                4 => (value as i16).to_le_bytes().to_vec(),
                16 => (value as f32).to_le_bytes().to_vec(),
                _ => value.to_le_bytes().to_vec(),
            };
            if self.big_endian {
                voxel.reverse();
            }
            out.extend(voxel);
        }
        out
    }

    fn voxel_bytes(&self) -> usize {
        match self.datatype {
            2 => 1,
            4 => 2,
            16 => 4,
            _ => 8,
        }
    }

    /// Writes the file, compressed if its name says so.
    pub fn write(&self, path: &Path) {
        let bytes = self.bytes();
        let compressed = path.extension().is_some_and(|e| e == "gz");
        std::fs::write(path, if compressed { gzip(&bytes) } else { bytes }).unwrap();
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The bytes of a file, decompressed if its name says so.
pub fn read(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_none_or(|e| e != "gz") {
        return bytes;
    }
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut out).unwrap();
    out
}

/// A grey PNG.
pub fn write_png(path: &Path, width: u32, data: &[u8]) {
    let height = data.len() as u32 / width;
    image::GrayImage::from_raw(width, height, data.to_vec()).unwrap().save(path).unwrap();
}
