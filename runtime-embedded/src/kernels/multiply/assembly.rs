//! The inner loop in assembly: SMLAD, Armv6-M and RV32IM.
//!
//! Each routine takes an [`Arguments`], walks pixels, rows and words as the portable loop does, and
//! keeps all sums of a pixel in registers.
#![allow(unsafe_code)]

use core::arch::global_asm;

use network::tiling::LANES;
use network::validate::MAX_KERNEL;

use super::{Multiply, Sweep};

/// What a routine is told, at the byte offsets that it knows.
#[repr(C)]
struct Arguments {
    /// 0: the sums of the next pixel.
    sums: *mut u32,
    /// 4: the end of the sums.
    sums_end: *mut u32,
    /// 8: the weights of the first row.
    weights: *const u32,
    /// 12: words of a row that a pixel reads.
    row_words: usize,
    /// 16: bytes from one pixel to the next.
    stride_bytes: usize,
    /// 20: words after which paired sums are taken apart.
    interval: usize,
    /// 24: address of `rows` behind the last.
    rows_end: *const *const u32,
    /// 28: where the first pixel of each row lies.
    rows: [*const u32; MAX_KERNEL],
}

#[cfg(all(target_arch = "arm", feature = "arm-dsp"))]
global_asm!(include_str!("armv7em.s"));
#[cfg(all(target_arch = "arm", not(feature = "arm-dsp")))]
global_asm!(include_str!("armv6m.s"));
#[cfg(target_arch = "riscv32")]
global_asm!(include_str!("rv32im.s"));

unsafe extern "C" {
    fn qunet_multiply_dual(arguments: *mut Arguments);
    #[cfg(not(all(target_arch = "arm", feature = "arm-dsp")))]
    fn qunet_multiply_pairs(arguments: *mut Arguments);
}

/// See [`Sweep::run`].
pub(super) fn run(sweep: Sweep, multiply: Multiply) {
    if !sweep.is_inside() || sweep.row_words == 0 || sweep.n_rows == 0 {
        return;
    }
    let sums = sweep.sums.as_mut_ptr_range();
    let n_whole = sweep.sums.len() / LANES * LANES;
    let mut arguments = Arguments {
        sums: sums.start,
        sums_end: sums.start.wrapping_add(n_whole),
        weights: sweep.weights.as_ptr(),
        row_words: sweep.row_words,
        stride_bytes: 4 * sweep.stride,
        interval: 0,
        rows_end: core::ptr::null(),
        rows: [core::ptr::null(); MAX_KERNEL],
    };
    for (row, start) in arguments.rows.iter_mut().zip(sweep.starts).take(sweep.n_rows) {
        *row = sweep.values.as_ptr().wrapping_add(start);
    }
    arguments.rows_end = arguments.rows.as_ptr().wrapping_add(sweep.n_rows);
    // SAFETY: a routine reads and writes `sums..sums_end`, reads n_rows·row_words·LANES words of
    // weights and, of each row, `row_words` words for each pixel, which `is_inside` has found to lie
    // in the slices; it writes to `arguments`, whose rows it moves from pixel to pixel, and keeps
    // the calling convention of C.
    match multiply {
        Multiply::Dual => unsafe { qunet_multiply_dual(&raw mut arguments) },
        #[cfg(not(all(target_arch = "arm", feature = "arm-dsp")))]
        Multiply::Pairs { interval } => {
            arguments.interval = interval;
            unsafe { qunet_multiply_pairs(&raw mut arguments) }
        }
        #[cfg(all(target_arch = "arm", feature = "arm-dsp"))]
        Multiply::Pairs { .. } => {}
    }
}
