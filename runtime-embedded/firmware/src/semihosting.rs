//! Semihosting calls to the debugger or QEMU (Arm, "Semihosting for AArch32 and AArch64").
#![allow(unsafe_code)]

use core::arch::asm;

const SYS_WRITEC: u32 = 0x03;
const SYS_EXIT: u32 = 0x18;
/// `ADP_Stopped_ApplicationExit`: exit code 0.
const APPLICATION_EXIT: u32 = 0x20026;
/// `ADP_Stopped_RunTimeErrorUnknown`: exit code 1.
const RUN_TIME_ERROR: u32 = 0x20023;

/// Prints a text.
pub fn print(text: &str) {
    for byte in text.bytes() {
        call(SYS_WRITEC, (&raw const byte).addr() as u32);
    }
}

/// Ends the program with exit code 0 for 0 and 1 for anything else.
pub fn exit(code: u32) -> ! {
    let reason = if code == 0 { APPLICATION_EXIT } else { RUN_TIME_ERROR };
    loop {
        call(SYS_EXIT, reason);
    }
}

fn call(operation: u32, argument: u32) {
    // SAFETY: BKPT 0xAB is a semihosting call: it reads the operation in r0 and its argument in
    // r1 and writes only r0. SYS_WRITEC reads the byte behind the argument, which outlives the
    // call; the asm may read memory, so that byte has been stored.
    unsafe {
        asm!("bkpt #0xAB", inout("r0") operation => _, in("r1") argument, options(nostack, preserves_flags, readonly));
    }
}
