//! Volumes in all 48 orientations, read and written back.

mod common;

use std::path::Path;

use common::{NiftiFile, gzip, read};
use datasets::nifti_io::Volume;
use datasets::{Image, Mask, Normalisation, Preprocess};

/// Right, anterior, superior; no two alike.
const SIZE: [usize; 3] = [5, 6, 4];
const SPACING: [f32; 3] = [1.0, 0.5, 2.5];

fn raw() -> Preprocess {
    Preprocess { normalisation: Normalisation::None, ..Default::default() }
}

fn value([r, a, s]: [usize; 3]) -> f64 {
    (100 * r + 10 * a + s) as f64
}

/// (file axis of each patient axis, whether it runs backwards): all 48.
fn orientations() -> Vec<([usize; 3], [bool; 3])> {
    let axes = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let flips = (0..8).map(|bits: u8| [bits & 1 > 0, bits & 2 > 0, bits & 4 > 0]);
    flips.flat_map(|flip| axes.map(|axes| (axes, flip))).collect()
}

/// The volume `of(right, anterior, superior)` of `size` stored in an orientation.
fn stored(
    (axes, flips): ([usize; 3], [bool; 3]),
    size: [usize; 3],
    of: impl Fn([usize; 3]) -> f64,
) -> NiftiFile {
    let mut dims = [0; 3];
    let mut sform = [[0.0f32; 4]; 3];
    let mut pixdim = [1.0f32; 4];
    for patient in 0..3 {
        dims[axes[patient]] = size[patient];
        let step = if flips[patient] { -SPACING[patient] } else { SPACING[patient] };
        sform[patient][axes[patient]] = step;
        // a little oblique, as scans are
        sform[patient][axes[(patient + 1) % 3]] = 0.04;
        sform[patient][3] = 7.0;
        pixdim[1 + axes[patient]] = SPACING[patient];
    }
    let mut data = Vec::new();
    for k in 0..dims[2] {
        for j in 0..dims[1] {
            for i in 0..dims[0] {
                let file = [i, j, k];
                let at = [0, 1, 2].map(|patient| {
                    let at = file[axes[patient]];
                    if flips[patient] { size[patient] - 1 - at } else { at }
                });
                data.push(of(at));
            }
        }
    }
    NiftiFile { dims, pixdim, sform: Some(sform), data, ..NiftiFile::new(dims, Vec::new()) }
}

#[test]
fn every_orientation_gives_the_same_slices() {
    for orientation in orientations() {
        let file = stored(orientation, SIZE, value);
        let volume = Volume::from_bytes(Path::new("v.nii"), &file.bytes()).unwrap();
        assert_eq!(volume.patient_dims(), SIZE, "{orientation:?}");
        for (found, expected) in volume.spacing.iter().zip(SPACING) {
            assert!((found - expected).abs() < 0.01, "{orientation:?}: {:?}", volume.spacing);
        }
        let planes = volume.planes(2);
        assert_eq!((planes.len(), planes[0].height, planes[0].width), (4, 6, 5));
        for (s, plane) in planes.iter().enumerate() {
            for y in 0..6 {
                for x in 0..5 {
                    // anterior is up, right is right
                    let expected = value([x, 5 - y, s]) as f32;
                    assert_eq!(plane.data[y * 5 + x], expected, "{orientation:?} {s} {y} {x}");
                }
            }
        }
        let sagittal = volume.planes(0);
        assert_eq!((sagittal.len(), sagittal[0].height, sagittal[0].width), (5, 4, 6));
        assert_eq!(sagittal[3].data[0], value([3, 0, 3]) as f32);
        let coronal = volume.planes(1);
        assert_eq!((coronal.len(), coronal[0].height, coronal[0].width), (6, 4, 5));
        assert_eq!(coronal[2].data[4], value([4, 2, 3]) as f32);
    }
}

#[test]
fn quaternions_orient_as_matrices_do() {
    let half = std::f64::consts::FRAC_1_SQRT_2;
    let mut rotations = Vec::new();
    for axis in 0..3 {
        for sine in [1.0f64, half, -half] {
            let mut q = [(1.0 - sine * sine).max(0.0).sqrt(), 0.0, 0.0, 0.0];
            q[1 + axis] = sine;
            rotations.push(q);
        }
        for sign in [1.0, -1.0] {
            let mut q = [0.0; 4];
            (q[1 + axis], q[1 + (axis + 1) % 3]) = (half, sign * half);
            rotations.push(q);
        }
    }
    let sign = |bits: u8, k: u8| if bits >> k & 1 == 1 { -0.5 } else { 0.5 };
    rotations.extend((0..8).map(|bits| [0.5, sign(bits, 0), sign(bits, 1), sign(bits, 2)]));
    rotations.push([1.0, 0.0, 0.0, 0.0]);
    assert_eq!(rotations.len(), 24);
    // q·v·q* by Hamilton's product
    let product = |a: [f64; 4], b: [f64; 4]| {
        [
            a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
            a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
            a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
            a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
        ]
    };
    for q in rotations {
        for qfac in [1.0f32, -1.0] {
            let mut sform = [[0.0f32; 4]; 3];
            let mut spacing = [0.0f32; 4];
            spacing[0] = qfac;
            for axis in 0..3 {
                let mut v = [0.0; 4];
                v[1 + axis] = if axis == 2 { f64::from(qfac) } else { 1.0 };
                let turned = product(product(q, v), [q[0], -q[1], -q[2], -q[3]]);
                spacing[1 + axis] = SPACING[axis];
                for row in 0..3 {
                    sform[row][axis] = turned[1 + row] as f32 * SPACING[axis];
                }
            }
            let data: Vec<f64> = (0..120).map(f64::from).collect();
            let by_matrix =
                NiftiFile { sform: Some(sform), pixdim: spacing, ..NiftiFile::new(SIZE, data) };
            let quaternion = Some([q[1] as f32, q[2] as f32, q[3] as f32]);
            let by_quaternion = NiftiFile { sform: None, quaternion, ..by_matrix.clone() };
            let open = |f: &NiftiFile| Volume::from_bytes(Path::new("v.nii"), &f.bytes()).unwrap();
            let (a, b) = (open(&by_matrix), open(&by_quaternion));
            assert_eq!(a.patient_dims(), b.patient_dims(), "{q:?} {qfac}");
            assert_eq!(a.planes(2), b.planes(2), "{q:?} {qfac}");
        }
    }
}

