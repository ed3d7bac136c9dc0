//! All metrics of a process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use selvedge_core::JobId;
use tokio::time::Instant;

use super::meter::{RateWindow, SAMPLE_INTERVAL};
use super::{MetricValue, Scope};
use crate::clock::{Clock, SystemClock};

/// A count that only grows; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds to it.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// What it has come to.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Clone)]
enum Metric {
    Gauge(Arc<dyn Fn() -> MetricValue + Send + Sync>),
    Meter(Arc<Meter>),
}

/// How fast a count grows.
struct Meter {
    count: Box<dyn Fn() -> u64 + Send + Sync>,
    scale: f64,
    window: Mutex<RateWindow>,
}

impl Meter {
    fn sample(&self, now: Instant) {
        let count = (self.count)();
        self.window.lock().sample(now, count);
    }
}

impl Metric {
    fn value(&self) -> MetricValue {
        match self {
            Self::Gauge(read) => read(),
            Self::Meter(meter) => (meter.window.lock().rate() * meter.scale).into(),
        }
    }
}

/// The value of a metric when it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Whose.
    pub scope: Scope,
    /// Its name in the scope.
    pub name: String,
    /// The value.
    pub value: MetricValue,
}

/// The metrics of a process; cheap to clone.
#[derive(Clone)]
pub struct MetricRegistry(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    metrics: Mutex<BTreeMap<Scope, BTreeMap<String, Metric>>>,
    /// Whose scopes are kept by whom: a guard that came later takes the scope over.
    guards: Mutex<Guards>,
}

#[derive(Debug, Default)]
struct Guards {
    last: u64,
    of_scopes: BTreeMap<Scope, u64>,
}

impl fmt::Debug for MetricRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes = self.0.metrics.lock();
        f.debug_set().entries(scopes.keys().map(ToString::to_string)).finish()
    }
}

impl MetricRegistry {
    /// An empty one. Its meters stand still until somebody calls [`Self::sample`], as [`Self::start`] does.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared {
            clock,
            metrics: Mutex::default(),
            guards: Mutex::default(),
        }))
    }

    /// An empty one whose meters take their samples on the runtime that this is called in, until all clones are gone.
    pub fn start(clock: Arc<dyn Clock>) -> Self {
        let registry = Self::new(clock);
        tokio::spawn(keep_sampling(Arc::downgrade(&registry.0)));
        registry
    }

    /// The metrics of a scope, to register more.
    pub fn group(&self, scope: &Scope) -> MetricGroup {
        MetricGroup {
            registry: self.clone(),
            scope: scope.clone(),
        }
    }

    /// Forgets all metrics of the scope and of what is below it.
    pub fn close(&self, scope: &Scope) {
        self.0.metrics.lock().retain(|other, _| !scope.holds(other));
    }

    /// Every meter takes a sample.
    pub fn sample(&self) {
        let now = self.0.clock.monotonic();
        for (_, _, metric) in self.all() {
            if let Metric::Meter(meter) = metric {
                meter.sample(now);
            }
        }
    }

    /// All values now, in order of scopes and names. Gauges may read files of the system: not for a runtime's threads.
    pub fn read(&self) -> Vec<Reading> {
        let reading = |(scope, name, metric): (Scope, String, Metric)| Reading {
            scope,
            name,
            value: metric.value(),
        };
        self.all().into_iter().map(reading).collect()
    }

    /// A copy: what a gauge does must not hold up those who register.
    fn all(&self) -> Vec<(Scope, String, Metric)> {
        let metrics = self.0.metrics.lock();
        let of_scope = |(scope, metrics): (&Scope, &BTreeMap<String, Metric>)| {
            let entry = |(name, metric): (&String, &Metric)| (scope.clone(), name.clone(), metric.clone());
            metrics.iter().map(entry).collect::<Vec<_>>()
        };
        metrics.iter().flat_map(of_scope).collect()
    }

    /// Of two metrics of the same name the first stays, as in Flink.
    fn register(&self, scope: &Scope, name: &str, metric: Metric) {
        let mut metrics = self.0.metrics.lock();
        let of_scope = metrics.entry(scope.clone()).or_default();
        if of_scope.contains_key(name) {
            tracing::warn!("the metric {name} of {scope} is registered twice: the second is left out");
            return;
        }
        of_scope.insert(name.to_owned(), metric);
    }
}

async fn keep_sampling(registry: Weak<Shared>) {
    loop {
        tokio::time::sleep(SAMPLE_INTERVAL).await;
        match registry.upgrade() {
            Some(shared) => MetricRegistry(shared).sample(),
            None => return,
        }
    }
}

/// The metrics of one scope; cheap to clone.
#[derive(Debug, Clone)]
pub struct MetricGroup {
    registry: MetricRegistry,
    scope: Scope,
}

/// A group of a registry that nobody reads: for what is made without a process around it.
impl Default for MetricGroup {
    fn default() -> Self {
        MetricRegistry::new(Arc::new(SystemClock)).group(&Scope::job_manager("localhost"))
    }
}

impl MetricGroup {
    /// A group below this one.
    #[must_use]
    pub fn child(&self, group: &str) -> Self {
        self.registry.group(&self.scope.child(group))
    }

    /// The metrics of a job of this master.
    #[must_use]
    pub fn job(&self, id: JobId, name: &str) -> Self {
        self.registry.group(&self.scope.job(id, name))
    }

    /// The metrics of an operator of this task.
    #[must_use]
    pub fn operator(&self, id: &str) -> Self {
        self.registry.group(&self.scope.operator(id))
    }

