//! docs/results.json and the table of docs/results.md, from the folders of sweeps.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use explore::{Row, Settings, TrialResult, summarize};
use quantizer::progress::write_atomically;
use serde::{Deserialize, Serialize};

use crate::files::{read_json, replace_block, workspace_root};

const JSON: &str = "docs/results.json";
const DOCUMENT: &str = "docs/results.md";

/// Options of add-results.
#[derive(Args)]
pub struct AddResults {
    /// Folder of a sweep
    #[arg(value_name = "SWEEP")]
    sweep: PathBuf,
    /// The command that made it, without the widths, which each row adds
    #[arg(long, value_name = "TEXT")]
    command: String,
    /// The commit that was measured
    #[arg(long, value_name = "HASH")]
    commit: String,
}

/// One entry of docs/results.json.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    /// As `base 16, depth 3`.
    network: String,
    /// Of the float network, and of fine-tuning and the control.
    steps: [usize; 2],
    /// Wider bits that fine-tuning went through before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    progressive: Vec<[u8; 2]>,
    #[serde(flatten)]
    row: Row,
    command: String,
    commit: String,
}

impl Entry {
    fn key(&self) -> (&str, &str, [usize; 2], &str, Vec<[u8; 2]>) {
        (&self.row.dataset, &self.network, self.steps, &self.row.mode, self.bits())
    }

    /// Widths in the order in which fine-tuning had them.
    fn bits(&self) -> Vec<[u8; 2]> {
        let last = [self.row.weight_bits, self.row.activation_bits];
        self.progressive.iter().copied().chain([last]).collect()
    }
}

impl AddResults {
    /// Replaces or appends the rows of the sweep, then writes the table.
    pub fn run(self) -> Result<()> {
        let settings: Settings = read_json(&self.sweep.join("sweep.json"))?;
        let mut trials: Vec<TrialResult> = Vec::new();
        let mut folders: Vec<PathBuf> = std::fs::read_dir(&self.sweep)?
            .map(|entry| Ok(entry?.path().join("result.json")))
            .collect::<Result<_>>()?;
        folders.sort();
        for file in folders.iter().filter(|file| file.exists()) {
            let value: serde_json::Value = read_json(file)?;
            if value.get("dice").is_some() {
                trials.push(serde_json::from_value(value).context("a trial's result")?);
            }
        }
        ensure!(!trials.is_empty(), "{}: expected finished trials", self.sweep.display());
        trials.sort_by_key(|t| {
            (255 - t.weight_bits, 255 - t.activation_bits, t.mode.clone(), t.seed)
        });
        let (model, quantize) = (&settings.configs.model, &settings.configs.quantize);
        let steps = [settings.configs.train.steps, quantize.steps];
        let network = format!("base {}, depth {}", model.base_width, model.depth);
        let evaluate = &settings.evaluate;
        let mut entries: Vec<Entry> = read_json(&workspace_root().join(JSON))?;
        for row in summarize(&trials, evaluate.n_resamples, evaluate.seed) {
            let Row { weight_bits, activation_bits, mode, .. } = &row;
            let widths =
                format!("--weights {weight_bits} --activations {activation_bits} --modes {mode}");
            let command = format!("{} {widths}", self.command);
            let commit = self.commit.clone();
            let (network, progressive) = (network.clone(), quantize.progressive.clone());
            let entry = Entry { network, steps, progressive, row, command, commit };
            match entries.iter_mut().find(|known| known.key() == entry.key()) {
                Some(known) => *known = entry,
                None => entries.push(entry),
            }
        }
        let text = serde_json::to_string_pretty(&entries)? + "\n";
        write_atomically(&workspace_root().join(JSON), text.as_bytes())?;
        write_table(&workspace_root())
    }
}

/// Writes the table of docs/results.md from docs/results.json.
pub fn write_table(root: &Path) -> Result<()> {
    write_atomically(&root.join(DOCUMENT), document(root)?.as_bytes())?;
    Ok(())
}

/// docs/results.md with the table that docs/results.json asks for.
pub fn document(root: &Path) -> Result<String> {
    let entries: Vec<Entry> = read_json(&root.join(JSON))?;
    let mut text = std::fs::read_to_string(root.join(DOCUMENT)).context(DOCUMENT)?;
    replace_block(&mut text, "results", &table(&entries)).context(DOCUMENT)?;
    Ok(text)
}

fn table(entries: &[Entry]) -> String {
    let mut text =
        "| data: foreground | network | steps | mode | bits | seeds | all ones | prior | control | \
                    quantized | drop, points (95 %) | pooled drop (95 %) | bytes | ratio | ≠ | commit |\n"
            .to_owned();
    text += &("|".to_owned() + &"---|".repeat(16) + "\n");
    for entry in entries {
        let Entry { network, steps, row, commit, .. } = entry;
        let bits = entry.bits().into_iter().map(|[w, a]| format!("W{w} A{a}"));
        let points = |dice: f64| format!("{:.2}", 100.0 * dice);
        let signed = |dice: f64| format!("{:+.2}", 100.0 * dice);
        let bytes = row.bytes.map_or("–".into(), |bytes| bytes.to_string());
        let ratio = |bytes: usize| format!("{:.2}", row.float_bytes as f64 / bytes as f64);
        let pooled = signed(row.pooled_float_dice - row.pooled_dice);
        let pooled = match row.pooled_drop_low.zip(row.pooled_drop_high) {
            Some((low, high)) => format!("{pooled} ({}, {})", signed(low), signed(high)),
            None => pooled,
        };
        let cells = [
            format!("{}: {}", row.dataset, row.foreground),
            network.clone(),
            format!("{} + {}", steps[0], steps[1]),
            row.mode.clone(),
            bits.collect::<Vec<_>>().join(" → "),
            row.seeds.to_string(),
            points(row.trivial_dice),
            row.prior_dice.map_or("–".into(), points),
            points(row.float_dice),
            points(row.dice),
            format!("{} ({}, {})", signed(row.drop), signed(row.drop_low), signed(row.drop_high)),
            pooled,
            bytes,
            row.bytes.map_or("–".into(), ratio),
            row.fake_quant_mismatches.to_string(),
            commit.clone(),
        ];
        text += &format!("| {} |\n", cells.join(" | "));
    }
    text
}
