//! The page: what the template shows, as text.

use askama::Template;

use crate::charts::{
    NARROW, WIDE, best_by_bytes, dice_against_bytes, drop_against_cycles, training,
};
use crate::curves::Curve;
use crate::error::ReportError;
use crate::layers::{self, LayerRow};
use crate::number::{bytes, grouped, metric, points, signed_points};
use crate::pictures::Pictures;
use crate::plot::Plot;
use crate::trial::{Report, Trial};

/// A drop that most would accept, for the headline: half a point.
const SMALL_DROP: f64 = 0.005;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    style: &'static str,
    subtitle: String,
    facts: Vec<Fact>,
    /// A plot in its two sizes, with its caption.
    plots: Vec<([String; 2], &'static str)>,
    groups: Vec<[String; 8]>,
    rows: Vec<Row>,
    sections: Vec<Section<'a>>,
    floats: Vec<(String, String, Vec<Curves>)>,
    has_examples: bool,
    pictures: &'a [String],
    version: &'static str,
}

/// A figure of the headline.
struct Fact {
    value: String,
    name: String,
    detail: String,
}

/// A row of the table of trials.
struct Row {
    id: String,
    name: String,
    is_best: bool,
    cells: Vec<String>,
}

/// What is told of one trial.
struct Section<'a> {
    trial: &'a Trial,
    id: String,
    facts: String,
    examples: Vec<Shown<'a>>,
    curves: Vec<Curves>,
    layers: Vec<LayerRow>,
}

/// An image with its masks: name of the panel, number of the mask.
struct Shown<'a> {
    name: &'a str,
    size: [usize; 2],
    image: usize,
    panels: Vec<(&'static str, Option<usize>, String)>,
    changed: String,
}

/// The plots of one stage of training.
struct Curves {
    stage: String,
    plots: Vec<String>,
}

