//! Habits that a machine can check, over every tracked file.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Most lines of a source file; about 300 is meant, twice that is refused.
const MAX_LINES: usize = 600;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace")
}

/// Tracked files with one of these endings, and their text.
fn files(endings: &[&str]) -> Vec<(PathBuf, String)> {
    let output = Command::new("git").arg("ls-files").current_dir(root()).output();
    let list = String::from_utf8(output.expect("git runs").stdout).expect("UTF-8 names");
    let wanted = |name: &&str| endings.iter().any(|ending| name.ends_with(ending));
    let read = |name: &str| {
        let text = std::fs::read_to_string(root().join(name)).ok()?;
        Some((PathBuf::from(name), text))
    };
    let found: Vec<_> = list.lines().filter(wanted).filter_map(read).collect();
    assert!(!found.is_empty(), "no files with {endings:?}");
    found
}

/// Fails with every file for which `is_fine` is false.
fn check(endings: &[&str], rule: &str, is_fine: impl Fn(&str) -> bool) {
    let bad = files(endings).into_iter().filter(|(_, text)| !is_fine(text));
    let bad: Vec<PathBuf> = bad.map(|(name, _)| name).collect();
    assert!(bad.is_empty(), "{rule}: {bad:?}");
}

#[test]
fn source_files_are_short() {
    let short = |text: &str| text.lines().count() <= MAX_LINES;
    check(&[".rs", ".v", ".sh"], "files have at most 600 lines", short);
}

#[test]
fn rust_files_say_what_they_are() {
    check(&[".rs"], "files open with //!", |text| text.starts_with("//!"));
}

#[test]
fn verilog_files_set_and_restore_the_net_type() {
    let enclosed = |text: &str| {
        text.starts_with("`default_nettype none")
            && text.trim_end().ends_with("`default_nettype wire")
    };
    check(&[".v"], "files are enclosed by default_nettype", enclosed);
    let narrow = |text: &str| text.lines().all(|line| line.chars().count() <= 100);
    check(&[".v"], "lines have at most 100 columns", narrow);
}

#[test]
fn nothing_is_left_open() {
    let words = [["TO", "DO"], ["FIX", "ME"], ["todo", "!("], ["unimplemented", "!("]];
    let closed = |text: &str| words.iter().all(|[a, b]| !text.contains(&format!("{a}{b}")));
    check(&[".rs", ".v", ".sh", ".md", ".toml", "Makefile"], "nothing is left open", closed);
}

#[test]
fn every_dependency_is_justified() {
    for (name, text) in files(&["Cargo.toml"]) {
        let mut justified = false;
        let mut in_dependencies = false;
        for line in text.lines() {
            let is_dependency =
                in_dependencies && line.contains('=') && !line.starts_with(['#', '[']);
            let is_ours = line.contains("path = ")
                || [
                    "network",
                    "datasets",
                    "quantizer",
                    "explore",
                    "sim",
                    "hdl-gen",
                    "export",
                    "report",
                    "runtime-embedded",
                ]
                .iter()
                .any(|ours| {
                    line.starts_with(&format!("{ours}.")) || line.starts_with(&format!("{ours} "))
                });
            assert!(!is_dependency || justified || is_ours, "{}: why {line}?", name.display());
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
                justified = false;
            }
            // a comment speaks for the lines below it, up to an empty line
            justified = !line.is_empty() && (justified || line.starts_with('#'));
        }
    }
}
