//! What is in a netlist, and pins for one that has too many ports.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{FOLDER, read_json, run, unexpected};
use crate::error::HdlError;
use crate::manifest::TOP;
use crate::resources::{Family, Resources};

/// Resources of a `stat -json` of Yosys.
pub fn count(family: Family, stat: &Value) -> Option<Resources> {
    let cells = stat["modules"][format!("\\{TOP}")]["num_cells_by_type"].as_object()?;
    let number = |name: &str| cells.get(name).and_then(Value::as_u64).unwrap_or(0) as usize;
    let starting = |start: &str| -> usize {
        cells.keys().filter(|name| name.starts_with(start)).map(|name| number(name)).sum()
    };
    Some(match family {
        Family::Ecp5 => Resources {
            // a carry cell takes two tables, a memory of 16 words four and two to write
            luts: number("LUT4") + 2 * number("CCU2C") + 6 * number("TRELLIS_DPR16X4"),
            ffs: number("TRELLIS_FF"),
            block_rams: number("DP16KD") + number("PDPW16KD"),
            multipliers: number("MULT18X18D"),
        },
        Family::Ice40 => Resources {
            luts: number("SB_LUT4"),
            ffs: starting("SB_DFF"),
            block_rams: starting("SB_RAM40"),
            multipliers: number("SB_MAC16"),
        },
        Family::Xc7 => Resources {
            luts: starting("LUT") + 2 * starting("RAM32M") + 2 * starting("RAM64M"),
            ffs: starting("FD"),
            block_rams: number("RAMB18E1") + 2 * number("RAMB36E1"),
            multipliers: number("DSP48E1"),
        },
    })
}

/// Puts the netlist behind a clock, one input and one output, as the package has few pins: the
/// inputs come from a shift register, the outputs are folded into another.
pub fn behind_few_pins(build: &Path) -> Result<(), HdlError> {
    let path = build.join(FOLDER).join("netlist.json");
    let netlist = read_json(&path)?;
    let ports = netlist["modules"][TOP]["ports"].as_object();
    let ports = ports.ok_or_else(|| unexpected("yosys", "ports", &path))?;
    let mut ins = Vec::new();
    let mut outs = Vec::new();
    for (name, port) in ports.iter().filter(|(name, _)| *name != "clk") {
        let n_bits = port["bits"].as_array().map_or(0, Vec::len);
        let bits = (0..n_bits).map(|bit| (name.clone(), bit));
        if port["direction"] == "input" { ins.extend(bits) } else { outs.extend(bits) }
    }
    let path = build.join(FOLDER).join("pins.v");
    fs::write(&path, wrapper(&ins, &outs)).map_err(|source| HdlError::Io { path, source })?;
    let script = format!(
        "read_json {FOLDER}/netlist.json; read_verilog {FOLDER}/pins.v; \
         read_verilog -lib +/ice40/cells_sim.v; hierarchy -top qunet_pins; flatten; opt_clean; \
         blackbox =A:whitebox; \
         write_json {FOLDER}/netlist.json"
    );
    run(Command::new("yosys").current_dir(build).args(["-q", "-p", &script])).map(|_| ())
}

/// A top level of cells that need no synthesis.
fn wrapper(ins: &[(String, usize)], outs: &[(String, usize)]) -> String {
    let mut text = String::from("module qunet_pins(input clk, input si, output so);\n");
    let _ = writeln!(text, "wire [{}:0] i; assign i[0] = si;", ins.len());
    let _ = writeln!(text, "wire [{}:0] o, x; assign o[0] = 1'b0;", outs.len());
    let _ = writeln!(text, "assign so = o[{}];", outs.len());
    for n in 0..ins.len() {
        let _ = writeln!(text, "SB_DFF i{n}(.C(clk), .D(i[{n}]), .Q(i[{}]));", n + 1);
    }
    for n in 0..outs.len() {
        let _ = writeln!(
            text,
            "wire y{n}; SB_LUT4 #(.LUT_INIT(16'h6666)) x{n}(.O(y{n}), .I0(o[{n}]), .I1(x[{n}]), \
             .I2(1'b0), .I3(1'b0)); SB_DFF o{n}(.C(clk), .D(y{n}), .Q(o[{}]));",
            n + 1
        );
    }
    let _ = write!(text, "{TOP} u_top(.clk(clk)");
    for (wire, first, bits) in [("i", 1, ins), ("x", 0, outs)] {
        let mut start = 0;
        while start < bits.len() {
            let name = &bits[start].0;
            let n_bits = bits[start..].iter().take_while(|(other, _)| other == name).count();
            let low = start + first;
            let _ = write!(text, ", .\\{name} ({wire}[{}:{low}])", low + n_bits - 1);
            start += n_bits;
        }
    }
    text + ");\nendmodule\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_counted_as_the_device_has_them() {
        let cells = serde_json::json!({"LUT4": 10, "CCU2C": 3, "TRELLIS_FF": 4, "DP16KD": 2});
        let stat = serde_json::json!({"modules": {"\\qunet_top": {"num_cells_by_type": cells}}});
        let found = count(Family::Ecp5, &stat).unwrap();
        assert_eq!(found, Resources { luts: 16, ffs: 4, block_rams: 2, multipliers: 0 });
        assert_eq!(count(Family::Ecp5, &serde_json::json!({})), None);
    }

    #[test]
    fn every_port_meets_the_shift_registers() {
        let ins = [("a".to_string(), 0), ("b".to_string(), 0), ("b".to_string(), 1)];
        let text = wrapper(&ins, &[("y".to_string(), 0)]);
        assert!(text.contains(".\\a (i[1:1]), .\\b (i[3:2]), .\\y (x[0:0]));"), "{text}");
    }
}
