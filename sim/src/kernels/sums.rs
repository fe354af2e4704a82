//! Sums of products of a block of output channels over a chunk of positions.
//!
//! Plain loops over fixed-size arrays, which the compiler turns into vector code for the
//! instruction set chosen at run time. Products are summed in 16 bits as long as they provably
//! fit, then added to 32-bit sums: twice as many lanes as summing in 32 bits.

use super::dense::{BLOCK, Block};
use super::planes::{CHUNK, Planes};

/// Positions whose sums stay in registers.
const LANES: usize = 32;

/// The sums of one block over one chunk.
pub(crate) type Sums = [[i32; CHUNK]; BLOCK];

/// Where the sums go before requantization.
pub(crate) fn new_sums() -> Box<Sums> {
    Box::new([[0; CHUNK]; BLOCK])
}

/// Sums of products at the positions from `start` to the end of the chunk or of the image.
#[inline(always)]
pub(crate) fn sum_chunk(
    block: &Block,
    planes: &Planes,
    window: &[usize],
    start: usize,
    sums: &mut Sums,
) {
    let n_positions = CHUNK.min(planes.n_positions() - start);
    for first in (0..n_positions).step_by(LANES) {
        let data = &planes.data[start + first..];
        let tile = sum_tile(block, data, window);
        for (row, tile) in sums.iter_mut().zip(&tile) {
            row[first..first + LANES].copy_from_slice(tile);
        }
    }
}

/// In 16 bits within each run of taps, then in 32 bits.
#[inline(always)]
fn sum_tile(block: &Block, data: &[i16], window: &[usize]) -> [[i32; LANES]; BLOCK] {
    let mut tile = [[0i32; LANES]; BLOCK];
    let mut begin = 0;
    for end in &block.run_ends {
        let mut run = [[0i16; LANES]; BLOCK];
        for (weights, offset) in block.taps[begin..*end].iter().zip(&window[begin..*end]) {
            let Some(values) = data[*offset..].first_chunk::<LANES>() else {
                break;
            };
            for o in 0..BLOCK {
                for l in 0..LANES {
                    let product = values[l].wrapping_mul(weights[o]);
                    run[o][l] = run[o][l].wrapping_add(product);
                }
            }
        }
        for o in 0..BLOCK {
            for l in 0..LANES {
                tile[o][l] += i32::from(run[o][l]);
            }
        }
        begin = *end;
    }
    tile
}
