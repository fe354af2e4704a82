//! Mask values to classes.

use std::path::Path;

use crate::config::{DataConfig, DataKind};
use crate::error::DataError;
use crate::image::Mask;
use crate::preprocess::Plane;

/// How a mask value becomes a class.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelRule {
    /// Threshold or list of values.
    pub classes: LabelClasses,
    /// Swap classes 0 and 1.
    pub invert: bool,
}

/// Threshold or list of values.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelClasses {
    /// Class 1 above this value, class 0 elsewhere.
    Threshold(f32),
    /// The value's position in the list is its class; any other value is an error.
    Values(Vec<f32>),
}

impl LabelRule {
    /// The rule `[data]` asks for. A BIDS mask is binary (`[0, 1]`) unless told otherwise.
    pub(crate) fn from_config(config: &DataConfig) -> Result<Self, DataError> {
        let values = &config.mask_values;
        let classes = match config.mask_threshold {
            Some(_) if !values.is_empty() => {
                let expected = "absent where data.mask_values is given";
                return Err(DataError::config("data.mask_threshold", expected, "both"));
            }
            Some(t) if !t.is_finite() => {
                return Err(DataError::config("data.mask_threshold", "a finite number", t));
            }
            Some(threshold) => LabelClasses::Threshold(threshold),
            None if values.is_empty() && config.kind == DataKind::Bids => {
                LabelClasses::Values(vec![0.0, 1.0])
            }
            None => LabelClasses::Values(Self::checked_values(values)?),
        };
        if config.invert && values.len() > 2 {
            let expected = "false with more than 2 classes";
            return Err(DataError::config("data.invert", expected, "true"));
        }
        Ok(Self { classes, invert: config.invert })
    }

    fn checked_values(values: &[f32]) -> Result<Vec<f32>, DataError> {
        let distinct = |v: &f32| v.is_finite() && values.iter().filter(|o| *o == v).count() == 1;
        if !(2..=255).contains(&values.len()) || !values.iter().all(distinct) {
            let expected = "2 to 255 distinct values such as [0, 255], or data.mask_threshold";
            return Err(DataError::config("data.mask_values", expected, format!("{values:?}")));
        }
        Ok(values.to_vec())
    }

    /// Classes of one plane of a mask file; `position` names a pixel in the file's own axes.
    ///
    /// # Errors
    /// [`DataError::NotFinite`] and [`DataError::UnexpectedMaskValue`].
    pub fn apply(
        &self,
        path: &Path,
        plane: &Plane,
        position: impl Fn(usize, usize) -> String,
    ) -> Result<Mask, DataError> {
        let mut data = Vec::with_capacity(plane.data.len());
        for (index, &value) in plane.data.iter().enumerate() {
            let at = || position(index / plane.width, index % plane.width);
            if !value.is_finite() {
                let path = path.to_path_buf();
                return Err(DataError::NotFinite { path, position: at(), found: value });
            }
            let class = match &self.classes {
                LabelClasses::Threshold(threshold) => u8::from(value > *threshold),
                LabelClasses::Values(values) => match values.iter().position(|v| *v == value) {
                    Some(class) => class as u8,
                    None => {
                        return Err(DataError::UnexpectedMaskValue {
                            path: path.to_path_buf(),
                            position: at(),
                            expected: format!("{values:?}"),
                            found: value,
                        });
                    }
                },
            };
            data.push(if self.invert { 1 - class } else { class });
        }
        Ok(Mask { height: plane.height, width: plane.width, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(rule: LabelRule, values: Vec<f32>) -> Result<Vec<u8>, DataError> {
        let plane = Plane { height: 1, width: values.len(), data: values };
        let name = |y, x| format!("({y}, {x})");
        rule.apply(Path::new("mask.png"), &plane, name).map(|mask| mask.data)
    }

    #[test]
    fn threshold_and_values_and_inversion() {
        let classes = LabelClasses::Threshold(127.0);
        let rule = LabelRule { classes, invert: false };
        assert_eq!(apply(rule, vec![0., 127., 128., 255.]).unwrap(), [0, 0, 1, 1]);
        let classes = LabelClasses::Values(vec![0.0, 255.0]);
        let rule = LabelRule { classes, invert: true };
        assert_eq!(apply(rule, vec![255., 0.]).unwrap(), [0, 1]);
        let classes = LabelClasses::Values(vec![7.0, 0.0, 9.0]);
        let rule = LabelRule { classes, invert: false };
        assert_eq!(apply(rule, vec![9., 7., 0.]).unwrap(), [2, 0, 1]);
    }

    #[test]
    fn unexpected_value_is_named() {
        let classes = LabelClasses::Values(vec![0.0, 255.0]);
        let rule = LabelRule { classes, invert: false };
        let message = apply(rule.clone(), vec![0., 255., 3.]).unwrap_err().to_string();
        let wanted = "mask.png: mask pixel (0, 2): expected one of [0.0, 255.0], found 3";
        assert_eq!(message, wanted);
        let message = apply(rule, vec![0., f32::NAN]).unwrap_err().to_string();
        assert_eq!(message, "mask.png: voxel (0, 1): expected a finite number, found NaN");
    }
}
