//! `qunet synth`: area and clock frequency of a build folder, measured by Yosys and nextpnr.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use hdl_gen::Target;
use hdl_gen::synth::synth;

use crate::output::{print_json, say, table};

/// Synthesizes a build folder with Yosys, places and routes it with nextpnr where it is installed.
#[derive(Args)]
#[command(after_help = "Example:\n  qunet synth build/em --target ecp5-25k")]
pub struct Synth {
    /// Build folder that `qunet generate` wrote
    #[arg(value_name = "BUILD")]
    build: PathBuf,
    /// Device: ecp5-25k, ecp5-85k, up5k, xc7 or generic
    #[arg(long, value_name = "TARGET")]
    target: Target,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Synth {
    /// Runs the tools, reports.
    pub fn run(self) -> Result<()> {
        let report = synth(&self.build, self.target)
            .with_context(|| format!("synthesizing {}", self.build.display()))?;
        if self.json {
            return print_json(&report);
        }
        let capacity = report.capacity.map(|capacity| capacity.counts());
        let mut rows = table(&["resource", "model", "measured", "device"]);
        let counts = report.estimate.counts().into_iter().zip(report.area.counts());
        for (index, ((name, model), (_, measured))) in counts.enumerate() {
            let device = capacity.map_or("-".into(), |counts| counts[index].1.to_string());
            rows.add_row([name.into(), model.to_string(), measured.to_string(), device]);
        }
        say!("{rows}");
        if let Some(cells) = report.placed_cells {
            say!("logic cells placed: {cells}");
        }
        match (report.fmax_mhz, &report.note) {
            (Some(fmax), _) => say!("highest clock frequency: {fmax:.1} MHz"),
            (None, Some(note)) => say!("no clock frequency: {note}"),
            (None, None) => {}
        }
        say!("netlist and logs: {}", self.build.join(hdl_gen::synth::FOLDER).display());
        Ok(())
    }
}
