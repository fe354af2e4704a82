//! Own kernels against the portable forms: values and all gradients.

use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::fake_quant::Range;
use crate::unet::host;

fn random<const D: usize>(seed: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let n = shape.iter().product();
    let values: Vec<f32> = (0..n).map(|_| random.random_range(-1.0..1.0)).collect();
    Tensor::<D>::from_data(TensorData::new(values, shape), device).require_grad()
}

fn close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1.0f32, |m, v| m.max(v.abs()));
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= 2e-5 * largest, "{what}[{i}]: {f}, not {e}");
    }
}

/// Output and gradients of x and two vectors or weights under a random upstream gradient.
fn check<const D: usize>(
    what: &str,
    x: [usize; 4],
    p: [usize; D],
    own: impl Fn(Tensor<4>, Tensor<D>) -> Tensor<4>,
    portable: impl Fn(Tensor<4>, Tensor<D>) -> Tensor<4>,
) {
    let device = Device::flex().autodiff();
    let run = |f: &dyn Fn(Tensor<4>, Tensor<D>) -> Tensor<4>| {
        let (x, p) = (random(1, x, &device), random(2, p, &device).abs().add_scalar(0.05));
        let p = p.detach().require_grad();
        let y = f(x.clone(), p.clone());
        let upstream = random(3, y.dims(), &device).detach();
        let gradients = (y.clone() * upstream).sum().backward();
        let of_x = host(x.grad(&gradients).unwrap());
        (host(y), of_x, host(p.grad(&gradients).unwrap()))
    };
    let (found, expected) = (run(&own), run(&portable));
    close(&format!("{what} output"), &found.0, &expected.0);
    close(&format!("{what} gradient of x"), &found.1, &expected.1);
    close(&format!("{what} gradient of the parameter"), &found.2, &expected.2);
}

#[test]
fn convolution_equals_burns() {
    // Odd sizes, channels beside the block sizes, rows longer and shorter than a vector.
    let cases = [
        ([1, 1, 1, 1], 1),
        ([2, 3, 5, 7], 2),
        ([1, 8, 9, 16], 8),
        ([3, 5, 33, 70], 9),
        ([2, 17, 4, 3], 13),
        ([1, 2, 70, 64], 3),
    ];
    for (x, n_out) in cases {
        let what = format!("conv {x:?} to {n_out}");
        let weight = [n_out, x[1], 3, 3];
        check(&what, x, weight, super::conv3x3, super::conv3x3::portable);
    }
}

#[test]
fn lsq_equals_the_composed_form() {
    let ranges = [Range::weight(1), Range::weight(2), Range::weight(8), Range::activation(1)];
    for range in ranges.into_iter().chain([Range::activation(4)]) {
        for (x, steps) in [([4, 3, 3, 5], 4), ([2, 3, 40, 41], 1)] {
            let what = format!("{range:?} {x:?}");
            let own = |x, s| super::lsq(x, s, range);
            let portable = |x, s| super::lsq::portable(x, s, range);
            check(&what, x, [steps], own, portable);
        }
    }
}

#[test]
fn batch_norm_equals_the_composed_form() {
    for x in [[5, 3, 4, 5], [2, 1, 17, 3], [8, 6, 16, 16]] {
        let device = Device::flex().autodiff();
        let other = random(7, [x[1]], &device).detach();
        let what = format!("{x:?}");
        let own = |x, p| super::batch_norm(x, p, other.clone()).output;
        let portable = |x, p| super::batch_norm::portable(x, p, other.clone()).output;
        check(&format!("gamma {what}"), x, [x[1]], own, portable);
        let own = |x, p| super::batch_norm(x, other.clone(), p).output;
        let portable = |x, p| super::batch_norm::portable(x, other.clone(), p).output;
        check(&format!("beta {what}"), x, [x[1]], own, portable);
        let data = random(1, x, &device);
        let vectors = || (other.clone(), other.clone());
        let (g, b) = vectors();
        let found = super::batch_norm(data.clone(), g, b);
        let (g, b) = vectors();
        let expected = super::batch_norm::portable(data, g, b);
        close("mean", &host(found.mean), &host(expected.mean));
        close("variance", &host(found.variance), &host(expected.variance));
    }
}
