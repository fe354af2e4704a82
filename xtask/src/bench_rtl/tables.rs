//! The report as tables: on the terminal, and in docs/hardware.md between markers.

use std::fmt::Write;

use anyhow::Result;
use comfy_table::{Table as Terminal, presets::UTF8_FULL_CONDENSED};

use super::report::{Equality, Report};
use crate::files::replace_block;

/// One table; the markers in the document are `<!-- bench-rtl NAME -->` and `<!-- end -->`.
struct Table {
    name: &'static str,
    header: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

/// All tables for the terminal.
pub fn printed(report: &Report) -> String {
    let mut text = String::new();
    for table in tables(report).iter().filter(|table| !table.rows.is_empty()) {
        let mut terminal = Terminal::new();
        terminal.load_preset(UTF8_FULL_CONDENSED).set_header(table.header);
        table.rows.iter().for_each(|row| _ = terminal.add_row(row));
        let _ = writeln!(text, "{}\n{terminal}", table.name);
    }
    text.trim_end().to_owned()
}

/// The document with its measured tables replaced; a table of a part that did not run stays.
pub fn rewritten(document: &str, report: &Report) -> Result<String> {
    let mut document = document.to_owned();
    for table in tables(report).iter().filter(|table| !table.rows.is_empty()) {
        let name = format!("bench-rtl {}", table.name);
        replace_block(&mut document, &name, &markdown(table, report))?;
    }
    Ok(document)
}

fn markdown(table: &Table, report: &Report) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let header: Vec<String> = table.header.iter().map(|cell| cell.to_string()).collect();
    let rows: String = table.rows.iter().map(|cells| row(cells)).collect();
    let origin = &report.origin;
    format!(
        "{}|{}\n{rows}\n`{}`, commit {}, seed {}\n",
        row(&header),
        "---|".repeat(header.len()),
        origin.command,
        origin.commit,
        origin.seed
    )
}

fn tables(report: &Report) -> [Table; 4] {
    [networks(report), equality(report), peer(report), synthesis(report)]
}

fn networks(report: &Report) -> Table {
    let row = |row: &super::report::NetworkRow| {
        let [tn, tm, tp] = row.shape;
        vec![
            row.name.clone(),
            row.memory.clone(),
            format!("{} ({tn}, {tm}, {tp})", row.lanes),
            grouped(row.macs),
            grouped(row.cycles),
            grouped(row.model_cycles),
            percent(row.utilization),
            grouped(row.bytes_moved),
            grouped(row.bytes_floor),
        ]
    };
    Table {
        name: "networks",
        header: &[
            "network",
            "memory",
            "lanes (TN, TM, TP)",
            "MACs",
            "cycles",
            "cycles by the model",
            "lanes used",
            "bytes moved",
            "bytes floor",
        ],
        rows: report.networks.iter().map(row).collect(),
    }
}

fn equality(report: &Report) -> Table {
    let mut rows = Vec::new();
    let mut push = |what: String, equality: &Equality| {
        if equality.tested > 0 {
            let Equality { tested, mismatches, values_compared, .. } = equality;
            let values = grouped(*values_compared);
            rows.push(vec![what, tested.to_string(), values, mismatches.to_string()]);
        }
    };
    let pairs = "every W and A in 1..8: reference = Verilator = Icarus";
    push(pairs.into(), &report.bit_width_pairs);
    let random = &report.random_networks;
    let (seed, widths, shapes) = (random.seed, random.widths, random.shapes.len());
    let what = format!("random networks from seed {seed}: {widths} image widths, {shapes} arrays");
    push(what, &random.equality);
    if let Some(mixed) = &report.mixed_precision {
        let bits: Vec<String> = mixed.weight_bits.iter().map(|bits| bits.to_string()).collect();
        let (cycles, model, ratio) = (mixed.cycles, mixed.model_cycles, mixed.ratio());
        rows.push(vec![
            format!(
                "W = {} in one network at D = 2: {} cycles, model {}; W8 takes {ratio:.3} times \
                 the cycles of W4",
                bits.join(", "),
                grouped(cycles),
                grouped(model)
            ),
            "3".into(),
            String::new(),
            mixed.mismatches.to_string(),
        ]);
    }
    if let Some(seconds) = report.generation_seconds {
        let what =
            format!("base 16 depth 4, 256²: model to Verilog in {seconds:.1} s of processor time");
        rows.push(vec![what, "1".into(), String::new(), String::new()]);
    }
    Table { name: "equality", header: &["what", "run", "values compared", "mismatches"], rows }
}

fn peer(report: &Report) -> Table {
    let row = |row: &super::report::PeerRow| {
        vec![
            row.name.clone(),
            row.generator.clone(),
            row.lanes.to_string(),
            grouped(row.cycles),
            percent(row.utilization),
            format!("{} of {}", row.mismatches, grouped(row.compared)),
            grouped(row.verilog_lines),
            grouped(row.verilog_bytes),
            format!("{:.1}", row.generation_seconds),
        ]
    };
    Table {
        name: "peer",
        header: &[
            "task",
            "generator",
            "lanes",
            "cycles",
            "lanes used",
            "mismatches",
            "lines of Verilog",
            "bytes of Verilog",
            "s to generate",
        ],
        rows: report.peer.iter().map(row).collect(),
    }
}

fn synthesis(report: &Report) -> Table {
    let row = |row: &super::report::SynthesisRow| {
        let beside = |found: u64, model: u64| format!("{found} ({model})");
        vec![
            row.target.clone(),
            row.lanes.to_string(),
            beside(row.luts, row.model_luts),
            row.ffs.to_string(),
            beside(row.brams, row.model_brams),
            beside(row.dsps, row.model_dsps),
            row.fmax_mhz.map_or("–".into(), |mhz| format!("{mhz:.1}")),
        ]
    };
    Table {
        name: "synthesis",
        header: &[
            "target",
            "lanes",
            "LUT (model)",
            "FF",
            "block RAM (model)",
            "multipliers (model)",
            "MHz",
        ],
        rows: report.synthesis.iter().map(row).collect(),
    }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// With a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::report::PeerRow;
    use super::*;

    #[test]
    fn thousands_by_hand() {
        assert_eq!([7, 999, 1000, 1_234_567].map(grouped), ["7", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn only_the_tables_that_were_measured_change() {
        let document = "a\n<!-- bench-rtl networks -->\nkept\n<!-- end -->\n\
                        <!-- bench-rtl peer -->\nold\n<!-- end -->\nz\n";
        let row = PeerRow { name: "conv".into(), cycles: 1234, ..PeerRow::default() };
        let report = Report { peer: vec![row], ..Report::default() };
        let text = rewritten(document, &report).expect("markers");
        assert!(text.contains("kept") && !text.contains("old") && text.ends_with("z\n"), "{text}");
        assert!(text.contains("| conv |  | 0 | 1,234 | 0.00 % |"), "{text}");
        assert_eq!(rewritten(&text, &report).expect("markers"), text);
        assert!(rewritten("no markers", &report).is_err());
    }
}
