//! Values into rows of a stored tensor.

use network::tensor::TensorSpec;
use network::tiling::LANES;

use super::memory::{Memory, Place};
use super::rescale::Rescale;

/// Writes values at any index of a row of `[x][channel]`.
pub(crate) struct RowWriter<'a> {
    /// Bytes of the row.
    pub bytes: &'a mut [u8],
    /// Bits of a stored value.
    pub bits: u8,
}

impl<'a> RowWriter<'a> {
    /// A row to write into; clears it if values share bytes.
    pub(crate) fn cleared(row: &'a mut [u32], bits: u8) -> RowWriter<'a> {
        if bits != 8 {
            row.fill(0);
        }
        RowWriter::reopened(row, bits)
    }

    /// A row that was cleared and goes on being written.
    pub(crate) fn reopened(row: &'a mut [u32], bits: u8) -> RowWriter<'a> {
        RowWriter { bytes: bytemuck::cast_slice_mut(row), bits }
    }

    /// Puts a value at an index that has not been written yet.
    #[inline(always)]
    pub(crate) fn put(&mut self, index: usize, value: i32) {
        if self.bits == 8 {
            if let Some(byte) = self.bytes.get_mut(index) {
                *byte = value as u8;
            }
        } else {
            self.put_bits(index, value);
        }
    }

    /// Puts the requantized sums of a lane at `first`, `first + stride`, ...
    pub(super) fn put_every(
        &mut self,
        first: usize,
        stride: usize,
        rescale: Rescale,
        sums: &[[u32; LANES]],
        lane: usize,
    ) {
        let mut index = first;
        if self.bits == 8 {
            rescale.all(sums, lane, |value| {
                if let Some(byte) = self.bytes.get_mut(index) {
                    *byte = value as u8;
                }
                index += stride;
            });
        } else {
            rescale.all(sums, lane, |value| {
                self.put_bits(index, value);
                index += stride;
            });
        }
    }

    fn put_bits(&mut self, index: usize, value: i32) {
        let bits = u32::from(self.bits);
        let at = index * bits as usize;
        let mask = (1u32 << (bits & 31)) - 1;
        let spread = (value as u32 & mask) << (at % 8);
        let mut bytes = self.bytes.get_mut(at / 8..).unwrap_or_default().iter_mut();
        if let Some(byte) = bytes.next() {
            *byte |= spread as u8;
        }
        if let Some(byte) = bytes.next() {
            *byte |= (spread >> 8) as u8;
        }
    }
}

/// Stores an image of bytes in CHW order.
pub(crate) fn write_image(memory: &mut Memory, place: &Place, image: &[u8]) {
    let TensorSpec { channels, height, width, .. } = place.spec;
    for y in 0..height {
        let mut row = RowWriter::cleared(memory.row(place, y), place.bits);
        let rows = image.get(y * width..).unwrap_or_default().chunks(place.spec.plane().max(1));
        for (channel, bytes) in rows.take(channels).enumerate() {
            for (x, byte) in bytes.iter().take(width).enumerate() {
                row.put(x * channels + channel, (*byte).into());
            }
        }
    }
}
