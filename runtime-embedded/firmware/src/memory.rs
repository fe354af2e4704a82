//! Sizes of memory in use: how deep the stack grew, and how long the code is.
#![allow(unsafe_code)]

use core::ptr::read_volatile;

/// What `cortex-m-rt` paints the stack with before the program starts.
const PAINT: u32 = 0xCCCC_CCCC;

unsafe extern "C" {
    /// Highest address of the stack, from the linker script of `cortex-m-rt`.
    static _stack_start: u32;
    /// Lowest address of the stack.
    static _stack_end: u32;
    /// First byte of the code.
    static __stext: u32;
    /// End of the code.
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

/// Bytes of machine code in the image.
pub fn text_bytes() -> u32 {
    ((&raw const __etext).addr() - (&raw const __stext).addr()) as u32
}
