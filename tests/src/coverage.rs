//! What a backend has really run: operations, widths, kernels, modes.

use std::collections::BTreeMap;
use std::fmt;

use network::{HeadKind, Layer, Mode, Network};

/// Counts of the layers that one backend has run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Layers by operation, W (0 without weights) and A; A is of the output, of a head's input.
    widths: BTreeMap<(&'static str, u8, u8), usize>,
    /// Layers by everything else that a backend may treat apart.
    features: BTreeMap<String, usize>,
    n_networks: usize,
}

/// Operations with weights, which must run at every W × A.
const WEIGHTED: [&str; 3] = ["conv2d", "conv_transpose2d", "head"];
/// Operations that move values, which must run at every A.
const MOVING: [&str; 3] = ["max_pool2d", "upsample2d", "concat"];

impl Coverage {
    /// Counts the layers of a network that has run.
    pub fn record(&mut self, network: &Network) {
        self.n_networks += 1;
        for layer in &network.layers {
            let (input, output) = (network.spec(layer.inputs()[0]), network.spec(layer.output()));
            let weight_bits = layer.weights().map_or(0, |(_, bits, _)| bits);
            let spec = if matches!(layer, Layer::Head(_)) { input } else { output };
            *self.widths.entry((layer.operation(), weight_bits, spec.bits)).or_default() += 1;
            let mut features = vec![
                format!("{} {}", layer.operation(), sign(input.signed)),
                format!("{} {}", layer.operation(), mode(network.mode)),
            ];
            match layer {
                Layer::Conv2d(l) => features.push(format!("conv2d k{}", l.kernel)),
                Layer::Head(l) => features.push(match l.kind {
                    HeadKind::Threshold { .. } => "head threshold".into(),
                    HeadKind::Argmax => "head argmax".into(),
                }),
                Layer::MaxPool2d(_) if input.height % 2 + input.width % 2 > 0 => {
                    features.push("max_pool2d odd".into());
                }
                _ => {}
            }
            for feature in features {
                *self.features.entry(feature).or_default() += 1;
            }
        }
    }

    /// What should have run and did not.
    pub fn missing(&self) -> Vec<String> {
        let widths = WEIGHTED.iter().flat_map(|op| (1..=8).map(move |w| (*op, w)));
        let moving = MOVING.iter().map(|op| (*op, 0));
        let cells = widths.chain(moving).flat_map(|(op, w)| (1..=8).map(move |a| (op, w, a)));
        let empty = cells.filter(|cell| !self.widths.contains_key(cell));
        let mut missing: Vec<String> = empty.map(|(op, w, a)| format!("{op} W{w} A{a}")).collect();
        missing.extend(features().into_iter().filter(|f| !self.features.contains_key(f)));
        missing
    }

    /// As [`Coverage::missing`] for a backend too slow for every pair of W and A: each operation
    /// with its features, each W and each A at least once in some layer.
    pub fn missing_margins(&self) -> Vec<String> {
        let ran = |wanted: &dyn Fn(&(&str, u8, u8)) -> bool| self.widths.keys().any(wanted);
        let mut missing: Vec<String> =
            features().into_iter().filter(|f| !self.features.contains_key(f)).collect();
        missing.extend((1..=8).filter(|w| !ran(&|cell| cell.1 == *w)).map(|w| format!("W{w}")));
        missing.extend((1..=8).filter(|a| !ran(&|cell| cell.2 == *a)).map(|a| format!("A{a}")));
        missing
    }

    fn count(&self, operation: &'static str, weight_bits: u8, bits: u8) -> usize {
        self.widths.get(&(operation, weight_bits, bits)).copied().unwrap_or(0)
    }
}

/// Every feature that must occur.
fn features() -> Vec<String> {
    let mut features: Vec<String> = WEIGHTED
        .iter()
        .chain(&MOVING)
        .flat_map(|op| ["unsigned", "signed", "scaled", "fixed"].map(|f| format!("{op} {f}")))
        .collect();
    features.extend([1, 3, 5, 7].map(|k| format!("conv2d k{k}")));
    features.extend(["head threshold", "head argmax", "max_pool2d odd"].map(String::from));
    features
}

fn sign(signed: bool) -> &'static str {
    if signed { "signed" } else { "unsigned" }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Scaled => "scaled",
        Mode::Fixed => "fixed",
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} networks; layers by W (rows) and A (columns):", self.n_networks)?;
        let header: String = (1..=8).map(|a| format!("{:>6}", format!("A{a}"))).collect();
        writeln!(f, "{:<21}{header}", "")?;
        for operation in WEIGHTED.iter().chain(&MOVING) {
            let rows = if WEIGHTED.contains(operation) { 1..=8 } else { 0..=0 };
            for w in rows {
                let name = if w == 0 { String::from("-") } else { format!("W{w}") };
                write!(f, "{operation:<17}{name:<4}")?;
                for a in 1..=8 {
                    write!(f, "{:>6}", self.count(operation, w, a))?;
                }
                writeln!(f)?;
            }
        }
        let features: Vec<String> =
            self.features.iter().map(|(name, count)| format!("{name} {count}")).collect();
        write!(f, "{}", features.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;

    #[test]
    fn an_empty_cell_is_missing_and_the_case_list_fills_all() {
        assert_eq!(Coverage::default().missing().len(), 3 * 64 + 3 * 8 + 24 + 4 + 3);
        let mut coverage = Coverage::default();
        cases::all().iter().for_each(|case| coverage.record(&case.network));
        assert_eq!(coverage.missing(), [""; 0]);
        assert!(coverage.to_string().contains("conv2d           W1"));
    }

    #[test]
    fn one_layer_fills_its_cells() {
        let case = &cases::single_operations()[0];
        let mut coverage = Coverage::default();
        coverage.record(&case.network);
        assert_eq!(coverage.count("conv2d", 4, 6), 1);
        assert!(!coverage.missing().contains(&"conv2d k1".to_string()));
        assert!(coverage.missing().contains(&"conv2d k3".to_string()));
        let margins = coverage.missing_margins();
        // it ran signed, scaled and k1, so 28 of 31 features, and one W and one A of eight
        assert_eq!(margins.len(), 28 + 7 + 7, "{margins:?}");
    }
}
