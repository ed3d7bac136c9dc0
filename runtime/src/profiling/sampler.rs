//! The samples of a profile. There is one profile at a time in a process, as the timer is the process's.

use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::signal::{self, HEAD_WORDS, STACK_BYTES};

/// CPU time between two samples, as in Flink, whose profiler does so by default.
pub(super) const PERIOD: Duration = Duration::from_millis(10);
/// How long a sample is waited for at a time: a process that does nothing has none.
const PATIENCE: Duration = Duration::from_millis(100);
const WORD: usize = size_of::<u64>();

static TAKEN: AtomicBool = AtomicBool::new(false);
static PROFILES: AtomicU64 = AtomicU64::new(0);

/// The right to sample this process, until it is dropped.
#[derive(Debug)]
pub(super) struct Sampling {
    profile: u64,
    receiver: &'static UnixDatagram,
    buffer: Vec<u8>,
    /// Given back when sampling has stopped.
    _turn: Turn,
}

/// That no other profile is recorded.
#[derive(Debug)]
struct Turn;

impl Drop for Turn {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::Release);
    }
}

impl Sampling {
    /// `None` while another profile of this process is recorded.
    ///
    /// # Errors
    /// The system refuses what sampling needs.
    pub(super) fn begin() -> io::Result<Option<Self>> {
        if TAKEN.swap(true, Ordering::AcqRel) {
            return Ok(None);
        }
        let turn = Turn;
        // An error gives the turn back.
        let receiver = signal::receiver()?;
        receiver.set_read_timeout(Some(PATIENCE))?;
        Ok(Some(Self {
            profile: PROFILES.fetch_add(1, Ordering::Relaxed) + 1,
            receiver,
            buffer: vec![0; HEAD_WORDS * WORD + STACK_BYTES],
            _turn: turn,
        }))
    }

    /// Samples come from now on.
    ///
    /// # Errors
    /// The system refuses the timer.
    pub(super) fn start(&self) -> io::Result<()> {
        signal::begin(self.profile);
        signal::interrupt_every(PERIOD)
    }

    /// None come any more but those that are on their way. Tells how many were lost.
    ///
    /// # Errors
    /// The system refuses to stop the timer.
    pub(super) fn stop(&self) -> io::Result<u64> {
        signal::interrupt_every(Duration::ZERO)?;
        Ok(signal::end())
    }

    /// The next sample; `None` where there is none for a while.
    ///
    /// # Errors
    /// Samples cannot be received.
    pub(super) fn next(&mut self) -> io::Result<Option<Sample<'_>>> {
        let length = match self.receiver.recv(&mut self.buffer) {
            Ok(length) => length,
            Err(error) => {
                return match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => Ok(None),
                    _ => Err(error),
                };
            }
        };
        let sample = Sample::read(&self.buffer[..length]);
        // One that an earlier profile has left behind is none.
        Ok(sample.filter(|sample| sample.profile == self.profile))
    }
}

impl Drop for Sampling {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::warn!("this process is still interrupted for samples: {error}");
        }
    }
}

/// A thread as it was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample<'a> {
    profile: u64,
    pub(super) thread: u64,
    /// Where it was.
    pub(super) pc: u64,
    /// Where the copied stack began.
    pub(super) sp: u64,
    pub(super) frame: u64,
    /// Where it would return to, on machines that keep that in a register.
    pub(super) link: u64,
    stack: &'a [u8],
}

impl<'a> Sample<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        let (head, stack) = message.split_at_checked(HEAD_WORDS * WORD)?;
        let mut words = head.chunks_exact(WORD).map(word);
        let mut next = || words.next().flatten();
        Some(Self {
            profile: next()?,
            thread: next()?,
            pc: next()?,
            sp: next()?,
            frame: next()?,
            link: next()?,
            stack,
        })
    }

    /// The word at this address of the stack, where it was copied.
    pub(super) fn word_at(&self, address: u64) -> Option<u64> {
        let start = usize::try_from(address.checked_sub(self.sp)?).ok()?;
        word(self.stack.get(start..start.checked_add(WORD)?)?)
    }
}

fn word(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_read_and_knows_the_stack_that_was_copied() {
        let words: [u64; 8] = [7, 42, 0x1000, 0x8000, 0x8010, 0, 11, 22];
        let message: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let sample = Sample::read(&message).unwrap();
        assert_eq!(
            (sample.profile, sample.thread, sample.pc, sample.sp),
            (7, 42, 0x1000, 0x8000)
        );
        assert_eq!((sample.frame, sample.link), (0x8010, 0));
        let at = [0x8000, 0x8008, 0x8010, 0x8009, 0x7fff, u64::MAX].map(|address| sample.word_at(address));
        assert_eq!(at, [Some(11), Some(22), None, None, None, None]);
        assert_eq!(Sample::read(&message[..47]), None);
    }
}
