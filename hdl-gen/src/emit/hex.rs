//! `$readmemh` text.

use std::fmt::Write;

use crate::images::Image;

/// One word a line, most significant digit first.
pub fn readmemh(image: &Image) -> String {
    let digits = image.word_bits.div_ceil(4);
    let mut text = String::with_capacity(image.words.len() * (digits + 1));
    for word in &image.words {
        let mut line = String::with_capacity(8 * word.len());
        word.iter().rev().for_each(|chunk| {
            let _ = write!(line, "{chunk:08x}");
        });
        let start = line.len().saturating_sub(digits);
        text.extend(std::iter::repeat_n('0', digits.saturating_sub(line.len())));
        text.push_str(&line[start..]);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_to_their_bits() {
        let words = vec![vec![0x89ab_cdef, 0x0000_1234], vec![1, 0]];
        assert_eq!(readmemh(&Image { word_bits: 48, words }), "123489abcdef\n000000000001\n");
        let words = vec![vec![0xabc]];
        assert_eq!(readmemh(&Image { word_bits: 12, words }), "abc\n");
    }
}
