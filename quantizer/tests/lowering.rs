//! Every W and A in 1..=8 and both modes lower to a valid network that equals the evaluation.

mod common;

use burn::module::Module;
use burn::tensor::Device;
use common::{discs, tiny};
use datasets::sampler::{PatchSampler, SamplerOptions};
use datasets::{Dataset, Image};
use network::{HeadKind, Layer, Network};
use qunet_quantizer::checkpoint::load_net;
use qunet_quantizer::config::{QuantizeConfig, QuantizeMode, Upsample};
use qunet_quantizer::evaluate::{Agreement, Predictor, agreement};
use qunet_quantizer::fake_quant::{QuantPlan, step_size};
use qunet_quantizer::integers::layer_integers;
use qunet_quantizer::lower::{Label, lower};
use qunet_quantizer::qat;
use qunet_quantizer::run::train_float;
use qunet_quantizer::topology::Topology;
use qunet_quantizer::train::Resume;
use qunet_quantizer::unet::{UNet, host};

fn label() -> Label {
    Label { name: "test".into(), metadata: "{}".into(), threshold_logit: 3.0 }
}

fn lowered(data: &Dataset, topology: &Topology, config: &QuantizeConfig) -> (Network, Agreement) {
    let device = Device::flex().autodiff();
    let float = UNet::new(topology, 5, &device);
    let options = SamplerOptions { height: 16, width: 16, batch: 6, ..Default::default() };
    let batch = PatchSampler::new(&data.train, options).batch(0);
    let (net, plan) = qat::start(config, topology, &float, &batch, &device).unwrap();
    let (values, net, plain) = (net.values(), net.valid(), Device::flex());
    let network = lower(topology, &plan, &values, &label()).unwrap();
    let integers = layer_integers(topology, &plan, &values).unwrap();
    let predictor = Predictor { net: &net, topology, plan: Some(&plan), device: &plain };
    let tiles: Vec<Image> = data.test.iter().map(|s| s.image.clone()).collect();
    let found = agreement(&predictor, &plan, &integers, &network, &tiles).unwrap();
    (network, found)
}

#[test]
fn all_bits_in_both_modes_lower_without_a_mismatch() {
    let data = discs(16, 2);
    for mode in [QuantizeMode::Scaled, QuantizeMode::Fixed] {
        for weight_bits in 1..=8 {
            for activation_bits in 1..=8 {
                let config = QuantizeConfig {
                    weight_bits,
                    activation_bits,
                    first_weight_bits: weight_bits,
                    head_weight_bits: weight_bits,
                    mode,
                    ..Default::default()
                };
                let mut model = tiny(16, 1, 0).model;
                let transposed = (weight_bits + activation_bits) % 2 == 0;
                model.upsample = if transposed { Upsample::Transposed } else { Upsample::Nearest };
                model.depth = 1 + usize::from(weight_bits % 3 == 0);
                let n_classes = if activation_bits % 3 == 0 { 4 } else { 2 };
                let topology = Topology::new(&model, 1, n_classes);
                let (network, found) = lowered(&data, &topology, &config);
                let case = format!("{mode:?} W{weight_bits} A{activation_bits}");
                assert_eq!(found.fake_quant_mismatches, 0, "{case}: {found:?}");
                assert_eq!(found.pixels, 4 * 256, "{case}");
                check_layers(&network, weight_bits, mode, &case);
            }
        }
    }
}

fn check_layers(network: &Network, weight_bits: u8, mode: QuantizeMode, case: &str) {
    for layer in &network.layers {
        if let Layer::Concat(concat) = layer {
            let [a, b] = concat.inputs.map(|id| network.spec(id));
            assert_eq!((a.bits, a.signed), (b.bits, b.signed), "{case}");
        }
        let Some((_, bits, requantize)) = layer.weights() else {
            continue;
        };
        assert_eq!(bits, weight_bits, "{case}");
        let largest = requantize.channels.iter().map(|c| c.multiplier.unsigned_abs()).max();
        match mode {
            QuantizeMode::Fixed => assert_eq!(largest, Some(1), "{case}"),
            // Near 15 bits unless B needs the room.
            _ => assert!(largest >= Some(1 << 9), "{case}: M {largest:?}"),
        }
        if let Layer::Head(head) = layer {
            match head.kind {
                HeadKind::Threshold { threshold } => assert!(threshold > 0, "{case}"),
                HeadKind::Argmax => assert_eq!(network.spec(head.output).bits, 2, "{case}"),
            }
        }
    }
}

