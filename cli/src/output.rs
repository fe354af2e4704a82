//! What subcommands print: a table for people or JSON for programs.

use std::io::Write;

use anyhow::Result;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use serde::Serialize;

/// Prints a line on standard output, as `println!`; ends quietly where nobody reads any more.
macro_rules! say {
    ($($part:tt)*) => { $crate::output::line(format_args!($($part)*)) };
}
pub(crate) use say;

/// The function behind `say!`.
pub fn line(text: std::fmt::Arguments) {
    let Err(error) = writeln!(std::io::stdout(), "{text}") else { return };
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    eprintln!("error: standard output: {error}");
    std::process::exit(1);
}

/// Prints a report as indented JSON on standard output.
pub fn print_json(report: &impl Serialize) -> Result<()> {
    say!("{}", serde_json::to_string_pretty(report)?);
    Ok(())
}

/// An empty table with a header; every column but the first is right-aligned.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Bytes with a binary unit.
pub fn bytes(count: usize) -> String {
    match count {
        0..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{:.1} KiB", count as f64 / 1024.0),
        _ => format!("{:.2} MiB", count as f64 / 1_048_576.0),
    }
}
