//! The accelerator's descriptor: 32-bit words that tell the engine one operation.
//!
//! This table is the only definition. The schedule packs descriptors with it, the Verilog
//! localparams and the C header are generated from it, and drivers decode with it.

/// Words from one descriptor to the next in memory.
pub const DESCRIPTOR_STRIDE: usize = 32;
/// Words that a build with its memories on chip reads.
pub const CHIP_WORDS: usize = 16;
/// Words that an external-memory build reads: those and the rings of rows.
pub const EXTERNAL_WORDS: usize = 24;
/// Words behind those in which an external-memory build keeps where an operation stands.
pub const SAVED_WORDS: usize = 5;

/// `op`: end of the program.
pub const OP_END: u32 = 0;
/// `op`: convolution, transposed convolution or head.
pub const OP_CONV: u32 = 1;
/// `op`: 2×2 max-pool.
pub const OP_POOL: u32 = 2;

/// `head`: write the requantized activations.
pub const HEAD_NONE: u32 = 0;
/// `head`: class 1 where the logit reaches the threshold.
pub const HEAD_THRESHOLD: u32 = 1;
/// `head`: class of the largest logit, ties to the lowest.
pub const HEAD_ARGMAX: u32 = 2;

/// One field of the descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name in snake case; generated constants derive from it.
    pub name: &'static str,
    /// Index of the word, below [`EXTERNAL_WORDS`].
    pub word: usize,
    /// Lowest bit within the word.
    pub lsb: u32,
    /// Number of bits.
    pub width: u32,
    /// One sentence of documentation.
    pub doc: &'static str,
}

const fn field(name: &'static str, word: usize, lsb: u32, width: u32, doc: &'static str) -> Field {
    Field { name, word, lsb, width, doc }
}

/// What the engine does: [`OP_END`], [`OP_CONV`] or [`OP_POOL`].
pub const OP: Field = field("op", 0, 0, 4, "operation: 0 end, 1 convolution, 2 max-pool");
/// Set if source B follows source A in the channel order.
pub const SECOND_SOURCE: Field =
    field("second_source", 0, 4, 1, "channels of source B follow those of source A");
/// Set if source A is read at half resolution.
pub const UPSAMPLE_A: Field =
    field("upsample_a", 0, 5, 1, "source A is read through a nearest x2 upsampling");
/// Set if source B is read at half resolution.
pub const UPSAMPLE_B: Field =
    field("upsample_b", 0, 6, 1, "source B is read through a nearest x2 upsampling");
/// Set if source A holds two's complement values.
pub const SIGNED_A: Field = field("signed_a", 0, 7, 1, "values of source A are two's complement");
/// Set if source B holds two's complement values.
pub const SIGNED_B: Field = field("signed_b", 0, 8, 1, "values of source B are two's complement");
/// Set if weights are ±1 (a zero bit is +1).
pub const ONE_BIT: Field = field(
    "one_bit",
    0,
    9,
    1,
    "weights are +1 (bit 0) or -1 (bit 1); only where the digit is one bit wide",
);
/// Set for a transposed convolution.
pub const PHASES: Field =
    field("phases", 0, 10, 1, "transposed convolution 2x2 stride 2: four phases, strided writes");
/// [`HEAD_NONE`], [`HEAD_THRESHOLD`] or [`HEAD_ARGMAX`].
pub const HEAD: Field =
    field("head", 0, 11, 2, "decision on the logits: 0 none, 1 threshold, 2 argmax");
/// Weight digits less one.
pub const DIGITS_M1: Field =
    field("digits_m1", 0, 13, 4, "weight digits less one, most significant first");
/// Set if the 2×2 max-pool of the output is written beside it.
pub const POOL_FUSED: Field =
    field("pool_fused", 0, 17, 1, "the 2x2 max-pool of the output is written beside it");

/// Columns of the loop less one.
pub const WIDTH_M1: Field = field(
    "width_m1",
    1,
    0,
    12,
    "columns of the loop less one: pixels read per row, before upsampling writes",
);
/// Rows of the loop less one.
pub const HEIGHT_M1: Field = field("height_m1", 1, 12, 12, "rows of the loop less one");

