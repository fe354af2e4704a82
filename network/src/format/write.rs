//! Writing and reading back an owned network.

use alloc::string::String;
use alloc::vec::Vec;

use super::crc::crc32;
use super::{
    HEADER_BYTES, LayerRecord, MAGIC, MAJOR, MINOR, NetworkView, SECTION_BYTES, Section,
    TensorRecord, header_crc, pack,
};
use crate::arithmetic::{ChannelParams, Mode};
use crate::error::NetworkError;
use crate::graph::{Graph, Operation};
use crate::kernels::ConvData;
use crate::layer::{Concat, Conv2d, ConvTranspose2d, Head, Layer, Requantize, Resample};
use crate::network::{Network, Tensor};
use crate::plan::{Plan, plan};

impl Network {
    /// The bytes of a `.qunet` file, with the arena plan of [`plan`].
    ///
    /// # Errors
    /// If the network is not valid or its names exceed 64 KiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>, NetworkError> {
        self.validate()?;
        self.to_bytes_with(&plan(self))
    }

    /// As [`Network::to_bytes`], with another plan of this network.
    ///
    /// # Errors
    /// If the network is not valid or its names exceed 64 KiB.
    pub fn to_bytes_with(&self, plan: &Plan) -> Result<Vec<u8>, NetworkError> {
        self.validate()?;
        let sections = self.sections()?;
        let plan_section = plan_section(plan);
        let table_end = HEADER_BYTES + (sections.len() + 1) * SECTION_BYTES;
        let header_bytes = table_end + plan_section.len();
        let mut file = self.header(sections.len() + 1, header_bytes);
        let mut offset = header_bytes;
        let mut entry = |kind: Section, offset: usize, bytes: usize| {
            for value in [kind as usize, offset, bytes] {
                file.extend((value as u32).to_le_bytes());
            }
        };
        for (kind, section) in PAYLOAD.into_iter().zip(&sections) {
            entry(kind, offset, section.len());
            offset += section.len();
        }
        entry(Section::Plan, table_end, plan_section.len());
        file.extend(plan_section);
        for section in &sections {
            file.extend(section);
        }
        let payload_crc = crc32(&[&file[header_bytes..]]);
        let file_bytes = file.len() as u32;
        file[16..20].copy_from_slice(&file_bytes.to_le_bytes());
        file[28..32].copy_from_slice(&(plan.arena_bytes as u32).to_le_bytes());
        file[32..36].copy_from_slice(&payload_crc.to_le_bytes());
        let crc = header_crc(&file[..header_bytes]);
        file[36..40].copy_from_slice(&crc.to_le_bytes());
        Ok(file)
    }

    fn header(&self, n_sections: usize, header_bytes: usize) -> Vec<u8> {
        let mut header = Vec::new();
        header.extend(MAGIC);
        header.extend(MAJOR.to_le_bytes());
        header.extend(MINOR.to_le_bytes());
        header.extend((header_bytes as u32).to_le_bytes());
        header.extend(0u32.to_le_bytes());
        header.extend((n_sections as u16).to_le_bytes());
        header.extend([u8::from(self.mode == Mode::Fixed), 0]);
        header.extend(self.input.0.to_le_bytes());
        header.extend(self.output.0.to_le_bytes());
        header.resize(HEADER_BYTES, 0);
        header
    }

    /// tensors, layers, channels, weights, names, metadata.
    fn sections(&self) -> Result<[Vec<u8>; 6], NetworkError> {
        let [mut tensors, mut layers, mut channels, mut weights] = [const { Vec::new() }; 4];
        let mut names = Names(self.name.clone());
        names.check()?;
        for tensor in &self.tensors {
            let name = names.add(&tensor.name)?;
            tensors.extend(TensorRecord { spec: tensor.spec, name }.encode());
        }
        for (index, layer) in self.layers.iter().enumerate() {
            let record = LayerRecord {
                info: self.info(index),
                first_channel: channels.len() / super::CHANNEL_BYTES,
                weights_offset: weights.len(),
                name: names.add(layer.name())?,
            };
            layers.extend(record.encode());
            let Some((codes, bits, requantize)) = layer.weights() else {
                continue;
            };
            weights.extend(pack(codes, bits));
            for params in &requantize.channels {
                channels.extend(params.multiplier.to_le_bytes());
                channels.extend(params.bias.to_le_bytes());
            }
        }
        let (names, metadata) = (names.0.into_bytes(), self.metadata.clone().into_bytes());
        Ok([tensors, layers, channels, weights, names, metadata])
    }

    /// Reads and checks a `.qunet` file into an owned network.
    ///
    /// # Errors
    /// As [`NetworkView::new_checked`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Network, NetworkError> {
        let view = NetworkView::new_checked(bytes)?;
        let tensors = (0..view.n_tensors()).map(|i| view.tensor(i));
        let tensors = tensors.map(|t| Tensor { name: view.name(t.name).into(), spec: t.spec });
        Ok(Network {
            name: view.model_name().into(),
            mode: view.mode(),
            tensors: tensors.collect(),
            layers: (0..view.n_layers()).map(|i| owned_layer(&view, i)).collect(),
            input: view.input(),
            output: view.output(),
            metadata: view.metadata().into(),
        })
    }
}

