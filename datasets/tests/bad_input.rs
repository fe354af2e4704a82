//! Each kind of bad input, with a message that says what, where, expected and found.

mod common;

use std::path::{Path, PathBuf};

use common::{NiftiFile, gzip, write_png};
use datasets::nifti_io::Volume;
use datasets::{DataConfig, DataError, DataKind, Mask, Preprocess, Scan, load_samples};

fn folder_config(root: &Path) -> DataConfig {
    DataConfig {
        kind: DataKind::Folder,
        root: root.to_path_buf(),
        mask_values: vec![0.0, 255.0],
        ..Default::default()
    }
}

/// A folder data set of two 3×2 pictures.
fn data_set() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for name in ["image", "label"] {
        std::fs::create_dir(root.path().join(name)).unwrap();
    }
    for name in ["a", "b"] {
        write_png(&root.path().join(format!("image/{name}.png")), 3, &[1, 2, 3, 4, 5, 6]);
        write_png(&root.path().join(format!("label/{name}.png")), 3, &[0, 0, 255, 255, 0, 0]);
    }
    root
}

fn message(config: &DataConfig) -> String {
    load_samples(config).expect_err("should fail").to_string()
}

fn check(root: &Path, wanted: &[&str]) {
    let message = message(&folder_config(root));
    for part in wanted {
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    }
}

#[test]
fn the_data_set_itself_is_good() {
    let root = data_set();
    let samples = load_samples(&folder_config(root.path())).unwrap();
    assert_eq!(samples.len(), 2);
    assert_eq!(samples[0].mask.data, [0, 0, 1, 1, 0, 0]);
    assert_eq!((samples[1].name.as_str(), samples[1].subject.as_str()), ("b", "b"));
    let mean: f32 = samples[0].image.data.iter().sum();
    assert!(mean.abs() < 1e-5);
}

#[test]
fn missing_folders() {
    let root = data_set();
    check(&root.path().join("nowhere"), &["nowhere: expected a folder", "found nothing"]);
    std::fs::remove_dir_all(root.path().join("label")).unwrap();
    check(root.path(), &["label: expected a folder (masks of the data set)"]);
}

#[test]
fn empty_folder() {
    let root = data_set();
    for name in ["a", "b"] {
        std::fs::remove_file(root.path().join(format!("image/{name}.png"))).unwrap();
    }
    std::fs::write(root.path().join("image/notes.txt"), "no picture").unwrap();
    check(root.path(), &["image: expected pictures (png, jpg", "none among 1 entries"]);
}

#[test]
fn image_without_mask_and_mask_without_image() {
    let root = data_set();
    std::fs::remove_file(root.path().join("label/b.png")).unwrap();
    check(root.path(), &["b.png: image without mask: expected", "label/b.png, found no such file"]);
    std::fs::remove_file(root.path().join("image/b.png")).unwrap();
    write_png(&root.path().join("label/c.png"), 3, &[0; 6]);
    check(root.path(), &["c.png: mask without image", "image, found none"]);
}

#[test]
fn sizes_that_differ() {
    let root = data_set();
    write_png(&root.path().join("label/b.png"), 2, &[0; 6]);
    check(root.path(), &["label/b.png: size: expected 2×3 as in", "image/b.png, found 3×2"]);
}

#[test]
fn unexpected_mask_value() {
    let root = data_set();
    write_png(&root.path().join("label/b.png"), 3, &[0, 255, 0, 0, 7, 0]);
    check(root.path(), &["label/b.png: mask pixel (row 1, column 1)", "[0.0, 255.0], found 7"]);
}

#[test]
fn undecodable_and_truncated_pictures() {
    let root = data_set();
    let image = root.path().join("image/b.png");
    std::fs::write(&image, b"not a picture at all").unwrap();
    check(root.path(), &["b.png: expected a PNG or JPEG picture, found"]);
    let good = std::fs::read(root.path().join("image/a.png")).unwrap();
    std::fs::write(&image, &good[..good.len() / 2]).unwrap();
    check(root.path(), &["b.png: expected a PNG or JPEG picture, found"]);
    std::fs::write(&image, b"").unwrap();
    check(root.path(), &["b.png: expected a PNG or JPEG picture, found"]);
    std::fs::remove_file(&image).unwrap();
    std::fs::write(root.path().join("image/b.tif"), b"II*\0\xff\xff\xff\x7f").unwrap();
    check(root.path(), &["b.tif: expected a TIFF picture or stack, found"]);
}

