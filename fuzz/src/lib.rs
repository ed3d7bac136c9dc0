//! Feeds decoders with arbitrary bytes and with samples that were damaged, and watches that none panics and none takes
//! more memory than its input justifies.
//!
//! A target is a test. It runs a fixed number of cases, the same in every run, or with `FUZZ_SECONDS` set for so long,
//! each time with others; `cargo xtask fuzz` does that. What fails is made smaller before it is shown.
//!
//! ```
//! decoder_fuzz::Target::new("utf8", [b"text".to_vec()]).run(|bytes| drop(String::from_utf8(bytes.to_vec())));
//! ```

mod damage;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// For how long each target runs, in seconds, instead of a fixed number of cases.
pub const SECONDS: &str = "FUZZ_SECONDS";

const CASES: u32 = 4000;
/// What a decoder may hold besides its input's share: error texts, buffers of a fixed size, the first step of a
/// collection.
const BASE: u64 = 64 * 1024;
/// What it may hold for each byte of its input: an element of two bytes becomes a structure of some hundred.
const FACTOR: u64 = 256;

/// One decoder with samples of what it reads.
#[derive(Debug)]
pub struct Target {
    name: &'static str,
    samples: Vec<Vec<u8>>,
    cases: u32,
    base: u64,
}

impl Target {
    /// A decoder by its name, with samples to damage.
    ///
    /// # Panics
    /// Without a sample.
    pub fn new(name: &'static str, samples: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let samples: Vec<_> = samples.into_iter().collect();
        assert!(!samples.is_empty(), "{name} needs a sample");
        Self {
            name,
            samples,
            cases: CASES,
            base: BASE,
        }
    }

    /// Another number of cases: a run is to take about five seconds at most.
    #[must_use]
    pub fn cases(mut self, cases: u32) -> Self {
        self.cases = cases;
        self
    }

    /// Other memory that the decoder needs whatever it reads, in bytes: that of a connection, for example.
    #[must_use]
    pub fn base(mut self, bytes: u64) -> Self {
        self.base = bytes;
        self
    }

    /// Runs the decoder.
    ///
    /// # Panics
    /// When it panics or takes too much memory, with the smallest input that makes it do so.
    pub fn run(&self, decode: impl Fn(&[u8])) {
        let Some(time) = asked_time() else {
            let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
            return self.cases_with(rng, &decode);
        };
        let mut cases: u64 = 0;
        let begun = now();
        while begun.elapsed() < time {
            self.cases_with(fresh_rng(), &decode);
            cases += u64::from(self.cases);
        }
        show(&format!("{}: {cases} cases in {:?}", self.name, begun.elapsed()));
    }

    fn cases_with(&self, rng: TestRng, decode: &impl Fn(&[u8])) {
        let config = Config {
            cases: self.cases,
            failure_persistence: None,
            ..Config::default()
        };
        let mut runner = TestRunner::new_with_rng(config, rng);
        let outcome = runner.run(&damage::inputs(&self.samples), |input| self.check(&input, decode));
        if let Err(failure) = outcome {
            panic!("{}: {failure}", self.name);
        }
    }

    fn check(&self, input: &[u8], decode: &impl Fn(&[u8])) -> Result<(), TestCaseError> {
        // Caught within: a panic that leaves the measurement would leave it open for ever.
        let mut outcome = Ok(());
        let taken =
            allocation_counter::measure(|| outcome = catch_unwind(AssertUnwindSafe(|| decode(input)))).bytes_max;
        if let Err(panic) = outcome {
            return Err(TestCaseError::fail(message(panic.as_ref())));
        }
        let allowed = self.base + FACTOR * input.len() as u64;
        prop_assert!(
            taken <= allowed,
            "{taken} bytes of memory for {} bytes of input, more than {allowed}",
            input.len()
        );
        Ok(())
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}

/// A generator with a seed of its own.
fn fresh_rng() -> TestRng {
    TestRunner::new(Config::default()).new_rng()
}

fn asked_time() -> Option<Duration> {
    let text = std::env::var(SECONDS).ok()?;
    let seconds = text
        .parse()
        .unwrap_or_else(|_| panic!("{SECONDS} is {text:?}, not a number of seconds"));
    Some(Duration::from_secs(seconds))
}

#[expect(clippy::disallowed_methods, reason = "the wall time of a test run, never simulated")]
fn now() -> Instant {
    Instant::now()
}

#[expect(
    clippy::print_stdout,
    reason = "whoever starts a long run wants to know how far it came"
)]
fn show(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(decode: fn(&[u8])) -> String {
        let target = Target::new("sample", [b"sample".to_vec()]).base(1024);
        let panic = catch_unwind(|| target.run(decode)).unwrap_err();
        message(panic.as_ref())
    }

    #[test]
    fn a_panic_is_found_and_made_small() {
        let found = failure(|bytes| assert!(!bytes.contains(&0x80), "the byte 0x80"));
        assert!(found.contains("the byte 0x80") && found.contains("sample"), "{found}");
    }

    #[test]
    fn memory_that_a_length_announces_is_found() {
        let found = failure(|bytes| {
            let announced = bytes.first_chunk::<4>().map_or(0, |length| u32::from_be_bytes(*length));
            drop(Vec::<u8>::with_capacity(announced as usize >> 4));
        });
        assert!(found.contains("bytes of memory for"), "{found}");
    }

    #[test]
    fn a_decoder_without_fault_passes() {
        Target::new("none", [vec![1, 2]]).run(|bytes| drop(bytes.to_vec()));
    }
}
