//! A second definition of every operation, in exact wide integers and sharing no kernel code.
//!
//! It scatters each input value to the outputs it reaches, where the reference kernels gather;
//! divides with rounding down, where they shift; and holds `i128` instead of bytes. The reference
//! kernels must equal it, and through them every other backend.

use network::{HeadKind, Layer, Network, Requantize, TensorId, TensorSpec};

/// Bytes of every tensor, in tensor order.
///
/// # Panics
/// If the network was not validated or the input does not fit.
pub fn run(network: &Network, input: &[u8]) -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<i128>> = vec![Vec::new(); network.tensors.len()];
    let spec = network.spec(network.input);
    assert_eq!(input.len(), spec.len(), "input bytes");
    values[network.input.index()] = input.iter().map(|b| decode(spec, *b)).collect();
    for layer in &network.layers {
        let output = run_layer(network, layer, &values);
        values[layer.output().index()] = output;
    }
    let bytes = |list: &Vec<i128>| list.iter().map(|v| v.rem_euclid(256) as u8).collect();
    values.iter().map(bytes).collect()
}

/// Two's complement by arithmetic instead of a cast.
fn decode(spec: &TensorSpec, byte: u8) -> i128 {
    let value = i128::from(byte);
    if spec.signed && value >= 128 { value - 256 } else { value }
}

fn run_layer(network: &Network, layer: &Layer, values: &[Vec<i128>]) -> Vec<i128> {
    let read = |id: TensorId| Grid::new(network.spec(id), values[id.index()].clone());
    let output = network.spec(layer.output());
    let input = read(layer.inputs()[0]);
    match layer {
        Layer::Conv2d(l) => {
            let sums = conv2d(&input, &l.weights, l.kernel, output.channels);
            clamp_all(sums, &l.requantize, output.plane(), range(output))
        }
        Layer::ConvTranspose2d(l) => {
            let sums = conv_transpose2d(&input, &l.weights, output.channels);
            clamp_all(sums, &l.requantize, output.plane(), range(output))
        }
        Layer::MaxPool2d(_) => max_pool2d(&input, output),
        Layer::Upsample2d(_) => upsample2d(&input, output),
        Layer::Concat(l) => [input.values, read(l.inputs[1]).values].concat(),
        Layer::Head(l) => {
            let sums = conv2d(&input, &l.weights, 1, l.requantize.channels.len());
            let logits =
                clamp_all(sums, &l.requantize, output.plane(), (-(1 << 15), (1 << 15) - 1));
            (0..output.plane())
                .map(|pixel| decide(l.kind, &logits, output.plane(), pixel))
                .collect()
        }
    }
}

/// A tensor as exact integers.
struct Grid {
    channels: usize,
    height: usize,
    width: usize,
    values: Vec<i128>,
}

impl Grid {
    fn new(spec: &TensorSpec, values: Vec<i128>) -> Grid {
        Grid { channels: spec.channels, height: spec.height, width: spec.width, values }
    }

    /// Every value with its channel, row and column.
    fn each(&self) -> impl Iterator<Item = (usize, usize, usize, i128)> + '_ {
        let (height, width) = (self.height, self.width);
        self.values.iter().enumerate().map(move |(index, value)| {
            (index / width / height, index / width % height, index % width, *value)
        })
    }
}

fn range(spec: &TensorSpec) -> (i128, i128) {
    let codes = 1i128 << spec.bits;
    if spec.signed { (-codes / 2, codes / 2 - 1) } else { (0, codes - 1) }
}

fn conv2d(input: &Grid, weights: &[i8], kernel: usize, n_outputs: usize) -> Vec<i128> {
    let (height, width) = (input.height, input.width);
    let mut sums = vec![0; n_outputs * height * width];
    for (c, y, x, value) in input.each() {
        for o in 0..n_outputs {
            for (i, j) in (0..kernel).flat_map(|i| (0..kernel).map(move |j| (i, j))) {
                // out[y + k/2 − i][x + k/2 − j] reads this value with weight (i, j)
                let (Some(row), Some(column)) =
                    ((y + kernel / 2).checked_sub(i), (x + kernel / 2).checked_sub(j))
                else {
                    continue;
                };
                if row < height && column < width {
                    let weight =
                        weights[i * kernel + j + kernel * kernel * (c + input.channels * o)];
                    sums[(o * height + row) * width + column] += i128::from(weight) * value;
                }
            }
        }
    }
    sums
}

