//! What the cluster has: workers, slots and jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use selvedge_runtime::metrics::MetricGroup;

use crate::resourcemanager::ClusterUse;

/// Figures that ResourceManager and Dispatcher keep up to date; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClusterGauges(Arc<Figures>);

#[derive(Debug, Default)]
struct Figures {
    workers: AtomicU32,
    pending_workers: AtomicU32,
    slots: AtomicU32,
    free_slots: AtomicU32,
    pending_slots: AtomicU32,
    running_jobs: AtomicU32,
    start_failures: AtomicU64,
}

type Figure = fn(&Figures) -> &AtomicU32;

const NAMES: &[(&str, Figure)] = &[
    ("numRegisteredTaskManagers", |figures| &figures.workers),
    ("numPendingTaskManagers", |figures| &figures.pending_workers),
    ("taskSlotsTotal", |figures| &figures.slots),
    ("taskSlotsAvailable", |figures| &figures.free_slots),
    ("taskSlotsPending", |figures| &figures.pending_slots),
    ("numRunningJobs", |figures| &figures.running_jobs),
];

impl ClusterGauges {
    /// Figures that are metrics of this group, the master's.
    pub(crate) fn register(group: &MetricGroup) -> Self {
        let gauges = Self::default();
        for (name, figure) in NAMES {
            let figures = gauges.0.clone();
            group.gauge(name, move || u64::from(figure(&figures).load(Ordering::Relaxed)));
        }
        let figures = gauges.0.clone();
        group.meter("startWorkFailurePerSecond", move || {
            figures.start_failures.load(Ordering::Relaxed)
        });
        gauges
    }

    /// So many starts of workers have failed under the present leadership.
    pub(crate) fn set_start_failures(&self, failures: u64) {
        self.0.start_failures.store(failures, Ordering::Relaxed);
    }

    /// These workers are registered with these slots, and so many are on their way.
    pub(crate) fn set_workers(&self, usage: &ClusterUse, pending: u32) {
        self.0.workers.store(usage.workers, Ordering::Relaxed);
        self.0.pending_workers.store(pending, Ordering::Relaxed);
        self.0.slots.store(usage.slots, Ordering::Relaxed);
        self.0.free_slots.store(usage.free_slots, Ordering::Relaxed);
        self.0.pending_slots.store(usage.pending_slots, Ordering::Relaxed);
    }

    /// So many jobs have a JobMaster.
    pub(crate) fn set_running_jobs(&self, jobs: u32) {
        self.0.running_jobs.store(jobs, Ordering::Relaxed);
    }
}
