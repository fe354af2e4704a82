//! 2×2 max-pool with stride 2.

use network::TensorSpec;

/// Largest of each 2×2 block; an odd last row or column is dropped.
///
/// # Shapes
/// Input `[C, H, W]`, output `[C, H/2, W/2]` (rounded down).
pub(crate) fn max_pool2d((spec, bytes): (&TensorSpec, &[u8]), output: &TensorSpec) -> Vec<u8> {
    // with the sign bit flipped, signed bytes order as unsigned ones
    let flip = if spec.signed { 0x80 } else { 0 };
    let mut out = vec![0u8; output.len()];
    for c in 0..output.channels {
        for y in 0..output.height {
            let top = (c * spec.height + 2 * y) * spec.width;
            let (upper, lower) = bytes[top..top + 2 * spec.width].split_at(spec.width);
            let row = &mut out[(c * output.height + y) * output.width..][..output.width];
            let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
            for (value, (a, b)) in row.iter_mut().zip(pairs) {
                let largest = (a[0] ^ flip).max(a[1] ^ flip).max(b[0] ^ flip).max(b[1] ^ flip);
                *value = largest ^ flip;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_and_odd() {
        let spec = TensorSpec { channels: 1, height: 3, width: 5, bits: 8, signed: true };
        let out = TensorSpec { height: 1, width: 2, ..spec };
        let bytes = [0xFF, 0x80, 3, 4, 9, 0xFE, 0xFD, 0x7F, 0x80, 9, 9, 9, 9, 9, 9];
        assert_eq!(max_pool2d((&spec, &bytes), &out), [0xFF, 0x7F]);
        let unsigned = TensorSpec { signed: false, ..spec };
        assert_eq!(max_pool2d((&unsigned, &bytes), &out), [0xFF, 0x80]);
    }
}
