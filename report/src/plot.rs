//! A plot as the numbers of its SVG: frame, ticks, lines, marks that lead somewhere, labels.

use askama::Template;

use crate::scale::Axis;

/// Width of a character of a label in pixels, generously.
const CHARACTER: f64 = 7.8;

/// A plot ready to be written.
#[derive(Template)]
#[template(path = "plot.svg", escape = "html")]
pub struct Plot {
    /// Class for the style sheet.
    pub class: &'static str,
    /// Pixels of the drawing.
    pub size: [f64; 2],
    /// For those who do not see it.
    pub description: String,
    /// What the horizontal axis counts.
    pub x_label: String,
    /// What the vertical axis counts.
    pub y_label: String,
    /// Ticks of the horizontal axis.
    pub x_ticks: Vec<Tick>,
    /// Ticks of the vertical axis.
    pub y_ticks: Vec<Tick>,
    /// Left, top, right, bottom of the frame.
    pub frame: [f64; 4],
    /// Lines, drawn first.
    pub lines: Vec<Line>,
    /// Horizontal lines over the whole frame.
    pub rules: Vec<Rule>,
    /// Marks, drawn last.
    pub marks: Vec<Mark>,
}

/// A position on an axis with its label.
pub struct Tick {
    /// Pixels.
    pub at: f64,
    /// Value.
    pub label: String,
}

/// A line through points.
pub struct Line {
    /// Class for the style sheet.
    pub class: &'static str,
    /// `x,y x,y …` in pixels.
    pub points: String,
}

/// A horizontal line with a label at its right end.
pub struct Rule {
    /// Class for the style sheet.
    pub class: &'static str,
    /// Pixels.
    pub at: f64,
    /// What it is.
    pub label: String,
}

/// A point.
pub struct Mark {
    /// Classes for the style sheet.
    pub class: String,
    /// Position in pixels.
    pub at: [f64; 2],
    /// Path of its shape around 0, 0.
    pub shape: &'static str,
    /// Name of the section that a click leads to; empty if none.
    pub target: String,
    /// What it is, in full.
    pub title: String,
    /// Short text beside it; empty if none was asked for or there is no room.
    pub label: String,
    /// Position of the text.
    pub label_at: [f64; 2],
    /// `start`, `middle` or `end`.
    pub anchor: &'static str,
}

/// A disc.
pub const DISC: &str = "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z";
/// A square.
pub const SQUARE: &str = "M-4.5,-4.5h9v9h-9z";
/// A triangle.
pub const TRIANGLE: &str = "M0,-6L5.6,4.4H-5.6z";
/// A diamond.
pub const DIAMOND: &str = "M0,-6L6,0L0,6L-6,0z";
/// An arrow for what lies below the frame.
pub const BELOW: &str = "M-5,-6H5L0,4z";

impl Plot {
    /// Ticks of an axis, about `wanted`.
    pub fn ticks(axis: &Axis, wanted: usize) -> Vec<Tick> {
        let tick = |(value, label)| Tick { at: axis.at(value), label };
        axis.ticks(wanted).into_iter().map(tick).collect()
    }

    /// Points as the text of a line.
    pub fn path(points: impl Iterator<Item = [f64; 2]>) -> String {
        points.map(|[x, y]| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
    }

    /// Puts each label beside its mark where it covers nothing, or takes it away.
    pub fn place_labels(&mut self) {
        let [left, top, right, bottom] = self.frame;
        let around = |[x, y]: [f64; 2]| [x - 6.0, y - 6.0, x + 6.0, y + 6.0];
        let mut taken: Vec<[f64; 4]> = self.marks.iter().map(|mark| around(mark.at)).collect();
        for rule in &self.rules {
            let width = CHARACTER * rule.label.chars().count() as f64;
            taken.push([right - width, rule.at - 15.0, right, rule.at]);
        }
        for mark in self.marks.iter_mut().filter(|mark| !mark.label.is_empty()) {
            let width = CHARACTER * mark.label.chars().count() as f64;
            let [x, y] = mark.at;
            let places = [
                ("start", [x + 9.0, y + 4.0], x + 9.0),
                ("end", [x - 9.0, y + 4.0], x - 9.0 - width),
                ("middle", [x, y - 10.0], x - width / 2.0),
                ("middle", [x, y + 19.0], x - width / 2.0),
            ];
            let free = places.into_iter().find_map(|(anchor, at, start)| {
                let place = [start, at[1] - 11.0, start + width, at[1] + 2.0];
                let inside = place[0] >= left
                    && place[2] <= right + 4.0
                    && place[1] >= top - 4.0
                    && place[3] <= bottom;
                let is_free = inside && !taken.iter().any(|other| overlap(place, *other));
                is_free.then_some((anchor, at, place))
            });
            match free {
                None => mark.label.clear(),
                Some((anchor, at, place)) => {
                    (mark.anchor, mark.label_at) = (anchor, at);
                    taken.push(place);
                }
            }
        }
    }
}

fn overlap(a: [f64; 4], b: [f64; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}