/// Taps down less one.
pub const KERNEL_H_M1: Field = field("kernel_h_m1", 2, 0, 4, "taps down less one");
/// Taps across less one.
pub const KERNEL_W_M1: Field = field("kernel_w_m1", 2, 4, 4, "taps across less one");
/// Zero padding above.
pub const PAD_H: Field = field("pad_h", 2, 8, 3, "zero padding above in pixels");
/// Right shift S of the requantization.
pub const SHIFT: Field = field("shift", 2, 11, 5, "right shift S of the requantization");
/// Output channels in the last group of TM.
pub const LAST_LANES: Field =
    field("last_lanes", 2, 16, 8, "output channels in the last group of TM");
/// Zero padding at the left.
pub const PAD_W: Field = field("pad_w", 2, 24, 3, "zero padding at the left in pixels");

/// Input channel groups of source A less one.
pub const GROUPS_A_M1: Field =
    field("groups_a_m1", 3, 0, 12, "groups of TN channels of source A less one");
/// Input channel groups of source B less one.
pub const GROUPS_B_M1: Field =
    field("groups_b_m1", 3, 12, 12, "groups of TN channels of source B less one");

/// Feature address of the first tap of the first pixel in A.
pub const START_A: Field = field(
    "start_a",
    4,
    0,
    32,
    "feature word of the first tap at row 0, column 0 of source A, modulo the address range",
);
/// Feature address of the first tap of the first pixel in B.
pub const START_B: Field = field(
    "start_b",
    5,
    0,
    32,
    "feature word of the first tap at row 0, column 0 of source B, modulo the address range",
);
/// Feature address of the output.
pub const OUT_BASE: Field = field("out_base", 6, 0, 32, "feature word of output row 0, column 0");
/// Words of an output row.
pub const PITCH_OUT: Field =
    field("pitch_out", 7, 0, 32, "feature words from one output row to the next");
/// Words of a row of A.
pub const PITCH_A: Field =
    field("pitch_a", 8, 0, 32, "feature words from one row of source A to the next");
/// Words of a row of B.
pub const PITCH_B: Field =
    field("pitch_b", 9, 0, 32, "feature words from one row of source B to the next");
/// First weight word.
pub const WEIGHT_BASE: Field = field("weight_base", 10, 0, 32, "first weight word");
/// First parameter word.
pub const PARAM_BASE: Field =
    field("param_base", 11, 0, 32, "first parameter word, one per output channel");
/// Upper clamp.
pub const CLAMP_HIGH: Field = field("clamp_high", 12, 0, 16, "largest result, two's complement");
/// Lower clamp.
pub const CLAMP_LOW: Field = field("clamp_low", 12, 16, 16, "smallest result, two's complement");
/// Threshold of the head.
pub const THRESHOLD: Field =
    field("threshold", 13, 0, 16, "smallest logit of class 1, two's complement");
/// Output passes less one.
pub const OUT_GROUPS_M1: Field = field(
    "out_groups_m1",
    14,
    0,
    12,
    "groups of TM output channels less one; of TN channels for max-pool",
);
/// Words of one output pixel group less one.
pub const OUT_STEP_M1: Field = field(
    "out_step_m1",
    14,
    12,
    12,
    "feature words from one output pixel group to the next, less one",
);
/// Columns of the output less one.
pub const OUT_WIDTH_M1: Field = field("out_width_m1", 15, 0, 12, "columns of the output less one");
/// Feature address of the pooled output.
pub const POOL_BASE: Field =
    field("pool_base", 15, 12, 20, "feature word of the fused max-pool's row 0, column 0");

/// Ring row of the first tap at row 0 in A.
pub const RING_AT_A: Field =
    field("ring_at_a", 16, 0, 12, "ring row of the first tap at row 0 of source A");
/// Ring row of the first tap at row 0 in B.
pub const RING_AT_B: Field =
    field("ring_at_b", 16, 12, 12, "ring row of the first tap at row 0 of source B");
/// Words of a row of the pooled output.
pub const PITCH_POOL: Field =
    field("pitch_pool", 17, 0, 32, "feature words from one row of the fused max-pool to the next");
/// From the last row of A's ring to its first.
pub const WRAP_A: Field =
    field("wrap_a", 18, 0, 32, "feature words from the first ring row of source A to its last");
/// From the last row of B's ring to its first.
pub const WRAP_B: Field =
    field("wrap_b", 19, 0, 32, "feature words from the first ring row of source B to its last");
/// From the last row of the output's ring to its first.
pub const WRAP_OUT: Field =
    field("wrap_out", 20, 0, 32, "feature words from the first ring row of the output to its last");
