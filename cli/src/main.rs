//! The `qunet` binary: reads arguments and configuration, calls the libraries, prints.
//!
//! One file per subcommand in `commands`; no logic lives here. Exit codes: 0 success, 1 failure,
//! 2 bad usage.

mod commands;
mod config;
mod output;
mod progress;
mod run_dir;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Quantized U-Nets on FPGAs and small boards.
///
/// A float U-Net is trained, fine-tuned with quantization in the loop, lowered to one integer
/// file (model.qunet), checked by a bit-exact simulator, and turned into Verilog and firmware.
#[derive(Parser)]
#[command(name = "qunet", version, arg_required_else_help = true, max_term_width = 100)]
#[command(
    after_help = "First steps, with images and masks of your own (docs/data.md) or the phantom that ships:
  qunet train    --config configs/phantom.toml           a float network in runs/phantom
  qunet quantize --config configs/phantom.toml           runs/phantom/model.qunet, in integers
  qunet simulate runs/phantom/model.qunet --config configs/phantom.toml --split test
  qunet generate runs/phantom/model.qunet --out build/phantom      its accelerator in Verilog"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Train(commands::train::Train),
    Quantize(commands::quantize::Quantize),
    Simulate(commands::simulate::Simulate),
    Inspect(commands::inspect::Inspect),
    Report(commands::report::Report),
    Segment(commands::segment::Segment),
    Sweep(commands::sweep::Sweep),
    Search(commands::search::Search),
    Generate(commands::generate::Generate),
    Cosim(commands::cosim::Cosim),
    Synth(commands::synth::Synth),
    Firmware(commands::firmware::Firmware),
    Soc(commands::soc::Soc),
    Export(commands::export::Export),
}

fn main() -> ExitCode {
    quantizer::keep_freed_memory();
    let result = match Arguments::parse().command {
        Command::Train(command) => command.run(),
        Command::Quantize(command) => command.run(),
        Command::Simulate(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Report(command) => command.run(),
        Command::Segment(command) => command.run(),
        Command::Sweep(command) => command.run(),
        Command::Search(command) => command.run(),
        Command::Generate(command) => command.run(),
        Command::Cosim(command) => command.run(),
        Command::Synth(command) => command.run(),
        Command::Firmware(command) => command.run(),
        Command::Soc(command) => command.run(),
        Command::Export(command) => command.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes in one line; a cause that the text before already ends with is left out.
fn chain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
