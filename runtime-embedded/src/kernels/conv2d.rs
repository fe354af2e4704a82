//! k×k convolution, stride 1, same padding.

use network::kernels::ConvData;
use network::tiling::LANES;

use super::Job;
use super::convolution::{Convolution, Group, Lanes};
use super::memory::Memory;
use super::rescale::Rescale;
use super::store::RowWriter;

/// As [`network::kernels::conv2d`].
pub(super) fn conv2d(job: &Job, kernel: usize, memory: &mut Memory) {
    let n_outputs = job.output.spec.channels;
    let n_groups = n_outputs.div_ceil(LANES);
    let convolution = Convolution { job, kernel, lanes: Lanes::Outputs, n_groups, n_own_words: 0 };
    let start = |memory: &mut Memory, y: usize| {
        RowWriter::cleared(memory.row(job.output, y), job.output.bits);
    };
    convolution.run(memory, &start, &|memory, group| finish(&convolution, memory, group));
}

/// Requantizes the sums of a group and stores them beside one another.
fn finish(convolution: &Convolution, memory: &mut Memory, group: &Group) {
    let job = convolution.job;
    let n_outputs = job.output.spec.channels;
    let (scratch, row) = memory.split_row(job.output, group.y);
    let (_, sums) = convolution.sums(scratch, group);
    let mut row = RowWriter::reopened(row, job.output.bits);
    for lane in 0..LANES.min(n_outputs - LANES * group.index) {
        let output = LANES * group.index + lane;
        let rescale = Rescale::new(job.data.params(output), job.clamp(), convolution.largest_sum());
        let first = group.columns.start * n_outputs + output;
        row.put_every(first, n_outputs, rescale, sums, lane);
    }
}
