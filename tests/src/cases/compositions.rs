//! Operations after one another, in the orders that a scheduler or a planner may get wrong.

use network::Mode;

use super::{Case, build};
use crate::builder::{Builder, Format, signed, unsigned};

const U6: Format = unsigned(6);

/// Concats, pools and upsamplings of one another, and as outputs.
pub fn compositions() -> Vec<Case> {
    let case = |name: &str, shape, make: fn(&mut Builder)| {
        Case::new(name, build(Mode::Scaled, shape, make))
    };
    vec![
        case("concat-upsampled-and-skip", [1, 6, 10], |b| {
            let skip = b.conv2d(b.input(), [4, 3], 4, U6);
            let down = b.max_pool2d(skip);
            let up = b.upsample2d(down);
            let both = b.concat(skip, up);
            b.conv2d(both, [3, 3], 4, U6);
        }),
        case("nested-concat", [1, 5, 9], |b| {
            let x = b.conv2d(b.input(), [3, 3], 4, U6);
            let y = b.conv2d(x, [2, 3], 4, U6);
            let z = b.conv2d(y, [4, 1], 4, U6);
            let inner = b.concat(x, y);
            let outer = b.concat(inner, z);
            b.conv2d(outer, [3, 3], 4, U6);
        }),
        case("upsample-of-upsample", [2, 3, 5], |b| {
            let x = b.conv2d(b.input(), [3, 3], 4, U6);
            let once = b.upsample2d(x);
            let twice = b.upsample2d(once);
            b.conv2d(twice, [2, 3], 4, U6);
        }),
        case("pool-of-concat", [2, 5, 6], |b| {
            let x = b.conv2d(b.input(), [3, 3], 4, U6);
            let y = b.conv2d(x, [2, 3], 4, U6);
            let both = b.concat(x, y);
            let pooled = b.max_pool2d(both);
            b.conv2d(pooled, [2, 3], 4, U6);
        }),
        case("pool-of-pool", [2, 9, 13], |b| {
            let x = b.conv2d(b.input(), [3, 3], 4, U6);
            let once = b.max_pool2d(x);
            let twice = b.max_pool2d(once);
            b.conv2d(twice, [2, 3], 4, U6);
        }),
        case("pool-of-upsample", [2, 4, 5], |b| {
            let x = b.conv2d(b.input(), [3, 3], 4, U6);
            let up = b.upsample2d(x);
            let pooled = b.max_pool2d(up);
            b.conv2d(pooled, [2, 3], 4, U6);
        }),
        case("pooled-and-skipped", [2, 6, 6], |b| {
            let x = b.conv2d(b.input(), [3, 3], 4, U6);
            let down = b.max_pool2d(x);
            let deep = b.conv2d(down, [2, 3], 4, U6);
            let up = b.upsample2d(deep);
            let both = b.concat(up, x);
            b.threshold(both, 8);
        }),
        case("upsample-as-output", [2, 3, 5], |b| {
            let x = b.conv2d(b.input(), [3, 3], 4, U6);
            b.upsample2d(x);
        }),
        case("concat-as-output", [2, 3, 5], |b| {
            let x = b.conv2d(b.input(), [3, 3], 4, signed(8));
            b.concat(x, b.input());
        }),
        case("pool-as-output", [2, 5, 7], |b| {
            let x = b.conv2d(b.input(), [3, 3], 4, signed(5));
            b.max_pool2d(x);
        }),
        case("concat-of-transposed", [2, 4, 6], |b| {
            let skip = b.conv2d(b.input(), [3, 3], 4, U6);
            let down = b.max_pool2d(skip);
            let up = b.conv_transpose2d(down, 4, 4, U6);
            let both = b.concat(skip, up);
            b.conv2d(both, [3, 3], 4, U6);
        }),
        case("mixed-widths", [1, 6, 10], |b| {
            let x = b.conv2d(b.input(), [4, 3], 8, unsigned(8));
            let x = b.conv2d(x, [5, 3], 1, signed(3));
            let x = b.conv2d(x, [6, 5], 7, unsigned(1));
            let x = b.conv2d(x, [3, 7], 2, signed(8));
            b.argmax(x, 5, 4);
        }),
        case("many-channels", [37, 5, 6], |b| {
            let x = b.conv2d(b.input(), [41, 3], 4, U6);
            b.conv2d(x, [23, 1], 4, U6);
        }),
    ]
}
