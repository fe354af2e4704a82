//! The two rasters everything else speaks: a normalised image and a mask of class indices.

/// A normalised picture in channel, row, column order; 0.0 is exactly the padding value.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Number of channels.
    pub channels: usize,
    /// Number of rows.
    pub height: usize,
    /// Number of columns.
    pub width: usize,
    /// Values, `channels × height × width`, row-major, channels outermost.
    pub data: Vec<f32>,
}

impl Image {
    /// An image of zeros, which is what padding looks like.
    pub fn zeros(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width, data: vec![0.0; channels * height * width] }
    }

    /// A grey image over `data`.
    ///
    /// # Panics
    /// If `data` does not hold `height × width` values.
    pub fn grey(height: usize, width: usize, data: Vec<f32>) -> Self {
        assert_eq!(data.len(), height * width, "values of a {height}×{width} image");
        Self { channels: 1, height, width, data }
    }

    /// The value at (`channel`, `y`, `x`).
    ///
    /// # Panics
    /// If the coordinates are outside the image.
    pub fn at(&self, channel: usize, y: usize, x: usize) -> f32 {
        self.data[(channel * self.height + y) * self.width + x]
    }

    /// The `height × width` window around the middle; an image that is smaller lies at its top left.
    pub fn middle(&self, height: usize, width: usize) -> Self {
        let start = |size: usize, window: usize| (size as isize - window as isize).max(0) / 2;
        self.window(start(self.height, height), start(self.width, width), height, width)
    }

    /// The `height × width` window whose corner is (`top`, `left`); outside the image it is zero.
    pub fn window(&self, top: isize, left: isize, height: usize, width: usize) -> Self {
        let mut out = Self::zeros(self.channels, height, width);
        for channel in 0..self.channels {
            let plane = &self.data[channel * self.height * self.width..];
            let target = &mut out.data[channel * height * width..][..height * width];
            copy_window(plane, [self.height, self.width], [top, left], target, width);
        }
        out
    }
}

/// A class index per pixel, 0 being the background.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    /// Number of rows.
    pub height: usize,
    /// Number of columns.
    pub width: usize,
    /// Class indices, `height × width`, row-major.
    pub data: Vec<u8>,
}

impl Mask {
    /// A mask of background.
    pub fn zeros(height: usize, width: usize) -> Self {
        Self { height, width, data: vec![0; height * width] }
    }

    /// The class at (`y`, `x`).
    ///
    /// # Panics
    /// If the coordinates are outside the mask.
    pub fn at(&self, y: usize, x: usize) -> u8 {
        self.data[y * self.width + x]
    }

    /// Number of pixels of `class`.
    pub fn count(&self, class: u8) -> usize {
        self.data.iter().filter(|&&c| c == class).count()
    }

    /// The `height × width` window whose corner is (`top`, `left`); outside the mask it is zero.
    pub fn window(&self, top: isize, left: isize, height: usize, width: usize) -> Self {
        let mut out = Self::zeros(height, width);
        copy_window(&self.data, [self.height, self.width], [top, left], &mut out.data, width);
        out
    }
}

/// Copies the overlap of a plane of `size` with the window at `corner` into `target`.
fn copy_window<T: Copy>(
    plane: &[T],
    size: [usize; 2],
    corner: [isize; 2],
    target: &mut [T],
    target_width: usize,
) {
    for (row, line) in target.chunks_exact_mut(target_width.max(1)).enumerate() {
        let Some(y) = corner[0].checked_add_unsigned(row).filter(|y| *y >= 0) else { continue };
        if y as usize >= size[0] {
            continue;
        }
        let first = corner[1].max(0);
        let last = (corner[1] + target_width as isize).min(size[1] as isize);
        if first >= last {
            continue;
        }
        let length = (last - first) as usize;
        let into = (first - corner[1]) as usize;
        let from = y as usize * size[1] + first as usize;
        line[into..into + length].copy_from_slice(&plane[from..from + length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_copies_and_pads() {
        let image = Image::grey(2, 3, vec![1., 2., 3., 4., 5., 6.]);
        let window = image.window(-1, 1, 3, 3);
        assert_eq!(window.data, vec![0., 0., 0., 2., 3., 0., 5., 6., 0.]);
        assert_eq!(image.window(5, 5, 2, 2).data, vec![0.0; 4]);
        assert_eq!(image.window(-9, 0, 2, 2).data, vec![0.0; 4]);
    }

    #[test]
    fn mask_window_and_count() {
        let mask = Mask { height: 2, width: 2, data: vec![1, 0, 1, 1] };
        assert_eq!(mask.count(1), 3);
        assert_eq!(mask.window(1, -1, 2, 2).data, vec![0, 1, 0, 0]);
        assert_eq!(mask.at(1, 0), 1);
    }
}
