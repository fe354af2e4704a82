//! The accelerator's register block and how its memories look through the data window.
//!
//! This table is the only definition. The Verilog localparams, the C header and the drivers
//! follow it. Every register is 32 bits wide at a byte offset that is a multiple of four.

pub use crate::input_packing::InputPacking;
use crate::tensor::TensorSpec;

/// Value of register ID: "QNET".
pub const ID_VALUE: u32 = 0x514e_4554;
/// Value of register VERSION: major, minor, patch in bits 31:16, 15:8, 7:0.
pub const VERSION_VALUE: u32 = 0x0001_0100;

/// How the host may use a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Writes are ignored.
    ReadOnly,
    /// Reads give what was written, or the reset value.
    ReadWrite,
    /// Reads give zero.
    WriteOnly,
    /// A one written clears the bit.
    WriteOneToClear,
}

/// One named group of bits of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits {
    /// Name in snake case.
    pub name: &'static str,
    /// Lowest bit.
    pub lsb: u32,
    /// Number of bits.
    pub width: u32,
    /// One sentence of documentation.
    pub doc: &'static str,
}

/// One register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Name in snake case; generated constants derive from it.
    pub name: &'static str,
    /// Byte offset from the base of the block.
    pub offset: u32,
    /// What the host may do.
    pub access: Access,
    /// One sentence of documentation.
    pub doc: &'static str,
    /// Named bits; empty if the register is one number.
    pub bits: &'static [Bits],
}

pub(crate) const fn register(
    name: &'static str,
    offset: u32,
    access: Access,
    doc: &'static str,
) -> Register {
    Register { name, offset, access, doc, bits: &[] }
}

pub(crate) const fn with_bits(register: Register, bits: &'static [Bits]) -> Register {
    Register { bits, ..register }
}

pub(crate) const fn bits(name: &'static str, lsb: u32, width: u32, doc: &'static str) -> Bits {
    Bits { name, lsb, width, doc }
}

/// CTRL: run a frame, or the rest of a paused one.
pub const CTRL_START: u32 = 1 << 0;
/// CTRL: stop at once; the input must be loaded again.
pub const CTRL_ABORT: u32 = 1 << 1;
/// CTRL: abort, and set every register to its reset value; memories keep their contents.
pub const CTRL_SOFT_RESET: u32 = 1 << 2;
/// CTRL: run one descriptor and pause.
pub const CTRL_STEP: u32 = 1 << 3;

/// STATUS: a descriptor is running.
pub const STATUS_BUSY: u32 = 1 << 0;
/// STATUS: a step has finished and the program has not.
pub const STATUS_PAUSED: u32 = 1 << 1;
/// STATUS: the program has ended and its results are in memory.
pub const STATUS_DONE: u32 = 1 << 2;

/// ERR: start with an input not loaded completely, or loaded too far.
pub const ERR_LENGTH: u32 = 1 << 0;
/// ERR: a descriptor that the engine does not know.
pub const ERR_DESCRIPTOR: u32 = 1 << 1;
/// ERR: more cycles than WATCHDOG allows.
pub const ERR_WATCHDOG: u32 = 1 << 2;
/// ERR: start or memory access while busy; it was refused.
pub const ERR_BUSY: u32 = 1 << 3;
/// ERR: external memory answered an access with an error.
pub const ERR_BUS: u32 = 1 << 4;

/// IRQ: the program has ended.
pub const IRQ_DONE: u32 = 1 << 0;
/// IRQ: a bit of ERR was raised.
pub const IRQ_ERROR: u32 = 1 << 1;
/// IRQ: a step has finished.
pub const IRQ_STEP: u32 = 1 << 2;

/// WINDOW_SELECT: feature memory.
pub const WINDOW_FEATURES: u32 = 0;
/// WINDOW_SELECT: weight memory.
pub const WINDOW_WEIGHTS: u32 = 1;
/// WINDOW_SELECT: parameter memory.
pub const WINDOW_PARAMS: u32 = 2;
/// WINDOW_SELECT: descriptor memory.
pub const WINDOW_DESCRIPTORS: u32 = 3;
/// WINDOW_SELECT: the input image; any write of WINDOW_SELECT restarts the load.
pub const WINDOW_INPUT: u32 = 4;
/// WINDOW_SELECT: commands of the engine (external-memory builds).
pub const WINDOW_COMMANDS: u32 = 5;
/// WINDOW_SELECT: commands of the DMA (external-memory builds).
pub const WINDOW_TRANSFERS: u32 = 6;
/// WINDOW_SELECT: channel table of the DMA (external-memory builds).
pub const WINDOW_CHANNELS: u32 = 7;

