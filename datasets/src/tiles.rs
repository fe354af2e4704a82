//! Overlapping tiles for images larger than the network's input.

use crate::image::{Image, Mask};

/// The tiles of one image size: corners on a grid, the last ones moved in to end at the border.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileGrid {
    /// Rows and columns of the image.
    pub image: [usize; 2],
    /// Rows and columns of a tile.
    pub tile: [usize; 2],
    /// First rows of the tiles.
    pub tops: Vec<usize>,
    /// First columns of the tiles.
    pub lefts: Vec<usize>,
}

impl TileGrid {
    /// Tiles of `tile` size over an image, neighbours sharing at least `overlap` pixels.
    ///
    /// # Panics
    /// If `overlap` is not below both sides of the tile.
    pub fn new(image: [usize; 2], tile: [usize; 2], overlap: usize) -> Self {
        assert!(overlap < tile[0] && overlap < tile[1], "overlap {overlap} in tiles of {tile:?}");
        Self {
            image,
            tile,
            tops: starts(image[0], tile[0], overlap),
            lefts: starts(image[1], tile[1], overlap),
        }
    }

    /// Corners (top, left) of all tiles, row by row.
    pub fn corners(&self) -> Vec<[usize; 2]> {
        let row = |&top: &usize| self.lefts.iter().map(move |&left| [top, left]);
        self.tops.iter().flat_map(row).collect()
    }

    /// The tile at `corner`, zero where the image does not reach.
    pub fn cut(&self, image: &Image, corner: [usize; 2]) -> Image {
        image.window(corner[0] as isize, corner[1] as isize, self.tile[0], self.tile[1])
    }

    /// Joins the tiles' masks, given in the order of [`TileGrid::corners`]: each pixel is taken from
    /// the tile in which it is most central, ties to the first.
    ///
    /// # Panics
    /// If the number or the size of the masks is not that of the tiles.
    pub fn join(&self, masks: &[Mask]) -> Mask {
        assert_eq!(masks.len(), self.tops.len() * self.lefts.len(), "number of tiles");
        for mask in masks {
            assert_eq!([mask.height, mask.width], self.tile, "size of a tile's mask");
        }
        let rows = owners(self.image[0], self.tile[0], &self.tops);
        let columns = owners(self.image[1], self.tile[1], &self.lefts);
        let mut out = Mask::zeros(self.image[0], self.image[1]);
        for (y, &row) in rows.iter().enumerate() {
            for (x, &column) in columns.iter().enumerate() {
                let mask = &masks[row * self.lefts.len() + column];
                let class = mask.at(y - self.tops[row], x - self.lefts[column]);
                out.data[y * self.image[1] + x] = class;
            }
        }
        out
    }
}

fn starts(length: usize, tile: usize, overlap: usize) -> Vec<usize> {
    let Some(last) = length.checked_sub(tile) else { return vec![0] };
    let mut starts: Vec<usize> = (0..last).step_by(tile - overlap).collect();
    starts.push(last);
    starts
}

/// For each position the tile whose middle is nearest.
fn owners(length: usize, tile: usize, starts: &[usize]) -> Vec<usize> {
    // twice the distance to the middle keeps to integers
    let distance = |at: usize, start: usize| (2 * at + 1).abs_diff(2 * start + tile);
    let owner = |at: usize| {
        let indexed = starts.iter().enumerate();
        indexed.min_by_key(|(_, start)| distance(at, **start)).map_or(0, |(index, _)| index)
    };
    (0..length).map(owner).collect()
}

/// Segments an image of any size with a function for tiles of one size.
///
/// Smaller images are zero-padded at the bottom and the right; each output pixel is taken from the
/// tile in which it is most central.
///
/// # Shapes
/// `segment` gets `tile_height × tile_width` images and returns masks of that size; the result has
/// the image's size.
///
/// # Errors
/// The first error of `segment`.
///
/// # Panics
/// If `overlap` is not below both sides of the tile, or `segment` returns a mask of another size.
pub fn segment_by_tiles<E>(
    image: &Image,
    tile_height: usize,
    tile_width: usize,
    overlap: usize,
    segment: impl FnMut(&Image) -> Result<Mask, E>,
) -> Result<Mask, E> {
    let grid = TileGrid::new([image.height, image.width], [tile_height, tile_width], overlap);
    let tiles = grid.corners().into_iter().map(|corner| grid.cut(image, corner));
    let mut segment = segment;
    let masks = tiles.map(|tile| segment(&tile)).collect::<Result<Vec<_>, E>>()?;
    Ok(grid.join(&masks))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn starts_end_at_the_border() {
        assert_eq!(starts(10, 4, 1), [0, 3, 6]);
        assert_eq!(starts(11, 4, 1), [0, 3, 6, 7]);
        assert_eq!(starts(4, 4, 1), [0]);
        assert_eq!(starts(3, 4, 1), [0]);
    }

    #[test]
    fn pixels_belong_to_the_most_central_tile() {
        // tiles at 0..4 and 2..6: middles 2 and 4, the border between them is 3
        assert_eq!(owners(6, 4, &[0, 2]), [0, 0, 0, 1, 1, 1]);
        // a tie goes to the first
        assert_eq!(owners(5, 4, &[0, 1]), [0, 0, 0, 1, 1]);
    }

    proptest! {
        #[test]
        fn a_pointwise_function_is_unchanged_by_tiling(
            h in 1usize..30, w in 1usize..30, th in 1usize..12, tw in 1usize..12, o in 0usize..11,
        ) {
            let overlap = o.min(th.min(tw) - 1);
            let data = (0..h * w).map(|i| (i % 251) as f32 + 1.0).collect();
            let image = Image::grey(h, w, data);
            let mut n_tiles = 0;
            let mask = segment_by_tiles(&image, th, tw, overlap, |tile| {
                n_tiles += 1;
                assert_eq!((tile.height, tile.width), (th, tw));
                let data = tile.data.iter().map(|&v| v as u8).collect();
                Ok::<_, ()>(Mask { height: th, width: tw, data })
            }).unwrap();
            let expected: Vec<u8> = (0..h * w).map(|i| (i % 251) as u8 + 1).collect();
            prop_assert_eq!(mask.data, expected);
            if h <= th && w <= tw {
                prop_assert_eq!(n_tiles, 1);
            }
        }
    }

    #[test]
    fn errors_pass_through() {
        let image = Image::zeros(1, 5, 5);
        assert_eq!(segment_by_tiles(&image, 4, 4, 1, |_| Err::<Mask, _>("no")), Err("no"));
    }
}
