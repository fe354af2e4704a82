//! Nearest-neighbour ×2 upsampling.

use network::TensorSpec;

/// Every value becomes a 2×2 block.
///
/// # Shapes
/// Input `[C, H, W]`, output `[C, 2H, 2W]`.
pub(crate) fn upsample2d((spec, bytes): (&TensorSpec, &[u8]), output: &TensorSpec) -> Vec<u8> {
    let mut out = vec![0u8; output.len()];
    let rows = bytes.chunks_exact(spec.width).zip(out.chunks_exact_mut(2 * output.width));
    for (row, two_rows) in rows {
        let (upper, lower) = two_rows.split_at_mut(output.width);
        for (value, two) in row.iter().zip(upper.chunks_exact_mut(2)) {
            two.copy_from_slice(&[*value, *value]);
        }
        lower.copy_from_slice(upper);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_by_hand() {
        let spec = TensorSpec { channels: 2, height: 1, width: 2, bits: 8, signed: false };
        let out = TensorSpec { height: 2, width: 4, ..spec };
        let expected = [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4];
        assert_eq!(upsample2d((&spec, &[1, 2, 3, 4]), &out), expected);
    }
}
