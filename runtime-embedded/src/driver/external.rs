//! An accelerator whose tensors lie in external memory, which it reads and writes by itself.

use core::mem;

use network::TensorSpec;
use network::registers as regs;

use super::RegBus;
use super::accelerator::{Accelerator, Build};
use super::error::DriverError;
use super::fallback::Device;
use super::region::Region;
use super::transfer::{Counters, Poll, Transfer};
use crate::model::Model;

/// 32-bit units of the widest feature word.
const MOST_UNITS: usize = 256;

/// Some channel groups of a tensor in the region, from `PLACES` of a build's `qunet_model.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// First group of TN channels.
    pub first_group: usize,
    /// Groups of TN channels.
    pub n_groups: usize,
    /// Byte address of row 0 in the region.
    pub address: usize,
    /// Bytes from one row to the next.
    pub row_bytes: usize,
}

/// Where input and output lie in the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places<'p> {
    /// Parts of the packed input.
    pub input: &'p [Part],
    /// Parts of the output.
    pub output: &'p [Part],
}

/// Why a frame ended without a result, and the region if the accelerator lets go of it.
#[derive(Debug)]
pub struct Failed<R> {
    /// What happened.
    pub error: DriverError,
    /// None if nothing stops the accelerator, which may still write there.
    pub region: Option<R>,
}

/// An accelerator with external memory on a bus, its region, and the model that it shall run.
#[derive(Debug)]
pub struct External<'m, 'p, B: RegBus, R: Region> {
    device: Accelerator<'m, B>,
    places: Places<'p>,
    region: Option<R>,
}

impl<'m, 'p, B: RegBus, R: Region> External<'m, 'p, B, R> {
    /// Takes bus and region; nothing is read or written yet. `build.output_window_base` is not used.
    ///
    /// # Errors
    /// As [`Accelerator::new`]; [`DriverError::Build`] if the region does not begin at a multiple of
    /// 16 or a feature word is wider than 8192 bits.
    pub fn new(
        bus: B,
        region: R,
        model: Model<'m>,
        build: Build,
        places: Places<'p>,
    ) -> Result<External<'m, 'p, B, R>, DriverError> {
        let device = Accelerator::new(bus, model, build)?;
        let checks = [
            ("bus address of the region, modulo 16", 0, region.bus_address() % 16),
            ("units of a feature word", MOST_UNITS as u32, build.layout.word_units() as u32),
        ];
        for (what, expected, found) in checks {
            if found > expected {
                return Err(DriverError::Build { what, expected, found });
            }
        }
        Ok(External { device, places, region: Some(region) })
    }

    /// Gives bus and region back; no region if nothing stops the accelerator.
    pub fn release(self) -> (B, Option<R>) {
        (self.device.into_bus(), self.region)
    }

    /// The registers, e.g. for interrupts.
    pub fn device(&mut self) -> &mut Accelerator<'m, B> {
        &mut self.device
    }

    /// Takes the region out, e.g. for [`Self::start`].
    ///
    /// # Errors
    /// [`DriverError::Stuck`] if the accelerator has never let go of it.
    pub fn take_region(&mut self) -> Result<R, DriverError> {
        let stuck = DriverError::Stuck { status: self.device.read(regs::STATUS) };
        self.region.take().ok_or(stuck)
    }

    /// Puts the region back for the next frame.
    pub fn put_region(&mut self, region: R) {
        self.region = Some(region);
    }

    /// Writes the input tensor into the region.
    ///
    /// # Shapes
    /// C·H·W bytes of the input tensor.
    ///
    /// # Errors
    /// [`DriverError::Input`].
    pub fn write_input(&self, region: &mut R, input: &[u8]) -> Result<(), DriverError> {
        let model = self.device.model();
        model.check_input(input).map_err(DriverError::Input)?;
        let (spec, build) = (model.input_spec(), self.device.build());
        let (layout, packing) = (build.layout, build.input_packing);
        let n_channels = packing.spec(&spec).channels;
        let mut units = [0; MOST_UNITS];
        let units = units.get_mut(..layout.word_units()).unwrap_or_default();
        for place in words(self.places.input, &spec, layout.pixel_lanes, units.len()) {
            units.fill(0);
            for (x, lane) in layout.word_values(place.pixels, spec.width) {
                let channel = place.group * layout.input_lanes + lane;
                if channel < n_channels {
                    let code = packing.value(&spec, input, channel, [place.y, x]) as u32;
                    layout.put(units, [x % layout.pixel_lanes, lane], code);
                }
            }
            for (nth, unit) in units.iter().enumerate() {
                region.write(place.word + nth, *unit);
            }
        }
        Ok(())
    }

    /// Starts a frame, which has the region until it ends.
    ///
    /// # Errors
    /// As [`Accelerator::start`], with the region.
    pub fn start(&mut self, region: R) -> Result<ExternalTransfer<'_, 'm, B, R>, Failed<R>> {
        match self.device.start_external(region.bus_address()) {
            Ok(frame) => Ok(ExternalTransfer { frame: Some(frame), region: Some(region) }),
            Err(error) => Err(Failed { error, region: Some(region) }),
        }
    }

    /// Reads the output tensor of the last frame from the region.
    ///
    /// # Shapes
    /// `output` holds C·H·W bytes of the output tensor.
    ///
    /// # Errors
    /// [`DriverError::Output`].
    pub fn read_output(&self, region: &mut R, output: &mut [u8]) -> Result<(), DriverError> {
        let (spec, layout) = (self.device.model().output_spec(), self.device.build().layout);
        let (expected, found) = (spec.len(), output.len());
        if expected != found {
            return Err(DriverError::Output { expected, found });
        }
        let mut units = [0; MOST_UNITS];
        let units = units.get_mut(..layout.word_units()).unwrap_or_default();
        for place in words(self.places.output, &spec, layout.pixel_lanes, units.len()) {
            for (nth, unit) in units.iter_mut().enumerate() {
                *unit = region.read(place.word + nth);
            }
            for (x, lane) in layout.word_values(place.pixels, spec.width) {
                let channel = place.group * layout.input_lanes + lane;
                let at = channel * spec.plane() + place.y * spec.width + x;
                if let Some(byte) = output.get_mut(at).filter(|_| channel < spec.channels) {
                    *byte = layout.byte(&spec, layout.get(units, [x % layout.pixel_lanes, lane]));
                }
            }
        }
        Ok(())
    }
}

