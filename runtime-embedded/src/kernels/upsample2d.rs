//! Nearest-neighbour ×2 upsampling, where its output is stored; elsewhere a view of its input.

use super::Job;
use super::concat::store_view;
use super::memory::Memory;

/// As [`network::kernels::upsample2d`].
pub(super) fn upsample2d(job: &Job, memory: &mut Memory) {
    store_view(job, memory);
}
