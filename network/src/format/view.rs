//! A `.qunet` file read in place: checked once, then accessors cannot fail.

use super::crc::crc32;
use super::{
    CHANNEL_BYTES, HEADER_BYTES, LAYER_BYTES, LayerRecord, MAGIC, MAJOR, N_SECTIONS, PackedWeights,
    SECTION_BYTES, SECTION_NAMES, Section, TENSOR_BYTES, TensorRecord, header_crc, packed_bytes,
    u16_at, u32_at,
};
use crate::arithmetic::{ChannelParams, Mode};
use crate::error::{NetworkError, Place};
use crate::graph::{Graph, LayerInfo};
use crate::kernels::ConvData;
use crate::tensor::{TensorId, TensorSpec};
use crate::validate::{MAX_ITEMS, validate};

/// A checked file; borrows its bytes, copies nothing.
#[derive(Clone, Copy, Debug)]
pub struct NetworkView<'a> {
    bytes: &'a [u8],
    header: &'a [u8; HEADER_BYTES],
    sections: [&'a [u8]; N_SECTIONS],
    mode: Mode,
}

/// Packed weights and parameters of one layer, in place.
#[derive(Clone, Copy, Debug)]
pub struct LayerData<'a> {
    /// Weight codes.
    pub weights: PackedWeights<'a>,
    channels: &'a [u8],
}

impl ConvData for LayerData<'_> {
    #[inline(always)]
    fn weight(&self, index: usize) -> i32 {
        self.weights.get(index)
    }

    #[inline(always)]
    fn params(&self, channel: usize) -> ChannelParams {
        match self.channels.get(channel * CHANNEL_BYTES..(channel + 1) * CHANNEL_BYTES) {
            Some(record) => ChannelParams {
                multiplier: u16_at(record, 0) as i16,
                bias: u32_at(record, 2) as i32,
            },
            None => ChannelParams { multiplier: 0, bias: 0 },
        }
    }
}

