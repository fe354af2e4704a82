//! Every command of the README runs, in order, with fewer steps and a narrower network.

mod common;

use std::path::{Path, PathBuf};

use common::{qunet, root};
use tempfile::TempDir;

/// Put after `train` and `quantize`, so that the tutorial takes seconds.
const FEWER_STEPS: [&str; 6] =
    ["--set", "model.base_width=4", "--set", "train.steps=6", "--set", "quantize.steps=4"];

/// Lines of the README's code blocks that are commands, comments cut off.
fn commands() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let blocks = text.split("```").skip(1).step_by(2);
    let lines = blocks.flat_map(str::lines).map(|line| line.split(" #").next().unwrap_or(""));
    lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// The folder of the real data, if it is on this machine.
fn data_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("QUNET_DATA").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| root().join("../shared/data"));
    folder.join("isbi2012_em").is_dir().then_some(folder)
}

#[test]
fn make_targets_exist() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).expect("Makefile");
    let targets: Vec<String> =
        commands().iter().filter_map(|c| c.strip_prefix("make ").map(str::to_owned)).collect();
    assert!(targets.contains(&"demo".to_owned()) && targets.contains(&"test".to_owned()));
    for target in targets {
        assert!(makefile.contains(&format!("\n{target}:")), "make {target}");
    }
}

#[test]
fn links_lead_to_files() {
    let text = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let (file, heading) = link.split_once('#').unwrap_or((link, ""));
        assert!(root().join(file).exists(), "README.md links to {link}");
        let page = std::fs::read_to_string(root().join(file)).unwrap_or_default();
        let mut headings = page.lines().filter_map(|line| line.strip_prefix("## ")).map(anchor);
        assert!(heading.is_empty() || headings.any(|h| h == heading), "README.md links to {link}");
    }
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    heading.to_lowercase().replace(' ', "-")
}

#[test]
fn tutorial_runs() {
    let Some(data) = data_folder() else {
        println!("skipped: README tutorial (real data absent)");
        return;
    };
    let folder = TempDir::new().expect("folder");
    let project = folder.path().join("project");
    std::fs::create_dir_all(&project).expect("folder");
    std::fs::create_dir_all(folder.path().join("shared")).expect("folder");
    link(&data, &folder.path().join("shared/data"));
    link(&root().join("configs"), &project.join("configs"));
    let mut n_run = 0;
    for command in commands() {
        let Some(arguments) = command.strip_prefix("qunet ") else { continue };
        let mut arguments: Vec<&str> = arguments.split_whitespace().collect();
        if matches!(arguments[0], "train" | "quantize") {
            arguments.extend(FEWER_STEPS);
        }
        let output = qunet(&arguments).current_dir(&project).output().expect("qunet runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {}\n{error}", output.status);
        n_run += 1;
    }
    assert!(n_run >= 8, "expected every subcommand in the README, found {n_run} commands");
    assert!(project.join("build/em-23.png").exists(), "the last command writes a mask");
}

fn link(target: &Path, place: &Path) {
    let target = std::fs::canonicalize(target).expect("target exists");
    std::os::unix::fs::symlink(target, place).expect("link");
}
