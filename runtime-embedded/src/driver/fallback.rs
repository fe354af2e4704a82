//! An accelerator that software stands in for: the same integers, whatever the hardware does.

use super::RegBus;
use super::accelerator::Accelerator;
use super::error::DriverError;
use super::transfer::Counters;
use crate::error::RunError;
use crate::session::Session;

/// Who computed an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The accelerator, with what it counted.
    Accelerator(Counters),
    /// The processor.
    Software,
}

/// How an output came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
pub struct WithFallback<'m, 'a, B: RegBus> {
    accelerator: Accelerator<'m, B>,
    session: Session<'m, 'a>,
    /// Attempts after the first.
    pub retries: u32,
    /// Polls that one attempt may take, e.g. [`Accelerator::default_polls`].
    pub polls: u32,
}

impl<'m, 'a, B: RegBus> WithFallback<'m, 'a, B> {
    /// An accelerator and its model in software, with one retry and the default limit.
    ///
    /// # Errors
    /// [`RunError::Arena`] if the arena is smaller than [`crate::Model::arena_bytes`].
    pub fn new(
        accelerator: Accelerator<'m, B>,
        arena: &'a mut [u8],
    ) -> Result<WithFallback<'m, 'a, B>, RunError> {
        let session = Session::new(*accelerator.model(), arena)?;
        let polls = accelerator.default_polls();
        Ok(WithFallback { accelerator, session, retries: 1, polls })
    }

    /// The accelerator, e.g. for its interrupts.
    pub fn accelerator(&mut self) -> &mut Accelerator<'m, B> {
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
