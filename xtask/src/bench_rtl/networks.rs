//! Whole U-Nets on arrays of 16 to 256 lanes: cycles by the counters, against the cycle model.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use hdl_gen::config::MemoryPlace;
use hdl_gen::{HardwareConfig, generate};
use network::Network;
use qunet_tests::inputs;
use qunet_tests::unet::{Unet, n_macs, unet};
use sim::Simulator;
use sim::verilated::{Step, Verilated, cosim_on, frame_cycles};

use super::engine::{Shape, cache, config};
use super::progress::Progress;
use super::report::NetworkRow;

/// Arrays of 16, 32, 64, 128 and 256 lanes; D = 4.
static SHAPES: [Shape; 5] = [[2, 4, 2, 4], [2, 4, 4, 4], [2, 4, 8, 4], [2, 8, 8, 4], [4, 8, 8, 4]];

/// A U-Net, the arrays that run it and the share of the lanes that is expected.
struct Plan {
    base: usize,
    depth: usize,
    size: usize,
    shapes: &'static [Shape],
    floor: f64,
}

impl Plan {
    fn name(&self) -> String {
        format!("base {} depth {}, {}²", self.base, self.depth, self.size)
    }
}

const SMALL: [Plan; 2] = [
    Plan { base: 8, depth: 3, size: 64, shapes: SHAPES.first_chunk::<4>().unwrap(), floor: 0.95 },
    Plan { base: 8, depth: 3, size: 128, shapes: SHAPES.first_chunk::<4>().unwrap(), floor: 0.95 },
];
const LARGE: Plan =
    Plan { base: 16, depth: 4, size: 256, shapes: &[SHAPES[4], SHAPES[2]], floor: 0.97 };

/// Arrays of an external-memory build with TN = 2, so that the split input fills its words.
static EXTERNAL_SHAPES: [Shape; 2] = [[2, 8, 16, 4], [2, 4, 8, 4]];
/// Feature and weight buffers in KiB, and the bytes of a frame that are allowed with them.
const BUFFERS: [([usize; 2], u64); 2] = [([256, 80], 6_200_000), ([56, 76], 7_200_000)];
/// Buffers of the small network, far below what it holds.
const SMALL_BUFFERS: [usize; 2] = [24, 16];

/// W4 A6 with W8 first layer and head, nearest upsampling.
fn network(plan: &Plan, seed: u64) -> Network {
    let Plan { base, depth, size, .. } = *plan;
    unet(&Unet { base, depth, size: [size, size], seed, ..Unet::default() })
}

/// Seconds from the largest model to its Verilog, memory images and test bench.
///
/// Generation has one thread, so where Linux counts that thread's time on the processor it is
/// taken, which is the wall time of a free core; elsewhere it is the wall time.
pub fn generation_seconds(work: &Path, seed: u64) -> Result<f64> {
    let network = network(&LARGE, seed);
    let (wall, processor) = (Instant::now(), processor_seconds());
    generate(&network, &config(SHAPES[2]), &work.join("generation"))?;
    let spent = processor_seconds().zip(processor).map(|(after, before)| after - before);
    Ok(spent.unwrap_or(wall.elapsed().as_secs_f64()))
}

/// What this thread has spent on the processor.
fn processor_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds * 1e-9)
}

/// Runs every network on its arrays; with `quick`, the large one on 256 lanes only.
pub fn measure(work: &Path, seed: u64, quick: bool) -> Result<Vec<NetworkRow>> {
    let large = if quick { Plan { shapes: &LARGE.shapes[..1], ..LARGE } } else { LARGE };
    let plans: Vec<&Plan> = SMALL.iter().chain([&large]).collect();
    let progress = Progress::new(plans.iter().map(|p| p.shapes.len() as u64).sum(), "networks");
    let mut rows = Vec::new();
    for plan in plans {
        let network = network(plan, seed);
        let image = inputs::random(&network, seed);
        let expected = Simulator::new(&network)?.trace(&image)?.tensors;
        for shape in plan.shapes {
            progress.doing(&format!("{} on {shape:?}", plan.name()));
            let run = Run::new(plan, &network, &image, &expected);
            // single steps double the cycles, so the quick run leaves out the largest
            let steps = !(quick && plan.size == LARGE.size);
            let row = run.on(work, *shape, steps)?;
            rows.push(NetworkRow { utilization_floor: plan.floor, ..row });
            progress.step();
        }
    }
    rows.extend(measure_external(work, seed, quick)?);
    Ok(rows)
}

/// The same from external memory: the small network visit by visit, the large one by its mask,
/// its bytes and its cycles; with `quick`, the small one only.
fn measure_external(work: &Path, seed: u64, quick: bool) -> Result<Vec<NetworkRow>> {
    let n_large = if quick { 0 } else { EXTERNAL_SHAPES.len() * BUFFERS.len() };
    let progress = Progress::new(1 + n_large as u64, "external memory");
    let network = self::network(&SMALL[0], seed);
    let image = inputs::random(&network, seed);
    let expected = Simulator::new(&network)?.trace(&image)?.tensors;
    let run = Run::new(&SMALL[0], &network, &image, &expected);
    let small = run.external(work, SHAPES[2], SMALL_BUFFERS, true)?;
    // what the small network moves depends on its buffers alone
    let mut rows = vec![NetworkRow { bytes_allowed: small.bytes_moved, ..small }];
    progress.step();
    if quick {
        return Ok(rows);
    }
    let network = self::network(&LARGE, seed);
    let image = inputs::random(&network, seed);
    let expected = Simulator::new(&network)?.trace(&image)?.tensors;
    let run = Run::new(&LARGE, &network, &image, &expected);
    for shape in EXTERNAL_SHAPES {
        for (buffers, bytes_allowed) in BUFFERS {
            progress.doing(&format!("256² on {shape:?}, buffers of {buffers:?} KiB"));
            let row = run.external(work, shape, buffers, false)?;
            rows.push(NetworkRow { bytes_allowed, utilization_floor: 0.96, ..row });
            progress.step();
        }
    }
    Ok(rows)
}

