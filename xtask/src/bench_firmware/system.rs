//! The whole system in Verilator: cycles in software and with the accelerator.

use anyhow::{Context, Result};
use hdl_gen::HardwareConfig;
use hdl_gen::soc::{SocParts, find_processor, generate_soc};
use qunet_tests::inputs;
use qunet_tests::unet::{Unet, n_macs, unet};
use serde_json::{Value, json};
use sim::verilated::soc::{Soc, SocPlan, soc_report};

use crate::files;

/// Multiply-accumulate lanes of the accelerator.
const LANES: usize = 64;

/// Runs the demo's network, with random weights, on PicoRV32 and on the accelerator beside it.
pub fn run() -> Result<Value> {
    let network = unet(&Unet { base: 8, depth: 2, size: [64, 64], ..Unet::default() });
    let root = files::workspace_root();
    let path = find_processor(&root)?;
    let processor =
        std::fs::read_to_string(&path).with_context(|| format!("processor {}", path.display()))?;
    let script = root.join("scripts/boards.sh");
    let parts = SocParts { processor: &processor, script: &script, ram_bytes: None };
    let work = tempfile::tempdir()?;
    let folder = work.path().join("soc");
    let hardware = HardwareConfig::default().of_lanes(LANES)?;
    let built = generate_soc(&network, &hardware, &parts, &folder)?;
    let mut soc = Soc::build(&folder, &work.path().join("obj_dir"))?;
    // far beyond what any kernel takes
    let limit = 1000 * n_macs(&network) as u64;
    let plan = SocPlan { lanes: LANES, in_software: 1, limit };
    let report = soc_report(&mut soc, &network, &[inputs::random(&network, 1)], plan, |_| {})?;
    Ok(json!({
        "network": "unet-b8d2-64-nearest",
        "lanes": report.lanes,
        "software_cycles": report.software_cycles,
        "accelerator_cycles": report.accelerator_cycles,
        "speedup": report.speedup,
        "mismatches": report.mismatches,
        "panic_symbols": built.panic_symbols,
        "float_symbols": built.float_symbols,
    }))
}