/// Sections of the payload in the order of the file.
const PAYLOAD: [Section; 6] = [
    Section::Tensors,
    Section::Layers,
    Section::Channels,
    Section::Weights,
    Section::Names,
    Section::Metadata,
];

fn plan_section(plan: &Plan) -> Vec<u8> {
    let tensors = plan.placements.iter().map(super::plan::encode_placement);
    let layers = plan.scratch.iter().map(super::plan::encode_scratch);
    tensors.chain(layers).flatten().collect()
}

/// The `names` section while it grows.
struct Names(String);

impl Names {
    fn add(&mut self, name: &str) -> Result<[usize; 2], NetworkError> {
        let place = [self.0.len(), name.len()];
        self.0.push_str(name);
        self.check()?;
        Ok(place)
    }

    fn check(&self) -> Result<(), NetworkError> {
        match self.0.len() {
            0..=0xFFFF => Ok(()),
            _ => Err(NetworkError::Section { section: "names", problem: "exceeds 64 KiB" }),
        }
    }
}

fn owned_layer(view: &NetworkView, index: usize) -> Layer {
    let record = view.layer(index);
    let info = view.info(index);
    let name: String = view.name(record.name).into();
    let (input, output, weight_bits) = (info.inputs[0], info.output, info.weight_bits);
    let (weights, channels) = match info.operation.taps() {
        0 => (Vec::new(), Vec::new()),
        _ => unpack(view, index),
    };
    let requantize = Requantize { channels, shift: info.shift };
    match info.operation {
        Operation::Conv2d { kernel } => {
            Layer::Conv2d(Conv2d { name, input, output, kernel, weight_bits, weights, requantize })
        }
        Operation::ConvTranspose2d => Layer::ConvTranspose2d(ConvTranspose2d {
            name,
            input,
            output,
            weight_bits,
            weights,
            requantize,
        }),
        Operation::MaxPool2d => Layer::MaxPool2d(Resample { name, input, output }),
        Operation::Upsample2d => Layer::Upsample2d(Resample { name, input, output }),
        Operation::Concat => Layer::Concat(Concat { name, inputs: info.inputs, output }),
        Operation::Head { kind } => {
            Layer::Head(Head { name, input, output, weight_bits, weights, requantize, kind })
        }
    }
}

fn unpack(view: &NetworkView, index: usize) -> (Vec<i8>, Vec<ChannelParams>) {
    let (info, data) = (view.info(index), view.layer_data(index));
    let weights = (0..info.n_weights).map(|i| data.weight(i) as i8).collect();
    (weights, (0..info.n_channels).map(|c| data.params(c)).collect())
}