/// Identifies the block.
pub const ID: Register = register("id", 0x00, Access::ReadOnly, "constant 0x514e4554, \"QNET\"");
/// Version of the register block.
pub const VERSION: Register = register(
    "version",
    0x04,
    Access::ReadOnly,
    "major, minor, patch of the register block in bits 31:16, 15:8, 7:0",
);
/// Identifies the network.
pub const MODEL_HASH: Register = register(
    "model_hash",
    0x08,
    Access::ReadOnly,
    "CRC-32 of the payload of the model that the build was generated from (byte 32 of its file)",
);
/// Shape of the array.
pub const CAPS: Register = with_bits(
    register("caps", 0x0c, Access::ReadOnly, "shape of the array"),
    &[
        bits("log2_tn", 0, 4, "log2 of the input channel lanes"),
        bits("log2_tm", 4, 4, "log2 of the output channel lanes"),
        bits("log2_tp", 8, 4, "log2 of the pixel lanes"),
        bits("digit_bits", 12, 4, "bits of a weight digit"),
        bits("lane_bits", 16, 4, "bits of an activation lane"),
        bits("scaled", 20, 1, "the requantizer has a multiplier"),
        bits("mac_cell", 21, 2, "0 a multiplier each, 1 shift and add, 2 two products in one"),
        bits("host_bus", 24, 1, "bus of this block: 0 Wishbone, 1 AXI4-Lite"),
        bits("external", 25, 1, "tensors and weights lie in external memory"),
    ],
);
/// Commands.
pub const CTRL: Register = with_bits(
    register("ctrl", 0x10, Access::WriteOnly, "commands"),
    &[
        bits("start", 0, 1, "run a frame, or the rest of a paused one"),
        bits("abort", 1, 1, "stop at once; the input must be loaded again"),
        bits("soft_reset", 2, 1, "abort, and every register but LAYER to its reset value"),
        bits("step", 3, 1, "run one descriptor and pause"),
    ],
);
/// State.
pub const STATUS: Register = with_bits(
    register("status", 0x14, Access::ReadOnly, "state of the engine"),
    &[
        bits("busy", 0, 1, "a descriptor is running"),
        bits("paused", 1, 1, "a step has finished and the program has not"),
        bits("done", 2, 1, "the program has ended and its results are in memory"),
    ],
);
/// Errors.
pub const ERR: Register = with_bits(
    register("err", 0x18, Access::WriteOneToClear, "errors"),
    &[
        bits("length", 0, 1, "start with an input not loaded completely, or loaded too far"),
        bits("descriptor", 1, 1, "a descriptor that the engine does not know"),
        bits("watchdog", 2, 1, "more cycles than WATCHDOG allows"),
        bits("busy", 3, 1, "start or memory access while busy; it was refused"),
        bits("bus", 4, 1, "external memory answered an access with an error"),
    ],
);
/// Which events raise the interrupt line.
pub const IRQ_ENABLE: Register = register(
    "irq_enable",
    0x1c,
    Access::ReadWrite,
    "bits of IRQ_STATUS that raise the interrupt line",
);
/// Events.
pub const IRQ_STATUS: Register = with_bits(
    register("irq_status", 0x20, Access::WriteOneToClear, "events"),
    &[
        bits("done", 0, 1, "the program has ended"),
        bits("error", 1, 1, "a bit of ERR was raised"),
        bits("step", 2, 1, "a step has finished"),
    ],
);
/// Cycle limit.
pub const WATCHDOG: Register = register(
    "watchdog",
    0x24,
    Access::ReadWrite,
    "largest CYCLES of a frame; 0 switches the limit off",
);
/// Cycles of the frame.
pub const CYCLES: Register =
    register("cycles", 0x28, Access::ReadOnly, "clock cycles of this frame so far while busy");
