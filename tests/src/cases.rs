//! The case list: every backend runs every case and must give the reference's integers.

mod compositions;

use network::{Layer, Mode, Network};

use crate::builder::{Builder, signed, unsigned};
use crate::extreme::{EXTREMES, extreme};
use crate::inputs;
use crate::random_network::{RandomConfig, random_network, random_network_with};
use crate::unet::{Unet, Upsampling, unet};

pub use compositions::compositions;

/// A network and the inputs to run it on.
#[derive(Clone, Debug)]
pub struct Case {
    /// Name in messages, as `conv2d-k3`.
    pub name: String,
    /// A valid network.
    pub network: Network,
    /// Input tensors, each of C·H·W bytes.
    pub inputs: Vec<Vec<u8>>,
}

impl Case {
    /// A case with a random input and one with a single large value.
    fn new(name: impl Into<String>, mut network: Network) -> Case {
        let name = name.into();
        network.name.clone_from(&name);
        let inputs = vec![inputs::random(&network, 1), inputs::impulse(&network)];
        Case { name, network, inputs }
    }

    /// A case with the ends of the input range too.
    fn at_the_ends(name: impl Into<String>, network: Network) -> Case {
        let mut case = Case::new(name, network);
        case.inputs.extend([
            inputs::largest(&case.network),
            inputs::smallest(&case.network),
            inputs::zeros(&case.network),
        ]);
        case
    }
}

/// Every hand-picked case.
pub fn all() -> Vec<Case> {
    let mut cases = single_operations();
    cases.extend(compositions());
    cases.extend(every_width());
    cases.extend(extremes());
    cases.extend(small_unets());
    cases
}

/// One random case per seed.
pub fn random(seed: u64) -> Case {
    Case::new(format!("random-{seed}"), random_network(seed))
}

fn build(mode: Mode, shape: [usize; 3], make: impl FnOnce(&mut Builder)) -> Network {
    let mut builder = Builder::new(mode, shape, signed(8), 11);
    make(&mut builder);
    builder.finish()
}

/// Each operation as the only layer, at sizes that divide nothing.
pub fn single_operations() -> Vec<Case> {
    let mut cases = Vec::new();
    for mode in [Mode::Scaled, Mode::Fixed] {
        for kernel in [1, 3, 5, 7] {
            let network = build(mode, [3, 6, 11], |b| {
                b.conv2d(b.input(), [5, kernel], 4, unsigned(6));
            });
            cases.push(Case::at_the_ends(format!("conv2d-k{kernel}-{mode:?}"), network));
        }
        let network = build(mode, [3, 5, 7], |b| {
            b.conv_transpose2d(b.input(), 5, 4, unsigned(6));
        });
        cases.push(Case::at_the_ends(format!("conv_transpose2d-{mode:?}"), network));
        let network = build(mode, [3, 5, 7], |b| {
            b.threshold(b.input(), 8);
        });
        cases.push(Case::at_the_ends(format!("head-threshold-{mode:?}"), network));
        for n_classes in [2, 3, 8] {
            let network = build(mode, [3, 5, 7], |b| {
                b.argmax(b.input(), 8, n_classes);
            });
            cases.push(Case::at_the_ends(format!("head-argmax{n_classes}-{mode:?}"), network));
        }
        let network = build(mode, [3, 5, 7], |b| {
            b.conv2d(b.input(), [1, 1], 8, signed(8));
        });
        cases.push(Case::at_the_ends(format!("soft-map-{mode:?}"), network));
    }
    let resample = |shape, make: fn(&mut Builder)| build(Mode::Scaled, shape, make);
    let pool = |b: &mut Builder| _ = b.max_pool2d(b.input());
    cases.push(Case::new("max_pool2d-odd", resample([3, 5, 7], pool)));
    cases.push(Case::new("max_pool2d-even", resample([2, 4, 10], pool)));
    let up = |b: &mut Builder| _ = b.upsample2d(b.input());
    cases.push(Case::new("upsample2d", resample([3, 3, 5], up)));
    let concat = |b: &mut Builder| _ = b.concat(b.input(), b.input());
    cases.push(Case::new("concat-of-one-tensor", resample([3, 3, 5], concat)));
    cases.push(Case::at_the_ends("head-argmax-ties", tied_classes()));
    cases.extend(sizes());
    cases
}

/// Classes 1, 2 and 4 have equal logits everywhere, above the others': class 1 must win.
fn tied_classes() -> Network {
    let mut network = build(Mode::Scaled, [3, 5, 7], |b| {
        b.argmax(b.input(), 8, 5);
    });
    if let Some(Layer::Head(head)) = network.layers.last_mut() {
        for class in [2, 4] {
            head.weights.copy_within(3..6, 3 * class);
            head.requantize.channels[class] = head.requantize.channels[1];
        }
        for class in [0, 3] {
            head.weights[3 * class..][..3].fill(0);
            head.requantize.channels[class].bias = i32::MIN;
        }
    }
    network
}

