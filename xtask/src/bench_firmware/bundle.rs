//! Bundles: many models with inputs and golden values, for `firmware/src/bin/bundle.rs`.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use network::Network;
use network::plan::Plan;
use serde_json::Value;
use sim::Simulator;

use crate::files;

/// Bytes of a case in a bundle: a model with its plan, inputs and what the simulator makes of them.
pub fn case(network: &Network, inputs: &[Vec<u8>], plan: &Plan) -> Result<Vec<u8>> {
    let model = network.to_bytes_with(plan)?;
    let simulator = Simulator::new(network)?;
    let n_input = network.spec(network.input).len();
    let n_golden: usize = network.layers.iter().map(|l| network.spec(l.output()).len()).sum();
    let mut bytes = Vec::new();
    for number in [model.len(), inputs.len(), n_input, n_golden] {
        bytes.extend((number as u32).to_le_bytes());
    }
    add(&mut bytes, &model);
    for input in inputs {
        let tensors = simulator.trace(input)?.tensors;
        let outputs = network.layers.iter().map(|layer| &tensors[layer.output().index()]);
        let golden: Vec<u8> = outputs.flatten().copied().collect();
        add(&mut bytes, input);
        add(&mut bytes, &golden);
    }
    Ok(bytes)
}

fn add(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend(part);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// A core and the emulated board that runs it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Rust target.
    pub name: &'static str,
    /// `mps2` or `microbit`.
    pub board: &'static str,
    /// Room for a bundle.
    pub bundle_bytes: usize,
    /// Largest arena.
    pub arena_bytes: usize,
}

/// Runs a bundle; the lines of its cases, and the last one.
pub fn run(target: Target, cases: &[&[u8]]) -> Result<(Vec<Value>, Value)> {
    let mut bundle = (cases.len() as u32).to_le_bytes().to_vec();
    cases.iter().for_each(|case| bundle.extend(*case));
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bundle.bin");
    std::fs::write(&path, bundle)?;
    let mut lines = script(&["--target", target.name, "--board", target.board], Some(&path), None)?;
    let last = lines.pop().context("a last line")?;
    ensure!(
        lines.len() == cases.len(),
        "{}: {} of {} cases",
        target.name,
        lines.len(),
        cases.len()
    );
    Ok((lines, last))
}

/// Runs scripts/firmware.sh on a bundle or a folder of data; its lines of JSON.
pub fn script(
    arguments: &[&str],
    bundle: Option<&Path>,
    data: Option<&Path>,
) -> Result<Vec<Value>> {
    let mut command = Command::new(files::workspace_root().join("scripts/firmware.sh"));
    command.args(arguments).stderr(Stdio::inherit());
    if let Some(bundle) = bundle {
        command.arg("--bundle").arg(bundle);
    }
    if let Some(data) = data {
        command.env("QUNET_FIRMWARE_DATA", data);
    }
    let output = command.env("QUNET_FIRMWARE_TIMEOUT", "1800").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter(|line| line.starts_with('{'));
    let lines: Vec<Value> = lines.map(serde_json::from_str).collect::<Result<_, _>>()?;
    let Some(last) = lines.last() else { bail!("firmware script: {}", output.status) };
    if let Some(error) = last["error"].as_str() {
        bail!("firmware {arguments:?}: {error}");
    }
    Ok(lines)
}

/// Groups cases into bundles that fit a board.
pub fn groups(cases: &[Vec<u8>], most: usize) -> Vec<Vec<&[u8]>> {
    let mut groups: Vec<Vec<&[u8]>> = vec![];
    let mut used = most;
    for case in cases {
        if used + case.len() > most - 4 {
            groups.push(vec![]);
            used = 0;
        }
        used += case.len();
        groups.last_mut().expect("one was just pushed").push(case);
    }
    groups
}
