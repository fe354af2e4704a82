//! 2×2 max-pool with stride 2.

use super::{Source, Target};

/// As [`network::kernels::max_pool2d`].
///
/// # Shapes
/// Input `[C, H, W]`, output `[C, H/2, W/2]` (rounded down).
pub fn max_pool2d(input: Source, output: Target) {
    // flipping the sign bit makes two's complement bytes compare as unsigned ones
    let flip = if input.spec.signed { 0x80 } else { 0 };
    let (in_width, out_width) = (input.spec.width.max(1), output.spec.width.max(1));
    let in_planes = input.data.chunks_exact(input.spec.plane().max(1));
    let out_planes = output.data.chunks_exact_mut(output.spec.plane().max(1));
    for (source, target) in in_planes.zip(out_planes) {
        let pairs = source.chunks_exact((2 * in_width).max(1));
        for (rows, out_row) in pairs.zip(target.chunks_exact_mut(out_width)) {
            let (top, bottom) = rows.split_at_checked(in_width).unwrap_or_default();
            let blocks = top.chunks_exact(2).zip(bottom.chunks_exact(2));
            for (byte, (top, bottom)) in out_row.iter_mut().zip(blocks) {
                let largest = top.iter().chain(bottom).fold(0, |max: u8, b| max.max(b ^ flip));
                *byte = largest ^ flip;
            }
        }
    }
}
