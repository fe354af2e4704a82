//! Nearest-neighbour ×2 upsampling.

use super::{Source, Target};

/// As [`network::kernels::upsample2d`].
///
/// # Shapes
/// Input `[C, H, W]`, output `[C, 2H, 2W]`.
pub fn upsample2d(input: Source, output: Target) {
    let width = input.spec.width.max(1);
    let in_rows = input.data.chunks_exact(width);
    // two output rows for every input row, whatever the channel
    for (row, rows) in in_rows.zip(output.data.chunks_exact_mut((4 * width).max(1))) {
        let (top, bottom) = rows.split_at_mut_checked(2 * width).unwrap_or_default();
        let blocks = top.chunks_exact_mut(2).zip(bottom.chunks_exact_mut(2));
        for (byte, (top, bottom)) in row.iter().zip(blocks) {
            top.fill(*byte);
            bottom.fill(*byte);
        }
    }
}
