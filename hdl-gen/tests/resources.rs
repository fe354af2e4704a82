//! The resource model against Yosys: numbers measured once, one shape measured now, and the fit.
//!
//! After a change of the RTL, measure all shapes again and take over what is printed:
//! `cargo test --release -p qunet-hdl-gen --test resources -- --ignored --nocapture`

use std::path::Path;
use std::process::Command;

use hdl_gen::emit::{Depths, generate_engine};
use hdl_gen::resources::{
    DRIVERS, Family, N_DRIVERS, Resources, estimate, ff_drivers, lut_drivers,
};

use hdl_gen::{CellChoice, Engine, HardwareConfig, MacCell, MemoryPlace, Target, generate, synth};
use qunet_tests::unet::{Unet, unet};

/// Shapes and what Yosys counted; the columns are named in the file.
const MEASURED: &str = include_str!("resources/measured.txt");

const FAMILIES: [Family; 3] = [Family::Ecp5, Family::Ice40, Family::Xc7];

struct Row {
    engine: Engine,
    depths: Depths,
    /// What was counted, by family.
    found: [Option<Resources>; 3],
}

fn rows() -> Vec<Row> {
    MEASURED.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

fn row(line: &str) -> Row {
    let parts: Vec<&str> = line.split('|').map(str::trim).collect();
    let words: Vec<&str> = parts[0].split_whitespace().collect();
    let number = |index: usize| words[index].parse::<usize>().expect(line);
    let mac_cell = match words[5] {
        "plain" => MacCell::Plain,
        "lut" => MacCell::Lut,
        "packed" => MacCell::Packed,
        other => panic!("cell {other}"),
    };
    let engine = Engine {
        tn: number(0),
        tm: number(1),
        tp: number(2),
        digit_bits: number(3),
        lane_bits: number(4),
        mac_cell,
        scaled: number(6) == 1,
        compact: number(7) == 1,
        accumulator_bits: number(8),
        bias_bits: number(9),
        requantize_lanes: number(10),
    };
    let depths = Depths {
        features: number(11),
        weights: number(12),
        params: number(13),
        descriptors: number(14),
        pool: number(15),
        external: None,
    };
    let found = [1, 2, 3].map(|part| {
        let numbers: Option<Vec<usize>> =
            parts[part].split_whitespace().map(|word| word.parse().ok()).collect();
        let [luts, ffs, block_rams, multipliers] = numbers?.try_into().ok()?;
        Some(Resources { luts, ffs, block_rams, multipliers })
    });
    Row { engine, depths, found }
}

/// Relative error of a count.
fn error(model: usize, found: usize) -> f64 {
    (model as f64 - found as f64) / found.max(1) as f64
}

fn check(name: &str, row: &Row, family: Family, found: &Resources) {
    let model = estimate(family, &row.engine, &row.depths);
    let shape = format!("{name} {:?}, {:?}", row.engine, row.depths);
    let text = format!("{family:?}: model {model:?}, Yosys {found:?}: {shape}");
    assert!(error(model.luts, found.luts).abs() <= 0.10, "lookup tables: {text}");
    assert!(error(model.ffs, found.ffs).abs() <= 0.10, "flip-flops: {text}");
    assert!(model.block_rams.abs_diff(found.block_rams) <= 1, "block RAMs: {text}");
    assert!(model.multipliers.abs_diff(found.multipliers) <= 1, "multipliers: {text}");
}

#[test]
fn model_is_within_ten_percent_of_yosys() {
    for (index, family) in FAMILIES.into_iter().enumerate() {
        let rows = rows();
        let measured: Vec<(usize, &Row, Resources)> = rows
            .iter()
            .enumerate()
            .filter_map(|(number, row)| Some((number, row, row.found[index]?)))
            .collect();
        // the 7 series has coefficients counted by hand
        let least = if family == Family::Xc7 { 0 } else { 6 };
        assert!(measured.len() >= least, "{family:?}: only {} shapes", measured.len());
        for (number, row, found) in measured {
            check(&format!("row {number}"), row, family, &found);
        }
    }
}

#[test]
fn packed_halves_the_multipliers_and_lut_needs_none() {
    let is_wide = |row: &&Row| row.engine.scaled && row.engine.accumulator_bits > 18;
    for row in rows().iter().filter(is_wide).filter(|row| row.engine.digit_bits == 4) {
        let engine = &row.engine;
        let array = match engine.mac_cell {
            MacCell::Plain => engine.lanes(),
            MacCell::Packed => engine.lanes() / 2,
            MacCell::Lut => 0,
        };
        // an accumulator wider than a multiplier takes two
        let multipliers = array + 2 * engine.requantize_lanes;
        for found in row.found.into_iter().flatten().take(2) {
            assert_eq!(found.multipliers, multipliers, "{engine:?}");
        }
    }
    let one_bit = rows().into_iter().filter(|r| r.engine.digit_bits == 1 && !r.engine.scaled);
    let found: Vec<Resources> = one_bit.flat_map(|row| row.found).flatten().collect();
    assert!(found.len() >= 2 && found.iter().all(|r| r.multipliers == 0), "{found:?}");
}

/// Lookup tables, flip-flops and block RAMs by `qunet synth --target ecp5-25k`, Yosys 0.23, of a U-Net of
/// base 16 and depth 3 over 128×128, W4 A6, packed cells, for each TP.
const EXTERNAL: [(usize, [usize; 3]); 3] =
    [(2, [8565, 4375, 49]), (4, [10493, 5258, 49]), (8, [14287, 7024, 50])];

#[test]
fn external_memory_adds_its_logic() {
    let network = unet(&Unet { base: 16, depth: 3, size: [128, 128], ..Unet::default() });
    for (tp, [luts, ffs, block_rams]) in EXTERNAL {
        let config = HardwareConfig {
            tp,
            memory: MemoryPlace::External,
            mac_cell: CellChoice::Packed,
            feature_memory_kib: Some(48),
            weight_memory_kib: Some(24),
            ..HardwareConfig::default()
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let built = generate(&network, &config, &folder.path().join("build")).expect("generates");
        let model = built.manifest.estimate(Target::Ecp5_25k);
        assert!(error(model.luts, luts).abs() <= 0.05, "TP {tp}: {model:?}");
        assert!(error(model.ffs, ffs).abs() <= 0.05, "TP {tp}: {model:?}");
        assert!(model.block_rams.abs_diff(block_rams) <= 1, "TP {tp}: {model:?}");
    }
}

/// Runs Yosys on a shape.
fn measure(row: &Row, family: Family, folder: &Path) -> Resources {
    let build = folder.join("build");
    let manifest = generate_engine(row.engine, row.depths, &HardwareConfig::default(), &build)
        .expect("generates");
    std::fs::create_dir_all(build.join(synth::FOLDER)).expect("a folder");
    synth::area(&build, &manifest.verilog, family).expect("synthesizes")
}

fn has_yosys() -> bool {
    let installed = Command::new("yosys").arg("-V").output().is_ok();
    if !installed {
        eprintln!("skipped: resources: yosys is not installed");
    }
    installed
}

#[test]
fn one_small_shape_is_measured_now() {
    if !has_yosys() {
        return;
    }
    let row = row("1 2 1 4 4 lut 0 0 16 32 1 256 256 128 128 64 | - | - | -");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let found = measure(&row, Family::Ice40, folder.path());
    assert_eq!(found.multipliers, 0);
    check("now", &row, Family::Ice40, &found);
}

#[test]
#[ignore = "half an hour of Yosys: `make synthesis`"]
fn measure_and_fit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!("# {}", synth::yosys_version().expect("yosys"));
    let mut rows = rows();
    let lines = MEASURED.lines().filter(|line| !line.starts_with('#'));
    for (row, line) in rows.iter_mut().zip(lines) {
        let mut text = line.split('|').next().unwrap_or("").trim().to_string();
        for (index, family) in FAMILIES.into_iter().enumerate() {
            let Some(_) = row.found[index] else {
                text += " | -";
                continue;
            };
            let r = measure(row, family, folder.path());
            text += &format!(" | {} {} {} {}", r.luts, r.ffs, r.block_rams, r.multipliers);
            row.found[index] = Some(r);
        }
        println!("{text}");
    }
    print_fit(&rows);
}

#[test]
#[ignore = "prints the coefficients for the numbers in measured.txt: `make synthesis`"]
fn fit() {
    print_fit(&rows());
}

/// Coefficients of lookup tables as counted by hand in single modules.
const LUTS: [f64; N_DRIVERS] = [1600.0, 20.0, 1.1, 3.0, 1.7, 7.0, 1.5, 150.0];
/// Coefficients of flip-flops, from the declarations.
const FFS: [f64; N_DRIVERS] = [800.0, 10.0, 1.0, 2.0, 6.0, 3.5, 2.0, 350.0];

fn print_fit(rows: &[Row]) {
    for (index, family) in FAMILIES.into_iter().enumerate() {
        let measured: Vec<(&Row, Resources)> =
            rows.iter().filter_map(|row| Some((row, row.found[index]?))).collect();
        let luts: Vec<([f64; N_DRIVERS], f64)> = measured
            .iter()
            .map(|(row, found)| (lut_drivers(family, &row.engine, &row.depths), found.luts as f64))
            .collect();
        let ffs: Vec<([f64; N_DRIVERS], f64)> = measured
            .iter()
            .map(|(row, found)| (ff_drivers(&row.engine, &row.depths), found.ffs as f64))
            .collect();
        println!("{family:?} {DRIVERS:?}");
        for (name, samples, by_hand) in [("luts", luts, LUTS), ("ffs", ffs, FFS)] {
            let coefficients = least_squares(&samples, by_hand);
            println!("    {name}: {coefficients:.3?},");
            for ((drivers, found), (row, _)) in samples.iter().zip(&measured) {
                let model: f64 = drivers.iter().zip(coefficients).map(|(d, c)| d * c).sum();
                let error = 100.0 * (model - found) / found;
                println!("        {found:6} {model:8.0} {error:6.1} %  {:?}", row.engine);
            }
        }
        for (row, found) in &measured {
            let model = estimate(family, &row.engine, &row.depths);
            println!(
                "        block RAMs {} {}, multipliers {} {}",
                found.block_rams, model.block_rams, found.multipliers, model.multipliers
            );
        }
    }
}

/// Coefficients of at least 0 with the least sum of squared relative errors, by coordinate
/// descent. A coefficient twice what it is by hand counts as an error of 5 %: shapes that are alike
/// cannot tell the drivers apart.
fn least_squares(
    samples: &[([f64; N_DRIVERS], f64)],
    by_hand: [f64; N_DRIVERS],
) -> [f64; N_DRIVERS] {
    let mut scaled: Vec<([f64; N_DRIVERS], f64)> =
        samples.iter().map(|(drivers, found)| (drivers.map(|d| d / found), 1.0)).collect();
    for k in 0..N_DRIVERS {
        let mut one = [0.0; N_DRIVERS];
        one[k] = 0.05 / by_hand[k];
        scaled.push((one, 0.05));
    }
    let mut coefficients = [0.0; N_DRIVERS];
    for _ in 0..200_000 {
        for k in 0..N_DRIVERS {
            let [mut numerator, mut denominator] = [0.0, 1e-12];
            for (drivers, goal) in &scaled {
                let model: f64 = drivers.iter().zip(coefficients).map(|(d, c)| d * c).sum();
                numerator += drivers[k] * (goal - model + drivers[k] * coefficients[k]);
                denominator += drivers[k] * drivers[k];
            }
            coefficients[k] = f64::max(0.0, numerator / denominator);
        }
    }
    coefficients
}
