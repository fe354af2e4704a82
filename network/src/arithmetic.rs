//! The arithmetic: ranges of weights and activations, and the one rounding rule.
//!
//! Everything downstream (simulator, firmware, Verilog) must equal these functions.

/// How a layer's scale is expressed, for the whole network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Per-channel multiplier of 16 bits.
    Scaled,
    /// Multipliers are ±1: pure Qi.f fixed point, no multiplier in the hardware.
    Fixed,
}

/// What requantization needs for one output channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelParams {
    /// M, signed 16 bits (±1 in `fixed` mode).
    pub multiplier: i16,
    /// B, signed 32 bits; holds bias, folded batch norm and the half for rounding, 2^(S−1).
    pub bias: i32,
}

/// Largest shift S.
pub const MAX_SHIFT: u8 = 31;
/// Smallest value of a head's logit (16-bit signed).
pub const LOGIT_MIN: i32 = -32768;
/// Largest value of a head's logit (16-bit signed).
pub const LOGIT_MAX: i32 = 32767;

/// `clamp((acc·M + B) >> S, low, high)` with an arithmetic shift, computed without overflow.
///
/// Rounds to nearest with ties up when B includes 2^(S−1) (Jacob et al. 2018, eq. 7, restated
/// with an additive constant). Validation keeps `shift` at 31 or less and `low <= high`.
#[inline(always)]
pub fn requantize(acc: i32, params: ChannelParams, shift: u8, low: i32, high: i32) -> i32 {
    let scaled = i64::from(acc) * i64::from(params.multiplier) + i64::from(params.bias);
    // not `clamp`, whose assertion would put a panic into firmware
    (scaled >> shift).max(i64::from(low)).min(i64::from(high)) as i32
}

/// Smallest weight code of `bits` bits: −1 for one bit (±1), else −2^(bits−1).
pub fn weight_min(bits: u8) -> i32 {
    if bits == 1 { -1 } else { -(1 << (bits - 1)) }
}

/// Largest weight code of `bits` bits: 1 for one bit (±1), else 2^(bits−1) − 1.
pub fn weight_max(bits: u8) -> i32 {
    if bits == 1 { 1 } else { (1 << (bits - 1)) - 1 }
}

/// True if `value` is a weight code of `bits` bits; one-bit weights have no zero.
pub fn is_weight(value: i32, bits: u8) -> bool {
    (weight_min(bits)..=weight_max(bits)).contains(&value) && !(bits == 1 && value == 0)
}

/// Smallest activation: 0 if unsigned, else −2^(bits−1).
pub fn activation_min(bits: u8, signed: bool) -> i32 {
    if signed { -(1 << (bits - 1)) } else { 0 }
}

/// Largest activation: 2^bits − 1 if unsigned, else 2^(bits−1) − 1.
pub fn activation_max(bits: u8, signed: bool) -> i32 {
    if signed { (1 << (bits - 1)) - 1 } else { (1 << bits) - 1 }
}
