//! Tensors: a shape and the integer format of its values.

use crate::arithmetic::{activation_max, activation_min};

/// Largest number of channels, rows or columns of a tensor.
pub const MAX_EXTENT: usize = 4096;

/// Index of a tensor in [`crate::Network::tensors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorId(pub u16);

impl TensorId {
    /// The position in the tensor list.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Shape and integer format of one tensor; values lie in CHW order, one byte each.
///
/// Signed values are stored as the two's complement byte. Zero means exactly zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// Number of channels (C).
    pub channels: usize,
    /// Number of rows (H).
    pub height: usize,
    /// Number of columns (W).
    pub width: usize,
    /// Bits of a value, 1..=8.
    pub bits: u8,
    /// Two's complement if true, else unsigned.
    pub signed: bool,
}

impl TensorSpec {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// True if the tensor holds no value (never true after validation).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of values of one channel.
    pub fn plane(&self) -> usize {
        self.height * self.width
    }

    /// Smallest representable value.
    pub fn min_value(&self) -> i32 {
        activation_min(self.bits, self.signed)
    }

    /// Largest representable value.
    pub fn max_value(&self) -> i32 {
        activation_max(self.bits, self.signed)
    }

    /// The integer that a stored byte stands for.
    #[inline(always)]
    pub fn decode(&self, byte: u8) -> i32 {
        if self.signed { i32::from(byte as i8) } else { i32::from(byte) }
    }

    /// The byte that stores `value`, which must lie in `min_value()..=max_value()`.
    #[inline(always)]
    pub fn encode(&self, value: i32) -> u8 {
        debug_assert!((self.min_value()..=self.max_value()).contains(&value));
        value as u8
    }

    /// True if shape and bits are within the limits of the format.
    pub fn is_legal(&self) -> bool {
        let extent = |n: usize| (1..=MAX_EXTENT).contains(&n);
        let signed_one_bit = self.signed && self.bits == 1;
        extent(self.channels)
            && extent(self.height)
            && extent(self.width)
            && (1..=8).contains(&self.bits)
            && !signed_one_bit
    }
}