    /// A value that is read when someone asks.
    pub fn gauge<V: Into<MetricValue>>(&self, name: &str, read: impl Fn() -> V + Send + Sync + 'static) {
        let read = Arc::new(move || read().into());
        self.registry.register(&self.scope, name, Metric::Gauge(read));
    }

    /// A count.
    pub fn counter(&self, name: &str) -> Counter {
        let counter = Counter::default();
        let counted = counter.clone();
        self.gauge(name, move || counted.get());
        counter
    }

    /// How much a count grows in a second: `numRecordsInPerSecond`.
    pub fn meter(&self, name: &str, count: impl Fn() -> u64 + Send + Sync + 'static) {
        self.scaled_meter(name, 1.0, count);
    }

    /// The same, times `scale`: what is counted in one unit and shown in another.
    pub fn scaled_meter(&self, name: &str, scale: f64, count: impl Fn() -> u64 + Send + Sync + 'static) {
        let meter = Meter {
            count: Box::new(count),
            scale,
            window: Mutex::default(),
        };
        meter.sample(self.registry.0.clock.monotonic());
        self.registry
            .register(&self.scope, name, Metric::Meter(Arc::new(meter)));
    }

    /// Takes the scope over: what was registered in it is gone, and what will be goes when the answer is dropped, unless
    /// another has taken it over by then (a leader that comes back before the one it was has gone).
    #[must_use]
    pub fn take_over(&self) -> GroupGuard {
        let mut guards = self.registry.0.guards.lock();
        guards.last += 1;
        let number = guards.last;
        guards.of_scopes.insert(self.scope.clone(), number);
        self.registry.close(&self.scope);
        GroupGuard {
            group: self.clone(),
            number,
        }
    }
}

/// Keeps the metrics of a scope until it is dropped.
#[derive(Debug)]
pub struct GroupGuard {
    group: MetricGroup,
    number: u64,
}

impl Drop for GroupGuard {
    fn drop(&mut self) {
        let MetricGroup { registry, scope } = &self.group;
        let mut guards = registry.0.guards.lock();
        if guards.of_scopes.get(scope) == Some(&self.number) {
            guards.of_scopes.remove(scope);
            registry.close(scope);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use selvedge_core::{ExecutionAttemptId, ResourceId};

    use super::*;
    use crate::metrics::TaskName;

    fn worker() -> Scope {
        Scope::task_manager("node1", &ResourceId("tm".to_owned()))
    }

    fn task() -> Scope {
        worker().task(&TaskName {
            job_id: JobId::from_bytes([1; 16]),
            job_name: "words",
            attempt: &ExecutionAttemptId {
                vertex: "count".into(),
                subtask: 0,
                attempt: 0,
            },
            task_name: "Count",
        })
    }

    fn read(registry: &MetricRegistry) -> Vec<(String, String)> {
        let readings = registry.read().into_iter();
        readings
            .map(|reading| (reading.scope.name_of(&reading.name), reading.value.to_string()))
            .collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn a_metric_is_registered_in_one_line_and_read_when_it_is_asked_for() {
        let registry = MetricRegistry::new(Arc::new(SystemClock));
        registry
            .group(&worker())
            .child("Status")
            .child("JVM")
            .gauge("Threads", || 7_u64);
        let counter = registry.group(&worker()).counter("numRestarts");
        counter.add(2);
        assert_eq!(
            read(&registry),
            pairs(&[("numRestarts", "2"), ("Status.JVM.Threads", "7")])
        );
    }

    #[test]
    fn of_two_metrics_of_one_name_the_first_stays() {
        let registry = MetricRegistry::new(Arc::new(SystemClock));
        registry.group(&worker()).gauge("a", || 1_u64);
        registry.group(&worker()).gauge("a", || 2_u64);
        assert_eq!(read(&registry), pairs(&[("a", "1")]));
    }

    #[test]
    fn a_closed_scope_loses_its_metrics_and_those_of_its_parts() {
        let registry = MetricRegistry::new(Arc::new(SystemClock));
        registry.group(&worker()).gauge("a", || 1_u64);
        let group = registry.group(&task());
        let guard = group.take_over();
        group.gauge("b", || 2_u64);
        group.operator("sum").gauge("c", || 3_u64);
        assert_eq!(registry.read().len(), 3);
        drop(guard);
        assert_eq!(read(&registry), pairs(&[("a", "1")]));
    }

    #[test]
    fn who_takes_a_scope_over_keeps_it_when_the_one_before_goes() {
        let registry = MetricRegistry::new(Arc::new(SystemClock));
        let group = registry.group(&task());
        let before = group.take_over();
        group.gauge("a", || 1_u64);
        let after = group.take_over();
        group.gauge("a", || 2_u64);
        drop(before);
        assert_eq!(read(&registry), pairs(&[("a", "2")]));
        drop(after);
        assert!(registry.read().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_meter_tells_the_growth_of_a_second_and_ends_with_the_registry() {
        let registry = MetricRegistry::start(Arc::new(SystemClock));
        let count = Counter::default();
        let counted = count.clone();
        registry.group(&worker()).meter("perSecond", move || counted.get());
        assert_eq!(read(&registry), pairs(&[("perSecond", "0.0")]));
        count.add(100);
        // Behind the sampler, which wakes at the same time.
        tokio::time::sleep(SAMPLE_INTERVAL + Duration::from_millis(1)).await;
        assert_eq!(read(&registry), pairs(&[("perSecond", "20.0")]));
        let shared = Arc::downgrade(&registry.0);
        drop(registry);
        assert!(shared.upgrade().is_none(), "the sampler does not keep it");
    }
}
