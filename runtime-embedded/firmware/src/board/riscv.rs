//! RISC-V in QEMU (virt): start-up code, minstret as instruction counter, semihosting.
#![allow(unsafe_code)]

use core::arch::{asm, global_asm};

// Clears .bss, paints the stack and calls `main`; .data lies where it runs. A trap ends the program.
global_asm!(
    "
    .section .init, \"ax\"
    .global _start
_start:
    la      t0, 2f
    csrw    mtvec, t0
    la      sp, _stack_start
    la      t0, _sbss
    la      t1, _ebss
1:  bgeu    t0, t1, 3f
    sw      zero, 0(t0)
    addi    t0, t0, 4
    j       1b
3:  la      t0, _stack_end
    li      t1, 0xCCCCCCCC
4:  bgeu    t0, sp, 5f
    sw      t1, 0(t0)
    addi    t0, t0, 4
    j       4b
5:  call    main
    .balign 4
2:  call    qunet_trap
    .text
    "
);

#[unsafe(no_mangle)]
extern "C" fn qunet_trap() -> ! {
    crate::text::fail("trap")
}

/// The counter always runs.
pub fn start() {}

/// Instructions since reset; exact under `-icount shift=0`.
pub fn instructions() -> u64 {
    let low: u32;
    // SAFETY: reads a counter. Differences are taken modulo 2^32.
    unsafe { asm!("csrr {}, minstret", out(reg) low, options(nomem, nostack)) };
    low.into()
}

pub(super) fn semihosting(operation: u32, argument: u32) {
    // SAFETY: this sequence, uncompressed and in one page, is a semihosting call (RISC-V
    // semihosting specification 0.4): it reads the operation in a0 and its argument in a1 and
    // writes only a0. SYS_WRITEC reads the byte behind the argument, which outlives the call.
    unsafe {
        asm!(
            ".balign 16", ".option push", ".option norvc",
            "slli x0, x0, 0x1f", "ebreak", "srai x0, x0, 7", ".option pop",
            inout("a0") operation => _, in("a1") argument, options(nostack, readonly)
        );
    }
}