/// A network with one image and the simulator's tensors.
struct Run<'a> {
    name: String,
    network: &'a Network,
    image: &'a [u8],
    expected: &'a [Vec<u8>],
}

impl<'a> Run<'a> {
    fn new(plan: &Plan, network: &'a Network, image: &'a [u8], expected: &'a [Vec<u8>]) -> Run<'a> {
        Run { name: plan.name(), network, image, expected }
    }

    fn on(&self, work: &Path, shape: Shape, steps: bool) -> Result<NetworkRow> {
        let [tn, tm, tp, digit_bits] = shape;
        let folder = work.join(format!("unet-{tn}-{tm}-{tp}-{digit_bits}"));
        generate(self.network, &config(shape), &folder)?;
        let mut design = Verilated::build(&folder, &cache(work))?;
        let mut row = NetworkRow {
            name: self.name.clone(),
            memory: "on-chip".into(),
            lanes: design.manifest().engine.lanes(),
            shape: [tn, tm, tp],
            macs: n_macs(self.network),
            digit_macs: design.manifest().digit_macs,
            model_cycles: design.manifest().model_cycles,
            ..NetworkRow::default()
        };
        design.load_input(self.image)?;
        let started = Instant::now();
        let counters = design.run()?;
        row.cycles = u64::from(counters.cycles);
        row.simulated_hz = (row.cycles as f64 / started.elapsed().as_secs_f64()).round();
        row.stall_cycles = u64::from(counters.stall);
        row.utilization = row.digit_macs as f64 / (row.lanes * row.cycles) as f64;
        self.compare(&mut row, self.network.output.index(), &design.read_output()?);
        if steps {
            self.step(&mut design, &mut row)?;
        }
        Ok(row)
    }

    fn external(
        &self,
        work: &Path,
        shape: Shape,
        [features, weights]: [usize; 2],
        steps: bool,
    ) -> Result<NetworkRow> {
        let [tn, tm, tp, digit_bits] = shape;
        let folder =
            work.join(format!("external-{tn}-{tm}-{tp}-{digit_bits}-{features}-{weights}"));
        let config = HardwareConfig {
            memory: MemoryPlace::External,
            feature_memory_kib: Some(features),
            weight_memory_kib: Some(weights),
            ..config(shape)
        };
        let report = generate(self.network, &config, &folder)?;
        let mut design = Verilated::build(&folder, &cache(work))?;
        let mut row = NetworkRow {
            name: format!("{}, {features} + {weights} KiB", self.name),
            memory: "external".into(),
            lanes: design.manifest().engine.lanes(),
            shape: [tn, tm, tp],
            macs: n_macs(self.network),
            digit_macs: design.manifest().digit_macs,
            model_cycles: design.manifest().model_cycles,
            bytes_floor: report.external.map_or(0, |plan| plan.floor_bytes as u64),
            ..NetworkRow::default()
        };
        design.load_input(self.image)?;
        let started = Instant::now();
        let counters = design.run()?;
        let traffic = design.traffic()?;
        row.cycles = u64::from(counters.cycles);
        row.simulated_hz = (row.cycles as f64 / started.elapsed().as_secs_f64()).round();
        row.stall_cycles = u64::from(counters.stall)
            + traffic.stall_input
            + traffic.stall_weights
            + traffic.stall_output;
        row.bytes_moved = traffic.bytes_read + traffic.bytes_written;
        row.utilization = row.digit_macs as f64 / (row.lanes * row.cycles) as f64;
        self.compare(&mut row, self.network.output.index(), &design.read_output()?);
        ensure!(design.memory_faults()? == 0, "the AXI4 master broke a rule");
        if steps {
            let found = cosim_on(&mut design, &folder, &[self.image.to_vec()])?;
            row.values_compared += found.values_compared;
            row.mismatches += found.mismatches;
        }
        Ok(row)
    }

    /// Layer by layer: the cycles of each against the model, and all values.
    fn step(&self, design: &mut Verilated, row: &mut NetworkRow) -> Result<()> {
        design.load_input(self.image)?;
        let mut cycles = 0;
        for operation in design.manifest().operations.clone() {
            ensure!(design.step()? == Step::Ran, "{}: the program ended", operation.name);
            let so_far = u64::from(design.counters()?.cycles);
            let spent = frame_cycles(&design.manifest().engine, so_far - cycles);
            let (found, expected) = (spent, operation.model_cycles);
            row.layers_off_model += usize::from(found.abs_diff(expected) * 100 > expected);
            cycles = so_far;
            for (_, output) in operation.outputs() {
                self.compare(row, output, &design.read_tensor(output)?);
            }
        }
        ensure!(design.step()? == Step::Ended, "the program goes on after its last operation");
        Ok(())
    }

    fn compare(&self, row: &mut NetworkRow, tensor: usize, found: &[u8]) {
        let expected = &self.expected[tensor];
        row.values_compared += expected.len() as u64;
        row.mismatches += expected.len().abs_diff(found.len()) as u64;
        row.mismatches += expected.iter().zip(found).filter(|(a, b)| a != b).count() as u64;
    }
}
