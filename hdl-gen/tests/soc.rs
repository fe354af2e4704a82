//! The Verilog of the system is clean under Verilator, Icarus and Yosys, and what cannot work is
//! refused.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::config;
use hdl_gen::soc::{SocManifest, emit, find_processor};
use hdl_gen::{HardwareConfig, HostBus, generate};
use qunet_tests::unet::{Unet, unet};

/// Text of the processor; none where it is not installed, which CI does not accept.
fn processor(test: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match find_processor(&root) {
        Ok(path) => Some(fs::read_to_string(path).expect("reads")),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{test}: {error}");
            println!("skipped: {test}: {error}");
            None
        }
    }
}

fn small() -> Unet {
    Unet { base: 2, depth: 1, size: [8, 8], ..Unet::default() }
}

/// A system with its accelerator and an empty program.
fn system(folder: &Path, processor: &str) -> SocManifest {
    let (network, config) = (unet(&small()), config([2, 4, 4, 4]));
    let accelerator = generate(&network, &config, &folder.join("first")).expect("generates");
    let soc = folder.join("soc");
    let manifest = emit(&network, &accelerator.manifest, 64 << 10, processor, &soc).expect("emits");
    generate(&network, &config, &soc.join("accelerator")).expect("generates");
    fs::write(soc.join("firmware.hex"), "0000006f\n").expect("writes");
    // a system again: the accelerator stays
    emit(&network, &accelerator.manifest, 64 << 10, processor, &soc).expect("emits");
    assert!(soc.join("accelerator/manifest.json").is_file());
    manifest
}

fn is_silent(tool: &str, folder: &Path, arguments: &[&str]) {
    let Ok(output) = Command::new(tool).current_dir(folder).args(arguments).output() else {
        println!("skipped: {tool} is not installed");
        return;
    };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("- ")).collect();
    let text = lines.join("\n");
    assert!(output.status.success() && text.trim().is_empty(), "{tool}:\n{text}");
}

#[test]
fn tools_are_silent() {
    let Some(processor) = processor("tools_are_silent") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let manifest = system(folder.path(), &processor);
    let soc = folder.path().join("soc");
    // what the processor's own file makes tools say is its business
    let waiver = "`verilator_config\nlint_off -file \"*picorv32.v\"\n";
    fs::write(soc.join("waiver.vlt"), waiver).expect("writes");
    let files: Vec<&str> = manifest.verilog.iter().map(String::as_str).collect();
    let lint = ["--lint-only", "-Wall", "+incdir+accelerator", "--top-module", "qunet_soc"];
    is_silent("verilator", &soc, &[&lint[..], &["waiver.vlt"], &files].concat());
    let ours: Vec<&str> = files.iter().copied().filter(|name| *name != "picorv32.v").collect();
    for part in ["ram_bytes", "soc_bridge", "soc_bus", "soc_host_port"] {
        let icarus = ["-g2005", "-Wall", "-Iaccelerator", "-t", "null", "-s", part];
        is_silent("iverilog", &soc, &[&icarus[..], &ours].concat());
    }
    let script = format!(
        "read_verilog -Iaccelerator {}; hierarchy -check -top qunet_soc; proc; \
         select -assert-none t:$dlatch t:$adlatch t:$dlatchsr",
        files.join(" ")
    );
    let output = Command::new("yosys").current_dir(&soc).args(["-q", "-p", &script]).output();
    if let Ok(output) = output {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}");
    }
}

#[test]
fn what_cannot_work_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let network = unet(&small());
    let message = |config: &HardwareConfig, ram, processor: &str| {
        let accelerator = generate(&network, config, &folder.path().join("a")).expect("generates");
        let out = folder.path().join("soc");
        let error = emit(&network, &accelerator.manifest, ram, processor, &out).unwrap_err();
        assert!(!out.exists(), "nothing is written");
        error.to_string()
    };
    let wishbone = config([2, 4, 4, 4]);
    let axi = HardwareConfig { host_bus: HostBus::Axi4Lite, ..wishbone.clone() };
    let processor = "module picorv32 #(";
    assert_eq!(
        message(&axi, 4096, processor),
        "hardware.host_bus: expected wishbone, found axi4-lite"
    );
    assert_eq!(
        message(&wishbone, 4098, processor),
        "bytes of memory: expected a multiple of 4, 4096 to 268435456, found 4098"
    );
    assert_eq!(
        message(&wishbone, 4096, "module cpu"),
        "processor: expected Verilog with a module picorv32, found 10 bytes without it"
    );
    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).expect("creates");
    fs::write(foreign.join("notes.txt"), "mine").expect("writes");
    let accelerator = generate(&network, &wishbone, &folder.path().join("a")).expect("generates");
    assert!(emit(&network, &accelerator.manifest, 4096, processor, &foreign).is_err());
    assert_eq!(fs::read(foreign.join("notes.txt")).expect("reads"), b"mine");
}
