//! What the cluster has: workers, slots and jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use selvedge_runtime::metrics::MetricGroup;

/// Figures that ResourceManager and Dispatcher keep up to date; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClusterGauges(Arc<Figures>);

#[derive(Debug, Default)]
struct Figures {
    workers: AtomicUsize,
    slots: AtomicUsize,
    free_slots: AtomicUsize,
    running_jobs: AtomicUsize,
}

type Figure = fn(&Figures) -> &AtomicUsize;

const NAMES: &[(&str, Figure)] = &[
    ("numRegisteredTaskManagers", |figures| &figures.workers),
    ("taskSlotsTotal", |figures| &figures.slots),
    ("taskSlotsAvailable", |figures| &figures.free_slots),
    ("numRunningJobs", |figures| &figures.running_jobs),
];

impl ClusterGauges {
    /// Figures that are metrics of this group, the master's.
    pub(crate) fn register(group: &MetricGroup) -> Self {
        let gauges = Self::default();
        for (name, figure) in NAMES {
            let figures = gauges.0.clone();
            group.gauge(name, move || figure(&figures).load(Ordering::Relaxed));
        }
        gauges
    }

    /// So many workers are registered, with so many slots, of which so many are free.
    pub(crate) fn set_workers(&self, workers: usize, slots: usize, free_slots: usize) {
        self.0.workers.store(workers, Ordering::Relaxed);
        self.0.slots.store(slots, Ordering::Relaxed);
        self.0.free_slots.store(free_slots, Ordering::Relaxed);
    }

    /// So many jobs have a JobMaster.
    pub(crate) fn set_running_jobs(&self, jobs: usize) {
        self.0.running_jobs.store(jobs, Ordering::Relaxed);
    }
}
