//! What a job has been through: Flink's gauges of its status, and how often it was restarted.

use std::sync::Arc;

use parking_lot::Mutex;
use selvedge_core::status::JobStatus;
use selvedge_runtime::clock::{Clock, Timestamp};
use selvedge_runtime::metrics::{GroupGuard, MetricGroup, MetricValue};

use crate::jobmaster::ExecutionGraph;

/// What the gauges are computed from.
#[derive(Debug, Clone, Copy)]
struct Figures {
    status: JobStatus,
    /// When it entered its status.
    since: Timestamp,
    /// When it last began a restart.
    restarting: Option<Timestamp>,
    restarts: u64,
}

impl Figures {
    fn of(job: &ExecutionGraph) -> Self {
        let status = job.status();
        Self {
            status,
            since: job.timestamp(status).unwrap_or_default(),
            restarting: job.timestamp(JobStatus::Restarting),
            restarts: job.restarts,
        }
    }

    /// How long it has been in this status, 0 where it is in another (`metrics.job.status.enable: CURRENT_TIME`).
    fn time_in(&self, status: JobStatus, now: Timestamp) -> MetricValue {
        match self.status == status {
            true => millis(now, self.since),
            false => MetricValue::Integer(0),
        }
    }

    /// How long it has run without a break; -1 when it has ended.
    fn uptime(&self, now: Timestamp) -> MetricValue {
        match self.status {
            JobStatus::Running => millis(now, self.since),
            status if status.is_globally_terminal() => MetricValue::Integer(-1),
            _ => MetricValue::Integer(0),
        }
    }

    /// How long its restart has taken so far; 0 while it runs, -1 when it has ended.
    fn downtime(&self, now: Timestamp) -> MetricValue {
        match (self.status, self.restarting) {
            (status, _) if status.is_globally_terminal() => MetricValue::Integer(-1),
            (JobStatus::Running, _) | (_, None) => MetricValue::Integer(0),
            (_, Some(since)) => millis(now, since),
        }
    }
}

fn millis(now: Timestamp, since: Timestamp) -> MetricValue {
    MetricValue::from(now.millis().saturating_sub(since.millis()))
}

type Gauge = fn(&Figures, Timestamp) -> MetricValue;

const GAUGES: &[(&str, Gauge)] = &[
    ("numRestarts", |job, _| job.restarts.into()),
    ("fullRestarts", |job, _| job.restarts.into()),
    ("uptime", Figures::uptime),
    ("downtime", Figures::downtime),
    ("initializingTime", |job, now| job.time_in(JobStatus::Initializing, now)),
    ("createdTime", |job, now| job.time_in(JobStatus::Created, now)),
    ("runningTime", |job, now| job.time_in(JobStatus::Running, now)),
    ("restartingTime", |job, now| job.time_in(JobStatus::Restarting, now)),
    ("cancellingTime", |job, now| job.time_in(JobStatus::Cancelling, now)),
    ("failingTime", |job, now| job.time_in(JobStatus::Failing, now)),
];

/// The metrics of a job as it stands there: how REST shows one that has ended.
pub(crate) fn of_job(job: &ExecutionGraph, now: Timestamp) -> Vec<(String, MetricValue)> {
    let figures = Figures::of(job);
    let gauges = GAUGES.iter();
    gauges
        .map(|(name, gauge)| ((*name).to_owned(), gauge(&figures, now)))
        .collect()
}

/// The metrics of a running job, which its JobMaster keeps up to date; they end with it.
#[derive(Debug)]
pub(crate) struct JobGauges {
    figures: Arc<Mutex<Figures>>,
    _registered: GroupGuard,
}

impl JobGauges {
    /// Registers them in the job's group.
    pub(crate) fn register(group: &MetricGroup, job: &ExecutionGraph, clock: &Arc<dyn Clock>) -> Self {
        let registered = group.take_over();
        let figures = Arc::new(Mutex::new(Figures::of(job)));
        for (name, gauge) in GAUGES {
            let (figures, clock) = (figures.clone(), clock.clone());
            group.gauge(name, move || gauge(&figures.lock(), clock.wall()));
        }
        Self {
            figures,
            _registered: registered,
        }
    }

    /// The job has gone on.
    pub(crate) fn update(&self, job: &ExecutionGraph) {
        *self.figures.lock() = Figures::of(job);
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::JobId;

    use super::*;
    use crate::testing::word_count;

    const fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn value(job: &ExecutionGraph, now: u64, name: &str) -> String {
        let all = of_job(job, at(now));
        let found = all.iter().find(|(other, _)| other == name);
        found.unwrap_or_else(|| panic!("{name}")).1.to_string()
    }

    #[test]
    fn a_jobs_times_follow_its_status() {
        let mut job = ExecutionGraph::new(JobId::from_bytes([1; 16]), Arc::new(word_count(1)), at(100));
        assert_eq!(value(&job, 150, "initializingTime"), "50");
        assert_eq!(
            (value(&job, 150, "uptime"), value(&job, 150, "downtime")),
            ("0".into(), "0".into())
        );
        job.transition_job(JobStatus::Created, at(200)).unwrap();
        job.transition_job(JobStatus::Running, at(300)).unwrap();
        assert_eq!(
            (value(&job, 350, "uptime"), value(&job, 350, "runningTime")),
            ("50".into(), "50".into())
        );
        job.transition_job(JobStatus::Restarting, at(400)).unwrap();
        job.restarts += 1;
        assert_eq!(
            (value(&job, 470, "downtime"), value(&job, 470, "restartingTime")),
            ("70".into(), "70".into())
        );
        assert_eq!(
            (value(&job, 470, "uptime"), value(&job, 470, "numRestarts")),
            ("0".into(), "1".into())
        );
        job.transition_job(JobStatus::Failing, at(500)).unwrap();
        job.transition_job(JobStatus::Failed, at(600)).unwrap();
        assert_eq!(
            (value(&job, 700, "uptime"), value(&job, 700, "downtime")),
            ("-1".into(), "-1".into())
        );
        assert_eq!(value(&job, 700, "fullRestarts"), "1");
    }
}
