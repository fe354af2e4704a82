//! The program as the memory holds it, from the ELF file that a linker wrote.

use crate::error::HdlError;
use crate::soc::FIRMWARE;

/// Words of memory from address 0 on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RamImage {
    /// The words, little-endian, up to the last that the program brings along.
    pub words: Vec<u32>,
}

const HEADER_BYTES: usize = 52;
const PROGRAM_HEADER_BYTES: usize = 32;
const LOAD: u32 = 1;
const RISC_V: u16 = 243;

impl RamImage {
    /// The loadable segments of a 32-bit little-endian RISC-V ELF file, at their load addresses.
    ///
    /// # Errors
    /// [`HdlError::Soc`] if it is no such file, is cut off, or needs more than `ram_bytes`.
    pub fn from_elf(elf: &[u8], ram_bytes: usize) -> Result<RamImage, HdlError> {
        let wrong = |expected: String, found: String| HdlError::Soc {
            what: "program (ELF file)",
            expected,
            found,
        };
        let cut = || wrong("a whole file".into(), format!("{} bytes", elf.len()));
        let is_elf = elf.len() >= HEADER_BYTES && elf.starts_with(b"\x7fELF\x01\x01");
        if !is_elf || half(elf, 18) != Some(RISC_V) {
            let expected = "32 bits, little-endian, RISC-V".into();
            return Err(wrong(expected, format!("{} other bytes", elf.len())));
        }
        let table = word(elf, 28).ok_or_else(cut)? as usize;
        let n_headers = half(elf, 44).ok_or_else(cut)?;
        let mut bytes = Vec::new();
        for index in 0..usize::from(n_headers) {
            let at = table.saturating_add(index * PROGRAM_HEADER_BYTES);
            let field = |n: usize| word(elf, at.saturating_add(4 * n)).ok_or_else(cut);
            let (kind, offset, address) = (field(0)?, field(1)? as usize, field(3)? as usize);
            let (in_file, in_memory) = (field(4)? as usize, field(5)? as usize);
            if kind != LOAD || in_memory == 0 {
                continue;
            }
            let end = address.saturating_add(in_memory);
            if end > ram_bytes {
                let expected = format!("at most {ram_bytes} bytes of memory");
                return Err(wrong(expected, format!("a segment that ends at {end}")));
            }
            let segment = elf.get(offset..offset.saturating_add(in_file)).ok_or_else(cut)?;
            let needed = address + segment.len();
            if bytes.len() < needed {
                bytes.resize(needed, 0);
            }
            bytes[address..needed].copy_from_slice(segment);
        }
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let words = bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        Ok(RamImage { words: words.collect() })
    }

    /// Text of [`FIRMWARE`], for `$readmemh`.
    pub fn readmemh(&self) -> String {
        self.words.iter().map(|word| format!("{word:08x}\n")).collect()
    }

    /// Puts the image into the folder of a system, written beside and renamed.
    ///
    /// # Errors
    /// [`HdlError::Io`].
    pub fn write(&self, soc_dir: &std::path::Path) -> Result<(), HdlError> {
        let path = soc_dir.join(FIRMWARE);
        let error = |source| HdlError::Io { path: path.clone(), source };
        let mut file = tempfile::NamedTempFile::new_in(soc_dir).map_err(error)?;
        std::io::Write::write_all(&mut file, self.readmemh().as_bytes()).map_err(error)?;
        file.persist(&path).map_err(|e| error(e.error))?;
        Ok(())
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes([bytes[0], bytes[1]]))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let low = half(bytes, at)?;
    let high = half(bytes, at.checked_add(2)?)?;
    Some(u32::from(low) | u32::from(high) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with one segment of `content` at `address`, and one that is not loaded.
    fn elf(address: u32, content: &[u8], in_memory: u32) -> Vec<u8> {
        let mut file = vec![0; HEADER_BYTES];
        file[..6].copy_from_slice(b"\x7fELF\x01\x01");
        file[18] = RISC_V as u8;
        file[28] = HEADER_BYTES as u8;
        file[44] = 2;
        let offset = (HEADER_BYTES + 2 * PROGRAM_HEADER_BYTES) as u32;
        let note = [4, 0, 0, 0, 99, 99, 0, 0];
        let load = [LOAD, offset, 0, address, content.len() as u32, in_memory, 7, 4];
        file.extend(note.iter().chain(&load).flat_map(|word| word.to_le_bytes()));
        file.extend(content);
        file
    }

    #[test]
    fn segments_lie_at_their_addresses() {
        let image = RamImage::from_elf(&elf(8, &[1, 2, 3, 4, 5], 100), 4096).unwrap();
        assert_eq!(image.words, [0, 0, 0x0403_0201, 5]);
        assert_eq!(image.readmemh(), "00000000\n00000000\n04030201\n00000005\n");
    }

    #[test]
    fn wrong_files_are_refused() {
        let message = |file: &[u8], ram| RamImage::from_elf(file, ram).unwrap_err().to_string();
        let start = "program (ELF file): expected ";
        assert_eq!(
            message(&elf(8, &[1], 100), 64),
            format!("{start}at most 64 bytes of memory, found a segment that ends at 108")
        );
        let mut foreign = elf(0, &[1], 1);
        foreign[18] = 40;
        assert!(message(&foreign, 64).starts_with(&format!("{start}32 bits")));
        let whole = elf(0, &[1, 2, 3, 4], 4);
        for length in 0..whole.len() {
            assert!(RamImage::from_elf(&whole[..length], 64).is_err(), "{length}");
        }
    }
}
