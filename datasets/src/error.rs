//! What can be wrong with data, told as what, where, expected and found.

use std::path::{Path, PathBuf};

/// Everything that loading, splitting or writing data can fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A configuration value outside its legal range.
    #[error("{key}: expected {expected}, found {found}")]
    Config {
        /// `section.key`.
        key: &'static str,
        /// The legal values.
        expected: String,
        /// The value given.
        found: String,
    },
    /// A folder that is not there.
    #[error("{}: expected a folder ({what}), found {}", path.display(),
        if path.exists() { "a file" } else { "nothing of that name" })]
    MissingFolder {
        /// The folder.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// A folder without a single usable file.
    #[error("{}: expected {expected}, found none among {found} entries", path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
        /// The files looked for.
        expected: String,
        /// Number of entries seen.
        found: usize,
    },
    /// An image whose mask is not there.
    #[error("{}: image without mask: expected {}, found no such file", image.display(), expected.display())]
    MissingMask {
        /// The image.
        image: PathBuf,
        /// The mask's expected path.
        expected: PathBuf,
    },
    /// A mask whose image is not there.
    #[error("{}: mask without image: expected an image of the same name in {}, found none", mask.display(), expected.display())]
    MissingImage {
        /// The mask.
        mask: PathBuf,
        /// The folder of images.
        expected: PathBuf,
    },
    /// A raster whose size is not that of its partner.
    #[error("{}: size: expected {expected} as in {}, found {found}", path.display(), partner.display())]
    SizeMismatch {
        /// The offending file.
        path: PathBuf,
        /// The file that sets the size.
        partner: PathBuf,
        /// The partner's size.
        expected: String,
        /// The file's size.
        found: String,
    },
    /// A file with fewer bytes than its header claims.
    #[error("{}: truncated: expected {expected} bytes of {what}, found {found}", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Which part is short.
        what: &'static str,
        /// Bytes claimed by the header.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// A voxel or pixel that is not a finite number.
    #[error("{}: voxel {position}: expected a finite number, found {found}", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Coordinates in the file's own axes.
        position: String,
        /// `NaN`, `inf` or `-inf`.
        found: f32,
    },
    /// A mask value that stands for no class.
    #[error("{}: mask pixel {position}: expected one of {expected}, found {found}", path.display())]
    UnexpectedMaskValue {
        /// The mask.
        path: PathBuf,
        /// Coordinates in the file's own axes.
        position: String,
        /// The values of `data.mask_values`.
        expected: String,
        /// The value met.
        found: f32,
    },
    /// Bytes that are not what the file's name says.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Undecodable {
        /// The file.
        path: PathBuf,
        /// What the bytes should be.
        expected: &'static str,
        /// What the decoder said.
        found: String,
    },
    /// A well-formed file of a kind this crate does not handle.
    #[error("{}: {what}: expected {expected}, found {found}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The property.
        what: &'static str,
        /// What is handled.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// Masks that do not fit the scan they are to be written for.
    #[error("{}: {what}: expected {expected}, found {found}", path.display())]
    Shape {
        /// The scan.
        path: PathBuf,
        /// The property.
        what: &'static str,
        /// What the scan needs.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Subjects that cannot be split as asked.
    #[error("split.{key}: expected {expected}, found {found}")]
    Split {
        /// The key of `[split]`.
        key: &'static str,
        /// What a split needs.
        expected: String,
        /// What the data have.
        found: String,
    },
    /// The operating system refused.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// `read`, `write`, ….
        action: &'static str,
        /// The operating system's reason.
        source: std::io::Error,
    },
}

impl DataError {
    /// Wraps an operating-system error with where and what.
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, action, source }
    }

    /// A configuration error for `section.key`.
    pub(crate) fn config(
        key: &'static str,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Config { key, expected: expected.into(), found: found.to_string() }
    }
}