/// The smallest images and the widths around powers of two.
fn sizes() -> Vec<Case> {
    let mut cases = Vec::new();
    for (height, width) in [(1, 1), (1, 2), (2, 1), (3, 15), (2, 16), (2, 17), (2, 33), (1, 70)] {
        let network = build(Mode::Scaled, [2, height, width], |b| {
            let at = b.conv2d(b.input(), [9, 3], 4, unsigned(6));
            b.conv2d(at, [2, 5], 3, unsigned(5));
        });
        cases.push(Case::new(format!("size-{height}x{width}"), network));
    }
    cases
}

/// Every W × A × mode: convolutions, a transposed convolution, a pool, a concat and a head.
pub fn every_width() -> Vec<Case> {
    let mut cases = Vec::new();
    for mode in [Mode::Scaled, Mode::Fixed] {
        for weight_bits in 1..=8 {
            for bits in 1..=8 {
                let sign = bits > 1 && (weight_bits + bits) % 2 == 1;
                let format = if sign { signed(bits) } else { unsigned(bits) };
                let network = build(mode, [2, 4, 6], |b| {
                    let skip = b.conv2d(b.input(), [3, 3], weight_bits, format);
                    let down = b.max_pool2d(skip);
                    let deep = b.conv2d(down, [4, 3], weight_bits, format);
                    let up = b.conv_transpose2d(deep, 2, weight_bits, format);
                    let both = b.concat(skip, up);
                    let down = b.max_pool2d(both);
                    let up = b.upsample2d(down);
                    let last = b.conv2d(up, [3, 1], weight_bits, format);
                    b.argmax(last, weight_bits, 3);
                });
                let name = format!("w{weight_bits}a{bits}-{mode:?}");
                cases.push(Case::new(name, network));
            }
        }
    }
    cases
}

/// Networks at the ends of every range.
pub fn extremes() -> Vec<Case> {
    let mut cases = Vec::new();
    for mode in [Mode::Scaled, Mode::Fixed] {
        for (weight_bits, format) in
            [(8, unsigned(8)), (8, signed(8)), (1, unsigned(1)), (4, unsigned(6))]
        {
            let network = build(mode, [2, 4, 6], |b| {
                let skip = b.conv2d(b.input(), [9, 3], weight_bits, format);
                let up = b.conv_transpose2d(skip, 3, weight_bits, format);
                let down = b.max_pool2d(up);
                let both = b.concat(down, skip);
                b.conv2d(both, [4, 3], weight_bits, format);
            });
            for which in EXTREMES {
                let sign = if format.signed { "s" } else { "u" };
                let name = format!("{which:?}-w{weight_bits}{sign}{}-{mode:?}", format.bits);
                cases.push(Case::at_the_ends(name, extreme(&network, which)));
            }
        }
        for (kind, n_classes) in [("threshold", 1), ("argmax", 4)] {
            let network = build(mode, [3, 3, 5], |b| {
                let x = b.conv2d(b.input(), [9, 3], 8, unsigned(8));
                match n_classes {
                    1 => b.threshold(x, 8),
                    _ => b.argmax(x, 8, n_classes),
                };
            });
            for which in EXTREMES {
                let name = format!("{which:?}-{kind}-{mode:?}");
                cases.push(Case::at_the_ends(name, extreme(&network, which)));
            }
        }
    }
    cases
}

/// Whole U-Nets, both ways of upsampling, both modes.
pub fn small_unets() -> Vec<Case> {
    let mut cases = Vec::new();
    for mode in [Mode::Scaled, Mode::Fixed] {
        for upsampling in [Upsampling::Nearest, Upsampling::Transposed] {
            for (depth, size, n_classes) in [(1, [6, 10], 3), (2, [16, 24], 2)] {
                let config = Unet { depth, size, n_classes, mode, upsampling, ..Unet::default() };
                let name = format!("unet-d{depth}-{upsampling:?}-{mode:?}");
                cases.push(Case::new(name, unet(&config)));
            }
        }
    }
    cases
}

/// A random network for every W × A.
pub fn random_widths(seed: u64) -> Vec<Case> {
    let pairs = (1..=8).flat_map(|w| (1..=8).map(move |a| (w, a)));
    let case = |(w, a): (u8, u8)| {
        let seed = seed + u64::from(w) * 8 + u64::from(a);
        let (weight_bits, activation_bits) = (Some(w), Some(a));
        let config = RandomConfig { seed, mode: None, weight_bits, activation_bits };
        Case::new(format!("random-w{w}a{a}-{seed}"), random_network_with(config))
    };
    pairs.map(case).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn tied_classes_give_the_lowest() {
        let network = tied_classes();
        let values = network.run_reference(&inputs::random(&network, 3)).expect("input fits");
        assert!(values[network.output.index()].iter().all(|class| *class == 1));
    }

    #[test]
    fn names_are_unique_networks_valid_and_inputs_legal() {
        let cases = all();
        let names: BTreeSet<&str> = cases.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names.len(), cases.len());
        for case in &cases {
            case.network.validate().unwrap_or_else(|e| panic!("{}: {e}", case.name));
            let spec = case.network.spec(case.network.input);
            for input in &case.inputs {
                assert_eq!(input.len(), spec.len(), "{}", case.name);
                let legal = spec.min_value()..=spec.max_value();
                assert!(input.iter().all(|b| legal.contains(&spec.decode(*b))), "{}", case.name);
            }
        }
    }
}