#[test]
fn tensors_are_named_and_explicit() {
    let data = discs(16, 2);
    let topology = Topology::new(&tiny(16, 1, 0).model, 1, 2);
    let (network, _) = lowered(&data, &topology, &QuantizeConfig::default());
    let names: Vec<&str> = network.layers.iter().map(|l| l.name()).collect();
    let expected = [
        "enc0.conv1",
        "enc0.conv2",
        "enc0.pool",
        "bottom.conv1",
        "bottom.conv2",
        "dec0.upsample",
        "dec0.concat",
        "dec0.conv1",
        "dec0.conv2",
        "head",
    ];
    assert_eq!(names, expected);
    let tensors: Vec<&str> = network.tensors.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(tensors[..3], ["input", "enc0.conv1.out", "enc0.conv2.out"]);
    let input = network.spec(network.input);
    assert_eq!((input.bits, input.signed), (8, true));
}

/// Mean logits of the quantized network stay those of the float network, with few bits as well.
#[test]
fn the_start_undoes_the_shift_of_quantization() {
    let data = discs(16, 2);
    let device = Device::flex().autodiff();
    let configs = tiny(16, 40, 0);
    let dir = tempfile::tempdir().unwrap();
    train_float(&data, &configs, dir.path(), Resume::Fresh, &mut |_| {}).unwrap();
    let topology = Topology::new(&configs.model, 1, 2);
    let float = UNet::new(&topology, 0, &device);
    let float = load_net(float, &dir.path().join("float.bpk")).unwrap();
    let options = SamplerOptions { height: 16, width: 16, batch: 12, ..Default::default() };
    let batch = PatchSampler::new(&data.train, options).batch(0);
    let patches: Vec<Image> =
        batch.images.chunks(256).map(|p| Image::grey(16, 16, p.to_vec())).collect();
    let plain = Device::flex();
    let means = |net: &UNet, plan: Option<&QuantPlan>| {
        let net = net.valid();
        let predictor = Predictor { net: &net, topology: &topology, plan, device: &plain };
        let logits = predictor.logits(&patches);
        let values = host(logits);
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>();
        (mean, (square / values.len() as f32).sqrt())
    };
    let (expected, spread) = means(&float, None);
    for (weight_bits, activation_bits) in [(8, 8), (3, 4), (2, 3), (1, 2)] {
        for mode in [QuantizeMode::Scaled, QuantizeMode::Fixed] {
            let config = QuantizeConfig { weight_bits, activation_bits, ..eight_bits(mode) };
            let (net, plan) = qat::start(&config, &topology, &float, &batch, &device).unwrap();
            let (found, _) = means(&net, Some(&plan));
            let case = format!("{mode:?} W{weight_bits} A{activation_bits}");
            let shift = (found - expected).abs() / spread;
            assert!(shift < 0.2, "{case}: mean {found}, not {expected}; deviation {spread}");
        }
    }
}

fn eight_bits(mode: QuantizeMode) -> QuantizeConfig {
    QuantizeConfig { weight_bits: 8, activation_bits: 8, mode, ..Default::default() }
}

#[test]
fn concatenated_tensors_share_the_step_after_calibration() {
    let data = discs(16, 2);
    let device = Device::flex().autodiff();
    let topology = Topology::new(&tiny(16, 1, 0).model, 1, 2);
    let float = UNet::new(&topology, 5, &device);
    let options = SamplerOptions { height: 16, width: 16, batch: 6, ..Default::default() };
    let batch = PatchSampler::new(&data.train, options).batch(0);
    let config = QuantizeConfig::default();
    let (net, plan): (UNet, QuantPlan) =
        qat::start(&config, &topology, &float, &batch, &device).unwrap();
    let specs = topology.layers();
    let bottom = specs.iter().position(|s| s.name == "bottom.conv2").unwrap();
    let owner = specs[bottom].step_owner;
    assert_eq!(specs[owner].name, "enc0.conv2");
    // The same real step must come out of lowering for both.
    let integers = layer_integers(&topology, &plan, &net.values()).unwrap();
    assert_eq!(integers[bottom].output_step, integers[owner].output_step);
    let step = f64::from(step_size(net.values()[owner].activation_step, plan.mode));
    assert_eq!(integers[bottom].output_step, step);
}
