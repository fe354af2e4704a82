//! Tasks of the project, run as `cargo xtask TASK`.

mod configuration;
mod demo;
mod files;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    /// Regenerates what is generated and checked in: golden files, docs/configuration.md
    Bless,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Demo(demo) => demo.run(),
        Task::Bless => bless(),
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
    files::write(&root.join("docs/configuration.md"), configuration::document(&root)?.as_bytes())?;
    qunet_tests::golden::write(&root.join("tests/golden"))?;
    Ok(())
}
