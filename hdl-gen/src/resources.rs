//! What an engine takes of a device: plain formulas whose coefficients were fitted to Yosys.
//!
//! A build and its memory depths enter; lookup tables, flip-flops, block RAMs and multipliers
//! leave. Multipliers and block RAMs are counted; logic is a sum of cost drivers, each a number of
//! bits known from the RTL, times the coefficient of the family. `tests/resources.rs` holds the
//! measurements, checks the model against them and prints coefficients after a change of the RTL.

use serde::{Deserialize, Serialize};

use crate::cell::{MacCell, packed_operand_bits, packed_split_bits};
use crate::emit::Depths;
use crate::engine::{Engine, PARAM_BITS};

/// Parts that share a kind of logic cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Lattice ECP5: LUT4, block RAMs of 18 Kibit, multipliers of 18×18.
    Ecp5,
    /// Lattice iCE40 UltraPlus: LUT4, block RAMs of 4 Kibit, multipliers of 16×16.
    Ice40,
    /// Xilinx 7 series: LUT6, block RAMs of 18 Kibit (half a RAMB36), multipliers of 25×18.
    Xc7,
}

/// What a build takes, or a device has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Lookup tables, carry chains included.
    pub luts: usize,
    /// Flip-flops.
    pub ffs: usize,
    /// Block RAMs.
    pub block_rams: usize,
    /// Hard multipliers.
    pub multipliers: usize,
}