impl<'a> NetworkView<'a> {
    /// Checks header, checksums, records, graph, accumulator bounds and, if there is one, the plan of
    /// the arena.
    ///
    /// # Errors
    /// The first [`NetworkError`] found; hostile bytes neither panic nor allocate.
    pub fn new_checked(bytes: &'a [u8]) -> Result<NetworkView<'a>, NetworkError> {
        let view = Self::from_container(bytes)?;
        view.check_records()?;
        validate(&view)?;
        if view.has_plan() {
            view.check_plan()?;
        }
        Ok(view)
    }

    /// Header, checksums and section table.
    fn from_container(bytes: &'a [u8]) -> Result<NetworkView<'a>, NetworkError> {
        let header = check_header(bytes)?;
        let header_bytes = u32_at(header, 12) as usize;
        let n_sections = usize::from(u16_at(header, 20));
        let table_end = HEADER_BYTES + n_sections * SECTION_BYTES;
        let table = bytes
            .get(HEADER_BYTES..table_end)
            .filter(|table| HEADER_BYTES + table.len() <= header_bytes)
            .ok_or(section_error(0, "the section table is larger than the header"))?;
        let mut sections: [Option<&[u8]>; N_SECTIONS] = [None; N_SECTIONS];
        for entry in table.chunks_exact(SECTION_BYTES) {
            let kind = u32_at(entry, 0) as usize;
            let Some(slot) = sections.get_mut(kind) else {
                continue;
            };
            let start = u32_at(entry, 4) as usize;
            let end = start.saturating_add(u32_at(entry, 8) as usize);
            // the plan lies in the header, everything else behind it
            let inside = if kind == Section::Plan as usize {
                start >= table_end && end <= header_bytes
            } else {
                start >= header_bytes
            };
            let content = bytes.get(start..end).filter(|_| inside);
            let content =
                content.ok_or(section_error(kind, "lies outside its part of the file"))?;
            if slot.replace(content).is_some() {
                return Err(section_error(kind, "appears twice"));
            }
        }
        let mut found: [&[u8]; N_SECTIONS] = [&[]; N_SECTIONS];
        for (kind, (found, content)) in found.iter_mut().zip(&sections).enumerate() {
            *found = match content {
                None if kind == Section::Plan as usize => &[],
                content => content.ok_or(section_error(kind, "is missing"))?,
            };
        }
        let mode = match header[22] {
            0 => Mode::Scaled,
            1 => Mode::Fixed,
            code => {
                let place = Place::Layer(0);
                return Err(NetworkError::UnknownCode { place, what: "mode", found: code.into() });
            }
        };
        Ok(NetworkView { bytes, header, sections: found, mode })
    }

    /// Every record decodes and points inside its sections, and texts are UTF-8.
    fn check_records(&self) -> Result<(), NetworkError> {
        let n_bytes = [self.section(Section::Tensors).len(), self.section(Section::Layers).len()];
        // divided by constants here: a division in the loop could panic
        let records = [
            (Section::Tensors, n_bytes[0] % TENSOR_BYTES, n_bytes[0] / TENSOR_BYTES),
            (Section::Layers, n_bytes[1] % LAYER_BYTES, n_bytes[1] / LAYER_BYTES),
        ];
        for (section, rest, n_records) in records {
            if rest != 0 || n_records > MAX_ITEMS {
                let problem = "is not a whole number of records (512 at most)";
                return Err(section_error(section as usize, problem));
            }
        }
        for (kind, text) in
            [(4, self.section(Section::Names)), (5, self.section(Section::Metadata))]
        {
            core::str::from_utf8(text).map_err(|_| section_error(kind, "is not UTF-8 text"))?;
        }
        for record in (0..).map_while(|i| self.try_tensor(i)) {
            self.check_name(record?.name)?;
        }
        for (index, record) in (0..).map_while(|i| self.try_layer(i)).enumerate() {
            let record = record?;
            self.check_name(record.name)?;
            self.check_data(index, &record)?;
        }
        Ok(())
    }

    fn check_name(&self, [start, len]: [usize; 2]) -> Result<(), NetworkError> {
        let names = core::str::from_utf8(self.section(Section::Names)).unwrap_or("");
        match names.get(start..start + len) {
            Some(_) => Ok(()),
            None => Err(section_error(4, "is shorter than a name that points into it")),
        }
    }

    fn check_data(&self, index: usize, record: &LayerRecord) -> Result<(), NetworkError> {
        let info = &record.info;
        let place = Place::Layer(index);
        if info.operation.taps() == 0 {
            return Ok(());
        }
        if !(1..=8).contains(&info.weight_bits) {
            let found = info.weight_bits.into();
            return Err(NetworkError::Range { place, what: "weight bits", low: 1, high: 8, found });
        }
        if info.n_channels == 0 {
            let what = "number of (M, B) pairs";
            return Err(NetworkError::Range { place, what, low: 1, high: 65535, found: 0 });
        }
        // u64: these products of file values can pass 32 bits on a board
        let channels_end =
            (record.first_channel as u64 + info.n_channels as u64) * CHANNEL_BYTES as u64;
        if channels_end > self.section(Section::Channels).len() as u64 {
            return Err(section_error(2, "is shorter than a layer that points into it"));
        }
        let packed = (info.n_weights as u64 * u64::from(info.weight_bits)).div_ceil(8);
        if record.weights_offset as u64 + packed > self.section(Section::Weights).len() as u64 {
            return Err(section_error(3, "is shorter than a layer that points into it"));
        }
        Ok(())
    }

    pub(super) fn section(&self, section: Section) -> &'a [u8] {
        self.sections[section as usize]
    }

    /// One tensor record; an index that is not below `n_tensors` gives a tensor without values.
    #[inline]
    pub fn tensor(&self, index: usize) -> TensorRecord {
        let record = self.try_tensor(index).and_then(Result::ok);
        debug_assert!(record.is_some(), "records are checked by new_checked");
        record.unwrap_or(TensorRecord::NOTHING)
    }

    /// One layer record; an index that is not below `n_layers` gives a layer without data.
    pub fn layer(&self, index: usize) -> LayerRecord {
        let record = self.get_layer(index);
        debug_assert!(record.is_some(), "records are checked by new_checked");
        record.unwrap_or(LayerRecord::NOTHING)
    }

    /// One layer record; none if there is no such layer.
    #[inline]
    pub fn get_layer(&self, index: usize) -> Option<LayerRecord> {
        self.try_layer(index).and_then(Result::ok)
    }

    fn try_tensor(&self, index: usize) -> Option<Result<TensorRecord, NetworkError>> {
        let records = self.section(Section::Tensors);
        let record = records.get(index.checked_mul(TENSOR_BYTES)?..)?;
        Some(TensorRecord::decode(record.first_chunk()?, index))
    }

    fn try_layer(&self, index: usize) -> Option<Result<LayerRecord, NetworkError>> {
        let records = self.section(Section::Layers);
        let record = records.get(index.checked_mul(LAYER_BYTES)?..)?;
        Some(LayerRecord::decode(record.first_chunk()?, index))
    }

    /// Name of the model: the text before the first name that a tensor points to.
    pub fn model_name(&self) -> &'a str {
        self.name([0, self.tensor(0).name[0]])
    }

