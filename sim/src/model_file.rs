//! Reads a `.qunet` file from disk.

use std::path::Path;

use network::Network;

use crate::error::SimError;

/// The checked network of a `.qunet` file.
///
/// # Errors
/// [`SimError::Read`] if the file cannot be read, [`SimError::Model`] if it is damaged, truncated,
/// of a newer major version or not a network.
pub fn read_network(path: &Path) -> Result<Network, SimError> {
    let bytes =
        std::fs::read(path).map_err(|source| SimError::Read { path: path.into(), source })?;
    Network::from_bytes(&bytes).map_err(|source| SimError::Model { path: path.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use qunet_tests::unet::{Unet, unet};

    #[test]
    fn reads_what_was_written_and_names_a_damaged_file() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("model.qunet");
        let network = unet(&Unet::default());
        let bytes = network.to_bytes().expect("valid");
        std::fs::write(&path, &bytes).expect("writes");
        assert_eq!(read_network(&path).expect("reads"), network);

        let message = || read_network(&path).expect_err("damaged").to_string();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).expect("writes");
        assert!(message().contains("model.qunet: file is truncated: expected"), "{}", message());
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 4;
        std::fs::write(&path, &flipped).expect("writes");
        assert!(message().contains("checksum"), "{}", message());
        std::fs::remove_file(&path).expect("removes");
        assert!(matches!(read_network(&path), Err(SimError::Read { .. })));
    }
}
