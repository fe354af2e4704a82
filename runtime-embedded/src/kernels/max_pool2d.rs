//! 2×2 max-pool with stride 2.

use super::gather::Window;
use super::memory::Memory;
use super::store::RowWriter;
use super::{Job, pieces};

/// As [`network::kernels::max_pool2d`].
pub(super) fn max_pool2d(job: &Job, memory: &mut Memory) {
    let (spec, tiling) = (job.output.spec, job.tiling);
    for y in 0..spec.height {
        RowWriter::cleared(memory.row(job.output, y), job.output.bits);
        for pixels in pieces(spec.width, tiling.pixels) {
            let (x, n_pixels) = (pixels.start, pixels.len());
            for channels in pieces(spec.channels, tiling.channels) {
                let n_words = 2 * n_pixels * channels.len().div_ceil(2);
                let (scratch, tensors) = memory.split();
                for (row, words) in scratch.chunks_mut(n_words.max(1)).take(2).enumerate() {
                    let (x, n_columns) = (2 * x as isize, 2 * n_pixels);
                    let window =
                        Window { y: 2 * y + row, x, n_columns, channels: channels.clone() };
                    job.input.gather(tensors, &window, words);
                }
                let (scratch, row) = memory.split_row(job.output, y);
                let mut row = RowWriter::reopened(row, job.output.bits);
                let (top, rest) = scratch.split_at_checked(n_words).unwrap_or_default();
                let bottom = rest.get(..n_words).unwrap_or_default();
                for channel in channels.clone() {
                    let at = channel - channels.start;
                    let stride = channels.len().div_ceil(2);
                    let column = |words| largest(words, at, stride);
                    let largest = column(top).zip(column(bottom)).map(|(a, b)| a.max(b));
                    let first = x * spec.channels + channel;
                    for (pixel, value) in largest.enumerate() {
                        row.put(first + pixel * spec.channels, value);
                    }
                }
            }
        }
    }
}

/// The larger value of every two columns, of one channel.
fn largest(words: &[u32], channel: usize, stride: usize) -> impl Iterator<Item = i32> {
    let (first, shift) = (channel / 2, 16 - 16 * (channel % 2) as u32);
    let value = move |word: &u32| (*word << shift) as i32 >> 16;
    let left = words.iter().skip(first).step_by((2 * stride).max(1)).map(value);
    let right = words.iter().skip(first + stride).step_by((2 * stride).max(1)).map(value);
    left.zip(right).map(|(left, right)| left.max(right))
}