impl Resources {
    /// Name and count of each resource.
    pub fn counts(&self) -> [(&'static str, usize); 4] {
        [
            ("lookup tables", self.luts),
            ("flip-flops", self.ffs),
            ("block RAMs", self.block_rams),
            ("multipliers", self.multipliers),
        ]
    }
}

/// Number of cost drivers of lookup tables and of flip-flops.
pub const N_DRIVERS: usize = 8;

/// Names of the cost drivers, for the fit.
pub const DRIVERS: [&str; N_DRIVERS] = [
    "control",
    "addresses",
    "products",
    "accumulators",
    "pixels",
    "requantizer",
    "weights",
    "prefetch and fused pool",
];

/// Coefficients of one family, in the order of [`DRIVERS`].
struct Coefficients {
    luts: [f64; N_DRIVERS],
    ffs: [f64; N_DRIVERS],
}

const ECP5: Coefficients = Coefficients {
    luts: [1630.8, 20.36, 1.143, 3.888, 3.007, 7.021, 1.422, 228.6],
    ffs: [819.0, 10.37, 1.006, 2.155, 6.749, 4.201, 1.609, 362.0],
};
const ICE40: Coefficients = Coefficients {
    luts: [1694.9, 12.90, 1.350, 2.993, 2.819, 7.254, 1.387, 193.6],
    ffs: [1031.9, 3.62, 0.912, 2.154, 7.334, 3.834, 2.149, 383.1],
};
/// Counted by hand, not fitted; the control takes what it grew by on iCE40.
const XC7: Coefficients = Coefficients {
    luts: [1680.0, 20.0, 1.10, 3.00, 1.70, 7.00, 1.50, 160.0],
    ffs: [786.0, 10.0, 1.00, 2.00, 6.00, 3.50, 2.00, 350.0],
};

/// Estimates an engine with memories of the given depths.
pub fn estimate(family: Family, engine: &Engine, depths: &Depths) -> Resources {
    let coefficients = match family {
        Family::Ecp5 => ECP5,
        Family::Ice40 => ICE40,
        Family::Xc7 => XC7,
    };
    let sum = |coefficients: [f64; N_DRIVERS], drivers: [f64; N_DRIVERS]| {
        coefficients.iter().zip(drivers).map(|(c, d)| c * d).sum::<f64>().ceil() as usize
    };
    let [external_luts, external_ffs] = match depths.external {
        Some(_) => external_logic(family, engine),
        None => [0, 0],
    };
    Resources {
        luts: sum(coefficients.luts, lut_drivers(family, engine, depths)) + external_luts,
        ffs: sum(coefficients.ffs, ff_drivers(engine, depths)) + external_ffs,
        block_rams: block_rams(family, engine, depths),
        multipliers: multipliers(family, engine),
    }
}

/// Lookup tables and flip-flops of DMA, queues and AXI4 master: a constant and a share of the feature
/// word, which it packs, from builds of 16, 32 and 64 lanes on ECP5 and one of 32 on the others.
fn external_logic(family: Family, engine: &Engine) -> [usize; 2] {
    let (luts, ffs) = match family {
        Family::Ecp5 => ((3505, 15.3), (1520, 6.5)),
        Family::Ice40 => ((3895, 15.3), (1430, 6.5)),
        Family::Xc7 => ((2540, 15.3), (1300, 6.5)),
    };
    [luts, ffs].map(|(constant, a_bit): (usize, f64)| {
        constant + (a_bit * engine.feature_bits() as f64).ceil() as usize
    })
}

/// Bits of logic of each kind.
pub fn lut_drivers(family: Family, engine: &Engine, depths: &Depths) -> [f64; N_DRIVERS] {
    let pixel_bits = engine.feature_bits();
    // rotate, upsample, mask; pool, gather, write
    let align = pixel_bits * (engine.tp.ilog2() as usize + 4);
    [
        1.0,
        address_bits(depths) as f64,
        product_bits(family, engine) as f64,
        accumulator_bits(engine) as f64,
        align as f64,
        (engine.requantize_lanes * requantizer_bits(engine)) as f64,
        engine.weight_bits() as f64,
        f64::from(!engine.compact),
    ]
}

/// Bits of registers of each kind.
pub fn ff_drivers(engine: &Engine, depths: &Depths) -> [f64; N_DRIVERS] {
    let sums = match engine.mac_cell {
        MacCell::Packed => engine.tm / 2 * engine.tp * (2 * split_bits(engine) + 1),
        _ => trees(engine) * (product_width(engine) + engine.tn.ilog2() as usize),
    };
    [
        1.0,
        address_bits(depths) as f64,
        sums as f64,
        accumulator_bits(engine) as f64,
        engine.feature_bits() as f64,
        (engine.requantize_lanes * requantizer_bits(engine)) as f64,
        engine.weight_bits() as f64,
        f64::from(!engine.compact),
    ]
}

/// Trees of the array that have an accumulator: with one-bit digits, one a pixel sums the excess.
fn trees(engine: &Engine) -> usize {
    (engine.tm + usize::from(engine.digit_bits == 1)) * engine.tp
}

fn accumulator_bits(engine: &Engine) -> usize {
    trees(engine) * engine.accumulator_bits
}

/// Bits of the adders of products and trees, as far as no hard multiplier makes them.
fn product_bits(family: Family, engine: &Engine) -> usize {
    let trees = trees(engine);
    let lanes = trees * engine.tn;
    let tree_adders = engine.tn - 1;
    let width = product_width(engine);
    let (d, a) = (engine.digit_bits, engine.lane_bits + 1);
    match engine.mac_cell {
        MacCell::Packed => {
            let s = split_bits(engine);
            trees / 2 * (tree_adders * (2 * s + 1) + s + 1)
        }
        _ if d == 1 => lanes * a + trees * tree_adders * (a + 1),
        MacCell::Lut => lanes * (2 * d - 1) * a + trees * tree_adders * width,
        MacCell::Plain if is_hard(family, d + 1, a) => trees * tree_adders * width,
        MacCell::Plain => lanes * (d + 1) * a * 3 / 2 + trees * tree_adders * width,
    }
}

/// Bits of the product of a digit and an activation.
fn product_width(engine: &Engine) -> usize {
    if engine.digit_bits == 1 {
        return engine.lane_bits + 1;
    }
    engine.digit_bits + engine.lane_bits + 2
}

fn split_bits(engine: &Engine) -> usize {
    packed_split_bits(engine.digit_bits, engine.lane_bits, engine.tn)
}

/// Bits of one requantizer's adder and shifter.
fn requantizer_bits(engine: &Engine) -> usize {
    let product = engine.accumulator_bits + if engine.scaled { 16 } else { 1 };
    product.max(engine.bias_bits) + 1
}

/// Address bits of the memories; the feature address has the most adders.
fn address_bits(depths: &Depths) -> usize {
    let bits = |depth: usize| depth.max(2).next_power_of_two().ilog2() as usize;
    4 * bits(depths.features) + bits(depths.weights)
}

/// True if synthesis makes a product of these signed operands with a hard multiplier.
fn is_hard(family: Family, a_bits: usize, b_bits: usize) -> bool {
    // Yosys leaves iCE40 products below 11 bits to lookup tables, and 7-series ones below 9
    let least = match family {
        Family::Ecp5 => 0,
        Family::Ice40 => 11,
        Family::Xc7 => 9,
    };
    a_bits.min(b_bits) >= 2 && a_bits + b_bits >= least
}

/// Hard multipliers of one product of signed operands.
fn blocks_of_product(family: Family, a_bits: usize, b_bits: usize) -> usize {
    if !is_hard(family, a_bits, b_bits) {
        return 0;
    }
    let (wide, narrow) = (a_bits.max(b_bits), a_bits.min(b_bits));
    let (most_wide, most_narrow) = match family {
        Family::Ecp5 => (18, 18),
        Family::Ice40 => (16, 16),
        Family::Xc7 => (25, 18),
    };
    // a piece of a wide operand that is left over may be too narrow for a multiplier of its own
    let rest = wide % most_wide;
    let left_over = rest != 0 && (wide < most_wide || is_hard(family, rest, narrow));
    (wide / most_wide + usize::from(left_over)) * narrow.div_ceil(most_narrow)
}

/// Hard multipliers of an engine.
fn multipliers(family: Family, engine: &Engine) -> usize {
    let (d, a) = (engine.digit_bits, engine.lane_bits + 1);
    let array = match engine.mac_cell {
        _ if d == 1 => 0,
        MacCell::Lut => 0,
        MacCell::Plain => engine.lanes() * blocks_of_product(family, d + 1, a),
        MacCell::Packed => {
            let bits = packed_operand_bits(d, engine.lane_bits, engine.tn);
            engine.lanes() / 2 * blocks_of_product(family, bits, a)
        }
    };
    let scale = blocks_of_product(family, engine.accumulator_bits, 16);
    array + if engine.scaled { engine.requantize_lanes * scale } else { 0 }
}

/// Block RAMs of all memories.
fn block_rams(family: Family, engine: &Engine, depths: &Depths) -> usize {
    let bank = engine.tn * engine.lane_bits;
    engine.tp * blocks_of_memory(family, depths.features, bank)
        + blocks_of_memory(family, depths.weights, engine.weight_bits())
        + blocks_of_memory(family, depths.params, PARAM_BITS)
        + blocks_of_memory(family, depths.descriptors, 32)
        + blocks_of_memory(family, depths.pool, engine.pool_bits())
        + depths.external.map_or(0, |external| {
            let tables = [external.commands, external.transfers, external.channels];
            tables.map(|depth| blocks_of_memory(family, depth, 32)).into_iter().sum()
        })
}

/// Block RAMs of a memory: the cheapest of the aspect ratios of a block.
fn blocks_of_memory(family: Family, depth: usize, width: usize) -> usize {
    // (words, bits) of a block
    let ratios: &[(usize, usize)] = match family {
        Family::Ecp5 | Family::Xc7 => {
            &[(512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)]
        }
        Family::Ice40 => &[(256, 16), (512, 8), (1024, 4), (2048, 2)],
    };
    if depth * width <= least_block_bits(family) {
        return 0;
    }
    ratios.iter().map(|(d, w)| depth.div_ceil(*d) * width.div_ceil(*w)).min().unwrap_or(0)
}

/// Memories up to this many bits become lookup tables or registers.
fn least_block_bits(family: Family) -> usize {
    match family {
        Family::Ecp5 => 1024,
        Family::Xc7 => 2048,
        Family::Ice40 => 64,
    }
}
