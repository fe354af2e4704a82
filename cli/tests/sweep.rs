//! Sweeps: a kill and what follows, Snakemake, refused settings; and a search under a budget.

mod common;

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use common::{fail, qunet, root, succeed, text};
use serde_json::Value;
use tempfile::TempDir;

const CONFIG: &str = "[data]\nkind = \"phantom-cord\"\ncount = 24\nsize = [32, 32]\n\
    [model]\nbase_width = 4\ndepth = 1\nheight = 32\nwidth = 32\n\
    [train]\nsteps = 30\nbatch = 6\ncheckpoint_every = 5\nvalidation_every = 10\n\
    [quantize]\nsteps = 20\n";

fn project() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("tiny.toml");
    std::fs::write(&config, CONFIG).unwrap();
    let config = text(&config).to_owned();
    (folder, config)
}

/// Name of the job, bytes of its result, and when it was written.
fn results(sweep: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(sweep).into_iter().flatten().flatten() {
        let path = entry.path().join("result.json");
        if let Ok(bytes) = std::fs::read(&path) {
            let written = path.metadata().unwrap().modified().unwrap();
            found.insert(entry.file_name().to_string_lossy().into_owned(), (bytes, written));
        }
    }
    found
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_killed_sweep_goes_on_and_redoes_nothing() {
    let (folder, config) = project();
    let arguments = |out: &Path| -> Vec<String> {
        ["sweep", "--config", &config, "--out", text(out), "--weights", "8,2", "--activations"]
            .into_iter()
            .chain(["4", "--modes", "scaled,fixed", "--seeds", "2", "--jobs", "2", "--json"])
            .map(String::from)
            .collect()
    };
    let broken = folder.path().join("broken");
    let list = arguments(&broken);
    let list: Vec<&str> = list.iter().map(String::as_str).collect();
    let mut sweep =
        qunet(&list).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().unwrap();
    let started = Instant::now();
    while results(&broken).len() < 3 && started.elapsed() < Duration::from_secs(300) {
        std::thread::sleep(Duration::from_millis(5));
    }
    // the sweep and the trials it runs: one process group
    let group = format!("-{}", sweep.id());
    assert!(Command::new("kill").args(["-9", "--", &group]).status().unwrap().success());
    sweep.wait().unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let before = results(&broken);
    assert!((3..10).contains(&before.len()), "killed with {} of 10 results", before.len());

    let rows: Value = serde_json::from_str(&succeed(&list)).unwrap();
    let after = results(&broken);
    assert_eq!(after.len(), 2 + 2 * 2 * 2);
    for (name, found) in &before {
        assert!(after[name] == *found, "{name} was redone");
    }
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 4);
    for row in rows {
        assert_eq!((&row["seeds"], &row["fake_quant_mismatches"]), (&2.into(), &0.into()));
        let bytes = row["bytes"].as_u64().unwrap();
        assert!(bytes < row["float_bytes"].as_u64().unwrap(), "{row}");
        assert!(row["drop_low"].as_f64() <= row["drop"].as_f64(), "{row}");
    }

    // a third run has nothing to do and says the same
    let again: Value = serde_json::from_str(&succeed(&list)).unwrap();
    assert_eq!(again.as_array().unwrap(), rows);
    assert!(results(&broken) == after, "nothing is redone");

    // a sweep that nobody killed gives the same results
    let whole = folder.path().join("whole");
    let list = arguments(&whole);
    succeed(&list.iter().map(String::as_str).collect::<Vec<_>>());
    for (name, (bytes, _)) in results(&whole) {
        let expected: Value = serde_json::from_slice(&bytes).unwrap();
        let found: Value = serde_json::from_slice(&after[&name].0).unwrap();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_trial_is_a_run_folder_and_one_command() {
    let (folder, config) = project();
    let out = folder.path().join("sweep");
    let sweep = ["sweep", "--config", &config, "--out", text(&out)];
    let trial = |name| [&sweep[..], &["--trial", name]].concat();
    succeed(&trial("scaled-w1a3-s2"));
    let names: Vec<String> = results(&out).into_keys().collect();
    assert_eq!(names, ["float-s2", "scaled-w1a3-s2"], "the trial trains its float network first");
    let run = out.join("scaled-w1a3-s2");
    let result = read(&run.join("result.json"));
    let model = text(&run.join("model.qunet")).to_owned();
    // the seed of the trial changes neither data nor split
    let report = succeed(&["simulate", &model, "--config", &config, "--json"]);
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["quantized_dice"], result["dice"]);
    assert_eq!(report["float_dice"], result["float_dice"]);
    assert_eq!(report["quantized_bytes"], result["bytes"]);
    assert!(result["control_dice"].is_f64() && result["cycles"].is_u64(), "{result}");

    succeed(&trial("fxq-compat-w4a6-s2"));
    let result = read(&out.join("fxq-compat-w4a6-s2/result.json"));
    assert!(result["dice"].is_f64() && result["bytes"].is_null(), "{result}");

    let other = [&trial("scaled-w8a8-s2")[..], &["--set", "train.steps=31"]].concat();
    fail(&other, &["sweep.json", "train.steps = 31", "found 30", "another folder"]);
    fail(&[&sweep[..], &["--weights", "4,9"]].concat(), &["--weights", "1 to 8", "found 9"]);
}

#[test]
fn snakemake_runs_every_rule_once() {
    let snakemake: PathBuf = root().join(".venv/bin/snakemake");
    if !snakemake.exists() {
        assert!(std::env::var_os("CI").is_none(), "{} is missing", snakemake.display());
        eprintln!("skipped: {} is not there, see scripts/setup.sh", snakemake.display());
        return;
    }
    let (folder, config) = project();
    let out = folder.path().join("a folder");
    let list = ["--weights", "4,1", "--activations", "4", "--modes", "scaled"];
    succeed(&[&["sweep", "--config", &config, "--snakemake", text(&out)][..], &list].concat());
    let run = |extra: &[&str]| {
        let output = Command::new(&snakemake)
            .args(["--snakefile", text(&out.join("Snakefile")), "--cores", "2"])
            .args(extra)
            .env("XDG_CACHE_HOME", folder.path())
            // Snakemake keeps a log where it starts
            .current_dir(folder.path())
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{log}");
        log + &String::from_utf8_lossy(&output.stdout)
    };
    let plan = run(&["--dry-run"]);
    for rule in ["float_s1", "scaled_w4a4_s1", "scaled_w1a4_s1"] {
        assert!(plan.contains(rule), "{rule} in {plan}");
    }
    run(&[]);
    let first = results(&out);
    let names: Vec<&String> = first.keys().collect();
    assert_eq!(names, ["float-s1", "scaled-w1a4-s1", "scaled-w4a4-s1"]);
    assert!(run(&[]).contains("Nothing to be done"));
    // the sweep itself finds the same files and has nothing to do
    let sweep = ["sweep", "--config", &config, "--out", text(&out), "--json"];
    let rows: Value = serde_json::from_str(&succeed(&[&sweep[..], &list].concat())).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert!(results(&out) == first, "nothing is redone");
}

#[test]
fn a_search_keeps_its_budget() {
    let (folder, config) = project();
    let run = text(&folder.path().join("run")).to_owned();
    let search = |budget: [&str; 2]| {
        let arguments = ["search", "--config", &config, "--run", &run, "--json"];
        [&arguments[..], &budget].concat().into_iter().map(String::from).collect::<Vec<_>>()
    };
    let run_search = |budget: [&str; 2]| -> Value {
        let arguments = search(budget);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        serde_json::from_str(&succeed(&arguments)).unwrap()
    };
    let arguments = search(["--max-bytes", "2KiB"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    fail(&arguments, &["float.json", "expected the result of `qunet train`"]);
    succeed(&["train", "--config", &config, "--run", &run]);

    let free = run_search(["--max-bytes", "1MiB"]);
    let chosen = |report: &Value| -> Vec<(u64, f64)> {
        let layers = report["layers"].as_array().unwrap().iter();
        let layer = |layer: &Value| {
            let at = |list: &str, idx: usize| layer["sensitivity"][list][idx].clone();
            let bits = layer["bits"].as_u64().unwrap();
            let idx = (0..6).find(|idx| at("bits", *idx) == bits).unwrap();
            (bits, at("harm", idx).as_f64().unwrap())
        };
        layers.map(layer).collect()
    };
    assert_eq!(chosen(&free).len(), 7);
    assert!(chosen(&free).iter().all(|(_, harm)| *harm == 0.0), "nothing must suffer: {free}");
    let limit = free["cost_of_eight_bits"]["bytes"].as_u64().unwrap() - 700;
    let tight = run_search(["--max-bytes", &limit.to_string()]);
    let model = std::fs::metadata(Path::new(&run).join("model.qunet")).unwrap().len();
    assert_eq!(tight["cost"]["bytes"].as_u64(), Some(model), "every byte of the file");
    assert!(model <= limit, "{model} of {limit} bytes");
    assert!(chosen(&tight).iter().any(|(bits, _)| *bits < 8), "{tight}");
    assert!(chosen(&tight).iter().any(|(bits, _)| *bits > 1), "the budget is used: {tight}");
    assert_eq!(tight["result"]["fake_quant_mismatches"], 0);
    let saved = std::fs::read(Path::new(&run).join("search.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&saved).unwrap(), tight);

    let cycles = free["cost_of_eight_bits"]["cycles"].as_u64().unwrap();
    let fewer = run_search(["--max-cycles", &(cycles * 3 / 4).to_string()]);
    assert!(fewer["cost"]["cycles"].as_u64().unwrap() <= cycles * 3 / 4, "{fewer}");
    let energy = free["cost_of_eight_bits"]["energy_uj"].as_f64().unwrap();
    let limit = 0.8 * energy;
    let frugal = run_search(["--max-energy", &limit.to_string()]);
    let found = frugal["cost"]["energy_uj"].as_f64().unwrap();
    assert!(found <= limit && found > 0.5 * limit, "{found} of {limit} microjoules: {frugal}");
    let arguments = search(["--max-bytes", "100"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    fail(&arguments, &["--max-bytes", "expected at least", "found 100"]);
}
