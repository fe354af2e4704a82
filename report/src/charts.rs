//! The plots of the page: Dice against bytes, drop against cycles, training curves.

use crate::curves::Curve;
use crate::number::{bytes, metric, points, signed_points};
use crate::plot::{BELOW, DIAMOND, DISC, Line, Mark, Plot, Rule, SQUARE, TRIANGLE};
use crate::scale::{Axis, Unit};
use crate::seed_paper;
use crate::trial::{Report, Trial};

/// How large a plot is drawn: for a screen, or for a telephone.
#[derive(Clone, Copy)]
pub struct Format {
    class: &'static str,
    size: [f64; 2],
}

/// For screens and paper.
pub const WIDE: Format = Format { class: "wide", size: [600.0, 380.0] };
/// For telephones.
pub const NARROW: Format = Format { class: "narrow", size: [350.0, 340.0] };

/// Points this far below the best are drawn at the edge, so that the others stay apart.
const MAX_LOSS: f64 = 0.12;

/// A trial's place in the plane of two figures.
struct Place<'a> {
    trial: &'a Trial,
    x: f64,
    y: f64,
}

/// Trials that no other one beats in both figures: smaller x and larger y are better.
fn front(places: &[Place]) -> Vec<bool> {
    let beats = |a: &Place, b: &Place| a.x <= b.x && a.y >= b.y && (a.x < b.x || a.y > b.y);
    places.iter().map(|b| !places.iter().any(|a| beats(a, b))).collect()
}

fn dice_and_bytes(report: &Report) -> Vec<Place<'_>> {
    places(report, |trial| Some((trial.bytes? as f64, trial.dice.as_ref()?.quantized)))
}

/// The trials of which both figures are known.
fn places(report: &Report, figures: impl Fn(&Trial) -> Option<(f64, f64)>) -> Vec<Place<'_>> {
    let place = |trial| figures(trial).map(|(x, y)| Place { trial, x, y });
    report.trials.iter().filter_map(place).collect()
}

/// Names of the trials that no other one beats in bytes and Dice together.
pub fn best_by_bytes(report: &Report) -> Vec<String> {
    let places = dice_and_bytes(report);
    let front = front(&places);
    let on_front = places.iter().zip(front).filter(|(_, is_on)| *is_on);
    on_front.map(|(place, _)| place.trial.name.clone()).collect()
}

/// Dice against bytes with the float network and the seed paper's points; none without figures.
pub fn dice_against_bytes(report: &Report, format: Format) -> Option<Plot> {
    let places = dice_and_bytes(report);
    let dice = places.iter().filter_map(|p| p.trial.dice.as_ref()).map(|d| d.float);
    let float = mean(dice)?;
    let float_bytes = places.iter().find_map(|p| p.trial.float_bytes);
    let frame = frame(format);
    let seed_x = float_bytes.map(|n| n as f64 / seed_paper::RATIO);
    let seed_y = seed_paper::POINTS.map(|point| float - point.drop);
    let x = places.iter().map(|p| p.x).chain(seed_x);
    let x = Axis::over(Unit::Bytes, x, [frame[0], frame[2]]);
    let best = places.iter().map(|p| p.y).fold(float, f64::max);
    let shown = places.iter().map(|p| p.y.max(best - MAX_LOSS)).chain(seed_y).chain([float]);
    let y = Axis::over(Unit::Points, shown, [frame[3], frame[1]]);
    let mut plot = empty(format, (&x, &y), ["bytes of the model file", "Dice, points"]);
    plot.description = "Dice against bytes of the model".into();
    let label = format!("float {}", points(Some(float)));
    plot.rules.push(Rule { class: "float", at: y.at(float), label });
    if let Some(seed_x) = seed_x {
        for (point, dice) in seed_paper::POINTS.iter().zip(seed_y) {
            let drop = signed_points(point.drop);
            let title = format!(
                "seed paper, {}: W4/A6, 8 times smaller, {drop} points lost, from this float Dice",
                point.name
            );
            plot.marks.push(seed_mark([x.at(seed_x), y.at(dice)], title, point.name));
        }
    }
    add_places(&mut plot, &places, (&x, &y), best - MAX_LOSS);
    Some(plot)
}

