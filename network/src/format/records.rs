//! Tensor and layer records: fixed-size, little-endian.

use super::{LAYER_BYTES, TENSOR_BYTES, u16_at, u32_at};
use crate::error::{NetworkError, Place};
use crate::graph::{LayerInfo, Operation};
use crate::kernels::HeadKind;
use crate::tensor::{TensorId, TensorSpec};

/// One tensor in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorRecord {
    /// Shape and format.
    pub spec: TensorSpec,
    /// Name: first byte and length in the `names` section.
    pub name: [usize; 2],
}

/// One layer in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerRecord {
    /// The layer without its data.
    pub info: LayerInfo,
    /// Index of its first (M, B) pair.
    pub first_channel: usize,
    /// First byte of its weights in the `weights` section.
    pub weights_offset: usize,
    /// Name: first byte and length in the `names` section.
    pub name: [usize; 2],
}

impl TensorRecord {
    /// What an index stands for that is no tensor's.
    pub(super) const NOTHING: TensorRecord = TensorRecord {
        spec: TensorSpec { channels: 0, height: 0, width: 0, bits: 1, signed: false },
        name: [0; 2],
    };

    /// Reads a record.
    #[inline]
    pub fn decode(bytes: &[u8; TENSOR_BYTES], index: usize) -> Result<TensorRecord, NetworkError> {
        let signed = match bytes[7] {
            0 => false,
            1 => true,
            found => {
                let place = Place::Tensor(index);
                return Err(NetworkError::UnknownCode { place, what: "sign", found: found.into() });
            }
        };
        let spec = TensorSpec {
            channels: u16_at(bytes, 0).into(),
            height: u16_at(bytes, 2).into(),
            width: u16_at(bytes, 4).into(),
            bits: bytes[6],
            signed,
        };
        let name = [u16_at(bytes, 12).into(), u16_at(bytes, 14).into()];
        Ok(TensorRecord { spec, name })
    }

    /// The record's bytes.
    pub fn encode(&self) -> [u8; TENSOR_BYTES] {
        let mut bytes = [0; TENSOR_BYTES];
        put_u16(&mut bytes, 0, self.spec.channels);
        put_u16(&mut bytes, 2, self.spec.height);
        put_u16(&mut bytes, 4, self.spec.width);
        bytes[6] = self.spec.bits;
        bytes[7] = self.spec.signed.into();
        put_u16(&mut bytes, 12, self.name[0]);
        put_u16(&mut bytes, 14, self.name[1]);
        bytes
    }
}

impl LayerRecord {
    /// What an index stands for that is no layer's.
    pub(super) const NOTHING: LayerRecord = LayerRecord {
        info: LayerInfo {
            operation: Operation::Concat,
            inputs: [TensorId(0); 2],
            output: TensorId(0),
            weight_bits: 1,
            shift: 0,
            n_channels: 0,
            n_weights: 0,
        },
        first_channel: 0,
        weights_offset: 0,
        name: [0; 2],
    };

    /// Reads a record.
    #[inline]
    pub fn decode(bytes: &[u8; LAYER_BYTES], index: usize) -> Result<LayerRecord, NetworkError> {
        let place = Place::Layer(index);
        let unknown =
            |what, found: u8| NetworkError::UnknownCode { place, what, found: found.into() };
        let threshold = u16_at(bytes, 16) as i16;
        let operation = match (bytes[0], bytes[14]) {
            (0, _) => Operation::Conv2d { kernel: bytes[2].into() },
            (1, _) => Operation::ConvTranspose2d,
            (2, _) => Operation::MaxPool2d,
            (3, _) => Operation::Upsample2d,
            (4, _) => Operation::Concat,
            (5, 0) => Operation::Head { kind: HeadKind::Threshold { threshold } },
            (5, 1) => Operation::Head { kind: HeadKind::Argmax },
            (5, found) => return Err(unknown("head", found)),
            (found, _) => return Err(unknown("operation", found)),
        };
        let info = LayerInfo {
            operation,
            inputs: [TensorId(u16_at(bytes, 4)), TensorId(u16_at(bytes, 6))],
            output: TensorId(u16_at(bytes, 8)),
            weight_bits: bytes[1],
            shift: bytes[3],
            n_channels: u16_at(bytes, 18).into(),
            n_weights: u32_at(bytes, 28) as usize,
        };
        Ok(LayerRecord {
            info,
            first_channel: u32_at(bytes, 20) as usize,
            weights_offset: u32_at(bytes, 24) as usize,
            name: [u16_at(bytes, 10).into(), u16_at(bytes, 12).into()],
        })
    }

    /// The record's bytes.
    pub fn encode(&self) -> [u8; LAYER_BYTES] {
        let mut bytes = [0; LAYER_BYTES];
        let (operation, kernel, head, threshold) = match self.info.operation {
            Operation::Conv2d { kernel } => (0, kernel as u8, 0, 0),
            Operation::ConvTranspose2d => (1, 0, 0, 0),
            Operation::MaxPool2d => (2, 0, 0, 0),
            Operation::Upsample2d => (3, 0, 0, 0),
            Operation::Concat => (4, 0, 0, 0),
            Operation::Head { kind: HeadKind::Threshold { threshold } } => (5, 0, 0, threshold),
            Operation::Head { kind: HeadKind::Argmax } => (5, 0, 1, 0),
        };
        bytes[..4].copy_from_slice(&[operation, self.info.weight_bits, kernel, self.info.shift]);
        put_u16(&mut bytes, 4, self.info.inputs[0].index());
        put_u16(&mut bytes, 6, self.info.inputs[1].index());
        put_u16(&mut bytes, 8, self.info.output.index());
        put_u16(&mut bytes, 10, self.name[0]);
        put_u16(&mut bytes, 12, self.name[1]);
        bytes[14] = head;
        bytes[16..18].copy_from_slice(&threshold.to_le_bytes());
        put_u16(&mut bytes, 18, self.info.n_channels);
        bytes[20..24].copy_from_slice(&(self.first_channel as u32).to_le_bytes());
        bytes[24..28].copy_from_slice(&(self.weights_offset as u32).to_le_bytes());
        bytes[28..32].copy_from_slice(&(self.info.n_weights as u32).to_le_bytes());
        bytes
    }
}

fn put_u16(bytes: &mut [u8], at: usize, value: usize) {
    bytes[at..at + 2].copy_from_slice(&(value as u16).to_le_bytes());
}
