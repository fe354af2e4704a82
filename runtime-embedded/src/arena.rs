//! The one piece of memory that a session works in.

/// N bytes, aligned for wide loads; `N` comes from the model, e.g. a constant of the build.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct Arena<const N: usize>([u8; N]);

impl<const N: usize> Arena<N> {
    /// Zeros; usable as the initial value of a static.
    pub const fn new() -> Arena<N> {
        Arena([0; N])
    }

    /// The bytes that [`crate::Session::new`] takes.
    pub const fn as_bytes(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl<const N: usize> Default for Arena<N> {
    fn default() -> Arena<N> {
        Arena::new()
    }
}
