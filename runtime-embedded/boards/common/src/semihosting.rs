//! Text and an exit code for a debugger: probe-rs on a board, QEMU on a host.
#![allow(unsafe_code)]

use core::arch::asm;

/// SYS_WRITE0: a string that ends in a zero.
const WRITE: u32 = 0x04;
/// SYS_EXIT_EXTENDED: ends with a code.
const EXIT: u32 = 0x20;
/// ADP_Stopped_ApplicationExit.
const APPLICATION_EXIT: u32 = 0x2_0026;
/// Characters that one call prints.
const CHUNK: usize = 32;

/// One call (Arm IHI, "Semihosting for AArch32 and AArch64").
#[cfg(target_arch = "arm")]
fn call(operation: u32, argument: *const u32) {
    // SAFETY: the debugger reads what `argument` points to, which outlives the call.
    unsafe {
        asm!("bkpt 0xAB", inlateout("r0") operation => _, in("r1") argument, options(nostack));
    }
}

/// One call (RISC-V Semihosting): three uncompressed instructions that lie in one page.
#[cfg(target_arch = "riscv32")]
fn call(operation: u32, argument: *const u32) {
    // SAFETY: as above.
    unsafe {
        asm!(".option push", ".option norvc", ".balign 16", "slli x0, x0, 0x1f", "ebreak",
            "srai x0, x0, 7", ".option pop", inlateout("a0") operation => _, in("a1") argument,
            options(nostack));
    }
}

/// Prints text.
pub fn print(text: &str) {
    for chunk in text.as_bytes().chunks(CHUNK) {
        let mut bytes = [0u8; CHUNK + 1];
        bytes.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        call(WRITE, bytes.as_ptr().cast());
    }
}

/// Prints a number between two texts.
pub fn print_number(before: &str, mut number: u32, behind: &str) {
    let mut digits = [0u8; 10];
    let mut length = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        length += 1;
        if number == 0 {
            break;
        }
    }
    print(before);
    let text = digits.get(digits.len() - length..).unwrap_or_default();
    print(core::str::from_utf8(text).unwrap_or_default());
    print(behind);
}

/// Ends the program.
pub fn exit(code: u32) -> ! {
    let block = [APPLICATION_EXIT, code];
    loop {
        call(EXIT, block.as_ptr());
    }
}
