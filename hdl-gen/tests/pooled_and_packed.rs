//! Max-pools written beside their convolutions, and inputs split and taken row by row into the
//! lanes: odd sizes, signed maps, narrow lanes, every shape of the array that takes another path.

mod common;

use std::fs;

use common::{Bench, Lanes, cache_dir, config, has_verilator};
use hdl_gen::{HardwareConfig, generate};
use network::descriptor::{DESCRIPTOR_STRIDE, POOL_BASE};
use network::{Mode, Network};
use qunet_tests::builder::{Builder, Format, signed, unsigned};
use qunet_tests::inputs;
use qunet_tests::unet::{Unet, unet};
use sim::verilated::{Verilated, cosim_on};

/// Two pooled convolutions of which the second reads the first, and a transposed one.
fn pyramid(channels: [usize; 3], size: [usize; 2], input: Format, maps: Format) -> Network {
    let seed = (size[0] * 100 + size[1]) as u64;
    let mut b = Builder::new(Mode::Scaled, [channels[0], size[0], size[1]], input, seed);
    let full = b.conv2d(b.input(), [channels[1], 3], 4, maps);
    let half = b.max_pool2d(full);
    let full = b.conv2d(half, [channels[2], 3], 3, maps);
    let quarter = b.max_pool2d(full);
    let low = b.conv2d(quarter, [channels[2], 1], 4, maps);
    let up = b.conv_transpose2d(low, channels[1], 4, maps);
    b.conv2d(up, [2, 3], 8, maps);
    b.finish()
}

fn lanes_of(lanes: Lanes, lane_bits: u8, requantize_lanes: Option<usize>) -> HardwareConfig {
    HardwareConfig { lane_bits: Some(lane_bits), requantize_lanes, ..config(lanes) }
}

/// Widths from 4 to 70, heights odd and even, channels that divide nothing, on one design.
fn pools(config: HardwareConfig) {
    if !has_verilator(&format!("fused pools on {config:?}")) {
        return;
    }
    let mut bench = Bench::new(config);
    let maps = [unsigned(6), signed(5), unsigned(1), signed(6)];
    for (index, width) in (4..=18).chain([31, 33, 64, 70]).enumerate() {
        let size = [4 + index % 5, width];
        let channels = [1 + index % 3, 1 + index % 7, 2 + index % 4];
        let network = pyramid(channels, size, signed(6), maps[index % maps.len()]);
        let images = [inputs::random(&network, 1), inputs::largest(&network)];
        let name = format!("{channels:?} {size:?}");
        let report = bench.check(&name, &network, &images);
        assert_eq!(report.cycles, report.model_cycles, "{name}");
        // five operations write seven maps
        assert_eq!((report.layers, report.per_layer.len()), (7, 5), "{name}");
    }
}

#[test]
fn one_pixel_lane() {
    pools(lanes_of([1, 1, 1, 4], 6, None));
}

#[test]
fn two_pixel_lanes_at_full_drain() {
    pools(lanes_of([4, 2, 2, 2], 6, Some(2)));
}

#[test]
fn one_input_lane_at_full_drain() {
    pools(lanes_of([1, 2, 4, 4], 6, Some(4)));
}

#[test]
fn wide_pixels() {
    pools(lanes_of([2, 4, 16, 8], 6, None));
}

/// Every W and odd sizes on an engine without prefetch and fused pools; each layer's cycles as the
/// model says.
#[test]
fn compact_engines_run_pools_of_their_own() {
    let config = HardwareConfig { compact: true, ..lanes_of([4, 2, 2, 1], 6, None) };
    if !has_verilator("compact engines") {
        return;
    }
    let mut bench = Bench::new(config);
    for weight_bits in 1..=8u8 {
        let width = 5 + 3 * usize::from(weight_bits);
        let mut b = Builder::new(Mode::Scaled, [3, 6, width], unsigned(5), width as u64);
        let full = b.conv2d(b.input(), [5, 3], weight_bits, signed(4));
        let half = b.max_pool2d(full);
        let up = b.conv_transpose2d(half, 3, weight_bits, unsigned(6));
        b.conv2d(up, [2, 1], 1, unsigned(3));
        let network = b.finish();
        let images = [inputs::random(&network, 1), inputs::largest(&network)];
        let name = format!("W{weight_bits}, width {width}");
        let report = bench.check(&name, &network, &images);
        assert_eq!(report.cycles, report.model_cycles, "{name}");
        assert_eq!((report.layers, report.per_layer.len()), (4, 4), "{name}");
    }
}