/// The report as one HTML page that needs nothing else.
///
/// # Errors
/// If the template cannot be written, which is not expected.
pub fn html(report: &Report, pictures: &Pictures) -> Result<String, ReportError> {
    let best = best_by_bytes(report);
    let page = Page {
        report,
        style: include_str!("../templates/report.css"),
        subtitle: subtitle(report),
        facts: facts(report),
        plots: plots(report)?,
        groups: groups(report),
        rows: report.trials.iter().map(|trial| row(trial, &best)).collect(),
        sections: report.trials.iter().map(section).collect::<Result<_, _>>()?,
        floats: floats(report)?,
        has_examples: report.trials.iter().any(|trial| !trial.examples.is_empty()),
        pictures: pictures.encoded(),
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok(page.render()?)
}

fn subtitle(report: &Report) -> String {
    let n_trials = match report.trials.len() {
        0 => String::new(),
        1 => "one quantized network".into(),
        n => format!("{n} quantized networks"),
    };
    let parts = [report.dataset.clone(), report.foreground.clone(), n_trials];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn drop_of(trial: &Trial) -> f64 {
    trial.dice.as_ref().map_or(f64::INFINITY, |dice| dice.drop)
}

fn size_of(trial: &Trial) -> String {
    trial.bytes.map_or("–".into(), |count| bytes(count as f64))
}

fn ratio_of(trial: &Trial) -> String {
    trial.ratio().map_or("–".into(), |ratio| format!("{ratio:.1}×"))
}

fn facts(report: &Report) -> Vec<Fact> {
    if let [trial] = report.trials.as_slice() {
        return facts_of_one(trial);
    }
    let mut facts = Vec::new();
    let mut add = |trial: Option<&Trial>, value: fn(&Trial) -> String, name: String| {
        let Some(trial) = trial else { return };
        let dice = trial.dice.as_ref();
        let drop = dice.map_or("–".into(), |dice| signed_points(dice.drop));
        let detail = format!("{} {}, drop {drop}, {}", trial.mode, trial.label(), size_of(trial));
        facts.push(Fact { value: value(trial), name, detail });
    };
    let dice = |trial: &Trial| points(trial.dice.as_ref().map(|dice| dice.quantized));
    let known: Vec<&Trial> = report.trials.iter().filter(|t| t.dice.is_some()).collect();
    let smallest = |limit: f64| {
        let within = known.iter().filter(|t| drop_of(t) <= limit && t.bytes.is_some());
        within.copied().min_by_key(|t| t.bytes)
    };
    let quantized = |trial: &Trial| trial.dice.as_ref().map_or(0.0, |dice| dice.quantized);
    let best = known.iter().copied().max_by(|a, b| quantized(a).total_cmp(&quantized(b)));
    add(best, dice, "best Dice after quantization".into());
    let name = format!("smaller, within {} points of float", 100.0 * SMALL_DROP);
    add(smallest(SMALL_DROP), ratio_of, name);
    let name = "smaller, within the seed paper's 2.21 points".into();
    add(smallest(crate::seed_paper::POINTS[0].drop), ratio_of, name);
    facts
}

fn facts_of_one(trial: &Trial) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |value: String, name: &str, detail: String| {
        facts.push(Fact { value, name: name.into(), detail });
    };
    if let Some(dice) = &trial.dice {
        let interval = dice.interval.map(|ends| ends.map(signed_points).join(" to "));
        let interval = interval.map_or(String::new(), |text| format!("95 % interval {text}"));
        let detail = format!("float network {}", points(Some(dice.float)));
        add(points(Some(dice.quantized)), &format!("Dice, {} images", dice.side), detail);
        add(signed_points(dice.drop), "points of Dice lost", interval);
    }
    if let Some(ratio) = trial.ratio() {
        let float = trial.float_bytes.map_or(String::new(), |n| bytes(n as f64));
        let detail = format!("{} instead of {float} in float32", size_of(trial));
        add(format!("{ratio:.1}×"), "smaller, whole file", detail);
    }
    if let Some(cycles) = trial.cycles {
        let energy = trial.energy_uj.map_or(String::new(), |e| format!("{} µJ", metric(e)));
        add(metric(cycles as f64), "cycles a frame", energy);
    }
    facts
}

fn plots(report: &Report) -> Result<Vec<([String; 2], &'static str)>, ReportError> {
    let both = |plot: fn(&Report, crate::charts::Format) -> Option<Plot>| {
        plot(report, WIDE).zip(plot(report, NARROW))
    };
    let captions = [
        "Up and to the left is better. The line joins what no other trial beats in both figures; the \
         grey diamonds lay the seed paper's losses (W4/A6, 8 times smaller) off from this float Dice.",
        "Up and to the left is better. The grey lines are the seed paper's losses, which it reports \
         without cycles.",
    ];
    let mut plots = Vec::new();
    let both = [both(dice_against_bytes), both(drop_against_cycles)];
    for (pair, caption) in both.into_iter().zip(captions) {
        if let Some((wide, narrow)) = pair {
            plots.push(([wide.render()?, narrow.render()?], caption));
        }
    }
    Ok(plots)
}

/// One row for each sweep, mode, W and A with several seeds: means, and the ends of the drop.
fn groups(report: &Report) -> Vec<[String; 8]> {
    let key = |t: &Trial| (t.series.clone(), t.mode.clone(), t.weight_bits, t.activation_bits);
    let mut keys: Vec<_> = report.trials.iter().map(key).collect();
    keys.dedup();
    let mut rows = Vec::new();
    for wanted in keys {
        let group: Vec<&Trial> = report.trials.iter().filter(|t| key(t) == wanted).collect();
        let dice: Vec<_> = group.iter().filter_map(|t| t.dice.as_ref()).collect();
        if dice.len() < 2 {
            continue;
        }
        let n = dice.len() as f64;
        let sum = |value: fn(&&crate::trial::Dice) -> f64| dice.iter().map(value).sum::<f64>();
        let drops = dice.iter().map(|d| d.drop);
        let ends = [drops.clone().fold(f64::INFINITY, f64::min), drops.fold(-1.0, f64::max)];
        rows.push([
            group[0].mode.clone(),
            group[0].label(),
            dice.len().to_string(),
            points(Some(sum(|d| d.float) / n)),
            points(Some(sum(|d| d.quantized) / n)),
            signed_points(sum(|d| d.drop) / n),
            ends.map(signed_points).join(" to "),
            ratio_of(group[0]),
        ]);
    }
    rows
}

fn row(trial: &Trial, best: &[String]) -> Row {
    let dice = trial.dice.as_ref();
    let dash = || "–".to_owned();
    let interval = dice.and_then(|d| d.interval);
    let cells = vec![
        trial.mode.clone(),
        trial.bits(),
        points(dice.map(|d| d.float)),
        points(dice.map(|d| d.quantized)),
        dice.map_or_else(dash, |d| signed_points(d.drop)),
        interval.map_or_else(dash, |ends| ends.map(signed_points).join(" to ")),
        size_of(trial),
        ratio_of(trial),
        trial.cycles.map_or_else(dash, |n| metric(n as f64)),
        trial.mismatches.map_or_else(dash, |(different, _)| different.to_string()),
    ];
    let is_best = best.contains(&trial.name);
    Row { id: trial.id(), name: trial.name.clone(), is_best, cells }
}

fn section(trial: &Trial) -> Result<Section<'_>, ReportError> {
    let mut facts = vec![format!("{} {}", trial.mode, trial.bits())];
    if let Some(dice) = &trial.dice {
        let (found, float) = (points(Some(dice.quantized)), points(Some(dice.float)));
        let drop = signed_points(dice.drop);
        facts.push(format!("Dice {found} ({} images), float {float}, drop {drop}", dice.side));
        if let Some(trivial) = dice.trivial {
            facts.push(format!("all foreground would score {}", points(Some(trivial))));
        }
    }
    if let Some(ratio) = trial.ratio() {
        facts.push(format!("{}, {ratio:.1} times smaller than float32", size_of(trial)));
    }
    facts.extend(trial.cycles.map(|n| format!("{} cycles a frame", metric(n as f64))));
    facts.extend(trial.energy_uj.map(|e| format!("{} µJ a frame (estimate)", metric(e))));
    facts.extend(trial.mismatches.map(|(different, of)| {
        format!("fake quantization and integers differ in {different} of {} pixels", grouped(of))
    }));
    Ok(Section {
        trial,
        id: trial.id(),
        facts: facts.join(" · "),
        examples: trial.examples.iter().map(shown).collect(),
        curves: curves(&trial.curves)?,
        layers: layers::rows(trial),
    })
}