#[test]
fn two_pictures_of_one_name() {
    let root = data_set();
    std::fs::copy(root.path().join("image/a.png"), root.path().join("image/a.jpg")).unwrap();
    check(root.path(), &["expected one picture of each name"]);
}

#[test]
fn a_png_that_claims_too_much_is_refused() {
    let root = data_set();
    let path = root.path().join("image/b.png");
    let mut bytes = std::fs::read(root.path().join("image/a.png")).unwrap();
    bytes[16..24].copy_from_slice(&[0, 0, 0x3f, 0xff, 0, 0, 0x3f, 0xff]);
    let checksum = crc(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    std::fs::write(&path, &bytes).unwrap();
    check(root.path(), &["b.png: expected a PNG or JPEG picture, found"]);
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn volume_error(bytes: &[u8]) -> DataError {
    Volume::from_bytes(Path::new("scan.nii.gz"), bytes).expect_err("should fail")
}

fn cube() -> NiftiFile {
    NiftiFile::new([4, 4, 4], (0..64).map(f64::from).collect())
}

#[test]
fn every_truncation_of_a_volume_is_an_error() {
    let plain = cube().bytes();
    let compressed = gzip(&plain);
    for bytes in [&plain, &compressed] {
        for length in 0..bytes.len() {
            volume_error(&bytes[..length]);
        }
        Volume::from_bytes(Path::new("scan.nii"), bytes).unwrap();
    }
    let found = volume_error(&plain[..352 + 100]).to_string();
    assert_eq!(found, "scan.nii.gz: truncated: expected 256 bytes of voxels, found 100");
    let found = volume_error(&compressed[..compressed.len() / 2]).to_string();
    assert!(found.contains("truncated: expected 348 bytes of header, found "), "{found}");
    let found = volume_error(&compressed[..compressed.len() - 30]).to_string();
    assert!(found.contains("truncated: expected 256 bytes of voxels, found "), "{found}");
    let found = volume_error(&compressed[..compressed.len() - 3]).to_string();
    assert!(found.contains("truncated: expected 8 bytes of gzip checksum"), "{found}");
    let found = volume_error(&plain[..9]).to_string();
    assert!(found.contains("truncated: expected 348 bytes of header, found 9"), "{found}");
}

#[test]
fn every_flipped_bit_of_a_compressed_volume_is_an_error_or_harmless() {
    let file = NiftiFile::new([2, 2, 2], (0..8).map(f64::from).collect());
    let compressed = gzip(&file.bytes());
    let good = Volume::from_bytes(Path::new("v.nii.gz"), &compressed).unwrap();
    // bytes 4..10 are gzip's time stamp, flags and system: no data
    for bit in 80..8 * compressed.len() {
        let mut bytes = compressed.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(volume) = Volume::from_bytes(Path::new("v.nii.gz"), &bytes) {
            assert_eq!(volume.planes(2), good.planes(2), "bit {bit}");
        }
    }
}

#[test]
fn hostile_headers_do_not_panic_or_allocate() {
    let mut huge = cube().bytes();
    for axis in 1..=3 {
        huge[40 + 2 * axis..42 + 2 * axis].copy_from_slice(&i16::MAX.to_le_bytes());
    }
    let found = volume_error(&huge).to_string();
    assert!(found.contains("voxels: expected at most"), "{found}");
    let mut large = cube().bytes();
    for axis in 1..=3 {
        large[40 + 2 * axis..42 + 2 * axis].copy_from_slice(&800i16.to_le_bytes());
    }
    let found = volume_error(&gzip(&large)).to_string();
    assert!(found.contains("truncated: expected 2048000000 bytes of voxels, found 256"), "{found}");
    let good = cube().bytes();
    for byte in 0..348 {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[byte] = value;
            // an error or a volume, never a panic
            if let Ok(volume) = Volume::from_bytes(Path::new("v.nii"), &bytes) {
                let preprocess = Preprocess { spacing: Some([1.0, 1.0]), ..Default::default() };
                let n = volume.patient_dims().iter().product::<usize>();
                assert_eq!(n, volume.dims.iter().product::<usize>());
                if volume.spacing.iter().all(|mm| (0.01..100.0).contains(mm)) {
                    volume.slices(&preprocess).unwrap();
                }
            }
        }
    }
}

#[test]
fn voxels_that_are_no_numbers() {
    for (value, name) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        let mut file = cube();
        file.data[1 + 4 * (2 + 4 * 3)] = value;
        let found = volume_error(&file.bytes()).to_string();
        let wanted =
            format!("scan.nii.gz: voxel [1, 2, 3]: expected a finite number, found {name}");
        assert_eq!(found, wanted);
    }
}

