//! A frame that is running: it ends by a result, an error, a timeout or an abort, never by none.

use network::registers as regs;

use super::RegBus;
use super::accelerator::Accelerator;
use super::error::DriverError;
use crate::session::CycleSource;

/// What the engine counted in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counters {
    /// Cycles of the frame.
    pub cycles: u32,
    /// Cycles in which the array took an operand.
    pub busy: u32,
    /// Cycles in which the array waited for the requantizer.
    pub stall: u32,
}

/// The state of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Poll {
    /// It runs.
    Running,
    /// It has ended and its output can be read.
    Done(Counters),
}

/// A running frame; dropped before its end, it is aborted.
#[derive(Debug)]
pub struct Transfer<'t, 'm, B: RegBus> {
    accelerator: &'t mut Accelerator<'m, B>,
    is_running: bool,
}

impl<'t, 'm, B: RegBus> Transfer<'t, 'm, B> {
    pub(super) fn new(accelerator: &'t mut Accelerator<'m, B>) -> Transfer<'t, 'm, B> {
        Transfer { accelerator, is_running: true }
    }

    /// Looks once.
    ///
    /// # Errors
    /// [`DriverError::Engine`] or [`DriverError::Lost`].
    pub fn poll(&mut self) -> Result<Poll, DriverError> {
        let status = self.accelerator.read(regs::STATUS);
        if status & regs::STATUS_BUSY != 0 {
            return Ok(Poll::Running);
        }
        self.is_running = false;
        self.accelerator.check_errors()?;
        if status & regs::STATUS_DONE == 0 {
            return Err(DriverError::Lost { status });
        }
        let counters = Counters {
            cycles: self.accelerator.read(regs::CYCLES),
            busy: self.accelerator.read(regs::COUNT_BUSY),
            stall: self.accelerator.read(regs::COUNT_STALL),
        };
        Ok(Poll::Done(counters))
    }

    /// Polls at most `polls` times.
    ///
    /// # Errors
    /// As [`Self::poll`]; [`DriverError::Timeout`], after which the frame is aborted.
    pub fn wait(mut self, polls: u32) -> Result<Counters, DriverError> {
        for _ in 0..polls {
            if let Poll::Done(counters) = self.poll()? {
                return Ok(counters);
            }
        }
        Err(self.timeout(polls))
    }

    /// Polls until `counts` counts of `source` have passed.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub fn wait_counts(
        mut self,
        source: &impl CycleSource,
        counts: u32,
    ) -> Result<Counters, DriverError> {
        let start = source.now();
        loop {
            if let Poll::Done(counters) = self.poll()? {
                return Ok(counters);
            }
            if source.now().wrapping_sub(start) >= counts {
                return Err(self.timeout(counts));
            }
        }
    }

    /// Stops the frame; the input must be loaded again.
    pub fn abort(self) {
        drop(self);
    }

    fn timeout(&mut self, limit: u32) -> DriverError {
        let operation = self.operation();
        DriverError::Timeout { limit, operation }
    }

    /// Index of the descriptor being run.
    pub(super) fn operation(&mut self) -> u32 {
        self.accelerator.read(regs::LAYER)
    }

    /// Ends the frame and sees that the engine has stopped.
    pub(super) fn halt(mut self) -> Result<(), DriverError> {
        let was_running = core::mem::replace(&mut self.is_running, false);
        if was_running { self.accelerator.halt() } else { self.accelerator.stops() }
    }
}

impl<B: RegBus> Drop for Transfer<'_, '_, B> {
    fn drop(&mut self) {
        if self.is_running {
            self.accelerator.abort();
        }
    }
}
