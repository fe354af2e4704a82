//! An accelerator that software stands in for: the same integers, whatever the hardware does.

use super::RegBus;
use super::accelerator::Accelerator;
use super::error::DriverError;
use super::transfer::Counters;
use crate::error::RunError;
use crate::model::Model;
use crate::session::Session;

/// An accelerator, wherever its tensors lie.
pub trait Device<'m> {
    /// The model.
    fn model(&self) -> &Model<'m>;
    /// Polls that a frame may take.
    fn default_polls(&self) -> u32;
    /// Checks that this is the accelerator of the model.
    ///
    /// # Errors
    /// Why it is not.
    fn probe(&mut self) -> Result<(), DriverError>;
    /// Runs a frame within `polls` polls.
    ///
    /// # Shapes
    /// `input` holds C·H·W bytes of the input tensor, `output` of the output tensor.
    ///
    /// # Errors
    /// Any [`DriverError`].
    fn infer(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        polls: u32,
    ) -> Result<Counters, DriverError>;
    /// Abort, soft reset, and a new probe.
    ///
    /// # Errors
    /// Why that failed.
    fn recover(&mut self) -> Result<(), DriverError>;
}

impl<'m, B: RegBus> Device<'m> for Accelerator<'m, B> {
    fn model(&self) -> &Model<'m> {
        self.model()
    }
    fn default_polls(&self) -> u32 {
        self.default_polls()
    }
    fn probe(&mut self) -> Result<(), DriverError> {
        self.probe()
    }
    fn infer(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        polls: u32,
    ) -> Result<Counters, DriverError> {
        self.infer(input, output, polls)
    }
    fn recover(&mut self) -> Result<(), DriverError> {
        self.recover()
    }
}

/// Who computed an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Backend {
    /// The accelerator, with what it counted.
    Accelerator(Counters),
    /// The processor.
    Software,
}

/// How an output came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Report {
    /// Who computed it.
    pub backend: Backend,
    /// Runs that were tried on the accelerator.
    pub attempts: u32,
    /// The last fault of the accelerator, if there was one.
    pub fault: Option<DriverError>,
}

/// An accelerator and the session that stands in for it.
#[derive(Debug)]
pub struct WithFallback<'m, 'a, D: Device<'m>> {
    accelerator: D,
    session: Session<'m, 'a>,
    /// Attempts after the first.
    pub retries: u32,
    /// Polls that one attempt may take, e.g. [`Device::default_polls`].
    pub polls: u32,
}

impl<'m, 'a, D: Device<'m>> WithFallback<'m, 'a, D> {
    /// An accelerator and its model in software, with one retry and the default limit.
    ///
    /// # Errors
    /// [`RunError::Arena`] if the arena is smaller than [`crate::Model::arena_bytes`].
    pub fn new(accelerator: D, arena: &'a mut [u8]) -> Result<WithFallback<'m, 'a, D>, RunError> {
        let session = Session::new(*accelerator.model(), arena)?;
        let polls = accelerator.default_polls();
        Ok(WithFallback { accelerator, session, retries: 1, polls })
    }

    /// The accelerator, e.g. for its interrupts.
    pub fn accelerator(&mut self) -> &mut D {
        &mut self.accelerator
    }

    /// Runs the network: on the accelerator, after a fault again up to `retries` times with a
    /// recovery before each, and in software if all of that fails.
    ///
    /// # Shapes
    /// `input` holds C·H·W bytes of the input tensor, `output` of the output tensor.
    ///
    /// # Errors
    /// [`RunError::Input`] or [`RunError::Output`]: the caller's, not the accelerator's.
    pub fn infer(&mut self, input: &[u8], output: &mut [u8]) -> Result<Report, RunError> {
        self.session.model().check_input(input).map_err(RunError::Input)?;
        let (expected, found) = (self.session.model().output_spec().len(), output.len());
        if expected != found {
            return Err(RunError::Output { expected, found });
        }
        let (mut attempts, mut fault) = (0, None);
        let mut ready = self.accelerator.probe();
        while attempts <= self.retries {
            attempts += 1;
            let run = |()| self.accelerator.infer(input, output, self.polls);
            match ready.and_then(run) {
                Ok(counters) => {
                    let backend = Backend::Accelerator(counters);
                    return Ok(Report { backend, attempts, fault });
                }
                Err(error) => fault = Some(error),
            }
            ready = self.accelerator.recover();
        }
        self.session.infer(input, output)?;
        Ok(Report { backend: Backend::Software, attempts, fault })
    }
}
