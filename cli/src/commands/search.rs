//! `qunet search`: bits layer by layer under a budget.

use anyhow::Result;
use clap::Args;
use explore::{Budget, SearchEvent, SearchReport};

use crate::commands::sweep::settings;
use crate::commands::train::resume;
use crate::config::RunArgs;
use crate::output::{bytes, print_json, say, table};
use crate::progress;

/// Finds bits layer by layer under a budget of bytes, cycles or energy, and fine-tunes.
///
/// Measures how much each layer of the run's float network suffers from few bits and takes the least
/// harmful assignment under the budget; writes model.qunet and search.json.
#[derive(Args)]
#[command(after_help = "Example:\n  qunet search --config configs/em.toml --data DIR \
                        --max-bytes 100KiB\n  \
                        qunet search --config configs/em.toml --data DIR --max-cycles 8000000")]
pub struct Search {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    budget: BudgetArgs,
    /// Continue from the newest checkpoint of the fine-tuning
    #[arg(long)]
    resume: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Exactly one of them.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct BudgetArgs {
    /// Most bytes of model.qunet, as 65536, 64KiB or 1MiB
    #[arg(long, value_name = "BYTES", value_parser = byte_count)]
    max_bytes: Option<usize>,
    /// Most cycles of a frame by the cycle model, on the configured accelerator
    #[arg(long, value_name = "N")]
    max_cycles: Option<u64>,
    /// Most microjoules of a frame by the energy estimate, on the configured accelerator
    #[arg(long, value_name = "UJ", value_parser = microjoules)]
    max_energy: Option<f64>,
}

impl BudgetArgs {
    fn budget(&self) -> Budget {
        match (self.max_bytes, self.max_cycles, self.max_energy) {
            (Some(limit), _, _) => Budget::Bytes(limit),
            (_, Some(limit), _) => Budget::Cycles(limit),
            (_, _, limit) => Budget::Energy(limit.unwrap_or_default()),
        }
    }
}

impl Search {
    /// Loads the data, searches, fine-tunes, reports.
    pub fn run(self) -> Result<()> {
        let config = self.run.load()?;
        let run_dir = self.run.run_dir();
        quantizer::float_report(&run_dir)?;
        let settings = settings(self.run.config(), &config);
        let mut bar = None;
        let mut training = progress::training();
        let mut show = |event: SearchEvent<'_>| match event {
            SearchEvent::Simulated(done, whole) => {
                let bar = bar.get_or_insert_with(|| progress::bar(whole as u64, "sensitivity"));
                bar.set_position(done as u64);
            }
            SearchEvent::Training(event) => training(event.clone()),
        };
        let (budget, resume) = (self.budget.budget(), resume(self.resume));
        let report = explore::search(&settings, budget, &run_dir, resume, &mut show)?;
        if self.json {
            return print_json(&report);
        }
        print_text(&report);
        Ok(())
    }
}

fn print_text(report: &SearchReport) {
    let widths = [8u8, 6, 4, 3, 2, 1];
    let mut header = vec!["harm by width".to_owned()];
    header.extend(widths.iter().map(|bits| format!("W{bits}")));
    header.push("chosen".into());
    let mut shown = table(&header.iter().map(String::as_str).collect::<Vec<_>>());
    for layer in &report.layers {
        let of = |width: &u8| {
            let at = layer.sensitivity.bits.iter().position(|bits| bits == width);
            at.map_or("–".into(), |at| format!("{:.4}", layer.sensitivity.harm[at]))
        };
        let mut row = vec![layer.sensitivity.layer.clone()];
        row.extend(widths.iter().map(of));
        row.push(format!("W{}", layer.bits));
        shown.add_row(row);
    }
    say!("{shown}");
    say!("harm: 1 - Dice between the masks with that width in that layer alone and with 8 bits");
    let (cost, eight, result) = (&report.cost, &report.cost_of_eight_bits, &report.result);
    let megacycles = |cycles: u64| cycles as f64 / 1e6;
    say!(
        "{} instead of {} with 8 bits, {:.3} M cycles instead of {:.3}, {:.1} uJ instead of {:.1}",
        bytes(cost.bytes),
        bytes(eight.bytes),
        megacycles(cost.cycles),
        megacycles(eight.cycles),
        cost.energy_uj,
        eight.energy_uj
    );
    let (drop, low, high) = (result.drop, result.drop_low, result.drop_high);
    let against = if result.control_dice.is_some() { "control" } else { "float" };
    say!("test Dice {:.4}, {against} - quantized {drop:+.4} [{low:+.4}, {high:+.4}]", result.dice);
}

fn byte_count(text: &str) -> Result<usize, String> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("B", 1), ("", 1)];
    let count = units.iter().find_map(|(unit, factor)| {
        let number: usize = text.strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(*factor)
    });
    count.ok_or_else(|| "expected bytes as 65536, 64KiB or 1MiB".into())
}

fn microjoules(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "expected microjoules".to_owned())?;
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err("expected above 0".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_with_and_without_units() {
        let read = |text| byte_count(text).ok();
        assert_eq!([read("65536"), read("64KiB"), read("65536 B")], [Some(65536); 3]);
        assert_eq!(read("2MiB"), Some(2 << 20));
        for wrong in ["", "KiB", "-1", "1.5KiB", "64kb", "99999999999999999MiB"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
