//! PNG, JPEG and TIFF in, mask PNG out.
//!
//! Everything becomes grey: alpha is dropped, RGB is weighted by Rec. 601 luma. Values keep their own
//! scale (0..255 for 8 bits, 0..65535 for 16).

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat, ImageReader};
use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};

use crate::error::DataError;
use crate::image::{Image, Mask};
use crate::preprocess::{MAX_SIDE, Plane, Preprocess};
use crate::write::write_whole;

/// Endings of the pictures that are read.
pub const EXTENSIONS: [&str; 5] = ["png", "jpg", "jpeg", "tif", "tiff"];

/// Decoded pixels may take this many bytes for each byte of the file, and never less than
/// [`LEAST_LIMIT`]; deflate reaches about 1032.
const LARGEST_EXPANSION: u64 = 1100;
/// What any picture may take when decoded.
const LEAST_LIMIT: u64 = 1 << 24;

/// One picture file: a single page, or the pages of a TIFF stack.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The file.
    pub path: PathBuf,
    /// Its pages.
    pub pages: Vec<Plane>,
}

/// Whether the file's ending is that of a picture.
pub fn is_picture(path: &Path) -> bool {
    extension(path).is_some_and(|e| EXTENSIONS.contains(&e.as_str()))
}

fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_lowercase())
}

impl Picture {
    /// Decodes a file.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Undecodable`], [`DataError::Unsupported`],
    /// [`DataError::NotFinite`] (float TIFF).
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let bytes = std::fs::read(path).map_err(DataError::io(path, "read"))?;
        let pages = match extension(path).as_deref() {
            Some("tif" | "tiff") => read_tiff(path, &bytes)?,
            _ => vec![read_png_or_jpeg(path, &bytes)?],
        };
        for page in &pages {
            check_finite(path, page)?;
        }
        Ok(Self { path: path.to_path_buf(), pages })
    }

    /// The pages prepared for a network.
    ///
    /// # Errors
    /// [`DataError::Config`] if `preprocess` is not legal.
    pub fn slices(&self, preprocess: &Preprocess) -> Result<Vec<Image>, DataError> {
        preprocess.validate()?;
        let mut images = Vec::with_capacity(self.pages.len());
        let same =
            self.pages.windows(2).all(|p| (p[0].height, p[0].width) == (p[1].height, p[1].width));
        let groups = if same { self.pages.len() } else { 1 };
        for group in self.pages.chunks(groups) {
            let placement = preprocess.place([group[0].height, group[0].width], None, None);
            images.extend(preprocess.images(group, &placement));
        }
        Ok(images)
    }

    /// Writes the masks of [`Picture::slices`] as an 8-bit PNG (a TIFF stack where there are several
    /// pages) of the picture's own size; two classes as 0 and 255, more as the class index.
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
        check_count(&self.path, masks.len(), self.pages.len())?;
        let mut planes = Vec::with_capacity(masks.len());
        for (page, mask) in self.pages.iter().zip(masks) {
            let placement = preprocess.place([page.height, page.width], None, None);
            check_size(&self.path, mask, placement.window)?;
            planes.push(placement.back(mask));
        }
        let binary = masks.iter().all(|mask| mask.data.iter().all(|&class| class <= 1));
        if binary {
            let all = planes.iter_mut().flat_map(|mask| &mut mask.data);
            all.for_each(|class| *class *= 255);
        }
        let bytes = match planes.as_slice() {
            [single] => encode_png(single),
            several => encode_tiff(several),
        };
        let bytes = bytes.map_err(|reason| DataError::Undecodable {
            path: path.to_path_buf(),
            expected: "an encodable mask",
            found: reason,
        })?;
        write_whole(path, &bytes)
    }
}

/// One mask for each slice.
pub(crate) fn check_count(path: &Path, found: usize, expected: usize) -> Result<(), DataError> {
    if found == expected {
        return Ok(());
    }
    Err(DataError::Shape {
        path: path.to_path_buf(),
        what: "number of masks",
        expected: expected.to_string(),
        found: found.to_string(),
    })
}

/// Each mask has the window's size.
pub(crate) fn check_size(path: &Path, mask: &Mask, window: [usize; 2]) -> Result<(), DataError> {
    if [mask.height, mask.width] == window && mask.data.len() == window[0] * window[1] {
        return Ok(());
    }
    Err(DataError::Shape {
        path: path.to_path_buf(),
        what: "size of a mask",
        expected: format!("{}×{}", window[0], window[1]),
        found: format!("{}×{}", mask.height, mask.width),
    })
}

fn check_finite(path: &Path, page: &Plane) -> Result<(), DataError> {
    match page.data.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(index) => Err(DataError::NotFinite {
            path: path.to_path_buf(),
            position: format!("(row {}, column {})", index / page.width, index % page.width),
            found: page.data[index],
        }),
    }
}

fn undecodable(path: &Path, expected: &'static str, found: impl ToString) -> DataError {
    DataError::Undecodable { path: path.to_path_buf(), expected, found: found.to_string() }
}

fn decoded_limit(bytes: &[u8]) -> u64 {
    (bytes.len() as u64).saturating_mul(LARGEST_EXPANSION).max(LEAST_LIMIT)
}