/// From the last row of the pooled output's ring to its first.
pub const WRAP_POOL: Field = field(
    "wrap_pool",
    21,
    0,
    32,
    "feature words from the first ring row of the fused max-pool to its last",
);
/// Rows of A's ring less one.
pub const RING_M1_A: Field = field(
    "ring_m1_a",
    22,
    0,
    12,
    "rows of source A kept on chip, less one: row y is y modulo them",
);
/// Rows of B's ring less one.
pub const RING_M1_B: Field =
    field("ring_m1_b", 22, 12, 12, "rows of source B kept on chip, less one");
/// Rows of the output's ring less one.
pub const RING_M1_OUT: Field =
    field("ring_m1_out", 23, 0, 12, "rows of the output kept on chip, less one");
/// Rows of the pooled output's ring less one.
pub const RING_M1_POOL: Field =
    field("ring_m1_pool", 23, 12, 12, "rows of the fused max-pool kept on chip, less one");

/// Every field, in word and bit order.
pub const FIELDS: &[Field] = &[
    OP,
    SECOND_SOURCE,
    UPSAMPLE_A,
    UPSAMPLE_B,
    SIGNED_A,
    SIGNED_B,
    ONE_BIT,
    PHASES,
    HEAD,
    DIGITS_M1,
    POOL_FUSED,
    WIDTH_M1,
    HEIGHT_M1,
    KERNEL_H_M1,
    KERNEL_W_M1,
    PAD_H,
    SHIFT,
    LAST_LANES,
    PAD_W,
    GROUPS_A_M1,
    GROUPS_B_M1,
    START_A,
    START_B,
    OUT_BASE,
    PITCH_OUT,
    PITCH_A,
    PITCH_B,
    WEIGHT_BASE,
    PARAM_BASE,
    CLAMP_HIGH,
    CLAMP_LOW,
    THRESHOLD,
    OUT_GROUPS_M1,
    OUT_STEP_M1,
    OUT_WIDTH_M1,
    POOL_BASE,
    RING_AT_A,
    RING_AT_B,
    PITCH_POOL,
    WRAP_A,
    WRAP_B,
    WRAP_OUT,
    WRAP_POOL,
    RING_M1_A,
    RING_M1_B,
    RING_M1_OUT,
    RING_M1_POOL,
];

impl Field {
    /// All ones at the field's place in its word.
    pub const fn mask(&self) -> u32 {
        (u32::MAX >> (32 - self.width)) << self.lsb
    }
}

/// A descriptor as the engine reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// All words up to the next descriptor.
    pub words: [u32; DESCRIPTOR_STRIDE],
}

impl Descriptor {
    /// Writes `value` into `field`; false, and nothing written, if it does not fit.
    #[must_use]
    pub fn set(&mut self, field: Field, value: u32) -> bool {
        if u64::from(value) >> field.width != 0 {
            return false;
        }
        let word = &mut self.words[field.word];
        *word = (*word & !field.mask()) | (value << field.lsb);
        true
    }

    /// The value of `field`.
    pub fn get(&self, field: Field) -> u32 {
        (self.words[field.word] & field.mask()) >> field.lsb
    }
}

/// Bits of word `word` that no field uses; the engine refuses a descriptor where one is set.
pub fn reserved_bits(word: usize) -> u32 {
    let used = FIELDS.iter().filter(|f| f.word == word).fold(0, |bits, f| bits | f.mask());
    !used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_overlap() {
        let mut used = [0u32; DESCRIPTOR_STRIDE];
        for field in FIELDS {
            assert_eq!(used[field.word] & field.mask(), 0, "{}", field.name);
            used[field.word] |= field.mask();
        }
    }

    #[test]
    fn set_and_get_every_field() {
        for field in FIELDS {
            let mut descriptor = Descriptor { words: [u32::MAX; DESCRIPTOR_STRIDE] };
            assert!(descriptor.set(*field, 1));
            assert_eq!(descriptor.get(*field), 1, "{}", field.name);
            let elsewhere = descriptor.words[field.word] | field.mask();
            assert_eq!(elsewhere, u32::MAX, "{}", field.name);
            if field.width < 32 {
                assert!(!descriptor.set(*field, 1 << field.width), "{}", field.name);
            }
        }
    }

    #[test]
    fn reserved_bits_by_hand() {
        assert_eq!(reserved_bits(1), 0xff00_0000);
        assert_eq!(reserved_bits(4), 0);
        assert_eq!(reserved_bits(13), 0xffff_0000);
        assert_eq!(reserved_bits(EXTERNAL_WORDS), u32::MAX);
    }
}
