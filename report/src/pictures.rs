//! PNG pictures of images and masks, each kept once.

use std::collections::HashMap;
use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datasets::{Image, Mask, grey_range};
use image::{ImageFormat, Luma, Rgba};

/// Longest side of a picture; larger ones show every second, third, … pixel.
const MAX_SIDE: usize = 768;
/// Opacity of a mask's colours.
const ALPHA: u8 = 150;
/// Truth, and pixels found rightly (Okabe and Ito 2008, for the colour-blind too).
const RIGHT: [u8; 3] = [0, 158, 115];
/// Pixels found that are not there, or are of another class.
const WRONG: [u8; 3] = [230, 120, 0];
/// Pixels not found.
const MISSED: [u8; 3] = [160, 60, 200];

/// Pictures by number.
#[derive(Default)]
pub struct Pictures {
    /// Base64 of each PNG.
    encoded: Vec<String>,
    known: HashMap<Vec<u8>, usize>,
}

impl Pictures {
    /// Base64 of each PNG, in the order of their numbers.
    pub fn encoded(&self) -> &[String] {
        &self.encoded
    }

    /// Rows and columns of the picture of an image.
    pub fn size(image: &Image) -> [usize; 2] {
        let stride = stride([image.height, image.width]);
        [image.height.div_ceil(stride), image.width.div_ceil(stride)]
    }

    /// Adds the first channel of an image in grey; returns its number.
    pub fn add_image(&mut self, image: &Image) -> usize {
        let (black, white) = grey_range(image);
        let stride = stride([image.height, image.width]);
        let [height, width] = Pictures::size(image);
        let picture = image::GrayImage::from_fn(width as u32, height as u32, |x, y| {
            let value = image.at(0, y as usize * stride, x as usize * stride);
            Luma([(255.0 * (value - black) / (white - black)).clamp(0.0, 255.0) as u8])
        });
        let mut bytes = Cursor::new(Vec::new());
        // encoding into memory cannot fail for a picture of positive size
        let _ = picture.write_to(&mut bytes, ImageFormat::Png);
        self.add(bytes.into_inner())
    }

    /// Adds a mask in the colours of its agreement with the truth, clear elsewhere.
    ///
    /// # Panics
    /// If the sizes differ.
    pub fn add_mask(&mut self, mask: &Mask, truth: &Mask) -> usize {
        let stride = stride([mask.height, mask.width]);
        let (height, width) = (mask.height.div_ceil(stride), mask.width.div_ceil(stride));
        let picture = image::RgbaImage::from_fn(width as u32, height as u32, |x, y| {
            let (y, x) = (y as usize * stride, x as usize * stride);
            let colour = match (mask.at(y, x), truth.at(y, x)) {
                (0, 0) => return Rgba([0; 4]),
                (0, _) => MISSED,
                (found, wanted) if found == wanted => RIGHT,
                _ => WRONG,
            };
            Rgba([colour[0], colour[1], colour[2], ALPHA])
        });
        let mut bytes = Cursor::new(Vec::new());
        // as above
        let _ = picture.write_to(&mut bytes, ImageFormat::Png);
        self.add(bytes.into_inner())
    }

    fn add(&mut self, png: Vec<u8>) -> usize {
        let next = self.encoded.len();
        let number = *self.known.entry(png.clone()).or_insert(next);
        if number == next {
            self.encoded.push(STANDARD.encode(png));
        }
        number
    }
}

fn stride(size: [usize; 2]) -> usize {
    size[0].max(size[1]).div_ceil(MAX_SIDE).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pictures: &Pictures, number: usize) -> image::DynamicImage {
        let png = STANDARD.decode(&pictures.encoded()[number]).expect("base64");
        image::load_from_memory(&png).expect("a PNG")
    }

    #[test]
    fn colours_tell_right_wrong_and_missed() {
        let mask = |data: &[u8]| Mask { height: 2, width: 3, data: data.to_vec() };
        let (found, truth) = (mask(&[0, 1, 0, 1, 2, 1]), mask(&[0, 1, 1, 0, 1, 1]));
        let mut pictures = Pictures::default();
        let number = pictures.add_mask(&found, &truth);
        let picture = decode(&pictures, number).to_rgba8();
        let at = |x, y| picture.get_pixel(x, y).0;
        assert_eq!(at(0, 0), [0; 4]);
        assert_eq!(at(1, 0)[..3], RIGHT);
        assert_eq!(at(2, 0)[..3], MISSED);
        assert_eq!((&at(0, 1)[..3], &at(1, 1)[..3]), (&WRONG[..], &WRONG[..]));
        assert_eq!(pictures.add_mask(&found, &truth), number, "one picture, kept once");
        assert_ne!(pictures.add_mask(&truth, &truth), number);
    }

    #[test]
    fn large_images_are_thinned() {
        let image = Image::grey(3, 1600, (0..4800).map(|i| i as f32).collect());
        let mut pictures = Pictures::default();
        let number = pictures.add_image(&image);
        assert_eq!(Pictures::size(&image), [1, 534]);
        let picture = decode(&pictures, number);
        assert_eq!((picture.width(), picture.height()), (534, 1));
    }
}