/// Descriptor being run.
pub const LAYER: Register = register(
    "layer",
    0x2c,
    Access::ReadOnly,
    "index of the descriptor being run, or of the next one while paused",
);
/// Busy cycles of the array.
pub const COUNT_BUSY: Register = register(
    "count_busy",
    0x30,
    Access::ReadOnly,
    "cycles of this frame in which the array took an operand",
);
/// Stalled cycles of the array.
pub const COUNT_STALL: Register = register(
    "count_stall",
    0x34,
    Access::ReadOnly,
    "cycles of this frame in which the array waited for the requantizer",
);
/// Place of the input.
pub const INPUT_BASE: Register = register(
    "input_base",
    0x38,
    Access::ReadWrite,
    "window address of the input in feature memory",
);
/// Length of the input.
pub const INPUT_LENGTH: Register =
    register("input_length", 0x3c, Access::ReadWrite, "window words of the input");
/// Words of the input loaded.
pub const INPUT_LOADED: Register = register(
    "input_loaded",
    0x40,
    Access::ReadOnly,
    "window words loaded since WINDOW_SELECT or INPUT_BASE was written",
);
/// Memory behind the window.
pub const WINDOW_SELECT: Register = register(
    "window_select",
    0x44,
    Access::ReadWrite,
    "memory behind the window: 0 features, 1 weights, 2 parameters, 3 descriptors, 4 input, 5 engine commands, 6 DMA commands, 7 DMA channels; sets WINDOW_ADDRESS to 0",
);
/// Address of the window.
pub const WINDOW_ADDRESS: Register = register(
    "window_address",
    0x48,
    Access::ReadWrite,
    "window word that WINDOW_DATA reads or writes next",
);
/// Data of the window.
pub const WINDOW_DATA: Register = register(
    "window_data",
    0x4c,
    Access::ReadWrite,
    "one window word; each access advances WINDOW_ADDRESS by one",
);
/// Capacity of the feature memory.
pub const FEATURE_DEPTH: Register =
    register("feature_depth", 0x50, Access::ReadOnly, "words of the feature memory");
/// Capacity of the weight memory.
pub const WEIGHT_DEPTH: Register =
    register("weight_depth", 0x54, Access::ReadOnly, "words of the weight memory");
/// Capacity of the parameter memory.
pub const PARAM_DEPTH: Register =
    register("param_depth", 0x58, Access::ReadOnly, "words of the parameter memory");
/// Capacity of the descriptor memory.
pub const DESCRIPTOR_DEPTH: Register =
    register("descriptor_depth", 0x5c, Access::ReadOnly, "32-bit words of the descriptor memory");
/// Place of the region of external memory.
pub const EXTERNAL_BASE: Register = register(
    "external_base",
    0x60,
    Access::ReadWrite,
    "byte address of the region of external memory that holds tensors and weights, a multiple of 16; \
     a frame keeps that of its start",
);
/// Size of that region.
pub const EXTERNAL_LENGTH: Register =
    register("external_length", 0x64, Access::ReadOnly, "bytes of that region; 0 on chip");
/// Waits for input.
pub const COUNT_STALL_INPUT: Register = register(
    "count_stall_input",
    0x68,
    Access::ReadOnly,
    "cycles of this frame in which the engine waited for features from external memory",
);
/// Waits for weights.
pub const COUNT_STALL_WEIGHTS: Register = register(
    "count_stall_weights",
    0x6c,
    Access::ReadOnly,
    "cycles of this frame in which the engine waited for weights from external memory",
);
/// Waits for output.
pub const COUNT_STALL_OUTPUT: Register = register(
    "count_stall_output",
    0x70,
    Access::ReadOnly,
    "cycles of this frame in which the engine waited for, or gave its memory port to, a store",
);
/// Traffic in.
pub const BYTES_READ: Register =
    register("bytes_read", 0x74, Access::ReadOnly, "bytes of this frame read from external memory");
/// Traffic out.
pub const BYTES_WRITTEN: Register = register(
    "bytes_written",
    0x78,
    Access::ReadOnly,
    "bytes of this frame written to external memory",
);