/// Every W on every input that needs narrow lanes, from one channel to five.
fn packs(lanes: Lanes, lane_bits: u8) {
    if !has_verilator(&format!("packed inputs on {lanes:?}")) {
        return;
    }
    let mut bench = Bench::new(lanes_of(lanes, lane_bits, None));
    let (mut n_split, mut n_row_taps) = (0, 0);
    for weight_bits in 1..=8u8 {
        for (channels, kernel, input) in
            [(1, 3, signed(8)), (2, 5, signed(7)), (3, 3, unsigned(8)), (5, 1, signed(8))]
        {
            let size = [5 + channels, 6 + usize::from(weight_bits)];
            let seed = u64::from(weight_bits) * 10 + channels as u64;
            let mut b = Builder::new(Mode::Scaled, [channels, size[0], size[1]], input, seed);
            let map = b.conv2d(b.input(), [3, kernel], weight_bits, unsigned(lane_bits.min(5)));
            b.conv2d(map, [2, 3], 4, unsigned(lane_bits.min(4)));
            let network = b.finish();
            let images = [
                inputs::random(&network, seed),
                inputs::largest(&network),
                inputs::smallest(&network),
                inputs::impulse(&network),
            ];
            let name = format!("W{weight_bits}, {channels} channels, k{kernel}");
            let report = bench.check(&name, &network, &images);
            assert_eq!(report.cycles, report.model_cycles, "{name}");
            let packing = bench.design().manifest().input_packing;
            n_split += usize::from(packing.parts > 1);
            n_row_taps += usize::from(packing.row_taps > 1);
        }
    }
    assert!(lane_bits == 8 || n_split == 32, "{n_split} inputs are split");
    assert!(n_row_taps >= 8, "{n_row_taps} inputs have row taps");
}

#[test]
fn four_input_lanes_of_six_bits() {
    packs([4, 2, 4, 4], 6);
}

#[test]
fn eight_input_lanes_of_five_bits_and_one_bit_digits() {
    packs([8, 2, 2, 1], 5);
}

#[test]
fn inputs_of_three_and_four_parts_in_lanes_of_three_bits() {
    packs([4, 2, 2, 1], 3);
}

#[test]
fn inputs_of_up_to_seven_parts_in_lanes_of_two_bits() {
    packs([8, 1, 2, 2], 2);
}

#[test]
fn eight_input_lanes_of_eight_bits() {
    packs([8, 2, 2, 8], 8);
}

/// A descriptor that puts the pooled map one row further down.
#[test]
fn a_wrong_pool_row_is_found_and_named() {
    if !has_verilator("wrong pool row") {
        return;
    }
    let network =
        unet(&Unet { base: 4, depth: 2, size: [12, 20], mode: Mode::Scaled, ..Default::default() });
    let build = cache_dir().join("wrong-pool-row");
    let report = generate(&network, &HardwareConfig::default(), &build).expect("generates");
    let operations = &report.manifest.operations;
    let pooled = operations.iter().rposition(|op| op.pooled.is_some()).expect("a fused pool");
    let pool = operations[pooled].pooled.clone().expect("a fused pool");
    let path = build.join("descriptors.hex");
    let mut words: Vec<u32> = fs::read_to_string(&path)
        .expect("descriptors")
        .lines()
        .map(|line| u32::from_str_radix(line, 16).expect("a word"))
        .collect();
    let pitch = report.manifest.tensors[pool.output].pitch as u32;
    words[pooled * DESCRIPTOR_STRIDE + POOL_BASE.word] += pitch << POOL_BASE.lsb;
    let text: Vec<String> = words.iter().map(|word| format!("{word:08x}\n")).collect();
    fs::write(&path, text.concat()).expect("writes");
    let mut design = Verilated::build(&build, &cache_dir()).expect("builds");
    let image = [inputs::random(&network, 5)];
    let first = cosim_on(&mut design, &build, &image).expect("runs").first_mismatch;
    let first = first.expect("a mismatch");
    assert_eq!((first.layer, first.y), (pool.name, 0));
}