/// Drop against cycles with the seed paper's drops as lines; none without cycles.
pub fn drop_against_cycles(report: &Report, format: Format) -> Option<Plot> {
    let figures = |trial: &Trial| Some((trial.cycles? as f64, -trial.dice.as_ref()?.drop));
    let places = places(report, figures);
    if places.is_empty() {
        return None;
    }
    let frame = frame(format);
    let x = Axis::over(Unit::Count, places.iter().map(|p| p.x), [frame[0], frame[2]]);
    let shown = places.iter().map(|p| p.y.max(-MAX_LOSS));
    let shown = shown.chain(seed_paper::POINTS.map(|point| -point.drop)).chain([0.0]);
    let y = Axis::over(Unit::Loss, shown, [frame[3], frame[1]]);
    let labels = ["cycles a frame (model of the accelerator)", "points of Dice lost"];
    let mut plot = empty(format, (&x, &y), labels);
    plot.description = "Drop of Dice against cycles of the accelerator".into();
    plot.rules.push(Rule { class: "float", at: y.at(0.0), label: "float".into() });
    for point in &seed_paper::POINTS {
        let label = format!("seed paper, {}", point.name);
        plot.rules.push(Rule { class: "seed", at: y.at(-point.drop), label });
    }
    // two labels on nearly one line would cover each other
    plot.rules.sort_by(|a, b| a.at.total_cmp(&b.at));
    for index in 1..plot.rules.len() {
        if plot.rules[index].at - plot.rules[index - 1].at < 13.0 {
            let name = plot.rules[index].label.replace("seed paper, ", "");
            let before = std::mem::take(&mut plot.rules[index - 1].label);
            plot.rules[index].label = format!("{before}, {name}");
        }
    }
    add_places(&mut plot, &places, (&x, &y), -MAX_LOSS);
    Some(plot)
}

