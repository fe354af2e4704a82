//! Several runs and sweeps as one report, so that networks of different size share a plot.

use std::path::PathBuf;

use crate::error::ReportError;
use crate::folder::read;
use crate::trial::{Report, Trial};

/// Reads several folders; with more than one, names get their folder's before them.
///
/// Images and title are those of the first.
///
/// # Errors
/// As [`read`]; also if they are about different data sets, or two have one name.
pub fn read_all(folders: &[PathBuf]) -> Result<Report, ReportError> {
    let mut joined: Option<Report> = None;
    for folder in folders {
        let mut report = read(folder)?;
        if folders.len() > 1 {
            put_before_names(&mut report);
        }
        let Some(joined) = &mut joined else {
            joined = Some(report);
            continue;
        };
        let wrong =
            |expected, found| Err(ReportError::File { path: folder.clone(), expected, found });
        if report.dataset != joined.dataset {
            return wrong("the data set of the first folder", report.dataset);
        }
        let is_known = |trial: &&Trial| joined.trials.iter().any(|known| known.id() == trial.id());
        if let Some(twice) = report.trials.iter().find(is_known) {
            return wrong("folders with names of their own", format!("{} twice", twice.name));
        }
        joined.title = format!("{}, {}", joined.title, report.title);
        joined.trials.extend(report.trials);
        joined.floats.extend(report.floats);
        joined.notes.extend(report.notes);
    }
    Ok(joined.unwrap_or_default())
}

fn put_before_names(report: &mut Report) {
    let title = &report.title;
    for trial in &mut report.trials {
        trial.name = format!("{title}/{}", trial.name);
        trial.series.clone_from(title);
    }
    report.floats.iter_mut().for_each(|float| float.name = format!("{title}/{}", float.name));
    report.notes.iter_mut().for_each(|note| *note = format!("{title}: {note}"));
}
