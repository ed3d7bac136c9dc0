//! Many seeds, and what is told of those that fail.

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use super::{Planted, run};

/// One seed, run to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// What did not hold; nothing in a good run.
    pub violations: Vec<String>,
    /// The hash of the log: the same for the same seed, in every process.
    pub fingerprint: String,
    /// What all components logged, with simulated times.
    pub log: String,
    /// How much time has passed in the simulation.
    pub simulated: Duration,
}

/// How a seed is run again, as it was.
pub fn replay_command(seed: u64, planted: Planted) -> String {
    let plant = match planted {
        Planted::Nothing => "",
        Planted::DeafScheduler => " --plant",
    };
    format!("cargo xtask sim --from {seed} --seeds 1 --log{plant}")
}

/// Runs of many seeds.
#[derive(Debug, Default)]
pub struct Seeds {
    planted: Planted,
    good: u64,
    simulated: Duration,
    failed: Vec<Run>,
}

impl Seeds {
    /// Runs all of them, as many at a time as there are cores.
    pub fn run(seeds: Range<u64>, planted: Planted) -> Self {
        let next = AtomicU64::new(seeds.start);
        let outcome = Mutex::new(Self {
            planted,
            ..Self::default()
        });
        let threads = thread::available_parallelism().map_or(1, Into::into);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if !seeds.contains(&seed) {
                            return;
                        }
                        outcome.lock().add(run_caught(seed, planted));
                    }
                });
            }
        });
        let mut outcome = outcome.into_inner();
        outcome.failed.sort_by_key(|run| run.seed);
        outcome
    }

    fn add(&mut self, run: Run) {
        self.simulated += run.simulated;
        if run.violations.is_empty() {
            self.good += 1;
        } else {
            self.failed.push(run);
        }
    }

    /// Runs in which something did not hold, by seed.
    pub fn failed(&self) -> &[Run] {
        &self.failed
    }
}

/// A panic of a component is a violation too.
fn run_caught(seed: u64, planted: Planted) -> Run {
    catch_unwind(AssertUnwindSafe(|| run(seed, planted))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Run {
            seed,
            violations: vec![format!("panic: {}", text.unwrap_or_default())],
            fingerprint: String::new(),
            log: String::new(),
            simulated: Duration::ZERO,
        }
    })
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for run in &self.failed {
            writeln!(f, "seed {} fails:", run.seed)?;
            for violation in &run.violations {
                writeln!(f, "  {violation}")?;
            }
            writeln!(f, "  again: {}", replay_command(run.seed, self.planted))?;
        }
        let (good, failed) = (self.good, self.failed.len());
        write!(
            f,
            "{good} seeds hold, {failed} fail; {:.0} s were simulated",
            self.simulated.as_secs_f64()
        )
    }
}