fn shown(example: &crate::trial::Example) -> Shown<'_> {
    let mut panels =
        vec![("image", None, String::new()), ("truth", Some(example.truth), String::new())];
    if example.float.is_some() {
        panels.push(("float", example.float, points(example.float_dice)));
    }
    panels.push(("quantized", Some(example.quantized), points(Some(example.dice))));
    let changed = example.n_changed.map(|n| format!("{} pixels changed", grouped(n)));
    Shown {
        name: &example.name,
        size: example.size,
        image: example.image,
        panels,
        changed: changed.unwrap_or_default(),
    }
}

fn curves(list: &[Curve]) -> Result<Vec<Curves>, ReportError> {
    let of_one = |curve: &Curve| {
        let plots = training(curve).iter().map(Template::render).collect::<Result<_, _>>()?;
        Ok(Curves { stage: curve.stage.clone(), plots })
    };
    list.iter().map(of_one).collect()
}

fn floats(report: &Report) -> Result<Vec<(String, String, Vec<Curves>)>, ReportError> {
    let of_one = |float: &crate::trial::FloatNetwork| {
        let dice = float.validation_dice;
        let dice = dice.map_or(String::new(), |d| format!("validation Dice {}", points(Some(d))));
        Ok((float.name.clone(), dice, curves(&float.curves)?))
    };
    report.floats.iter().map(of_one).collect()
}
