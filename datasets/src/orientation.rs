//! Voxel axes of a file against the patient's: right, anterior, superior (RAS).

/// A voxel-to-millimetre transform: three rows of rotation with scaling, and a translation.
pub(crate) type Affine = [[f64; 4]; 3];

/// Which file axis runs along each patient axis, and whether backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Orientation {
    /// File axis of patient axis 0 (right), 1 (anterior), 2 (superior).
    pub(crate) axes: [usize; 3],
    /// Whether the file axis runs against the patient axis.
    pub(crate) flips: [bool; 3],
}

const PERMUTATIONS: [[usize; 3]; 6] =
    [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

impl Orientation {
    /// The nearest of the 48 orientations: the assignment of axes with the largest sum of direction
    /// cosines. None if a column is zero or not finite.
    pub(crate) fn nearest(affine: &Affine) -> Option<Self> {
        let norms = column_norms(affine);
        if !norms.iter().all(|norm| norm.is_finite() && *norm > 0.0) {
            return None;
        }
        let cosine = |row: usize, column: usize| affine[row][column] / norms[column];
        let total = |axes: &[usize; 3]| (0..3).map(|row| cosine(row, axes[row]).abs()).sum::<f64>();
        let mut axes = PERMUTATIONS[0];
        for candidate in &PERMUTATIONS[1..] {
            if total(candidate) > total(&axes) + 1e-9 {
                axes = *candidate;
            }
        }
        let flips = [0, 1, 2].map(|row| affine[row][axes[row]] < 0.0);
        Some(Self { axes, flips })
    }

    /// Reorders a triple of the file's axes into the patient's.
    pub(crate) fn reorder<T: Copy>(&self, of_file: [T; 3]) -> [T; 3] {
        self.axes.map(|axis| of_file[axis])
    }

    /// The position in the file's data (first axis fastest) of a voxel given in patient axes.
    pub(crate) fn file_index(&self, dims: [usize; 3], patient: [usize; 3]) -> usize {
        let mut file = [0; 3];
        for row in 0..3 {
            let axis = self.axes[row];
            let at = patient[row];
            file[axis] = if self.flips[row] { dims[axis] - 1 - at } else { at };
        }
        file[0] + dims[0] * (file[1] + dims[1] * file[2])
    }
}

/// Voxel sizes: the lengths of the affine's columns.
pub(crate) fn column_norms(affine: &Affine) -> [f64; 3] {
    [0, 1, 2].map(|column| affine.iter().map(|row| row[column] * row[column]).sum::<f64>().sqrt())
}

/// The transform of a quaternion (b, c, d), voxel sizes, the sign of the third axis and an offset
/// (nifti1.h, method 2).
pub(crate) fn quaternion_affine(
    [b, c, d]: [f64; 3],
    sizes: [f64; 3],
    sign: f64,
    offset: [f64; 3],
) -> Affine {
    let square = b * b + c * c + d * d;
    // a quaternion longer than 1 by rounding is shortened, as nifti1_io does
    let (a, scale) =
        if square > 1.0 - 1e-7 { (0.0, 1.0 / square.sqrt()) } else { ((1.0 - square).sqrt(), 1.0) };
    let (b, c, d) = (b * scale, c * scale, d * scale);
    let rotation = [
        [a * a + b * b - c * c - d * d, 2.0 * (b * c - a * d), 2.0 * (b * d + a * c)],
        [2.0 * (b * c + a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d - a * b)],
        [2.0 * (b * d - a * c), 2.0 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ];
    let scales = [sizes[0], sizes[1], sizes[2] * sign];
    let row = |r: usize| {
        [
            rotation[r][0] * scales[0],
            rotation[r][1] * scales[1],
            rotation[r][2] * scales[2],
            offset[r],
        ]
    };
    [row(0), row(1), row(2)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn affine(columns: [[f64; 3]; 3]) -> Affine {
        [0, 1, 2].map(|r| [columns[0][r], columns[1][r], columns[2][r], 0.0])
    }

    #[test]
    fn lps_and_permuted_axes() {
        let lps = affine([[-0.5, 0.0, 0.0], [0.0, -0.5, 0.0], [0.0, 0.0, 3.0]]);
        let found = Orientation::nearest(&lps).unwrap();
        assert_eq!(found, Orientation { axes: [0, 1, 2], flips: [true, true, false] });
        assert_eq!(column_norms(&lps), [0.5, 0.5, 3.0]);
        // first file axis superior, second left, third anterior; a little oblique
        let odd = affine([[0.1, 0.0, 2.0], [-1.0, 0.2, 0.0], [0.0, 1.0, 0.3]]);
        let found = Orientation::nearest(&odd).unwrap();
        assert_eq!(found, Orientation { axes: [1, 2, 0], flips: [true, false, false] });
        assert_eq!(found.reorder(['s', 'l', 'a']), ['l', 'a', 's']);
        // patient (0, 1, 1) in a file of 2×3×4: file (1, 2, 1)
        assert_eq!(found.file_index([2, 3, 4], [0, 1, 1]), 1 + 2 * (2 + 3));
    }

    #[test]
    fn a_zero_or_nan_column_has_no_orientation() {
        assert!(Orientation::nearest(&affine([[0.0; 3], [0., 1., 0.], [0., 0., 1.]])).is_none());
        let nan = affine([[f64::NAN, 0., 0.], [0., 1., 0.], [0., 0., 1.]]);
        assert!(Orientation::nearest(&nan).is_none());
    }

    #[test]
    fn quaternions() {
        let identity = quaternion_affine([0.0; 3], [1., 2., 3.], -1.0, [7., 8., 9.]);
        assert_eq!(identity, [[1., 0., 0., 7.], [0., 2., 0., 8.], [0., 0., -3., 9.]]);
        // half a turn about the third axis
        let turn = quaternion_affine([0., 0., 1.], [1.; 3], 1.0, [0.; 3]);
        assert_eq!(turn, [[-1., 0., 0., 0.], [0., -1., 0., 0.], [0., 0., 1., 0.]]);
        // a quarter turn about the first axis: y to z
        let half = 0.5f64.sqrt();
        let quarter = quaternion_affine([half, 0., 0.], [1.; 3], 1.0, [0.; 3]);
        assert!((quarter[2][1] - 1.0).abs() < 1e-7 && (quarter[1][2] + 1.0).abs() < 1e-7);
    }
}