fn read_png_or_jpeg(path: &Path, bytes: &[u8]) -> Result<Plane, DataError> {
    const EXPECTED: &str = "a PNG or JPEG picture";
    let format = match extension(path).as_deref() {
        Some("png") => ImageFormat::Png,
        _ => ImageFormat::Jpeg,
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = image::Limits::no_limits();
    limits.max_image_width = Some(MAX_SIDE as u32);
    limits.max_image_height = Some(MAX_SIDE as u32);
    limits.max_alloc = Some(decoded_limit(bytes));
    reader.limits(limits);
    let decoded = reader.decode().map_err(|e| undecodable(path, EXPECTED, e))?;
    let (height, width) = (decoded.height() as usize, decoded.width() as usize);
    if height == 0 || width == 0 {
        return Err(undecodable(path, EXPECTED, "a picture without pixels"));
    }
    let data = match decoded {
        DynamicImage::ImageLuma8(grey) => grey.into_raw().into_iter().map(f32::from).collect(),
        DynamicImage::ImageLumaA8(grey) => grey.pixels().map(|p| f32::from(p.0[0])).collect(),
        DynamicImage::ImageLuma16(grey) => grey.into_raw().into_iter().map(f32::from).collect(),
        DynamicImage::ImageLumaA16(grey) => grey.pixels().map(|p| f32::from(p.0[0])).collect(),
        DynamicImage::ImageRgb16(_) | DynamicImage::ImageRgba16(_) => {
            decoded.to_rgb16().pixels().map(|p| luma(p.0.map(f32::from))).collect()
        }
        _ => decoded.to_rgb8().pixels().map(|p| luma(p.0.map(f32::from))).collect(),
    };
    Ok(Plane { height, width, data })
}

/// Rec. 601 luma; exact where the three are equal.
fn luma([red, green, blue]: [f32; 3]) -> f32 {
    if red == green && green == blue {
        return red;
    }
    0.299 * red + 0.587 * green + 0.114 * blue
}

fn read_tiff(path: &Path, bytes: &[u8]) -> Result<Vec<Plane>, DataError> {
    const EXPECTED: &str = "a TIFF picture or stack";
    let failed = |e: tiff::TiffError| undecodable(path, EXPECTED, e);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::try_from(decoded_limit(bytes)).unwrap_or(usize::MAX);
    limits.intermediate_buffer_size = limits.decoding_buffer_size;
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(failed)?.with_limits(limits);
    let mut pages = Vec::new();
    // all pages together stay within the limit of one: an offset may name the same page again
    let mut budget = decoded_limit(bytes);
    loop {
        let (width, height) = decoder.dimensions().map_err(failed)?;
        let (height, width) = (height as usize, width as usize);
        if !(1..=MAX_SIDE).contains(&height) || !(1..=MAX_SIDE).contains(&width) {
            return Err(undecodable(path, EXPECTED, format!("a page of {height}×{width} pixels")));
        }
        let used = 4 * (height * width) as u64;
        budget = budget.checked_sub(used).ok_or_else(|| {
            undecodable(path, EXPECTED, format!("pages larger than {} bytes can hold", bytes.len()))
        })?;
        let colour = decoder.colortype().map_err(failed)?;
        let values = samples_of(decoder.read_image().map_err(failed)?);
        pages.push(grey_page(path, colour, [height, width], values)?);
        if !decoder.more_images() {
            return Ok(pages);
        }
        decoder.next_image().map_err(failed)?;
    }
}

fn grey_page(
    path: &Path,
    colour: ColorType,
    [height, width]: [usize; 2],
    values: Option<Vec<f32>>,
) -> Result<Plane, DataError> {
    let unsupported = |found: String| DataError::Unsupported {
        path: path.to_path_buf(),
        what: "TIFF pixels",
        expected: "grey, grey with alpha, RGB or RGBA of 8, 16 or 32 bits".to_string(),
        found,
    };
    let channels = match colour {
        ColorType::Gray(_) => 1,
        ColorType::GrayA(_) => 2,
        ColorType::RGB(_) => 3,
        ColorType::RGBA(_) => 4,
        other => return Err(unsupported(format!("{other:?}"))),
    };
    let values = values.ok_or_else(|| unsupported(format!("{colour:?}")))?;
    if values.len() != channels * height * width {
        return Err(unsupported(format!("{colour:?} packed in {} values", values.len())));
    }
    let data = match channels {
        1 => values,
        2 => values.chunks_exact(2).map(|p| p[0]).collect(),
        n => values.chunks_exact(n).map(|p| luma([p[0], p[1], p[2]])).collect(),
    };
    Ok(Plane { height, width, data })
}

fn samples_of(decoded: DecodingResult) -> Option<Vec<f32>> {
    Some(match decoded {
        DecodingResult::U8(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::U16(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::I8(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::I16(v) => v.into_iter().map(f32::from).collect(),
        DecodingResult::U32(v) => v.into_iter().map(|v| v as f32).collect(),
        DecodingResult::I32(v) => v.into_iter().map(|v| v as f32).collect(),
        DecodingResult::F32(v) => v,
        DecodingResult::F64(v) => v.into_iter().map(|v| v as f32).collect(),
        _ => return None,
    })
}

fn encode_png(mask: &Mask) -> Result<Vec<u8>, String> {
    let (width, height) = (mask.width as u32, mask.height as u32);
    let grey = image::GrayImage::from_raw(width, height, mask.data.clone()).ok_or("size")?;
    let mut bytes = Cursor::new(Vec::new());
    grey.write_to(&mut bytes, ImageFormat::Png).map_err(|e| e.to_string())?;
    Ok(bytes.into_inner())
}

fn encode_tiff(masks: &[Mask]) -> Result<Vec<u8>, String> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes).map_err(|e| e.to_string())?;
    for mask in masks {
        let (width, height) = (mask.width as u32, mask.height as u32);
        encoder
            .write_image::<tiff::encoder::colortype::Gray8>(width, height, &mask.data)
            .map_err(|e| e.to_string())?;
    }
    Ok(bytes.into_inner())
}
