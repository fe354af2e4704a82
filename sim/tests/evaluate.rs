//! Evaluation on a network that can be worked out by hand: class 1 where the input code is ≥ 3.

use datasets::{Image, Mask, Sample};
use network::{
    ChannelParams, Conv2d, Head, HeadKind, Layer, Mode, Network, Requantize, Tensor, TensorId,
    TensorSpec,
};
use sim::{EvaluateConfig, Segmenter, Simulator, evaluate};

fn tensor(name: &str, bits: u8, signed: bool) -> Tensor {
    let spec = TensorSpec { channels: 1, height: 4, width: 4, bits, signed };
    Tensor { name: name.into(), spec }
}

fn plain(weights: &[i8]) -> (Vec<i8>, Requantize) {
    let channels = vec![ChannelParams { multiplier: 1, bias: 0 }];
    (weights.to_vec(), Requantize { channels, shift: 0 })
}

fn network(metadata: &str, layer: Layer, output: Tensor) -> Network {
    Network {
        name: "by-hand".into(),
        mode: Mode::Fixed,
        tensors: vec![tensor("input", 8, true), output],
        layers: vec![layer],
        input: TensorId(0),
        output: TensorId(1),
        metadata: metadata.into(),
    }
}

fn threshold(metadata: &str) -> Network {
    let (weights, requantize) = plain(&[1]);
    let head = Head {
        name: "head".into(),
        input: TensorId(0),
        output: TensorId(1),
        weight_bits: 2,
        weights,
        requantize,
        kind: HeadKind::Threshold { threshold: 3 },
    };
    network(metadata, Layer::Head(head), tensor("mask", 1, false))
}

fn soft_map(metadata: &str) -> Network {
    let (weights, requantize) = plain(&[1]);
    let conv = Conv2d {
        name: "map".into(),
        input: TensorId(0),
        output: TensorId(1),
        kernel: 1,
        weight_bits: 2,
        weights,
        requantize,
    };
    network(metadata, Layer::Conv2d(conv), tensor("map", 4, true))
}

const METADATA: &str = r#"{"input_step": 0.5, "classes": ["background", "spot"], "more": 1}"#;
const SMALL_OVERLAP: EvaluateConfig = EvaluateConfig {
    tile_overlap: Some(1),
    soft_threshold: 3,
    n_resamples: 100,
    seed: 0,
    saturation_images: 0,
};

fn sample(name: &str, values: &[f32], classes: &[u8]) -> Sample {
    let width = values.len();
    Sample {
        subject: name.into(),
        name: name.into(),
        image: Image::grey(1, width, values.to_vec()),
        mask: Mask { height: 1, width, data: classes.to_vec() },
    }
}

#[test]
fn input_codes_round_half_away_from_zero_and_clamp() {
    let simulator = Simulator::new(&threshold(METADATA)).expect("valid");
    let segmenter = Segmenter::new(&simulator, &SMALL_OVERLAP).expect("fits");
    let spec = simulator.network().spec(TensorId(0));
    // 1.25 / 0.5 = 2.5 → 3; −1.25 → −3; beyond the ends clamps; NaN and ±0 are zero
    let values = [0.0, -0.0, 0.24, 1.25, -1.25, 1e9, -1e9, f32::NAN, f32::INFINITY];
    let codes = segmenter.rule().quantize(&values, spec);
    let expected = [0, 0, 0, 3, -3, 127, -128, 0, 127];
    assert_eq!(codes.iter().map(|b| *b as i8).collect::<Vec<_>>(), expected);
}

#[test]
fn images_larger_and_smaller_than_the_network_keep_their_size() {
    for network in [threshold(METADATA), soft_map(METADATA)] {
        let simulator = Simulator::new(&network).expect("valid");
        let segmenter = Segmenter::new(&simulator, &SMALL_OVERLAP).expect("fits");
        for (height, width) in [(1, 1), (4, 4), (3, 9), (11, 5)] {
            let data: Vec<f32> = (0..height * width).map(|i| (i % 7) as f32 * 0.5).collect();
            let expected: Vec<u8> = (0..height * width).map(|i| u8::from(i % 7 >= 3)).collect();
            let mask = segmenter.segment(&Image::grey(height, width, data)).expect("runs");
            assert_eq!(mask, Mask { height, width, data: expected });
        }
    }
}

