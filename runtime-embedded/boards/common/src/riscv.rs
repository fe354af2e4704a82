//! Start-up, counters and stack depth of a RISC-V core, without a trap or a CSR that small cores
//! lack.
#![allow(unsafe_code)]

use core::arch::{asm, global_asm};
use core::ptr::read_volatile;

use runtime_embedded::CycleSource;

/// What the stack is painted with before the program starts.
const PAINT: u32 = 0xCCCC_CCCC;

// Stack, paint, initialised data, zeros; then `board_main`, which does not return.
global_asm!(
    ".section .init, \"ax\"",
    ".global _start",
    "_start:",
    ".option push",
    ".option norelax",
    "la gp, __global_pointer$",
    ".option pop",
    "la sp, _stack_start",
    "la t0, _stack_end",
    "li t1, {paint}",
    "1: sw t1, 0(t0)",
    "addi t0, t0, 4",
    "bltu t0, sp, 1b",
    "la t0, __sdata",
    "la t1, __edata",
    "la t2, __sidata",
    "beq t0, t2, 3f", // a program that lies in RAM brings its data along
    "2: bgeu t0, t1, 3f",
    "lw t3, 0(t2)",
    "sw t3, 0(t0)",
    "addi t0, t0, 4",
    "addi t2, t2, 4",
    "j 2b",
    "3: la t0, __sbss",
    "la t1, __ebss",
    "4: bgeu t0, t1, 5f",
    "sw zero, 0(t0)",
    "addi t0, t0, 4",
    "j 4b",
    "5: call board_main",
    "6: j 6b",
    paint = const PAINT,
);

unsafe extern "C" {
    static _stack_start: u32;
    static _stack_end: u32;
    static __stext: u32;
    static __etext: u32;
}

/// Bytes from the top of the stack to the lowest word that was written.
pub fn stack_bytes() -> u32 {
    let (top, bottom) = (&raw const _stack_start, &raw const _stack_end);
    let mut word = bottom;
    // SAFETY: all words from `bottom` to `top` are RAM that belongs to the stack; the read is
    // volatile and keeps below `top`.
    while word < top && unsafe { read_volatile(word) } == PAINT {
        word = word.wrapping_add(1);
    }
    (top.addr() - word.addr()) as u32
}

/// Bytes of machine code.
pub fn text_bytes() -> u32 {
    ((&raw const __etext).addr() - (&raw const __stext).addr()) as u32
}

/// The unprivileged counters of cycles and instructions (RISC-V Zicntr).
#[derive(Clone, Copy, Debug)]
pub struct Counters;

/// Reads a 64-bit counter whose low word may carry into the high one meanwhile.
macro_rules! counter {
    ($low:literal, $high:literal) => {{
        loop {
            let (high, low, again): (u32, u32, u32);
            // SAFETY: reading a counter has no side effect.
            unsafe {
                asm!(concat!($high, " {0}"), concat!($low, " {1}"), concat!($high, " {2}"),
                    out(reg) high, out(reg) low, out(reg) again, options(nomem, nostack));
            }
            if high == again {
                break u64::from(high) << 32 | u64::from(low);
            }
        }
    }};
}

impl Counters {
    /// Cycles since reset.
    pub fn cycles(self) -> u64 {
        counter!("rdcycle", "rdcycleh")
    }

    /// Instructions since reset.
    pub fn instructions(self) -> u64 {
        counter!("rdinstret", "rdinstreth")
    }
}

impl CycleSource for Counters {
    fn now(&self) -> u32 {
        let low: u32;
        // SAFETY: as above.
        unsafe { asm!("rdcycle {0}", out(reg) low, options(nomem, nostack)) };
        low
    }
}
