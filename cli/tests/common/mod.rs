//! Running the qunet binary, and small files to feed it.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The qunet binary with these arguments, ready to run.
pub fn qunet(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qunet"));
    command.args(arguments);
    command
}

/// Runs and returns standard output; the test fails with the error output if qunet fails.
pub fn succeed(arguments: &[&str]) -> String {
    let output = qunet(arguments).output().expect("qunet runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "qunet {arguments:?}: {}\n{error}", output.status);
    String::from_utf8(output.stdout).expect("UTF-8 output")
}

/// Asserts exit code 1 and one `error:` line that holds every fragment.
pub fn assert_fails(output: &Output, fragments: &[&str]) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "exit code; standard error:\n{error}");
    assert!(!error.contains("panicked"), "panicked:\n{error}");
    let line = error.lines().rev().find(|line| line.starts_with("error: "));
    let line = line.unwrap_or_else(|| panic!("no error line in:\n{error}"));
    for fragment in fragments {
        assert!(line.contains(fragment), "expected {fragment:?} in: {line}");
    }
}

/// Runs and asserts a failure as [`assert_fails`].
pub fn fail(arguments: &[&str], fragments: &[&str]) {
    assert_fails(&qunet(arguments).output().expect("qunet runs"), fragments);
}

/// The path as text.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8 path")
}

/// The project's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_path_buf()
}

/// Writes a small valid model and returns its bytes.
pub fn write_model(path: &Path) -> Vec<u8> {
    let network = qunet_tests::unet::unet(&qunet_tests::unet::Unet::default());
    let bytes = network.to_bytes().expect("a valid network");
    std::fs::write(path, &bytes).expect("model is written");
    bytes
}

/// Writes a configuration of the kind `folder` over `root/image` and `root/label`.
pub fn write_folder_config(path: &Path, root: &Path) {
    let text = format!(
        "[data]\nkind = \"folder\"\nroot = {:?}\nmask_values = [0, 255]\n\
         [train]\nsteps = 2\nbatch = 5\n[quantize]\nsteps = 2\n",
        text(root)
    );
    std::fs::write(path, text).expect("configuration is written");
}

/// Writes a grey picture whose pixels a function of (x, y) gives.
pub fn write_png(path: &Path, [height, width]: [u32; 2], pixel: impl Fn(u32, u32) -> u8) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
    let picture = image::GrayImage::from_fn(width, height, |x, y| image::Luma([pixel(x, y)]));
    picture.save(path).expect("picture is written");
}

/// Six pictures of 64×64 with a bright disc, and their masks.
pub fn write_folder(root: &Path) {
    for index in 0..6u32 {
        let inside = move |x: u32, y: u32| {
            let (dx, dy) = (x as i64 - 32, y as i64 - 24 - i64::from(index));
            dx * dx + dy * dy < 200
        };
        let name = format!("{index:02}.png");
        let grey = |x, y| if inside(x, y) { 200 } else { 60 + (x * 7 + y * 13) as u8 % 40 };
        write_png(&root.join("image").join(&name), [64, 64], grey);
        let label = |x, y| if inside(x, y) { 255 } else { 0 };
        write_png(&root.join("label").join(&name), [64, 64], label);
    }
}

/// The bytes of a NIfTI-1 volume of f32 with an identity affine.
pub fn nifti(shape: [usize; 3], values: &[f32]) -> Vec<u8> {
    let mut header = vec![0u8; 352];
    header[0..4].copy_from_slice(&348i32.to_le_bytes());
    let dims = [3, shape[0] as i16, shape[1] as i16, shape[2] as i16, 1, 1, 1, 1];
    for (index, dim) in dims.iter().enumerate() {
        header[40 + 2 * index..42 + 2 * index].copy_from_slice(&dim.to_le_bytes());
    }
    header[70..72].copy_from_slice(&16i16.to_le_bytes());
    header[72..74].copy_from_slice(&32i16.to_le_bytes());
    for index in 0..8 {
        header[76 + 4 * index..80 + 4 * index].copy_from_slice(&1f32.to_le_bytes());
    }
    header[108..112].copy_from_slice(&352f32.to_le_bytes());
    header[252..254].copy_from_slice(&1i16.to_le_bytes());
    header[254..256].copy_from_slice(&1i16.to_le_bytes());
    for (row, at) in [280usize, 296, 312].iter().enumerate() {
        header[at + 4 * row..at + 4 * row + 4].copy_from_slice(&1f32.to_le_bytes());
    }
    header[344..348].copy_from_slice(b"n+1\0");
    header.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    header
}

/// The same, compressed.
pub fn nifti_gz(shape: [usize; 3], values: &[f32]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&nifti(shape, values)).expect("memory");
    encoder.finish().expect("memory")
}
