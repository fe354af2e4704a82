//! The self-checking bench of a build folder under Icarus.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sim::verilated::Manifest;

/// What the bench printed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BenchResult {
    /// Window words compared.
    pub compared: u64,
    /// Words that differ.
    pub mismatches: u64,
}

/// Compiles and runs the bench of a build folder.
pub fn run(folder: &Path) -> Result<BenchResult> {
    let manifest = Manifest::read(folder)?;
    let mut compile = Command::new("iverilog");
    compile.args(["-g2005", "-o", "bench.vvp", "qunet_tb.v"]).args(&manifest.verilog);
    output(folder, &mut compile)?;
    let text = output(folder, Command::new("vvp").arg("bench.vvp"))?;
    parse(&text).with_context(|| format!("bench: expected counts and a verdict, found:\n{text}"))
}

fn output(folder: &Path, command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.current_dir(folder).output().with_context(|| name.clone())?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name}: {errors}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// From `cycles 1, compared 2, mismatches 0` and the verdict below it.
fn parse(text: &str) -> Option<BenchResult> {
    let (_, tail) = text.rsplit_once(", compared ")?;
    let (compared, tail) = tail.split_once(", mismatches ")?;
    let (mismatches, verdict) = tail.split_once('\n')?;
    let result =
        BenchResult { compared: compared.parse().ok()?, mismatches: mismatches.parse().ok()? };
    let expected = if result.mismatches == 0 { "PASS" } else { "FAIL" };
    (verdict.trim() == expected).then_some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdict_and_counts_must_agree() {
        let good = parse("mismatch: ..\ncycles 7, compared 20, mismatches 3\nFAIL\n");
        assert_eq!(good, Some(BenchResult { compared: 20, mismatches: 3 }));
        assert_eq!(parse("cycles 7, compared 20, mismatches 3\nPASS\n"), None);
        assert_eq!(parse("cycles 7, compared 20, mismatches 0\n"), None);
    }
}