impl<'m, B: RegBus, R: Region> Device<'m> for External<'m, '_, B, R> {
    fn model(&self) -> &Model<'m> {
        self.device.model()
    }

    fn default_polls(&self) -> u32 {
        self.device.default_polls()
    }

    fn probe(&mut self) -> Result<(), DriverError> {
        let found = self.region.as_ref().map_or(0, |region| region.n_bytes() as u32);
        self.device.probe_external(found)
    }

    fn infer(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        polls: u32,
    ) -> Result<Counters, DriverError> {
        let mut region = self.take_region()?;
        if let Err(error) = self.write_input(&mut region, input) {
            self.region = Some(region);
            return Err(error);
        }
        let ended = self.start(region).and_then(|transfer| transfer.wait(polls));
        let (counters, mut region) = match ended {
            Ok(result) => result,
            Err(Failed { error, region }) => {
                self.region = region;
                return Err(error);
            }
        };
        let read = self.read_output(&mut region, output);
        self.region = Some(region);
        read.map(|()| counters)
    }

    fn recover(&mut self) -> Result<(), DriverError> {
        self.device.halt()?;
        self.probe()
    }
}

/// A frame that is running in a region; it has the region until the accelerator has stopped.
#[derive(Debug)]
pub struct ExternalTransfer<'t, 'm, B: RegBus, R: Region> {
    frame: Option<Transfer<'t, 'm, B>>,
    region: Option<R>,
}

impl<B: RegBus, R: Region> ExternalTransfer<'_, '_, B, R> {
    /// Looks once.
    ///
    /// # Errors
    /// As [`Transfer::poll`]; the region comes back from [`Self::abort`].
    pub fn poll(&mut self) -> Result<Poll, DriverError> {
        match &mut self.frame {
            Some(frame) => frame.poll(),
            None => Err(DriverError::Lost { status: 0 }),
        }
    }

    /// Polls at most `polls` times and gives the region back.
    ///
    /// # Errors
    /// As [`Transfer::wait`]; the region comes with the error if the accelerator could be stopped.
    pub fn wait(mut self, polls: u32) -> Result<(Counters, R), Failed<R>> {
        let mut result = Err(DriverError::Timeout { limit: polls, operation: 0 });
        for _ in 0..polls {
            match self.poll() {
                Ok(Poll::Running) => {}
                Ok(Poll::Done(counters)) => {
                    result = Ok(counters);
                    break;
                }
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        if let (Err(DriverError::Timeout { operation, .. }), Some(frame)) =
            (&mut result, &mut self.frame)
        {
            *operation = frame.operation();
        }
        let region = self.stop();
        match (result, region) {
            (Ok(counters), Ok(region)) => Ok((counters, region)),
            (Err(error), region) => Err(Failed { error, region: region.ok() }),
            (Ok(_), Err(error)) => Err(Failed { error, region: None }),
        }
    }

    /// Stops the frame and gives the region back.
    ///
    /// # Errors
    /// [`DriverError::Stuck`] if nothing stops the accelerator, which keeps the region.
    pub fn abort(mut self) -> Result<R, DriverError> {
        self.stop()
    }

    fn stop(&mut self) -> Result<R, DriverError> {
        let lost = DriverError::Lost { status: 0 };
        let halted = self.frame.take().map_or(Err(lost), Transfer::halt);
        let region = self.region.take();
        match (halted, region) {
            (Ok(()), Some(region)) => Ok(region),
            (Ok(()), None) => Err(lost),
            (Err(error), region) => {
                mem::forget(region); // the accelerator may write there for ever
                Err(error)
            }
        }
    }
}

impl<B: RegBus, R: Region> Drop for ExternalTransfer<'_, '_, B, R> {
    fn drop(&mut self) {
        if self.frame.is_some() {
            drop(self.stop());
        }
    }
}

/// One feature word of a tensor in a region.
struct Word {
    y: usize,
    /// Group of pixels in the row.
    pixels: usize,
    /// Group of channels of the tensor.
    group: usize,
    /// Index of its first 32-bit word.
    word: usize,
}

/// Every word of a tensor.
fn words(
    parts: &[Part],
    spec: &TensorSpec,
    pixel_lanes: usize,
    n_units: usize,
) -> impl Iterator<Item = Word> {
    let n_pixels = spec.width.div_ceil(pixel_lanes.max(1));
    let height = spec.height;
    parts.iter().flat_map(move |part| {
        let rows = (0..height).flat_map(move |y| (0..n_pixels).map(move |pixels| (y, pixels)));
        rows.flat_map(move |(y, pixels)| {
            (0..part.n_groups).map(move |nth| {
                let word = (part.address + y * part.row_bytes) / 4;
                let word = word + (pixels * part.n_groups + nth) * n_units;
                Word { y, pixels, group: part.first_group + nth, word }
            })
        })
    })
}
