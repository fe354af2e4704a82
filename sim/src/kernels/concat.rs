//! Channel concatenation.

/// Channels of `first`, then channels of `second`.
///
/// # Shapes
/// Inputs `[A, H, W]` and `[B, H, W]`, output `[A + B, H, W]`.
pub(crate) fn concat(first: &[u8], second: &[u8]) -> Vec<u8> {
    [first, second].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order() {
        assert_eq!(concat(&[1, 2], &[3, 4, 5, 6]), [1, 2, 3, 4, 5, 6]);
    }
}
