//! Input tensors: legal bytes for a network, by seed.

use network::{Network, TensorSpec};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Uniform random values over the whole range of the format.
pub fn random(network: &Network, seed: u64) -> Vec<u8> {
    random_values(network.spec(network.input), seed)
}

/// Uniform random values of one tensor format.
pub fn random_values(spec: &TensorSpec, seed: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let range = spec.min_value()..=spec.max_value();
    let mut value = || spec.encode(rng.random_range(range.clone()));
    (0..spec.len()).map(|_| value()).collect()
}

/// Every value the largest of the format.
pub fn largest(network: &Network) -> Vec<u8> {
    let spec = network.spec(network.input);
    vec![spec.encode(spec.max_value()); spec.len()]
}

/// Every value the smallest of the format.
pub fn smallest(network: &Network) -> Vec<u8> {
    let spec = network.spec(network.input);
    vec![spec.encode(spec.min_value()); spec.len()]
}

/// Every value zero.
pub fn zeros(network: &Network) -> Vec<u8> {
    vec![0; network.spec(network.input).len()]
}

/// One largest value in the middle of the first channel, zero elsewhere: shows every tap apart.
pub fn impulse(network: &Network) -> Vec<u8> {
    let spec = network.spec(network.input);
    let mut values = zeros(network);
    values[spec.height / 2 * spec.width + spec.width / 2] = spec.encode(spec.max_value());
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fit_their_format_and_repeat_by_seed() {
        let spec = TensorSpec { channels: 2, height: 9, width: 11, bits: 3, signed: true };
        let values = random_values(&spec, 5);
        assert_eq!(values, random_values(&spec, 5));
        assert_ne!(values, random_values(&spec, 6));
        let mut seen: Vec<i32> = values.iter().map(|b| spec.decode(*b)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [-4, -3, -2, -1, 0, 1, 2, 3]);
    }
}