#[test]
fn kinds_of_volume_that_are_not_handled() {
    let with = |at: usize, bytes: &[u8]| {
        let mut file = cube().bytes();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        volume_error(&file).to_string()
    };
    let found = with(40, &[4, 0, 4, 0, 4, 0, 4, 0, 2, 0]);
    assert!(found.contains("dimensions: expected one volume"), "{found}");
    assert!(with(70, &128i16.to_le_bytes()).contains("voxel type: expected integers"));
    assert!(with(70, &999i16.to_le_bytes()).contains("expected a NIfTI-1 file"));
    assert!(with(72, &8i16.to_le_bytes()).contains("8 bits for a Float32"));
    assert!(with(344, b"ni1\0").contains("layout: expected header and voxels in one file"));
    assert!(with(344, b"nope").contains("expected a NIfTI-1 file"));
    assert!(with(0, &540i32.to_le_bytes()).contains("a header of 540 bytes instead of 348"));
    assert!(with(108, &f32::NAN.to_le_bytes()).contains("voxels at byte NaN"));
    assert!(with(280, &[0; 48]).contains("affine: expected three finite axes"));
}

fn bids(root: &Path, labels: &NiftiFile) -> DataConfig {
    let (images, masks) = (root.join("sub-1/anat"), root.join("derivatives/labels/sub-1/anat"));
    std::fs::create_dir_all(&images).unwrap();
    std::fs::create_dir_all(&masks).unwrap();
    cube().write(&images.join("sub-1_T2starw.nii.gz"));
    labels.write(&masks.join("sub-1_T2starw_gmseg-manual.nii.gz"));
    DataConfig { kind: DataKind::Bids, root: root.to_path_buf(), ..Default::default() }
}

#[test]
fn masks_of_volumes() {
    let root = tempfile::tempdir().unwrap();
    let mut labels = NiftiFile::new([4, 4, 4], vec![0.0; 64]);
    labels.data[9] = 1.0;
    let config = bids(root.path(), &labels);
    let samples = load_samples(&config).unwrap();
    assert_eq!(samples.len(), 4);
    assert_eq!(
        (samples[0].name.as_str(), samples[0].volume()),
        ("sub-1_T2starw#0000", "sub-1_T2starw")
    );
    // file (1, 2, 0): column 1, row 3 − 2
    assert_eq!(samples[0].mask.data.iter().position(|&c| c == 1), Some(4 + 1));
    let skipped = DataConfig { skip_empty: true, ..config.clone() };
    assert_eq!(load_samples(&skipped).unwrap().len(), 1);
    labels.data[9] = 2.0;
    let config = bids(root.path(), &labels);
    let found = message(&config);
    assert!(found.contains("mask pixel [1, 2, 0]: expected one of [0.0, 1.0], found 2"), "{found}");
    let found = message(&bids(root.path(), &NiftiFile::new([4, 4, 3], vec![0.0; 48])));
    assert!(found.contains("size: expected 4×4×4"), "{found}");
    std::fs::remove_file(
        root.path().join("derivatives/labels/sub-1/anat/sub-1_T2starw_gmseg-manual.nii.gz"),
    )
    .unwrap();
    assert!(message(&config).contains("image without mask"));
    let other = DataConfig { suffix: "T1w".into(), ..config.clone() };
    assert!(message(&other).contains("expected images named sub-*_T1w"));
    std::fs::remove_dir_all(root.path().join("derivatives")).unwrap();
    assert!(message(&config).contains("expected a folder (the masks of a BIDS data set)"));
}