#[test]
fn labels_come_back_voxel_by_voxel_with_the_same_header() {
    let folder = tempfile::tempdir().unwrap();
    for (n, orientation) in orientations().into_iter().enumerate() {
        let extension = if n % 3 == 0 {
            vec![16, 0, 0, 0, 6, 0, 0, 0, b'h', b'i', 0, 0, 0, 0, 0, 0]
        } else {
            vec![]
        };
        let file =
            NiftiFile { big_endian: n % 2 == 1, extension, ..stored(orientation, SIZE, value) };
        let path = folder.path().join(format!("in{n}.nii.gz"));
        file.write(&path);
        let volume = Volume::open(&path).unwrap();
        let axis = n % 3;
        let preprocess = Preprocess { axis, ..raw() };
        let images = volume.slices(&preprocess).unwrap();
        let label = |v: f64| u8::from(v as u64 % 7 < 3);
        let masks: Vec<Mask> =
            images.iter().map(|i| threshold(i, |v| label(f64::from(v)))).collect();
        let out = folder.path().join(if n % 2 == 0 { "out.nii.gz" } else { "out.nii" });
        volume.write_labels(&out, &masks, &preprocess).unwrap();
        let (before, after) = (file.bytes(), read(&out));
        let offset = 352 + file.extension.len();
        let expected: Vec<u8> = file.data.iter().map(|&v| label(v)).collect();
        assert_eq!(after[offset..], expected, "{orientation:?}");
        // datatype, bitpix, scaling and display range may differ, nothing else
        for byte in 0..offset {
            if !matches!(byte, 70..=73 | 112..=119 | 124..=131) {
                assert_eq!(before[byte], after[byte], "header byte {byte} of {orientation:?}");
            }
        }
        let again = Volume::open(&out).unwrap();
        assert_eq!((again.dims, again.spacing), (volume.dims, volume.spacing));
        let planes: Vec<Vec<u8>> = again
            .planes(axis)
            .iter()
            .map(|plane| plane.data.iter().map(|&v| v as u8).collect())
            .collect();
        assert_eq!(planes, masks.iter().map(|m| m.data.clone()).collect::<Vec<_>>());
    }
}

fn threshold(image: &Image, class: impl Fn(f32) -> u8) -> Mask {
    let data = image.data.iter().map(|&v| class(v)).collect();
    Mask { height: image.height, width: image.width, data }
}

#[test]
fn resampling_and_cropping_are_undone() {
    let folder = tempfile::tempdir().unwrap();
    let size = [40, 64, 12];
    // an ellipsoid off the middle, in mm
    let inside = |[r, a, s]: [usize; 3]| {
        let d = [(r as f64 - 14.0) * 1.0, (a as f64 - 24.0) * 0.5, (s as f64 - 6.0) * 2.5];
        (d[0] / 9.0).powi(2) + (d[1] / 7.0).powi(2) + (d[2] / 16.0).powi(2) < 1.0
    };
    for orientation in orientations() {
        let file = stored(orientation, size, |at| if inside(at) { 100.0 } else { 0.0 });
        let path = folder.path().join("in.nii");
        file.write(&path);
        let mut volume = Volume::open(&path).unwrap();
        volume.set_crop_mask(&path).unwrap();
        let preprocess = Preprocess { spacing: Some([0.4, 0.4]), crop: Some([60, 52]), ..raw() };
        let images = volume.slices(&preprocess).unwrap();
        assert_eq!((images.len(), images[0].height, images[0].width), (12, 60, 52));
        let masks: Vec<Mask> =
            images.iter().map(|i| threshold(i, |v| u8::from(v > 50.0))).collect();
        let out = folder.path().join("out.nii");
        volume.write_labels(&out, &masks, &preprocess).unwrap();
        let voxels = &read(&out)[352..];
        assert_eq!(voxels.len(), file.data.len());
        let truth: Vec<u8> = file.data.iter().map(|&v| u8::from(v > 0.0)).collect();
        let wrong = voxels.iter().zip(&truth).filter(|(a, b)| a != b).count();
        let foreground = truth.iter().filter(|v| **v == 1).count();
        assert!(wrong * 100 < foreground, "{orientation:?}: {wrong} wrong of {foreground}");
    }
}

#[test]
fn scaling_types_and_byte_orders() {
    let data: Vec<f64> = (0..8).map(f64::from).collect();
    for datatype in [2, 4, 16, 64] {
        for big_endian in [false, true] {
            let scaling = [0.5, -1.0];
            let file = NiftiFile {
                datatype,
                big_endian,
                scaling,
                ..NiftiFile::new([2, 2, 2], data.clone())
            };
            let volume = Volume::from_bytes(Path::new("v.nii"), &gzip(&file.bytes())).unwrap();
            let planes = volume.planes(2);
            // anterior row first
            assert_eq!(planes[0].data, [0.0, 0.5, -1.0, -0.5], "type {datatype} {big_endian}");
            assert_eq!(planes[1].data, [2.0, 2.5, 1.0, 1.5], "type {datatype} {big_endian}");
        }
    }
}
