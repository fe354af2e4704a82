//! CPU kernels behind the operations, on plain slices; SIMD through `pulp`, images in parallel.
//!
//! Sums are formed per image and then added in image order, so that results do not depend on the
//! number of threads.

pub mod batch_norm;
pub mod conv3x3;
pub mod lsq;