#[test]
fn an_empty_crop_segmentation() {
    let root = tempfile::tempdir().unwrap();
    let empty = root.path().join("empty.nii");
    NiftiFile::new([4, 4, 4], vec![0.0; 64]).write(&empty);
    let path = root.path().join("scan.nii");
    cube().write(&path);
    let mut scan = Scan::open(&path).unwrap();
    let found = scan.set_crop_mask(&empty).unwrap_err().to_string();
    assert!(found.contains("expected a voxel above 0, found none"), "{found}");
}

#[test]
fn masks_that_do_not_fit_a_scan_leave_the_old_file() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("scan.nii");
    cube().write(&path);
    let scan = Scan::open(&path).unwrap();
    let out = root.path().join("out.nii");
    std::fs::write(&out, b"old").unwrap();
    let preprocess = Preprocess::default();
    let write = |to: &PathBuf, masks: &[Mask]| {
        scan.write_labels(to, masks, &preprocess).expect_err("should fail").to_string()
    };
    let found = write(&out, &vec![Mask::zeros(4, 4); 3]);
    assert!(found.contains("number of masks: expected 4, found 3"), "{found}");
    let found = write(&out, &vec![Mask::zeros(4, 5); 4]);
    assert!(found.contains("size of a mask: expected 4×4, found 4×5"), "{found}");
    let found = write(&root.path().join("out.png"), &vec![Mask::zeros(4, 4); 4]);
    assert!(
        found.contains("ending of the segmentation: expected nii or nii.gz, found png"),
        "{found}"
    );
    assert_eq!(std::fs::read(&out).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 2);
    let found = Scan::open(&root.path().join("scan.mgh")).unwrap_err().to_string();
    assert!(found.contains("ending: expected nii, nii.gz, png"), "{found}");
    let found = Scan::open(&root.path().join("absent.nii")).unwrap_err().to_string();
    assert!(found.contains("absent.nii: cannot read"), "{found}");
}

/// Damaged pictures of every format give an error or a picture, never a panic.
#[test]
fn damaged_pictures_do_not_panic() {
    use proptest::prelude::*;
    let root = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..48).collect();
    let picture = image::GrayImage::from_raw(8, 6, pixels).unwrap();
    let originals = ["p.png", "p.jpg", "p.tif"].map(|name| {
        let path = root.path().join(name);
        if name == "p.tif" {
            let file = std::fs::File::create(&path).unwrap();
            let mut encoder = tiff::encoder::TiffEncoder::new(file).unwrap();
            for _ in 0..2 {
                encoder
                    .write_image::<tiff::encoder::colortype::Gray8>(8, 6, picture.as_raw())
                    .unwrap();
            }
        } else {
            picture.save(&path).unwrap();
        }
        (std::fs::read(&path).unwrap(), path)
    });
    let damage =
        (0usize..3, prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6));
    let config = ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() };
    proptest!(config, |((which, changes) in damage, cut in any::<prop::sample::Index>())| {
        let (original, path) = &originals[which];
        let mut bytes = original.clone();
        for (index, value) in &changes {
            let at = index.index(bytes.len());
            bytes[at] = *value;
        }
        if changes.len() == 5 {
            bytes.truncate(cut.index(bytes.len()));
        }
        std::fs::write(path, &bytes).unwrap();
        if let Ok(Scan::Picture(picture)) = Scan::open(path) {
            prop_assert!(picture.pages.iter().all(|p| p.data.len() == p.height * p.width));
        }
    });
}