/// Every register, by offset.
pub const REGISTERS: &[Register] = &[
    ID,
    VERSION,
    MODEL_HASH,
    CAPS,
    CTRL,
    STATUS,
    ERR,
    IRQ_ENABLE,
    IRQ_STATUS,
    WATCHDOG,
    CYCLES,
    LAYER,
    COUNT_BUSY,
    COUNT_STALL,
    INPUT_BASE,
    INPUT_LENGTH,
    INPUT_LOADED,
    WINDOW_SELECT,
    WINDOW_ADDRESS,
    WINDOW_DATA,
    FEATURE_DEPTH,
    WEIGHT_DEPTH,
    PARAM_DEPTH,
    DESCRIPTOR_DEPTH,
    EXTERNAL_BASE,
    EXTERNAL_LENGTH,
    COUNT_STALL_INPUT,
    COUNT_STALL_WEIGHTS,
    COUNT_STALL_OUTPUT,
    BYTES_READ,
    BYTES_WRITTEN,
];

/// Window words that one memory word of `bits` bits takes: a power of two, so that the window
/// address splits by bits.
pub const fn window_words(bits: usize) -> usize {
    bits.div_ceil(32).next_power_of_two()
}

/// How a tensor lies in feature memory.
///
/// A feature word holds TP neighbouring pixels of one row, each a bank of TN channel lanes of
/// TA bits. Words follow in the order row, pixel group, channel group. Through the window each
/// bank is `window_words(TN·TA)` words, low bits first; lane n is at bit n·TA of its bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureLayout {
    /// TN.
    pub input_lanes: usize,
    /// TP.
    pub pixel_lanes: usize,
    /// TA.
    pub lane_bits: usize,
}

impl FeatureLayout {
    /// Channel groups of a tensor.
    pub const fn groups(&self, spec: &TensorSpec) -> usize {
        spec.channels.div_ceil(at_least_one(self.input_lanes))
    }

    /// Feature words from one row to the next.
    pub const fn pitch(&self, spec: &TensorSpec) -> usize {
        spec.width.div_ceil(at_least_one(self.pixel_lanes)) * self.groups(spec)
    }

    /// Feature words of a tensor.
    pub const fn words(&self, spec: &TensorSpec) -> usize {
        self.pitch(spec) * spec.height
    }

    /// Window words of one bank of one feature word.
    pub const fn bank_window_words(&self) -> usize {
        window_words(self.input_lanes * self.lane_bits)
    }

    /// Window words of one feature word.
    pub const fn word_window_words(&self) -> usize {
        self.pixel_lanes * self.bank_window_words()
    }

    /// Window words of a tensor.
    pub const fn tensor_window_words(&self, spec: &TensorSpec) -> usize {
        self.words(spec) * self.word_window_words()
    }

    /// Window address, from the tensor's first, of the bank that holds pixel (y, x) of the
    /// channel group `group`.
    pub const fn bank_address(&self, spec: &TensorSpec, group: usize, y: usize, x: usize) -> usize {
        let word = y * self.pitch(spec) + x / self.pixel_lanes * self.groups(spec) + group;
        (word * self.pixel_lanes + x % self.pixel_lanes) * self.bank_window_words()
    }

    /// The `index`-th window word of the bank at pixel (y, x), channel group `group`, of a
    /// tensor whose CHW bytes are `values`; lanes past the last channel are zero.
    ///
    /// # Panics
    /// If `values` is shorter than the tensor, or `y` or `x` lie outside it.
    pub fn pack(&self, spec: &TensorSpec, values: &[u8], at: BankPlace, index: usize) -> u32 {
        let value =
            |channel: usize| spec.decode(values[channel * spec.plane() + at.y * spec.width + at.x]);
        self.pack_lanes(spec.channels, at.group, index, value)
    }

    /// The `index`-th window word of a bank whose lanes hold `value(channel)`.
    pub(crate) fn pack_lanes(
        &self,
        n_channels: usize,
        group: usize,
        index: usize,
        value: impl Fn(usize) -> i32,
    ) -> u32 {
        let mut word = 0u64;
        let lane_mask = (1u64 << self.lane_bits) - 1;
        let first_bit = 32 * index;
        for lane in 0..self.input_lanes {
            let channel = group * self.input_lanes + lane;
            let bit = lane * self.lane_bits;
            if channel >= n_channels || bit + self.lane_bits <= first_bit || bit >= first_bit + 32 {
                continue;
            }
            let code = value(channel) as u64 & lane_mask;
            word |= if bit >= first_bit {
                code << (bit - first_bit)
            } else {
                code >> (first_bit - bit)
            };
        }
        word as u32
    }

