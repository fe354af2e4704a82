//! The whole system in Verilator: PicoRV32 runs the firmware, with and without the accelerator.
//!
//! Without the processor (scripts/setup.sh installs it) or Verilator the test prints that it
//! skips; with CI set it fails instead.

use std::path::{Path, PathBuf};

use hdl_gen::HardwareConfig;
use hdl_gen::soc::{FIRMWARE, SocParts, find_processor, generate_soc};
use network::soc::Request;
use network::{Layer, Network};
use qunet_tests::inputs;
use qunet_tests::unet::{Unet, unet};
use sim::verilated::soc::{Soc, SocPlan, SocReport, soc_report};

/// Cycles that a request of these small networks may take.
const LIMIT: u64 = 20_000_000;

/// Text of the processor; none where it or Verilator is not there.
fn processor(root: &Path) -> Option<String> {
    let found = find_processor(root);
    let problem = match &found {
        Ok(_) if sim::verilated::is_installed() => {
            return found.ok().and_then(|path| std::fs::read_to_string(path).ok());
        }
        Ok(_) => "Verilator is not installed".to_string(),
        Err(error) => error.to_string(),
    };
    assert!(std::env::var_os("CI").is_none(), "the whole system: {problem}");
    println!("skipped: the whole system: {problem}");
    None
}

fn run(folder: &Path, cache: &Path, network: &Network, inputs: &[Vec<u8>]) -> SocReport {
    let mut soc = Soc::build(folder, cache).unwrap();
    let plan = SocPlan { lanes: 32, in_software: 1, limit: LIMIT };
    soc_report(&mut soc, network, inputs, plan, |_| {}).unwrap()
}

#[test]
fn the_whole_system_equals_the_simulator() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let Some(processor) = processor(&root) else { return };
    let config = Unet { base: 4, depth: 1, size: [8, 16], ..Unet::default() };
    let network = unet(&config);
    let hardware = HardwareConfig { tn: 2, tm: 4, tp: 4, ..Default::default() };
    let work = tempfile::tempdir().unwrap();
    let (folder, cache) = (work.path().join("soc"), cache());
    let script = root.join("scripts/boards.sh");
    let parts = SocParts { processor: &processor, script: &script, ram_bytes: None };
    let built = generate_soc(&network, &hardware, &parts, &folder).unwrap();
    assert_eq!((built.panic_symbols, built.float_symbols), (0, 0));

    let images = [inputs::random(&network, 1), inputs::random(&network, 2)];
    let report = run(&folder, &cache, &network, &images);
    assert_eq!((report.mismatches, &report.first_mismatch), (0, &None));
    let per_layer = network.layers.iter().map(|layer| network.spec(layer.output()).len());
    let output = network.spec(network.output).len();
    // every layer once, and the output from software once and from the accelerator twice
    assert_eq!(report.values_compared, (per_layer.sum::<usize>() + 3 * output) as u64);
    let phases = report.load_cycles + report.run_cycles + report.read_cycles;
    assert!(report.engine_cycles <= report.run_cycles, "{report:?}");
    assert!(u64::from(phases) <= report.accelerator_cycles, "{report:?}");
    assert!(report.speedup.unwrap() > 20.0, "{report:?}");
    assert!(report.stack_bytes < 8 * 1024 && report.text_bytes < 64 * 1024, "{report:?}");

    the_folder_checks_itself(&folder);
    a_difference_is_named(&folder, &cache, &network, &images[0]);
    a_foreign_model_runs_in_software(&folder, &cache, &network, &unet(&Unet { seed: 9, ..config }));
}

/// Compiled designs, kept between runs.
fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("soc")
}

/// The folder's own bench passes, and fails where one bit of the mask is other.
fn the_folder_checks_itself(folder: &Path) {
    let make = |simulator: &str| {
        let mut command = std::process::Command::new("make");
        let output = command.arg("-C").arg(folder).arg(simulator).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        println!("{text}{}", String::from_utf8_lossy(&output.stderr));
        (output.status.success(), text)
    };
    let (passes, text) = make("verilator");
    assert!(passes && text.contains("mismatches 0, exit code 0\nPASS\n"));
    // Icarus, which takes minutes for the same, compiles it
    assert!(make("obj_dir/bench/icarus.vvp").0);
    let path = folder.join("tb_answers.hex");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    let last = lines.len() - 3; // behind the mask of the second run stands only its end
    let word = u64::from_str_radix(&lines[last], 16).unwrap();
    lines[last] = format!("{:09x}", word ^ 1);
    std::fs::write(&path, lines.join("\n")).unwrap();
    let (passes, found) = make("verilator");
    assert!(!passes && found.contains(&format!("mismatch: answer word {last},")), "{found}");
    std::fs::write(&path, text).unwrap();
}

/// Against a network with one other bias the report says where.
fn a_difference_is_named(folder: &Path, cache: &Path, network: &Network, image: &[u8]) {
    let mut other = network.clone();
    let Layer::Conv2d(layer) = &mut other.layers[1] else { panic!("the second convolution") };
    let (name, shift) = (layer.name.clone(), layer.requantize.shift);
    layer.requantize.channels[2].bias += 1 << shift;
    let report = run(folder, cache, &other, &[image.to_vec()]);
    assert!(report.mismatches > 0);
    let first = report.first_mismatch.unwrap();
    // the accelerator's output is compared first, and may be equal all the same
    if first.layer != "mask from the accelerator" {
        assert_eq!((first.layer, first.channel, first.image), (name, 2, 0));
        assert_eq!(first.expected, first.found + 1);
    }
}

/// A program with another model than the accelerator's: the driver finds out, tries again, and
/// computes in software.
fn a_foreign_model_runs_in_software(folder: &Path, cache: &Path, own: &Network, other: &Network) {
    let path = folder.join(FIRMWARE);
    let text = std::fs::read_to_string(&path).unwrap();
    let word = |line: &str| u32::from_str_radix(line, 16).unwrap().to_le_bytes();
    let mut bytes: Vec<u8> = text.lines().flat_map(word).collect();
    let (own, foreign) = (own.to_bytes().unwrap(), other.to_bytes().unwrap());
    assert_eq!(own.len(), foreign.len());
    let at = bytes.windows(own.len()).position(|window| window == own).unwrap();
    bytes[at..at + own.len()].copy_from_slice(&foreign);
    let words = bytes.chunks(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    std::fs::write(&path, words.map(|word| format!("{word:08x}\n")).collect::<String>()).unwrap();

    let mut soc = Soc::build(folder, cache).unwrap();
    let image = inputs::random(other, 3);
    let found = soc.request(Request::Accelerator, &image, LIMIT, |_| {}).unwrap();
    assert_eq!((found.counts.is_software, found.counts.attempts), (1, 3));
    let expected = other.run_reference(&image).unwrap().swap_remove(other.output.index());
    assert_eq!(found.output, expected);
    assert_eq!(soc.end(LIMIT).unwrap(), 0);
}
