//! What every process measures of itself: `Status.JVM.*`, with Flink's names.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::memory::register_jvm;
use super::{FlinkMemory, MetricGroup};
use crate::clock::Clock;
use crate::process;

/// A reading that takes a while, and is taken again only when it is older than this: several gauges share it.
const FRESH: Duration = Duration::from_secs(1);

/// A reading that several gauges share; cheap to clone.
#[derive(Clone)]
pub struct Recent<T>(Arc<Shared<T>>);

struct Shared<T> {
    clock: Arc<dyn Clock>,
    read: Box<dyn Fn() -> T + Send + Sync>,
    last: Mutex<Option<(Instant, T)>>,
}

impl<T> fmt::Debug for Recent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").finish_non_exhaustive()
    }
}

impl<T: Copy> Recent<T> {
    /// What `read` tells, at most a second old.
    pub fn new(clock: Arc<dyn Clock>, read: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared {
            clock,
            read: Box::new(read),
            last: Mutex::default(),
        }))
    }

    /// The reading.
    pub fn get(&self) -> T {
        let now = self.0.clock.monotonic();
        let mut last = self.0.last.lock();
        match *last {
            Some((at, value)) if now.duration_since(at) < FRESH => value,
            _ => {
                let value = (self.0.read)();
                *last = Some((now, value));
                value
            }
        }
    }
}

/// Registers CPU, threads and memory of this process at its root group. What only a JVM has, classes and garbage collectors,
/// is left out.
pub fn register_process(root: &MetricGroup, memory: &Recent<FlinkMemory>) {
    let jvm = root.child("Status").child("JVM");
    let cpu = jvm.child("CPU");
    // A process that cannot read its own counters tells 0, as Flink does.
    let milliseconds = || (process::cpu_seconds().unwrap_or_default() * 1e3) as u64;
    cpu.gauge("Time", move || milliseconds().saturating_mul(1_000_000));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    cpu.scaled_meter("Load", 1.0 / (cores as f64 * 1e3), milliseconds);
    jvm.child("Threads")
        .gauge("Count", || process::own_threads().unwrap_or_default());
    let memory = memory.clone();
    register_jvm(root, move || memory.get());
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::clock::SystemClock;
    use crate::metrics::{MetricRegistry, Scope};

    #[tokio::test(start_paused = true)]
    async fn gauges_share_a_reading_for_a_second() {
        let reads = Arc::new(AtomicU64::default());
        let counted = reads.clone();
        let recent = Recent::new(Arc::new(SystemClock), move || counted.fetch_add(1, Ordering::Relaxed));
        assert_eq!((recent.get(), recent.get()), (0, 0));
        tokio::time::advance(FRESH).await;
        assert_eq!(recent.get(), 1);
        assert_eq!(reads.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_process_tells_its_cpu_time_and_threads() {
        let registry = MetricRegistry::new(Arc::new(SystemClock));
        let memory = Recent::new(Arc::new(SystemClock), FlinkMemory::default);
        register_process(&registry.group(&Scope::job_manager("node")), &memory);
        // The kernel counts it in ticks of a hundredth of a second: a process that has just begun may not have had one.
        while process::cpu_seconds().unwrap() <= 0.0 {
            std::hint::spin_loop();
        }
        let readings = registry.read();
        let value = |name: &str| {
            let found = readings.iter().find(|one| one.scope.name_of(&one.name) == name);
            found.unwrap_or_else(|| panic!("{name}")).value.as_number().unwrap()
        };
        assert!(value("Status.JVM.CPU.Time") > 0.0);
        assert!(value("Status.JVM.Threads.Count") >= 1.0);
        assert!((0.0..=1.0).contains(&value("Status.JVM.CPU.Load")));
        assert!(value("Status.JVM.Memory.Heap.Used") >= 0.0);
    }
}
