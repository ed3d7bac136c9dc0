//! One profile, from its first sample to its last.

use std::fmt;
use std::io;
use std::time::Duration;

use super::modules::Module;
use super::sampler::{PERIOD, Sampling};
use super::stacks::Stacks;
use super::symbols::Symbols;
use super::unwinding::Unwinding;
use super::{ProfilingMode, pprof};
use crate::clock::{Clock, SystemClock, Timestamp, thread_elapsed, thread_now};

/// What was seen.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) began: Timestamp,
    pub(super) duration: Duration,
    pub(super) modules: Vec<Module>,
    pub(super) stacks: Stacks,
    pub(super) lost: u64,
}

/// Samples this process for so long, or until it `is_wanted` no more. Blocks.
///
/// # Errors
/// The system does not let the process be sampled.
pub(super) fn record(mut sampling: Sampling, duration: Duration, is_wanted: impl Fn() -> bool) -> io::Result<Recorded> {
    let modules = Module::loaded().map_err(io::Error::other)?;
    let mut unwinding = Unwinding::of(&modules);
    let mut stacks = Stacks::default();
    let (began, start) = (SystemClock.wall(), thread_now());
    sampling.start()?;
    while thread_elapsed(start) < duration && is_wanted() {
        if let Some(sample) = sampling.next()? {
            stacks.add(sample.thread, unwinding.walk(&sample));
        }
    }
    let lost = sampling.stop()?;
    let duration = thread_elapsed(start);
    while let Some(sample) = sampling.next()? {
        stacks.add(sample.thread, unwinding.walk(&sample));
    }
    Ok(Recorded {
        began,
        duration,
        modules,
        stacks,
        lost,
    })
}

impl Recorded {
    /// The profile's file.
    pub(super) fn encode(&self, mode: ProfilingMode) -> io::Result<Vec<u8>> {
        let addresses = self.stacks.iter().flat_map(|(_, stack, _)| stack.iter().copied());
        let symbols = Symbols::of(&self.modules, addresses);
        pprof::encode(self, &symbols, mode)
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} samples, one for each {PERIOD:?} of CPU time",
            self.stacks.samples()
        )?;
        match self.lost {
            0 => Ok(()),
            lost => write!(f, "; {lost} more were lost, as they came too fast"),
        }
    }
}
