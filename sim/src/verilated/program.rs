//! Reads `$readmemh` images, to load a program into a running design.

use std::path::Path;

use super::error::VerilatedError;
use super::manifest::Memory;

/// Window words of an image: each memory word low chunk first, padded to a power of two.
pub fn window_words(build_dir: &Path, memory: &Memory) -> Result<Vec<u32>, VerilatedError> {
    let Some(file) = &memory.file else { return Ok(Vec::new()) };
    let path = build_dir.join(file);
    let text = std::fs::read_to_string(&path)
        .map_err(|source| VerilatedError::Io { path: path.clone(), source })?;
    let n_chunks = network::registers::window_words(memory.word_bits);
    let mut words = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let chunks = parse(line, n_chunks).ok_or_else(|| VerilatedError::Manifest {
            path: path.clone(),
            problem: format!(
                "line {}: expected a hexadecimal word of {} bits, found {line:?}",
                number + 1,
                memory.word_bits
            ),
        })?;
        words.extend(chunks);
    }
    Ok(words)
}

fn parse(line: &str, n_chunks: usize) -> Option<Vec<u32>> {
    let digits = line.trim().as_bytes();
    if digits.is_empty() || digits.len() > 8 * n_chunks {
        return None;
    }
    let mut chunks = vec![0u32; n_chunks];
    for (place, digit) in digits.iter().rev().enumerate() {
        let value = char::from(*digit).to_digit(16)?;
        chunks[place / 8] |= value << (4 * (place % 8));
    }
    Some(chunks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_by_hand() {
        assert_eq!(parse("123489abcdef", 2), Some(vec![0x89ab_cdef, 0x1234]));
        assert_eq!(parse("f", 1), Some(vec![15]));
        assert_eq!(parse("xyz", 1), None);
        assert_eq!(parse("123456789", 1), None);
        assert_eq!(parse("", 1), None);
    }
}
