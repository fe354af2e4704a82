//! Quantization without training, as often as one likes, from one float network.

use std::path::Path;

use burn::tensor::Device;
use datasets::sampler::Batch;
use datasets::{Dataset, Preprocess};
use network::Network;

use crate::config::QuantizeConfig;
use crate::error::QuantizerError;
use crate::evaluate::logit;
use crate::lower::{Label, lower};
use crate::qat;
use crate::recipe::{quantize_recipe, sampler};
use crate::run::{Configs, float_of_run, metadata, model_name};
use crate::run_files::read_net;
use crate::topology::{LayerSpec, Topology};
use crate::unet::UNet;

/// A float network and the patches on which its quantizations are calibrated.
pub struct Calibrator {
    topology: Topology,
    net: UNet,
    batch: Batch,
    device: Device,
    made_from: MadeFrom,
}

/// What the metadata of a network tell, so that its file is as long as that of a trained one.
struct MadeFrom {
    name: String,
    configs: Configs,
    class_names: Vec<String>,
    preprocess: Preprocess,
    threshold: f64,
    crc32: u32,
}

impl MadeFrom {
    fn label(&self, config: &QuantizeConfig, input_step: f32) -> Label {
        let Self { name, class_names, preprocess, threshold, crc32, .. } = self;
        let configs = Configs { quantize: config.clone(), ..self.configs.clone() };
        let metadata = metadata(class_names, &configs, preprocess, input_step, *threshold, *crc32);
        Label { name: name.clone(), metadata, threshold_logit: logit(*threshold) }
    }
}

impl Calibrator {
    /// Reads the run's float network and draws the patches.
    ///
    /// # Errors
    /// If there is no float network, or it is another than the configuration's.
    pub fn new(
        data: &Dataset,
        configs: &Configs,
        preprocess: &Preprocess,
        run_dir: &Path,
    ) -> Result<Self, QuantizerError> {
        let (topology, float) = float_of_run(data, configs, run_dir)?;
        let device = configs.train.backend.device()?.autodiff();
        let net = read_net(run_dir, "float.bpk", &topology, &device)?;
        let batch = qat::calibration(&sampler(data, &quantize_recipe(&topology, configs)));
        let made_from = MadeFrom {
            name: model_name(run_dir),
            configs: configs.clone(),
            class_names: data.class_names.clone(),
            preprocess: preprocess.clone(),
            threshold: float.threshold,
            crc32: float.weights_crc32,
        };
        Ok(Self { topology, net, batch, device, made_from })
    }

    /// The layers with weights, in run order.
    pub fn layers(&self) -> Vec<LayerSpec> {
        self.topology.layers()
    }

    /// The integer network with these bits and the float network's threshold.
    ///
    /// # Errors
    /// If a layer does not fit integers.
    pub fn network(&self, config: &QuantizeConfig) -> Result<Network, QuantizerError> {
        let Self { topology, net, batch, device, .. } = self;
        let (first, plan) = qat::start(config, topology, net, batch, device)?;
        let label = self.made_from.label(config, plan.input_step);
        lower(topology, &plan, &first.values(), &label)
    }
}
