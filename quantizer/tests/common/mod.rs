//! A small data set of bright discs on a dark, noisy ground, drawn here.

use datasets::{Dataset, Image, Mask, Sample};
use qunet_quantizer::config::{ModelConfig, QuantizeConfig, TrainConfig};
use qunet_quantizer::run::Configs;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// `n_classes` − 1 kinds of discs of different brightness.
pub fn discs(side: usize, n_classes: u8) -> Dataset {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut samples = |n: usize| (0..n).map(|i| disc(&mut random, side, i, n_classes)).collect();
    Dataset {
        train: samples(16),
        validation: samples(4),
        test: samples(4),
        n_classes: usize::from(n_classes),
        class_names: (0..n_classes).map(|c| format!("class{c}")).collect(),
    }
}

fn disc(random: &mut ChaCha8Rng, side: usize, index: usize, n_classes: u8) -> Sample {
    let s = side as f32;
    let centre = [random.random_range(0.3 * s..0.7 * s), random.random_range(0.3 * s..0.7 * s)];
    let radius = random.random_range(0.15 * s..0.3 * s);
    let class = 1 + (index as u8) % (n_classes - 1);
    let (mut data, mut mask) = (Vec::new(), Vec::new());
    for pixel in 0..side * side {
        let (y, x) = ((pixel / side) as f32, (pixel % side) as f32);
        let inside = (y - centre[0]).hypot(x - centre[1]) < radius;
        let level = if inside { f32::from(class) } else { -0.5 };
        data.push(level + random.random_range(-0.3..0.3));
        mask.push(if inside { class } else { 0 });
    }
    Sample {
        subject: format!("s{index}"),
        name: format!("s{index}"),
        image: Image::grey(side, side, data),
        mask: Mask { height: side, width: side, data: mask },
    }
}

/// A tiny network and short trainings for [`discs`].
pub fn tiny(side: usize, steps: usize, fine_tuning: usize) -> Configs {
    Configs {
        model: ModelConfig {
            base_width: 4,
            depth: 1,
            height: side,
            width: side,
            ..Default::default()
        },
        train: TrainConfig {
            steps,
            batch: 5,
            learning_rate: 1e-2,
            warmup_steps: 2,
            checkpoint_every: 4,
            validation_every: 8,
            ..Default::default()
        },
        augment: Default::default(),
        quantize: QuantizeConfig { steps: fine_tuning, ..Default::default() },
    }
}