    /// The byte of lane `lane` from the window words of its bank; that of the code zero where `bank`
    /// is too short for it.
    pub fn unpack(&self, spec: &TensorSpec, bank: &[u32], lane: usize) -> u8 {
        self.byte(spec, self.get(bank, [0, lane]))
    }

    /// The byte that stands for the code in a lane.
    pub fn byte(&self, spec: &TensorSpec, code: u32) -> u8 {
        let sign = 1u32 << (self.lane_bits - 1);
        if spec.signed { ((code ^ sign).wrapping_sub(sign)) as u8 } else { code as u8 }
    }
}

/// A number of lanes, by which firmware divides without a panic.
const fn at_least_one(n_lanes: usize) -> usize {
    if n_lanes == 0 { 1 } else { n_lanes }
}

/// A pixel of one channel group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BankPlace {
    /// Channel group.
    pub group: usize,
    /// Row.
    pub y: usize,
    /// Column.
    pub x: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_follow_each_other() {
        for (idx, register) in REGISTERS.iter().enumerate() {
            assert_eq!(register.offset as usize, 4 * idx, "{}", register.name);
            let mut used = 0u32;
            for group in register.bits {
                let mask = (u32::MAX >> (32 - group.width)) << group.lsb;
                assert_eq!(used & mask, 0, "{}.{}", register.name, group.name);
                used |= mask;
            }
        }
    }

    #[test]
    fn constants_match_the_named_bits() {
        let check = |register: Register, name: &str, mask: u32| {
            let found = register.bits.iter().find(|b| b.name == name).map(|b| 1 << b.lsb);
            assert_eq!(found, Some(mask), "{}.{name}", register.name);
        };
        check(CTRL, "start", CTRL_START);
        check(CTRL, "abort", CTRL_ABORT);
        check(CTRL, "soft_reset", CTRL_SOFT_RESET);
        check(CTRL, "step", CTRL_STEP);
        check(STATUS, "busy", STATUS_BUSY);
        check(STATUS, "paused", STATUS_PAUSED);
        check(STATUS, "done", STATUS_DONE);
        check(ERR, "length", ERR_LENGTH);
        check(ERR, "descriptor", ERR_DESCRIPTOR);
        check(ERR, "watchdog", ERR_WATCHDOG);
        check(ERR, "busy", ERR_BUSY);
        check(ERR, "bus", ERR_BUS);
        check(IRQ_STATUS, "done", IRQ_DONE);
        check(IRQ_STATUS, "error", IRQ_ERROR);
        check(IRQ_STATUS, "step", IRQ_STEP);
    }

    #[test]
    fn window_words_are_powers_of_two() {
        assert_eq!([1, 12, 32, 33, 64, 65, 96, 128].map(window_words), [1, 1, 1, 2, 2, 4, 4, 4]);
    }

    #[test]
    fn layout_by_hand() {
        let layout = FeatureLayout { input_lanes: 2, pixel_lanes: 4, lane_bits: 6 };
        let spec = TensorSpec { channels: 3, height: 2, width: 5, bits: 6, signed: true };
        assert_eq!((layout.groups(&spec), layout.pitch(&spec), layout.words(&spec)), (2, 4, 8));
        assert_eq!(layout.bank_address(&spec, 1, 1, 4), (4 + 2 + 1) * 4);
    }

    #[test]
    fn pack_and_unpack_are_inverse_across_window_words() {
        let layout = FeatureLayout { input_lanes: 8, pixel_lanes: 1, lane_bits: 6 };
        let spec = TensorSpec { channels: 7, height: 1, width: 1, bits: 6, signed: true };
        let values: [i8; 7] = [-32, 31, -1, 0, 5, -6, 17];
        let bytes = values.map(|v| v as u8);
        let place = BankPlace { group: 0, y: 0, x: 0 };
        let bank = [0, 1].map(|index| layout.pack(&spec, &bytes, place, index));
        for lane in 0..7 {
            assert_eq!(layout.unpack(&spec, &bank, lane), bytes[lane]);
        }
        assert_eq!(layout.unpack(&spec, &bank, 7), 0);
    }
}
