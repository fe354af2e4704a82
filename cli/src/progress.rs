//! Progress bars on long work; none when the output is not a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use quantizer::ProgressEvent;

/// A bar of `length` units on the terminal, invisible elsewhere.
pub fn bar(length: u64, what: &str) -> ProgressBar {
    let target = match std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    let template = "{prefix:>12} [{bar:40}] {pos}/{len} {elapsed}<{eta} {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(what.to_owned());
    bar
}

/// A spinner for work of unknown length, invisible without a terminal; gone when dropped.
pub fn spinner(what: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let spinner = ProgressBar::new_spinner().with_message(what.to_owned());
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}

/// Shows the steps of training; without a terminal, one line at each validation.
pub fn training() -> impl FnMut(ProgressEvent) {
    let mut shown: Option<ProgressBar> = None;
    let mut dice = None;
    move |event| {
        let bar = shown.get_or_insert_with(|| bar(event.steps as u64, event.stage.name()));
        bar.set_position(event.step as u64);
        if let Some(value) = event.validation_dice {
            dice = Some(value);
            if bar.is_hidden() {
                let (stage, step, steps) = (event.stage.name(), event.step, event.steps);
                let loss = event.loss;
                eprintln!("{stage} {step}/{steps}: loss {loss:.4}, validation Dice {value:.4}");
            }
        }
        let dice = dice.map_or(String::new(), |d: f64| format!(", validation Dice {d:.4}"));
        bar.set_message(format!("loss {:.4}{dice}", event.loss));
        if event.step == event.steps {
            bar.finish();
        }
    }
}
