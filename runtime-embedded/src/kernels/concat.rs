//! Channel concatenation, where its output is stored; elsewhere a view of its inputs.

use super::gather::Window;
use super::memory::Memory;
use super::store::RowWriter;
use super::{Job, pieces};

/// As [`network::kernels::concat`].
pub(super) fn concat(job: &Job, memory: &mut Memory) {
    store_view(job, memory);
}

/// Stores what the layer's input, of the size of its output, is made of.
pub(super) fn store_view(job: &Job, memory: &mut Memory) {
    let (spec, tiling) = (job.output.spec, job.tiling);
    for y in 0..spec.height {
        RowWriter::cleared(memory.row(job.output, y), job.output.bits);
        for columns in pieces(spec.width, tiling.pixels) {
            let (x, n_columns) = (columns.start, columns.len());
            for channels in pieces(spec.channels, tiling.channels) {
                let window = Window { y, x: x as isize, n_columns, channels: channels.clone() };
                let (scratch, tensors) = memory.split();
                let stride = channels.len().div_ceil(2);
                let words = scratch.get_mut(..n_columns * stride).unwrap_or_default();
                job.input.gather(tensors, &window, words);
                let (scratch, row) = memory.split_row(job.output, y);
                let mut row = RowWriter::reopened(row, job.output.bits);
                let columns = scratch.chunks_exact(stride.max(1)).take(n_columns);
                for (column, words) in columns.enumerate() {
                    let halves: &[u16] = bytemuck::cast_slice(words);
                    let index = (x + column) * spec.channels + channels.start;
                    for (half, index) in halves.iter().zip(index..index + channels.len()) {
                        row.put(index, i32::from(*half as i16));
                    }
                }
            }
        }
    }
}
