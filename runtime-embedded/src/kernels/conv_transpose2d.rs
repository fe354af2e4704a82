//! 2×2 transposed convolution with stride 2.
//!
//! Each input pixel makes a block of 2×2 output values and no other pixel does, so the four taps of
//! an output channel are lanes of a 1×1 convolution.

use network::kernels::ConvData;
use network::tiling::LANES;

use super::Job;
use super::convolution::{Convolution, Group, Lanes};
use super::memory::Memory;
use super::rescale::Rescale;
use super::store::RowWriter;

/// As [`network::kernels::conv_transpose2d`].
pub(super) fn conv_transpose2d(job: &Job, memory: &mut Memory) {
    let n_groups = job.output.spec.channels;
    let convolution = Convolution { job, kernel: 1, lanes: Lanes::Taps, n_groups, n_own_words: 0 };
    let start = |memory: &mut Memory, y: usize| {
        for row in [2 * y, 2 * y + 1] {
            RowWriter::cleared(memory.row(job.output, row), job.output.bits);
        }
    };
    convolution.run(memory, &start, &|memory, group| finish(&convolution, memory, group));
}

/// Requantizes the sums of a channel and stores them in two rows.
fn finish(convolution: &Convolution, memory: &mut Memory, group: &Group) {
    let (job, output) = (convolution.job, group.index);
    let n_outputs = job.output.spec.channels;
    let rescale = Rescale::new(job.data.params(output), job.clamp(), convolution.largest_sum());
    for tap in 0..LANES {
        let (scratch, row) = memory.split_row(job.output, 2 * group.y + tap / 2);
        let (_, sums) = convolution.sums(scratch, group);
        let mut row = RowWriter::reopened(row, job.output.bits);
        let first = (2 * group.columns.start + tap % 2) * n_outputs + output;
        row.put_every(first, 2 * n_outputs, rescale, sums, tap);
    }
}
