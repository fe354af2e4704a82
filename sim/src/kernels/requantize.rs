//! Requantization of rows of sums, counting what is clamped.

use network::{ChannelParams, TensorSpec, requantize};
use serde::{Deserialize, Serialize};

/// How many values of a tensor the clamp changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clamped {
    /// Values raised to the smallest code; for unsigned tensors that is the ReLU.
    pub low: u64,
    /// Values lowered to the largest code.
    pub high: u64,
}

impl Clamped {
    /// Both together.
    pub fn plus(self, other: Clamped) -> Clamped {
        Clamped { low: self.low + other.low, high: self.high + other.high }
    }
}

/// What requantizes one channel to one output format.
#[derive(Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) params: ChannelParams,
    pub(crate) shift: u8,
    pub(crate) low: i32,
    pub(crate) high: i32,
}

impl Rule {
    /// To the format of `output`.
    pub(crate) fn new(params: ChannelParams, shift: u8, output: &TensorSpec) -> Rule {
        Rule { params, shift, low: output.min_value(), high: output.max_value() }
    }

    /// Requantizes a row of sums to bytes.
    #[inline(always)]
    pub(crate) fn row(&self, sums: &[i32], bytes: &mut [u8]) -> Clamped {
        // one code beyond each end shows what the clamp would change
        let (mut low, mut high) = (0u32, 0u32);
        for (byte, sum) in bytes.iter_mut().zip(sums) {
            let wide = requantize(*sum, self.params, self.shift, self.low - 1, self.high + 1);
            low += u32::from(wide < self.low);
            high += u32::from(wide > self.high);
            *byte = wide.clamp(self.low, self.high) as u8;
        }
        Clamped { low: u64::from(low), high: u64::from(high) }
    }

    /// Requantizes a row of sums to integers.
    #[inline(always)]
    pub(crate) fn row_wide(&self, sums: &[i32], values: &mut [i32]) -> Clamped {
        let (mut low, mut high) = (0u32, 0u32);
        for (value, sum) in values.iter_mut().zip(sums) {
            let wide = requantize(*sum, self.params, self.shift, self.low - 1, self.high + 1);
            low += u32::from(wide < self.low);
            high += u32::from(wide > self.high);
            *value = wide.clamp(self.low, self.high);
        }
        Clamped { low: u64::from(low), high: u64::from(high) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_only_what_the_clamp_changes() {
        let params = ChannelParams { multiplier: 1, bias: 0 };
        let rule = Rule { params, shift: 1, low: 0, high: 3 };
        let mut bytes = [9; 6];
        let clamped = rule.row(&[-1, 0, 3, 6, 8, i32::MAX], &mut bytes);
        assert_eq!(bytes, [0, 0, 1, 3, 3, 3]);
        assert_eq!(clamped, Clamped { low: 1, high: 2 });
    }
}
