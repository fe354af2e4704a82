//! `qunet inspect`: what a model file holds.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use network::format::{NetworkView, packed_bytes};
use network::plan::plan;
use network::{Graph, Mode, Network};
use serde::Serialize;

use crate::output::{bytes, print_json, say, table};
use crate::run_dir::read_model;

/// Shows the layers, formats and memory of a model.
#[derive(Args)]
#[command(after_help = "Example:\n  qunet inspect runs/em/model.qunet --json")]
pub struct Inspect {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    name: String,
    mode: &'static str,
    file_bytes: usize,
    /// As the file plans it.
    arena_bytes: usize,
    /// As `quantize` plans it: a byte a value.
    default_arena_bytes: usize,
    arena_lower_bound_bytes: usize,
    peak_layer: String,
    layers: Vec<LayerRow>,
    metadata: serde_json::Value,
}

#[derive(Serialize)]
struct LayerRow {
    name: String,
    operation: &'static str,
    output_shape: [usize; 3],
    output_bits: u8,
    output_signed: bool,
    weight_bits: u8,
    n_weights: usize,
    weight_bytes: usize,
}

impl Inspect {
    /// Reads the model and prints what it holds.
    pub fn run(self) -> Result<()> {
        let (file, network) = read_model(&self.model)?;
        let report = report(&network, &file);
        if self.json {
            return print_json(&report);
        }
        print_table(&report);
        Ok(())
    }
}

fn report(network: &Network, file: &[u8]) -> Report {
    let plan = plan(network);
    // a file of an early version has no plan
    let planned = NetworkView::new_checked(file).ok().map(|view| view.arena_bytes());
    let row = |(index, layer): (usize, &network::Layer)| {
        let (info, spec) = (network.info(index), network.spec(layer.output()));
        LayerRow {
            name: layer.name().to_owned(),
            operation: layer.operation(),
            output_shape: [spec.channels, spec.height, spec.width],
            output_bits: spec.bits,
            output_signed: spec.signed,
            weight_bits: info.weight_bits,
            n_weights: info.n_weights,
            weight_bytes: packed_bytes(info.n_weights, info.weight_bits),
        }
    };
    Report {
        name: network.name.clone(),
        mode: match network.mode {
            Mode::Scaled => "scaled",
            Mode::Fixed => "fixed",
        },
        file_bytes: file.len(),
        arena_bytes: planned.unwrap_or(plan.arena_bytes),
        default_arena_bytes: plan.arena_bytes,
        arena_lower_bound_bytes: plan.lower_bound_bytes,
        peak_layer: network.layers[plan.peak_layer].name().to_owned(),
        layers: network.layers.iter().enumerate().map(row).collect(),
        metadata: serde_json::from_str(&network.metadata).unwrap_or_default(),
    }
}

fn print_table(report: &Report) {
    say!("{} ({} mode), {} in the file", report.name, report.mode, bytes(report.file_bytes));
    let mut rows = table(&["layer", "operation", "output C×H×W", "A", "W", "weights", "bytes"]);
    for layer in &report.layers {
        let [c, h, w] = layer.output_shape;
        let sign = if layer.output_signed { "s" } else { "u" };
        let weight_bits = match layer.weight_bits {
            0 => "–".to_owned(),
            bits => bits.to_string(),
        };
        rows.add_row([
            layer.name.clone(),
            layer.operation.to_owned(),
            format!("{c}×{h}×{w}"),
            format!("{sign}{}", layer.output_bits),
            weight_bits,
            layer.n_weights.to_string(),
            layer.weight_bytes.to_string(),
        ]);
    }
    say!("{rows}");
    let (arena, default) = (report.arena_bytes, report.default_arena_bytes);
    if arena != default {
        say!("arena on a board: {arena} bytes; a plan with a byte a value takes {default}");
        return;
    }
    let (bound, peak) = (report.arena_lower_bound_bytes, &report.peak_layer);
    let optimal = if arena == bound { "yes" } else { "no" };
    say!(
        "arena on a board: {arena} bytes (lower bound {bound}, optimal: {optimal}, peak at {peak})"
    );
}
