//! 1×1 convolution to 16-bit logits, then threshold or argmax.

use network::arithmetic::{LOGIT_MAX, LOGIT_MIN};
use network::kernels::{ConvData, HeadKind};
use network::tiling::LANES;

use super::Job;
use super::convolution::{Convolution, Group, Lanes};
use super::memory::Memory;
use super::rescale::{Clamp, Rescale};
use super::store::RowWriter;

/// As [`network::kernels::head`].
pub(super) fn head(job: &Job, kind: HeadKind, memory: &mut Memory) {
    let n_groups = job.info.n_channels.div_ceil(LANES);
    let n_own_words = job.tiling.pixels;
    let convolution = Convolution { job, kernel: 1, lanes: Lanes::Outputs, n_groups, n_own_words };
    let start = |memory: &mut Memory, y: usize| {
        RowWriter::cleared(memory.row(job.output, y), job.output.bits);
    };
    convolution.run(memory, &start, &|memory, group| {
        choose(&convolution, kind, memory, group);
        if group.index + 1 == n_groups {
            store(job, kind, memory, group);
        }
    });
}

/// Keeps for each pixel the largest logit so far and the first class that has it, as
/// `logit·2^16 + class`.
fn choose(convolution: &Convolution, kind: HeadKind, memory: &mut Memory, group: &Group) {
    let job = convolution.job;
    let clamp = Clamp { shift: job.info.shift, low: LOGIT_MIN, high: LOGIT_MAX };
    let (best, sums) = convolution.sums(memory.scratch, group);
    for lane in 0..LANES.min(job.info.n_channels - LANES * group.index) {
        let class = LANES * group.index + lane;
        let rescale = Rescale::new(job.data.params(class), clamp, convolution.largest_sum());
        let mut best = best.iter_mut();
        rescale.all(sums, lane, |logit| {
            if let Some(best) = best.next() {
                let is_better = class == 0 || logit > *best as i32 >> 16;
                if is_better || matches!(kind, HeadKind::Threshold { .. }) {
                    *best = (logit as u32) << 16 | class as u32;
                }
            }
        });
    }
}

/// Stores the classes of the pixels.
fn store(job: &Job, kind: HeadKind, memory: &mut Memory, group: &Group) {
    let (best, row) = memory.split_row(job.output, group.y);
    let mut row = RowWriter::reopened(row, job.output.bits);
    for (x, best) in group.columns.clone().zip(best) {
        let class = match kind {
            HeadKind::Argmax => *best & 0xFFFF,
            HeadKind::Threshold { threshold } => {
                u32::from(*best as i32 >> 16 >= i32::from(threshold))
            }
        };
        row.put(x, class as i32);
    }
}
