//! A zero-padded copy of a tensor in which a window is a constant distance from its pixel.
//!
//! A row has `width + pad` values: the padding right of a row is the padding left of the next.
//! Output pixel (y, x) sits at position `y·stride + x`, and tap (c, i, j) of its window at
//! `position + c·plane + i·stride + j`, so sums run over positions without looking at rows.

use network::TensorSpec;

/// Positions that are summed in one go; the copy has as many values to spare.
pub(crate) const CHUNK: usize = 256;

/// The copy.
pub(crate) struct Planes {
    /// Values, channel by channel, then [`CHUNK`] zeros.
    pub(crate) data: Vec<i16>,
    /// Values from one row to the next.
    pub(crate) stride: usize,
    /// Values from one channel to the next.
    pub(crate) plane: usize,
    height: usize,
    width: usize,
}

/// A run of pixels of one row inside a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// First position, counted from the start of the chunk.
    pub(crate) offset: usize,
    /// Row.
    pub(crate) y: usize,
    /// First column.
    pub(crate) x: usize,
    /// Number of pixels.
    pub(crate) len: usize,
}

impl Planes {
    /// Copies a tensor with `pad` zeros on every side.
    pub(crate) fn new(spec: &TensorSpec, bytes: &[u8], pad: usize) -> Planes {
        let (height, width) = (spec.height, spec.width);
        let stride = width + pad;
        let plane = (height + 2 * pad) * stride + pad;
        let mut data = vec![0i16; spec.channels * plane + CHUNK];
        for (index, row) in bytes.chunks_exact(width).enumerate() {
            let (c, y) = (index / height, index % height);
            let target = &mut data[c * plane + (y + pad) * stride + pad..][..width];
            if spec.signed {
                target.iter_mut().zip(row).for_each(|(t, b)| *t = i16::from(*b as i8));
            } else {
                target.iter_mut().zip(row).for_each(|(t, b)| *t = i16::from(*b));
            }
        }
        Planes { data, stride, plane, height, width }
    }

    /// Distances of the taps of a k×k window, in `[c][i][j]` order.
    pub(crate) fn window(&self, channels: usize, kernel: usize) -> Vec<usize> {
        let tap = |c: usize, i: usize, j: usize| c * self.plane + i * self.stride + j;
        let rows = (0..channels).flat_map(|c| (0..kernel).map(move |i| (c, i)));
        rows.flat_map(|(c, i)| (0..kernel).map(move |j| tap(c, i, j))).collect()
    }

    /// Number of positions, the padding between rows included.
    pub(crate) fn n_positions(&self) -> usize {
        (self.height - 1) * self.stride + self.width
    }

    /// The pixels of the chunk that starts at position `start`.
    pub(crate) fn segments(&self, start: usize) -> impl Iterator<Item = Segment> + '_ {
        let end = (start + CHUNK).min(self.n_positions());
        (start / self.stride..=(end - 1) / self.stride).filter_map(move |y| {
            let first = (y * self.stride).max(start);
            let last = (y * self.stride + self.width).min(end);
            let x = first - y * self.stride;
            (first < last).then(|| Segment { offset: first - start, y, x, len: last - first })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_by_hand() {
        let spec = TensorSpec { channels: 1, height: 2, width: 2, bits: 8, signed: true };
        let planes = Planes::new(&spec, &[1, 2, 0xFF, 4], 1);
        let expected = [0, 0, 0, 0, 1, 2, 0, -1, 4, 0, 0, 0, 0];
        assert_eq!(planes.data[..13], expected);
        assert_eq!((planes.stride, planes.plane, planes.n_positions()), (3, 13, 5));
        assert_eq!(planes.window(1, 3), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn segments_cover_every_pixel_once() {
        for (height, width, pad) in [(1, 1, 0), (3, 70, 1), (2, 600, 3), (90, 1, 1), (40, 33, 2)] {
            let spec = TensorSpec { channels: 1, height, width, bits: 8, signed: false };
            let planes = Planes::new(&spec, &vec![0; height * width], pad);
            let mut seen = vec![0; height * width];
            for start in (0..planes.n_positions()).step_by(CHUNK) {
                for s in planes.segments(start) {
                    assert_eq!(start + s.offset, s.y * planes.stride + s.x);
                    assert!(s.offset + s.len <= CHUNK);
                    seen[s.y * width + s.x..][..s.len].iter_mut().for_each(|n| *n += 1);
                }
            }
            assert!(seen.iter().all(|n| *n == 1));
        }
    }
}
