//! Tasks of the project, run as `cargo xtask TASK`.

mod bench_firmware;
mod bench_rtl;
mod bench_train;
mod check_results;
mod compare_torch;
mod configuration;
mod demo;
mod files;
mod results;
mod torch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use quantizer::progress::write_atomically;

/// Tasks of the project.
#[derive(Parser)]
#[command(name = "xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs the whole job on phantom data with the qunet binary; writes target/demo/report.json
    Demo(demo::Demo),
    /// Measures the board runtime in QEMU: instructions, arenas, code, equality on three cores
    BenchFirmware(bench_firmware::BenchFirmware),
    /// Measures the generated Verilog: cycles, equality on many networks, a peer
    BenchRtl(bench_rtl::BenchRtl),
    /// Times a training step here and in PyTorch, in one run
    BenchTrain(bench_train::BenchTrain),
    /// Trains a sweep's float network in PyTorch too, on the same batches, and compares Dice
    CompareTorch(compare_torch::CompareTorch),
    /// Compares fake quantization with integers, pixel by pixel of the test side, for a sweep's trials
    CheckResults(check_results::CheckResults),
    /// Writes the measured tables of docs/hardware.md from a report of bench-rtl
    HardwareTables(bench_rtl::HardwareTables),
    /// Puts the trials of a sweep into docs/results.json and the table of docs/results.md
    AddResults(results::AddResults),
    /// Regenerates what is generated and checked in: golden files, docs/configuration.md, the table
    /// of docs/results.md
    Bless,
    /// Fails if docs/configuration.md or docs/results.md is not what `bless` would write
    CheckGenerated,
}

fn main() -> ExitCode {
    quantizer::keep_freed_memory();
    let result = match Arguments::parse().task {
        Task::Demo(demo) => demo.run(),
        Task::BenchFirmware(bench) => bench.run(),
        Task::BenchRtl(bench) => bench.run(),
        Task::BenchTrain(bench) => bench.run(),
        Task::CompareTorch(compare) => compare.run(),
        Task::CheckResults(check) => check.run(),
        Task::HardwareTables(tables) => tables.run(),
        Task::AddResults(add) => add.run(),
        Task::Bless => bless(),
        Task::CheckGenerated => check_generated(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bless() -> anyhow::Result<()> {
    let root = files::workspace_root();
    write_atomically(
        &root.join("docs/configuration.md"),
        configuration::document(&root)?.as_bytes(),
    )?;
    results::write_table(&root)?;
    qunet_tests::golden::write(&root.join("tests/golden"))?;
    Ok(())
}

fn check_generated() -> anyhow::Result<()> {
    let root = files::workspace_root();
    let path = root.join("docs/configuration.md");
    let found = std::fs::read_to_string(&path)?;
    anyhow::ensure!(found == configuration::document(&root)?, "docs/configuration.md is outdated");
    let found = std::fs::read_to_string(root.join("docs/results.md"))?;
    anyhow::ensure!(
        found == results::document(&root)?,
        "docs/results.md does not hold the rows of docs/results.json"
    );
    Ok(())
}
