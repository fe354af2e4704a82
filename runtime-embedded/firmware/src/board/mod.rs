//! The emulated board: its instruction counter, semihosting, and sizes of memory in use.

#[cfg(target_arch = "arm")]
mod arm;
#[cfg(target_arch = "riscv32")]
mod riscv;

#[cfg(target_arch = "arm")]
pub use arm::{instructions, start};
#[cfg(target_arch = "riscv32")]
pub use riscv::{instructions, start};

#[cfg(target_arch = "arm")]
use arm::semihosting;
#[cfg(target_arch = "riscv32")]
use riscv::semihosting;

use core::ptr::read_volatile;

/// What start-up code paints the stack with before the program starts.
pub const PAINT: u32 = 0xCCCC_CCCC;

const SYS_WRITEC: u32 = 0x03;
const SYS_EXIT: u32 = 0x18;
/// `ADP_Stopped_ApplicationExit`: exit code 0.
const APPLICATION_EXIT: u32 = 0x20026;
/// `ADP_Stopped_RunTimeErrorUnknown`: exit code 1.
const RUN_TIME_ERROR: u32 = 0x20023;

#[allow(unsafe_code)]
mod symbols {
    unsafe extern "C" {
        /// Highest address of the stack, from the linker script.
        pub(super) static _stack_start: u32;
        /// Lowest address of the stack.
        pub(super) static _stack_end: u32;
        /// First byte of the code.
        pub(super) static __stext: u32;
        /// End of the code.
        pub(super) static __etext: u32;
    }
}

/// Sends a byte to the debugger or QEMU (Arm, "Semihosting for AArch32 and AArch64"; RISC-V takes
/// the same calls).
pub fn write_byte(byte: u8) {
    semihosting(SYS_WRITEC, (&raw const byte).addr() as u32);
}

/// Ends the program with exit code 0 for 0 and 1 for anything else.
pub fn exit(code: u32) -> ! {
    let reason = if code == 0 { APPLICATION_EXIT } else { RUN_TIME_ERROR };
    loop {
        semihosting(SYS_EXIT, reason);
    }
}

/// Bytes from the top of the stack to the lowest word that was written.
#[allow(unsafe_code)]
pub fn stack_bytes() -> u32 {
    let (top, bottom) = (&raw const symbols::_stack_start, &raw const symbols::_stack_end);
    let mut word = bottom;
    // SAFETY: all words from `bottom` to `top` are RAM that belongs to the stack; the read is
    // volatile and keeps below `top`.
    while word < top && unsafe { read_volatile(word) } == PAINT {
        word = word.wrapping_add(1);
    }
    (top.addr() - word.addr()) as u32
}

/// Bytes of machine code in the image.
pub fn text_bytes() -> u32 {
    ((&raw const symbols::__etext).addr() - (&raw const symbols::__stext).addr()) as u32
}