    /// Text of a name in a record.
    pub fn name(&self, [start, len]: [usize; 2]) -> &'a str {
        let names = core::str::from_utf8(self.section(Section::Names)).unwrap_or("");
        names.get(start..start + len).unwrap_or("")
    }

    /// JSON text for the host.
    pub fn metadata(&self) -> &'a str {
        core::str::from_utf8(self.section(Section::Metadata)).unwrap_or("")
    }

    /// The bytes of the whole file.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Bytes of the arena that the plan needs.
    pub fn arena_bytes(&self) -> usize {
        u32_at(self.header, 28) as usize
    }

    /// CRC-32 of the payload, which identifies the model to the accelerator.
    pub fn model_hash(&self) -> u32 {
        u32_at(self.header, 32)
    }

    /// Weights and parameters of one layer, for as long as the file's bytes live.
    pub fn layer_data(&self, layer: usize) -> LayerData<'a> {
        self.record_data(&self.layer(layer))
    }

    /// Weights and parameters that a layer record of this file points to.
    #[inline]
    pub fn record_data(&self, record: &LayerRecord) -> LayerData<'a> {
        let weights = self.section(Section::Weights);
        let weights = weights.get(record.weights_offset..).unwrap_or_default();
        let n_bytes = packed_bytes(record.info.n_weights, record.info.weight_bits);
        let channels = self.section(Section::Channels);
        let first = record.first_channel.wrapping_mul(CHANNEL_BYTES);
        let channels = channels.get(first..).unwrap_or_default();
        let n_channel_bytes = record.info.n_channels * CHANNEL_BYTES;
        LayerData {
            weights: PackedWeights {
                bytes: weights.get(..n_bytes).unwrap_or_default(),
                bits: record.info.weight_bits,
            },
            channels: channels.get(..n_channel_bytes).unwrap_or_default(),
        }
    }
}

impl<'f> Graph for NetworkView<'f> {
    type Data<'a>
        = LayerData<'f>
    where
        Self: 'a;

    fn mode(&self) -> Mode {
        self.mode
    }
    fn input(&self) -> TensorId {
        TensorId(u16_at(self.header, 24))
    }
    fn output(&self) -> TensorId {
        TensorId(u16_at(self.header, 26))
    }
    fn n_tensors(&self) -> usize {
        self.section(Section::Tensors).len() / TENSOR_BYTES
    }
    fn spec(&self, id: TensorId) -> TensorSpec {
        self.tensor(id.index()).spec
    }
    fn n_layers(&self) -> usize {
        self.section(Section::Layers).len() / LAYER_BYTES
    }
    fn info(&self, layer: usize) -> LayerInfo {
        let info = self.layer(layer).info;
        match info.operation.taps() {
            0 => LayerInfo { weight_bits: 0, shift: 0, n_channels: 0, n_weights: 0, ..info },
            _ => info,
        }
    }
    fn data(&self, layer: usize) -> LayerData<'f> {
        self.layer_data(layer)
    }
}

pub(super) fn section_error(kind: usize, problem: &'static str) -> NetworkError {
    NetworkError::Section { section: SECTION_NAMES.get(kind).unwrap_or(&"header"), problem }
}

/// Magic, version, length and both checksums.
fn check_header(bytes: &[u8]) -> Result<&[u8; HEADER_BYTES], NetworkError> {
    let truncated = |expected| NetworkError::Truncated { expected, found: bytes.len() };
    if !MAGIC.starts_with(bytes.get(..8).unwrap_or(bytes)) {
        return Err(NetworkError::BadMagic);
    }
    let header = bytes.first_chunk::<HEADER_BYTES>();
    let header = header.ok_or(truncated(HEADER_BYTES))?;
    let version = u16_at(header, 8);
    if version > MAJOR || version == 0 {
        return Err(NetworkError::Version { expected: MAJOR, found: version });
    }
    let header_bytes = u32_at(header, 12) as usize;
    let (whole, payload) = bytes
        .split_at_checked(header_bytes)
        .filter(|(whole, _)| whole.len() >= HEADER_BYTES)
        .ok_or(truncated(header_bytes))?;
    check_crc("header", u32_at(header, 36), header_crc(whole))?;
    let file_bytes = u32_at(header, 16) as usize;
    if file_bytes != bytes.len() {
        return Err(truncated(file_bytes));
    }
    let payload = crc32(&[payload]);
    check_crc("payload", u32_at(header, 32), payload)?;
    Ok(header)
}

fn check_crc(part: &'static str, expected: u32, found: u32) -> Result<(), NetworkError> {
    if expected == found {
        return Ok(());
    }
    Err(NetworkError::Checksum { part, expected, found })
}