/// Loss and validation Dice over the steps.
pub fn training(curve: &Curve) -> Vec<Plot> {
    let format = Format { class: "small", size: [350.0, 190.0] };
    let last = curve.loss.iter().chain(&curve.dice).map(|p| p[0]).fold(1.0, f64::max);
    let mut plots = Vec::new();
    for (points, unit, name) in
        [(&curve.loss, Unit::Plain, "loss"), (&curve.dice, Unit::Points, "validation Dice, points")]
    {
        if points.is_empty() {
            continue;
        }
        let frame = frame(format);
        let x = Axis::between(Unit::Plain, 0.0, last, [frame[0], frame[2]]);
        let y = Axis::over(unit, points.iter().map(|p| p[1]), [frame[3], frame[1]]);
        let mut plot = empty(format, (&x, &y), ["steps", name]);
        plot.description = format!("{}: {name} over the steps", curve.stage);
        let at = |p: &[f64; 2]| [x.at(p[0]), y.at(p[1])];
        plot.lines.push(Line { class: "curve", points: Plot::path(points.iter().map(at)) });
        plots.push(plot);
    }
    plots
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Left, top, right, bottom.
fn frame(format: Format) -> [f64; 4] {
    [52.0, 22.0, format.size[0] - 14.0, format.size[1] - 44.0]
}

fn empty(format: Format, axes: (&Axis, &Axis), labels: [&str; 2]) -> Plot {
    let wanted = [format.size[0] / 85.0, (format.size[1] / 55.0).max(4.0)].map(|n| n as usize);
    Plot {
        class: format.class,
        size: format.size,
        description: String::new(),
        x_label: labels[0].into(),
        y_label: labels[1].into(),
        x_ticks: Plot::ticks(axes.0, wanted[0]),
        y_ticks: Plot::ticks(axes.1, wanted[1]),
        frame: frame(format),
        lines: Vec::new(),
        rules: Vec::new(),
        marks: Vec::new(),
    }
}

fn seed_mark(at: [f64; 2], title: String, name: &str) -> Mark {
    Mark {
        class: "seed".into(),
        at,
        shape: DIAMOND,
        target: String::new(),
        title,
        label: format!("seed: {name}"),
        label_at: at,
        anchor: "start",
    }
}

/// The trials' marks, the line along those that no other beats, and labels where there is room.
fn add_places(plot: &mut Plot, places: &[Place], (x, y): (&Axis, &Axis), least: f64) {
    let front = front(places);
    let mut along: Vec<&Place> =
        places.iter().zip(&front).filter(|(p, on)| **on && p.y >= least).map(|(p, _)| p).collect();
    along.sort_by(|a, b| a.x.total_cmp(&b.x));
    let line = Plot::path(along.iter().map(|p| [x.at(p.x), y.at(p.y)]));
    if along.len() > 1 {
        plot.lines.push(Line { class: "front", points: line });
    }
    for (place, is_on_front) in places.iter().zip(&front) {
        let trial = place.trial;
        let (name, shape) = match trial.mode.as_str() {
            "scaled" => ("scaled", DISC),
            "fixed" => ("fixed", SQUARE),
            _ => ("other", TRIANGLE),
        };
        let is_below = place.y < least;
        let shape = if is_below { BELOW } else { shape };
        let at = [x.at(place.x), y.at(place.y)];
        let class = format!("{name}{}", if *is_on_front { " best" } else { "" });
        let is_labelled = *is_on_front || places.len() <= 8;
        plot.marks.push(Mark {
            class,
            at,
            shape,
            target: trial.id(),
            title: title(trial),
            label: if is_labelled { trial.label() } else { String::new() },
            label_at: at,
            anchor: "start",
        });
    }
    // labels of the best trials first, the seed paper's last
    plot.marks.sort_by_key(|mark| match mark.class.as_str() {
        "seed" => 2,
        class if class.ends_with("best") => 0,
        _ => 1,
    });
    plot.place_labels();
    // drawn in the opposite order, so that the best lie on top
    plot.marks.reverse();
}

fn title(trial: &Trial) -> String {
    let mut parts = vec![format!("{}: {} {}", trial.name, trial.mode, trial.bits())];
    if let Some(dice) = &trial.dice {
        let (points, drop) = (points(Some(dice.quantized)), signed_points(dice.drop));
        parts.push(format!("Dice {points}, drop {drop}"));
    }
    parts.extend(trial.bytes.map(|n| bytes(n as f64)));
    parts.extend(trial.ratio().map(|ratio| format!("{ratio:.1} times smaller")));
    parts.extend(trial.cycles.map(|n| format!("{} cycles", metric(n as f64))));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Dice;

    fn trial(name: &str, bytes: usize, dice: f64) -> Trial {
        let float = 0.81;
        let dice = Dice {
            side: "test".into(),
            float,
            quantized: dice,
            drop: float - dice,
            interval: None,
            trivial: None,
        };
        let (name, mode) = (name.to_owned(), "scaled".to_owned());
        let (dice, float_bytes) = (Some(dice), Some(8 * 32_768));
        Trial { name, mode, dice, float_bytes, bytes: Some(bytes), ..Trial::default() }
    }

    fn report() -> Report {
        let trials = vec![
            trial("large", 60_000, 0.809),
            trial("small", 20_000, 0.806),
            trial("beaten", 30_000, 0.805),
            trial("failed", 10_000, 0.1),
        ];
        Report { trials, ..Report::default() }
    }

    #[test]
    fn the_front_is_what_no_other_beats() {
        assert_eq!(best_by_bytes(&report()), ["large", "small", "failed"]);
        let twins = vec![trial("a", 5, 0.5), trial("b", 5, 0.5)];
        let twins = Report { trials: twins, ..Report::default() };
        assert_eq!(best_by_bytes(&twins), ["a", "b"]);
    }

    #[test]
    fn marks_lie_within_the_frame_and_lead_to_their_trials() {
        for format in [WIDE, NARROW] {
            let plot = dice_against_bytes(&report(), format).expect("has figures");
            let [left, top, right, bottom] = plot.frame;
            for mark in &plot.marks {
                assert!((left..=right).contains(&mark.at[0]), "{}", mark.title);
                assert!((top..=bottom).contains(&mark.at[1]), "{}", mark.title);
            }
            let targets = plot.marks.iter().filter(|mark| !mark.target.is_empty()).count();
            assert_eq!((targets, plot.marks.len()), (4, 4 + 3));
            let failed = plot.marks.iter().find(|m| m.target == "trial-failed").expect("drawn");
            assert_eq!(failed.shape, BELOW);
            // the seed paper's points lie at an eighth of the float bytes: with EM 2.21 below
            let seed = plot.marks.iter().find(|m| m.label == "seed: EM" || m.title.contains("EM"));
            assert!(seed.expect("drawn").title.contains("+2.21 points lost"));
        }
    }

    #[test]
    fn cycles_are_needed_for_their_plot() {
        let mut report = report();
        assert!(drop_against_cycles(&report, WIDE).is_none());
        report.trials[1].cycles = Some(1_000_000);
        let plot = drop_against_cycles(&report, WIDE).expect("has cycles");
        assert_eq!((plot.marks.len(), plot.rules.len()), (1, 4));
        assert!(dice_against_bytes(&Report::default(), WIDE).is_none());
    }
}
