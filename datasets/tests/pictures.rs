//! PNG, JPEG and TIFF of every depth, and masks back in the picture's size.

mod common;

use std::fs::File;
use std::path::Path;

use common::write_png;
use datasets::picture::Picture;
use datasets::{DataConfig, DataKind, Mask, Normalisation, Preprocess, Scan, load_samples};
use image::{ImageBuffer, Luma, LumaA, Rgb, Rgba};
use tiff::encoder::{TiffEncoder, colortype};

fn pixels(path: &Path) -> Vec<f32> {
    Picture::open(path).unwrap().pages.remove(0).data
}

#[test]
fn every_colour_type_becomes_grey() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.png");
    ImageBuffer::from_fn(2, 1, |x, _| Luma([7u8 + x as u8])).save(&path).unwrap();
    assert_eq!(pixels(&path), [7.0, 8.0]);
    ImageBuffer::from_fn(2, 1, |x, _| LumaA([7u8 + x as u8, 99])).save(&path).unwrap();
    assert_eq!(pixels(&path), [7.0, 8.0]);
    ImageBuffer::from_fn(2, 1, |x, _| Luma([700u16 + x as u16])).save(&path).unwrap();
    assert_eq!(pixels(&path), [700.0, 701.0]);
    ImageBuffer::from_fn(2, 1, |x, _| LumaA([700u16 + x as u16, 1])).save(&path).unwrap();
    assert_eq!(pixels(&path), [700.0, 701.0]);
    ImageBuffer::from_fn(2, 1, |x, _| Rgb([5 + x as u8; 3])).save(&path).unwrap();
    assert_eq!(pixels(&path), [5.0, 6.0]);
    ImageBuffer::from_fn(1, 1, |_, _| Rgba([100u8, 200, 50, 3])).save(&path).unwrap();
    // 0.299·100 + 0.587·200 + 0.114·50
    assert!((pixels(&path)[0] - 153.0).abs() < 1e-4);
    ImageBuffer::from_fn(1, 1, |_, _| Rgb([1000u16; 3])).save(&path).unwrap();
    assert_eq!(pixels(&path), [1000.0]);
    let path = folder.path().join("p.jpg");
    ImageBuffer::from_fn(16, 16, |_, _| Rgb([90u8; 3])).save(&path).unwrap();
    assert!(pixels(&path).iter().all(|v| (v - 90.0).abs() <= 2.0));
}

fn write_stack(path: &Path, pages: &[Vec<u16>], width: u32) {
    let mut encoder = TiffEncoder::new(File::create(path).unwrap()).unwrap();
    for page in pages {
        let height = page.len() as u32 / width;
        encoder.write_image::<colortype::Gray16>(width, height, page).unwrap();
    }
}

#[test]
fn a_stack_has_pages_and_its_masks_come_back_as_a_stack() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stack.tif");
    write_stack(&path, &[vec![1, 2, 3, 4, 5, 6], vec![600, 5, 4, 3, 2, 1]], 3);
    let scan = Scan::open(&path).unwrap();
    let preprocess = Preprocess { normalisation: Normalisation::None, ..Default::default() };
    let images = scan.slices(&preprocess).unwrap();
    assert_eq!(images[1].data, [600., 5., 4., 3., 2., 1.]);
    let masks: Vec<Mask> = (0..2)
        .map(|page| Mask { height: 2, width: 3, data: vec![page, 1, 0, 0, 1, 1 - page] })
        .collect();
    let out = folder.path().join("out.tif");
    scan.write_labels(&out, &masks, &preprocess).unwrap();
    let back = Picture::open(&out).unwrap();
    assert_eq!(back.pages[0].data, [0., 255., 0., 0., 255., 255.]);
    assert_eq!(back.pages[1].data, [255., 255., 0., 0., 255., 0.]);
}

#[test]
fn a_resized_and_cropped_picture_gets_a_mask_of_its_own_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.png");
    let inside = |x: u32, y: u32| (20..60).contains(&x) && (8..40).contains(&y);
    let data: Vec<u8> =
        (0..80 * 64).map(|i| if inside(i % 80, i / 80) { 200 } else { 0 }).collect();
    write_png(&path, 80, &data);
    let scan = Scan::open(&path).unwrap();
    for (size, crop) in [(None, None), (Some([32, 40]), None), (Some([32, 40]), Some([32, 32]))] {
        let preprocess =
            Preprocess { size, crop, normalisation: Normalisation::None, ..Default::default() };
        let image = scan.slices(&preprocess).unwrap().remove(0);
        let mask = Mask {
            height: image.height,
            width: image.width,
            data: image.data.iter().map(|&v| u8::from(v > 100.0)).collect(),
        };
        let out = folder.path().join("out.png");
        scan.write_labels(&out, &[mask], &preprocess).unwrap();
        let back = image::open(&out).unwrap().into_luma8();
        assert_eq!(back.dimensions(), (80, 64));
        let expected: Vec<u8> = data.iter().map(|&v| if v > 0 { 255 } else { 0 }).collect();
        assert_eq!(back.into_raw(), expected, "size {size:?}, crop {crop:?}");
    }
}

#[test]
fn stacks_load_as_samples_of_pages() {
    let root = tempfile::tempdir().unwrap();
    for (folder, high) in [("image", 900), ("label", 255)] {
        std::fs::create_dir(root.path().join(folder)).unwrap();
        let pages: Vec<Vec<u16>> = (0..3).map(|_| vec![0, high, 0, high]).collect();
        write_stack(&root.path().join(folder).join("s.tif"), &pages, 2);
    }
    let config = DataConfig {
        kind: DataKind::Folder,
        root: root.path().to_path_buf(),
        mask_values: vec![0.0, 255.0],
        invert: true,
        subject_pattern: "page".into(),
        ..Default::default()
    };
    let samples = load_samples(&config).unwrap();
    let subjects: Vec<&str> = samples.iter().map(|s| s.subject.as_str()).collect();
    assert_eq!(subjects, ["s#0000", "s#0001", "s#0002"]);
    assert_eq!(samples[2].mask.data, [1, 0, 1, 0]);
    assert_eq!(samples[2].image.data, [-1.0, 1.0, -1.0, 1.0]);
}
