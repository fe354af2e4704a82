//! The figures that the method's source reports, drawn into the plots for comparison.
//!
//! Askari Hemmat et al., "U-Net Fixed-Point Quantization for Medical Image Segmentation", 2019,
//! abstract: 4-bit weights and 6-bit activations, 8 times less memory, Dice lower by 2.21 (EM), 0.57
//! (spinal-cord grey matter) and 2.09 (NIH pancreas) points.

/// A point of the seed paper, W4/A6.
#[derive(Clone, Copy, Debug)]
pub struct SeedPoint {
    /// Data set, short.
    pub name: &'static str,
    /// Loss of Dice, 0..=1.
    pub drop: f64,
}

/// Float32 bytes over quantized bytes.
pub const RATIO: f64 = 8.0;
/// One point for each of its data sets.
pub const POINTS: [SeedPoint; 3] = [
    SeedPoint { name: "EM", drop: 0.0221 },
    SeedPoint { name: "grey matter", drop: 0.0057 },
    SeedPoint { name: "pancreas", drop: 0.0209 },
];
