//! Proofs about single modules: base case, induction and reachability, by yosys-smtbmc and z3.
//!
//! `rtl/formal/NAME_formal.v` states what holds of module NAME and says its depth in cycles in a
//! line `// Depth: N cycles.`; a new file there is proven without a change here, and needs a line
//! in [`FAULTS`], which shows that the proof can fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hdl_gen::emit::{sources, verilog_definitions};

/// Module, a line of it, and what makes the line wrong.
const FAULTS: &[(&str, &str, &str)] = &[
    ("skid_buffer", "m_data <= full ? spare : s_data;", "m_data <= s_data;"),
    ("skid_buffer", "m_valid <= full | s_valid;", "m_valid <= s_valid;"),
    ("skid_buffer", "assign s_ready = ~full;", "assign s_ready = 1'b1;"),
    (
        "axi_lite_slave",
        "wire can_write = aw_valid & w_valid & b_ready;",
        "wire can_write = aw_valid & w_valid;",
    ),
    ("axi_lite_slave", "active <= ~wb_ack_i;", "active <= 1'b1;"),
    ("axi_lite_slave", "(choose_write & all_strobes)", "choose_write"),
    ("register_block", "cycles + {31'd0, running}", "cycles + {31'd0, busy}"),
    ("register_block", "bus_error & ~stopping", "bus_error"),
    ("register_block", "wire expired = running & over_limit;", "wire expired = busy & over_limit;"),
    ("register_block", "& ~wb_ack_o & ~waiting;", "& ~waiting;"),
    ("register_block", "& ((window_done & ~dropped)", "& (window_done"),
    ("axi_read", "wire        give_up = dropping | flush;", "wire        give_up = dropping;"),
    ("axi_read", "9'd256 - {1'b0, line[7:0]}", "9'd256"),
    (
        "axi_read",
        "assign m_axi_rready = dropping | data_ready;",
        "assign m_axi_rready = data_ready;",
    ),
    (
        "axi_write",
        "assign m_axi_wlast = burst_left == 9'd1;",
        "assign m_axi_wlast = left == 16'd1;",
    ),
    ("axi_write", "state == S_ADDRESS | asking", "state == S_ADDRESS"),
    ("axi_write", "& (~asking | m_axi_awready)", ""),
    (
        "axi_write",
        "wire        open = state == S_DATA",
        "wire        open = state == S_DATA & ~asking",
    ),
    ("axi_write", "flushed <= give_up & busy;", "flushed <= flush & busy;"),
    ("axi_write", "(give_up & ~(m_axi_wvalid & ~m_axi_wready))", "give_up"),
    ("axi_write", "{16{~dropping}}", "16'hffff"),
    ("word_fifo", "pop ? count - 3'd1 : count;", "count;"),
    ("word_fifo", "assign free = 3'd4 - count;", "assign free = 3'd5 - count;"),
    ("command_queue", "running & ~arriving & (~valid | take)", "running & ~arriving"),
    ("command_queue", "assign may_start = valid & ~ahead[31];", "assign may_start = valid;"),
    ("command_queue", "if (take) valid <= 1'b0;", ""),
    ("write_arbiter", "{TP{loads}}", "{TP{load}}"),
    ("write_arbiter", "loads ? load_data : engine_data", "load ? load_data : engine_data"),
];

fn formal_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rtl/formal")
}

/// Modules with a harness, in alphabetical order.
fn modules() -> Vec<String> {
    let entries = fs::read_dir(formal_folder()).expect("rtl/formal");
    let names = entries.map(|e| e.expect("entry").file_name().into_string().expect("a name"));
    let mut modules: Vec<String> =
        names.filter_map(|name| name.strip_suffix("_formal.v").map(Into::into)).collect();
    modules.sort();
    modules
}

/// False, and says which test is skipped, if a tool is absent; on CI that is a failure.
fn has_solver(test: &str) -> bool {
    let is_absent = |tool: &&str| Command::new(tool).arg("--help").output().is_err();
    let Some(tool) = ["yosys", "yosys-smtbmc", "z3"].into_iter().find(|tool| is_absent(tool))
    else {
        return true;
    };
    assert!(std::env::var_os("CI").is_none(), "{test}: {tool} is not installed");
    eprintln!("skipped: {test}: {tool} is not installed");
    false
}

/// A harness over the modules of a folder, as a transition system.
struct Proof {
    folder: tempfile::TempDir,
    depth: String,
}

impl Proof {
    /// Prepares the proof of a module; `change` edits the texts of the modules.
    fn new(module: &str, change: impl Fn(&str, &str) -> String) -> Proof {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in sources::RTL {
            fs::write(folder.path().join(name), change(name, text)).expect("writes");
        }
        let definitions = folder.path().join(sources::DEFINITIONS);
        fs::write(definitions, verilog_definitions()).expect("writes");
        let top = format!("{module}_formal");
        let harness = fs::read_to_string(formal_folder().join(format!("{top}.v"))).expect("reads");
        fs::write(folder.path().join(format!("{top}.v")), &harness).expect("writes");
        let depth = harness.lines().find_map(|line| line.strip_prefix("// Depth: "));
        let depth = depth.and_then(|text| text.strip_suffix(" cycles.")).expect("a depth").into();
        let script = format!(
            "read_verilog -formal {top}.v; hierarchy -libdir . -top {top}; prep -flatten -top {top}; \
             write_smt2 -wires proof.smt2"
        );
        let output = Command::new("yosys")
            .current_dir(folder.path())
            .args(["-q", "-p", &script])
            .output()
            .expect("runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{module}: {text}");
        Proof { folder, depth }
    }

    /// Whether one part of the proof holds, and what the solver says.
    fn holds(&self, part: &[&str]) -> (bool, String) {
        let output = Command::new("yosys-smtbmc")
            .current_dir(self.folder.path())
            // without it z3 expands the nested definitions again and again
            .args(["--unroll", "-s", "z3", "-t", &self.depth])
            .args(part)
            .arg("proof.smt2")
            .output()
            .expect("runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let passed = text.contains("Status: PASSED");
        assert!(passed || text.contains("Status: FAILED"), "no verdict:\n{text}");
        assert_eq!(passed, output.status.success(), "{text}");
        (passed, text)
    }
}

#[test]
fn every_harness_is_proven() {
    if !has_solver("formal proofs") {
        return;
    }
    for module in modules() {
        let proof = Proof::new(&module, |_, text| text.into());
        let parts: [(&str, &[&str]); 3] =
            [("base case", &[]), ("induction", &["-i"]), ("reachability", &["-c"])];
        for (part, arguments) in parts {
            let (holds, text) = proof.holds(arguments);
            assert!(holds, "{module}, {part}:\n{text}");
        }
    }
}

#[test]
fn every_proof_can_fail() {
    let with_faults: Vec<String> = modules()
        .into_iter()
        .filter(|module| FAULTS.iter().any(|(name, ..)| name == module))
        .collect();
    assert_eq!(with_faults, modules(), "a fault for each harness");
    if !has_solver("refutation of faults") {
        return;
    }
    for (module, line, fault) in FAULTS {
        let proof = Proof::new(module, |name, text| {
            if name.trim_end_matches(".v") != *module {
                return text.into();
            }
            assert_eq!(text.matches(line).count(), 1, "{module}: {line}");
            text.replace(line, fault)
        });
        // a counterexample from reset: the module is wrong, not only hard to prove
        let (holds, _) = proof.holds(&[]);
        assert!(!holds, "{module}: {fault} is not refuted");
    }
}
