//! The statistics of batch norm: running averages while training, and means over many batches.

use burn::tensor::Tensor;
use datasets::sampler::Batch;

use crate::fake_quant::QuantPlan;
use crate::forward::{BatchStatistics, Pass, Phase, forward, input};
use crate::topology::Topology;
use crate::unet::{NORM_MOMENTUM, UNet};

/// Blends a batch's statistics into the running ones.
pub fn update_running(net: UNet, statistics: Vec<Option<BatchStatistics>>) -> UNet {
    let blend =
        |old: Tensor<1>, new: Tensor<1>| old.detach() * (1.0 - NORM_MOMENTUM) + new * NORM_MOMENTUM;
    replace(net, statistics, blend)
}

/// Mean of each layer's statistics over all `batches`, nothing without batches.
///
/// A running average lags behind weights that jump between few levels; the mean over many batches
/// does not (Nagel et al. 2022, *Overcoming Oscillations in Quantization-Aware Training*). The
/// network is one without gradients.
pub fn estimate(
    net: &UNet,
    topology: &Topology,
    plan: Option<&QuantPlan>,
    batches: &[Batch],
) -> Vec<Option<BatchStatistics>> {
    let device = net.units[0].weight.device();
    let statistics = batches.iter().map(|batch| {
        let pass = Pass { topology, plan, phase: Phase::Training, keep_outputs: false };
        forward(net, pass, input(batch, topology, &device)).statistics
    });
    let sums = statistics.reduce(|sums, found| sums.into_iter().zip(found).map(add).collect());
    let mean = |sum: Tensor<1>| sum / batches.len() as f64;
    let divide = |sum: BatchStatistics| BatchStatistics {
        mean: mean(sum.mean),
        variance: sum.variance.map(mean),
    };
    sums.unwrap_or_default().into_iter().map(|sum| sum.map(divide)).collect()
}

/// The network with these statistics, found without gradients, in place of the running ones; where
/// there are none the old ones stay.
pub fn replace_running(net: UNet, statistics: Vec<Option<BatchStatistics>>) -> UNet {
    replace(net, statistics, |old, new| match old.device().is_autodiff() {
        true => Tensor::from_inner(new),
        false => new,
    })
}

fn add(
    (sum, found): (Option<BatchStatistics>, Option<BatchStatistics>),
) -> Option<BatchStatistics> {
    let (sum, found) = (sum?, found?);
    let variance = sum.variance.zip(found.variance).map(|(a, b)| a + b);
    Some(BatchStatistics { mean: sum.mean + found.mean, variance })
}

/// Each layer's running statistics by `new(old, found)`; where none were found the old ones stay.
fn replace(
    mut net: UNet,
    statistics: Vec<Option<BatchStatistics>>,
    new: impl Fn(Tensor<1>, Tensor<1>) -> Tensor<1>,
) -> UNet {
    let new = |old: Tensor<1>, found: Tensor<1>| new(old, found).set_require_grad(false);
    for (unit, found) in net.units.iter_mut().zip(statistics) {
        let Some(found) = found else { continue };
        unit.mean = unit.mean.clone().map(|old| new(old, found.mean));
        if let Some(variance) = found.variance {
            unit.variance = unit.variance.clone().map(|old| new(old, variance));
        }
    }
    net
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    use crate::config::ModelConfig;
    use crate::unet::host;

    const SIDE: usize = 16;

    fn topology() -> Topology {
        let model = ModelConfig {
            base_width: 3,
            depth: 1,
            height: SIDE,
            width: SIDE,
            ..Default::default()
        };
        Topology::new(&model, 1, 2)
    }

    fn batch(seed: usize) -> Batch {
        let value = |i: usize| ((i * 37 + seed * 101) % 97) as f32 / 30.0 - 1.0;
        let images: Vec<f32> = (0..5 * SIDE * SIDE).map(value).collect();
        let masks = vec![0; images.len()];
        Batch { n: 5, channels: 1, height: SIDE, width: SIDE, images, masks }
    }

    fn logits(net: &UNet, topology: &Topology, phase: Phase, batch: &Batch) -> Vec<f32> {
        let pass = Pass { topology, plan: None, phase, keep_outputs: false };
        host(forward(net, pass, input(batch, topology, &Device::flex())).logits)
    }

    #[test]
    fn with_the_statistics_of_a_batch_evaluation_gives_what_training_on_it_gives() {
        let (topology, batch) = (topology(), batch(1));
        let net = UNet::new(&topology, 3, &Device::flex());
        let training = logits(&net, &topology, Phase::Training, &batch);
        let running = logits(&net, &topology, Phase::Evaluation, &batch);
        let found = estimate(&net, &topology, None, std::slice::from_ref(&batch));
        let settled = replace_running(net, found);
        let evaluated = logits(&settled, &topology, Phase::Evaluation, &batch);
        // they differ by n and n − 1 in the variance, with n = 1280 at the top and 320 below
        let worst =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst(&training, &evaluated) < 0.02, "{}", worst(&training, &evaluated));
        assert!(worst(&training, &running) > 0.1, "{}", worst(&training, &running));
    }

    #[test]
    fn statistics_are_the_mean_over_the_batches() {
        let topology = topology();
        let net = UNet::new(&topology, 3, &Device::flex());
        let of = |batches: &[Batch]| -> Vec<f32> {
            let found = estimate(&net, &topology, None, batches);
            let lists = found.into_iter().flatten();
            lists.flat_map(|s| [host(s.mean), host(s.variance.unwrap())].concat()).collect()
        };
        let (a, b, both) = (of(&[batch(1)]), of(&[batch(2)]), of(&[batch(1), batch(2)]));
        assert!(!both.is_empty() && a.iter().zip(&b).any(|(a, b)| (a - b).abs() > 1e-3));
        for (both, (a, b)) in both.iter().zip(a.iter().zip(&b)) {
            assert!((both - (a + b) / 2.0).abs() < 1e-5, "{both}: {a}, {b}");
        }
        assert!(of(&[]).is_empty());
    }
}
