//! What the C library's allocator does with freed memory, the only unsafe code of this crate.
#![allow(unsafe_code)]

/// Lets the process keep the memory that it frees.
///
/// A training step allocates and frees large tensors; returned to the kernel each time, they cost a
/// fifth of the step in page faults. Call it once at the start of a program that trains. Does
/// nothing where the C library is not glibc.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // the largest that glibc takes for the first; the second holds what is at the top of the heap
        const LARGEST: i32 = 1 << 30;
        // SAFETY: mallopt reads its two integers and changes parameters of the allocator under its lock.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, LARGEST);
            libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
            libc::mallopt(libc::M_TOP_PAD, 1 << 28);
        }
    }
}
