//! Pictures for people: an image beside itself with masks laid over it.

use std::io::Cursor;
use std::path::Path;

use ::image::{ImageFormat, Rgb, RgbImage};

use crate::error::DataError;
use crate::image::{Image, Mask};
use crate::write::write_whole;

/// Smallest side of a panel in pixels; small images are enlarged by a whole number.
const PANEL: usize = 256;
/// White pixels between panels.
const GAP: u32 = 8;
/// Share of a mask's colour in a pixel.
const TINT: f32 = 0.45;
/// One colour a panel: truth, float, quantized (colours that the colour-blind can tell apart:
/// Okabe and Ito 2008).
const COLOURS: [[u8; 3]; 3] = [[0, 158, 115], [86, 180, 233], [230, 159, 0]];

/// Writes a PNG: the first channel of the image, then one panel for each mask.
///
/// # Errors
/// [`DataError::Io`] if the file cannot be written; an old file is then untouched.
///
/// # Panics
/// If a mask is smaller than the image.
pub fn write_overlay(path: &Path, image: &Image, masks: &[&Mask]) -> Result<(), DataError> {
    let scale = PANEL.div_ceil(image.height.min(image.width)).max(1);
    let (height, width) = ((image.height * scale) as u32, (image.width * scale) as u32);
    let n_panels = masks.len() as u32 + 1;
    let total = n_panels * width + (n_panels - 1) * GAP;
    let (black, white) = grey_range(image);
    let mut picture = RgbImage::from_pixel(total, height, Rgb([255; 3]));
    for panel in 0..n_panels {
        let mask = panel.checked_sub(1).map(|index| (masks[index as usize], index as usize));
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let (source_y, source_x) = (y as usize / scale, x as usize / scale);
            let grey = (image.at(0, source_y, source_x) - black) / (white - black);
            let mut pixel = [grey.clamp(0.0, 1.0) * 255.0; 3];
            if let Some((mask, index)) = mask
                && mask.at(source_y, source_x) > 0
            {
                let colour = COLOURS[index % COLOURS.len()];
                for (value, tint) in pixel.iter_mut().zip(colour) {
                    *value += TINT * (f32::from(tint) - *value);
                }
            }
            picture.put_pixel(panel * (width + GAP) + x, y, Rgb(pixel.map(|v| v as u8)));
        }
    }
    let mut bytes = Cursor::new(Vec::new());
    // encoding into memory cannot fail for an RGB picture of positive size
    if picture.write_to(&mut bytes, ImageFormat::Png).is_ok() {
        write_whole(path, bytes.get_ref())?;
    }
    Ok(())
}

/// The values shown black and white: the 1st and the 99th percentile of the first channel.
pub fn grey_range(image: &Image) -> (f32, f32) {
    let mut values = image.data[..image.height * image.width].to_vec();
    values.sort_by(f32::total_cmp);
    let (black, white) =
        (values[values.len() / 100], values[values.len() - 1 - values.len() / 100]);
    if white > black { (black, white) } else { (black, black + 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_tint_only_their_own_panel() {
        let image = Image::grey(2, 2, vec![0.0, 0.0, 1.0, 1.0]);
        let mask = Mask { height: 2, width: 2, data: vec![1, 0, 0, 0] };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("overlay.png");
        write_overlay(&path, &image, &[&mask]).unwrap();
        let picture = ::image::open(&path).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (2 * 256 + GAP, 256));
        assert_eq!(picture.get_pixel(0, 0).0, [0; 3]);
        assert_eq!(picture.get_pixel(256 + GAP, 0).0, COLOURS[0].map(|v| (v as f32 * TINT) as u8));
        assert_eq!(picture.get_pixel(256 + GAP + 200, 0).0, [0; 3]);
        assert_eq!(picture.get_pixel(0, 255).0, [255; 3]);
    }
}