fn conv_transpose2d(input: &Grid, weights: &[i8], n_outputs: usize) -> Vec<i128> {
    let (height, width) = (2 * input.height, 2 * input.width);
    let mut sums = vec![0; n_outputs * height * width];
    for (c, y, x, value) in input.each() {
        for o in 0..n_outputs {
            for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let weight = weights[2 * i + j + 4 * (c + input.channels * o)];
                let at = (o * height + 2 * y + i) * width + 2 * x + j;
                sums[at] += i128::from(weight) * value;
            }
        }
    }
    sums
}

fn max_pool2d(input: &Grid, output: &TensorSpec) -> Vec<i128> {
    let mut largest = vec![i128::MIN; output.len()];
    for (c, y, x, value) in input.each() {
        if y / 2 < output.height && x / 2 < output.width {
            let at = &mut largest[(c * output.height + y / 2) * output.width + x / 2];
            *at = (*at).max(value);
        }
    }
    largest
}

fn upsample2d(input: &Grid, output: &TensorSpec) -> Vec<i128> {
    let mut values = vec![0; output.len()];
    for (c, y, x, value) in input.each() {
        for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            values[(c * output.height + 2 * y + i) * output.width + 2 * x + j] = value;
        }
    }
    values
}

fn clamp_all(
    sums: Vec<i128>,
    requantize: &Requantize,
    plane: usize,
    (low, high): (i128, i128),
) -> Vec<i128> {
    let one = |(index, sum): (usize, i128)| {
        let params = requantize.channels[index / plane];
        let scaled = sum * i128::from(params.multiplier) + i128::from(params.bias);
        scaled.div_euclid(1i128 << requantize.shift).max(low).min(high)
    };
    sums.into_iter().enumerate().map(one).collect()
}

fn decide(kind: HeadKind, logits: &[i128], plane: usize, pixel: usize) -> i128 {
    match kind {
        HeadKind::Threshold { threshold } => i128::from(logits[pixel] >= i128::from(threshold)),
        HeadKind::Argmax => {
            let of_pixel: Vec<i128> = logits.iter().skip(pixel).step_by(plane).copied().collect();
            let largest = of_pixel.iter().max().expect("at least one class");
            of_pixel.iter().position(|l| l == largest).expect("the largest is there") as i128
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cases, inputs};

    #[test]
    fn hand_computed_3x3_with_padding() {
        let grid = Grid { channels: 1, height: 2, width: 2, values: vec![1, 2, 3, 4] };
        let weights = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        assert_eq!(conv2d(&grid, &weights, 3, 1), [77, 67, 47, 37]);
        let grid = Grid { channels: 1, height: 1, width: 2, values: vec![10, 1] };
        assert_eq!(conv_transpose2d(&grid, &[1, 2, 3, 4], 1), [10, 20, 1, 2, 30, 40, 3, 4]);
    }

    #[test]
    fn reference_kernels_equal_the_oracle_on_every_case() {
        let random = (0..100).map(cases::random);
        for case in cases::all().into_iter().chain(random) {
            for input in &case.inputs {
                let expected = run(&case.network, input);
                let found = case.network.run_reference(input).expect("input fits");
                assert!(expected == found, "{}", case.name);
            }
        }
    }

    #[test]
    fn signed_bytes_are_twos_complement() {
        let network = cases::random(1).network;
        let spec = TensorSpec { signed: true, bits: 8, ..*network.spec(network.input) };
        let bytes = inputs::random_values(&spec, 1);
        assert!(bytes.iter().all(|b| decode(&spec, *b) == i128::from(*b as i8)));
    }
}