#[test]
fn report_by_hand() {
    let simulator = Simulator::new(&threshold(METADATA)).expect("valid");
    let samples = [
        // predicted 1 1 0 0 0 0, truth 1 0 0 0 0 0: Dice 2/3
        sample("a", &[1.5, 2.0, 0.0, 1.0, -9.0, 0.0], &[1, 0, 0, 0, 0, 0]),
        // predicted none, truth none: 1, counted apart
        sample("b", &[0.0; 5], &[0; 5]),
    ];
    let perfect: Vec<Mask> = samples.iter().map(|s| s.mask.clone()).collect();
    let mut done = Vec::new();
    let (report, masks) =
        evaluate(&simulator, &samples, Some(&perfect), &SMALL_OVERLAP, &mut |n| done.push(n))
            .expect("runs");
    assert_eq!(masks[0].data, [1, 1, 0, 0, 0, 0]);
    assert_eq!(done, [1, 2]);
    assert_eq!(report.classes.len(), 1);
    let class = &report.classes[0];
    assert_eq!((class.class, class.name.as_str()), (1, "spot"));
    assert_eq!(class.quantized.mean_image, (2.0 / 3.0 + 1.0) / 2.0);
    assert_eq!(class.quantized.n_empty_images, 1);
    assert_eq!(class.quantized.trivial_all, 2.0 / 12.0);
    let drop = class.drop.expect("float masks given");
    assert!((drop.image.mean - 1.0 / 6.0).abs() < 1e-12);
    assert!(drop.image.low >= 0.0 && drop.image.high <= 1.0 / 3.0 + 1e-12);
    assert!((drop.pooled - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(class.best_threshold_dice, Some(2.0 / 3.0));
    // tiles of the 6-wide image: two; of the 5-wide: two
    assert_eq!(report.saturation[0].n_values, 4 * 16);
    assert_eq!(report.memory.layers[0].weight_bytes, 1);
    let json = serde_json::to_value(&report).expect("serializes");
    assert_eq!(json["classes"][0]["name"], "spot");
    assert_eq!(json["memory"]["float_bytes"], 8);
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    let message = |metadata: &str, config: &EvaluateConfig| {
        let simulator = Simulator::new(&threshold(metadata)).expect("valid");
        match Segmenter::new(&simulator, config) {
            Ok(_) => panic!("accepted"),
            Err(error) => error.to_string(),
        }
    };
    assert_eq!(
        message(r#"{"input_step": -1}"#, &SMALL_OVERLAP),
        "network by-hand: metadata: input_step: expected a positive number, found -1"
    );
    assert!(message("", &SMALL_OVERLAP).contains("metadata: (all): expected a JSON object"));
    assert!(message("3", &SMALL_OVERLAP).contains("input_step"));
    let wide = EvaluateConfig { tile_overlap: Some(4), ..SMALL_OVERLAP };
    assert!(message(METADATA, &wide).starts_with("evaluate.tile_overlap: expected below 4"));

    let simulator = Simulator::new(&threshold(METADATA)).expect("valid");
    let refused = |samples: &[Sample], float: Option<&[Mask]>| {
        let result = evaluate(&simulator, samples, float, &SMALL_OVERLAP, &mut |_| {});
        result.expect_err("refused").to_string()
    };
    assert_eq!(refused(&[], None), "images to evaluate: expected at least 1, found 0");
    let one = sample("a", &[0.0; 3], &[0; 3]);
    assert_eq!(
        refused(std::slice::from_ref(&one), Some(&[])),
        "number of float masks: expected 1, found 0"
    );
    assert_eq!(
        refused(std::slice::from_ref(&one), Some(&[Mask::zeros(1, 2)])),
        "image a: size of its float mask: expected 1×3, found 1×2"
    );
    let mut two_channels = one;
    two_channels.image = Image::zeros(2, 1, 3);
    assert_eq!(
        refused(&[two_channels], None),
        "network by-hand: channels of the image: expected 1, found 2"
    );
}
