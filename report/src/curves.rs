//! Training curves from `metrics-*.jsonl`.

use std::path::Path;

use serde::Deserialize;

use crate::error::ReportError;

/// Most points of a curve; longer ones are averaged.
const MAX_POINTS: usize = 160;
/// The stages that a run folder may hold, with their names for people.
const STAGES: [(&str, &str); 3] =
    [("float", "float training"), ("control", "float control"), ("quantize", "fine-tuning")];

/// Loss and validation Dice over the steps of one stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// What was trained.
    pub stage: String,
    /// (step, loss), averaged over neighbouring steps.
    pub loss: Vec<[f64; 2]>,
    /// (step, validation Dice).
    pub dice: Vec<[f64; 2]>,
}

/// One line of the file.
#[derive(Deserialize)]
struct Line {
    step: f64,
    loss: Option<f64>,
    validation_dice: Option<f64>,
}

/// The curves of the stages whose metrics lie in the folder.
///
/// # Errors
/// If a file cannot be read, or a line but the last, which a kill may have cut, is no metrics.
pub fn read_curves(folder: &Path) -> Result<Vec<Curve>, ReportError> {
    let mut curves = Vec::new();
    for (file, name) in STAGES {
        let path = folder.join(format!("metrics-{file}.jsonl"));
        if !path.exists() {
            continue;
        }
        let text = std::fs::read_to_string(&path)
            .map_err(|source| ReportError::Read { path: path.clone(), source })?;
        let curve = parse(&text).map_err(|found| {
            let expected = "a JSON object with step and loss in each line";
            ReportError::File { path: path.clone(), expected, found }
        })?;
        if !curve.loss.is_empty() {
            curves.push(Curve { stage: name.to_owned(), ..curve });
        }
    }
    Ok(curves)
}

fn parse(text: &str) -> Result<Curve, String> {
    let mut curve = Curve::default();
    let lines: Vec<&str> = text.lines().collect();
    for (index, text) in lines.iter().enumerate() {
        let line: Line = match serde_json::from_str(text) {
            Ok(line) => line,
            Err(_) if index + 1 == lines.len() => break,
            Err(error) => return Err(format!("{error} in line {}", index + 1)),
        };
        let finite = |value: &f64| value.is_finite();
        curve.loss.extend(line.loss.filter(finite).map(|loss| [line.step, loss]));
        curve.dice.extend(line.validation_dice.filter(finite).map(|dice| [line.step, dice]));
    }
    curve.loss = thinned(&curve.loss);
    curve.dice = thinned(&curve.dice);
    Ok(curve)
}

/// Means of neighbouring points, so that few are left.
fn thinned(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mean = |group: &[[f64; 2]]| {
        let sum = |which: usize| group.iter().map(|p| p[which]).sum::<f64>();
        [sum(0) / group.len() as f64, sum(1) / group.len() as f64]
    };
    points.chunks(points.len().div_ceil(MAX_POINTS).max(1)).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_last_line_is_left_out_and_another_is_an_error() {
        let good = "{\"step\":1,\"loss\":2.0}\n{\"step\":2,\"loss\":1.0,\"validation_dice\":0.5}\n";
        let curve = parse(&format!("{good}{{\"step\":3,\"lo")).expect("reads");
        assert_eq!((curve.loss, curve.dice), (vec![[1.0, 2.0], [2.0, 1.0]], vec![[2.0, 0.5]]));
        let message = parse(&format!("nonsense\n{good}")).expect_err("broken");
        assert!(message.ends_with("in line 1"), "{message}");
    }

    #[test]
    fn long_curves_become_means() {
        let points: Vec<[f64; 2]> = (0..320).map(|i| [f64::from(i), f64::from(i % 2)]).collect();
        let thin = thinned(&points);
        assert_eq!((thin.len(), thin[0], thin[159]), (160, [0.5, 0.5], [318.5, 0.5]));
        assert_eq!(thinned(&[]), Vec::<[f64; 2]>::new());
    }
}
