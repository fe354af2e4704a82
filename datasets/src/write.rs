//! Files appear whole or not at all: written beside their place, then renamed.

use std::io::Write;
use std::path::Path;

use crate::error::DataError;

/// Writes `bytes` beside `path` and renames; on any failure `path` is as it was. A folder that is
/// not there is made.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(DataError::io(folder, "write"))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".qunet-").suffix(".part");
    #[cfg(unix)]
    {
        // a temporary file is private by default, a result is not; the umask still applies
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(DataError::io(path, "write"))?;
    file.write_all(bytes).map_err(DataError::io(path, "write"))?;
    file.as_file().sync_all().map_err(DataError::io(path, "write"))?;
    file.persist(path).map_err(|e| DataError::io(path, "write")(e.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_and_leaves_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.bin");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_says_where_and_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("folder");
        std::fs::create_dir(&target).unwrap();
        std::fs::write(target.join("kept"), b"kept").unwrap();
        let message = write_whole(&target, b"new").unwrap_err().to_string();
        assert!(message.contains("folder: cannot write"), "{message}");
        assert_eq!(std::fs::read(target.join("kept")).unwrap(), b"kept");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        std::fs::write(folder.path().join("file"), b"x").unwrap();
        assert!(write_whole(&folder.path().join("file/below"), b"x").is_err());
    }

    #[test]
    fn a_folder_that_is_not_there_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder/out.bin");
        write_whole(&path, b"one").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
    }
}
