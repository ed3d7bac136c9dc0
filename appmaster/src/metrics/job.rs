//! What a job has been through: Flink's gauges of its status, and how often it was restarted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use selvedge_core::status::JobStatus;
use selvedge_runtime::clock::{Clock, Timestamp};
use selvedge_runtime::metrics::{GroupGuard, MetricGroup, MetricValue};

use crate::jobmaster::ExecutionGraph;

/// What the gauges are computed from.
#[derive(Debug, Clone)]
struct Figures {
    status: JobStatus,
    /// When it entered its status.
    since: Timestamp,
    /// How long it was in each status before that.
    spent: BTreeMap<JobStatus, Duration>,
    restarts: u64,
}

impl Figures {
    fn of(job: &ExecutionGraph) -> Self {
        let status = job.status();
        let since = job.timestamp(status).unwrap_or_default();
        let spent = JobStatus::ALL
            .iter()
            .map(|status| (*status, job.total_time_in(*status, since)));
        Self {
            status,
            since,
            spent: spent.collect(),
            restarts: job.restarts,
        }
    }

    /// How long it has been in this status without a break; nothing where it is in another, or has ended.
    fn time_in(&self, status: JobStatus, now: Timestamp) -> Duration {
        match self.status == status && !status.is_globally_terminal() {
            true => now.since(self.since),
            false => Duration::ZERO,
        }
    }

    fn total_time_in(&self, status: JobStatus, now: Timestamp) -> Duration {
        self.spent.get(&status).copied().unwrap_or_default() + self.time_in(status, now)
    }

    /// Flink's uptime and downtime: how long it runs, or is being restarted; -1 when it has ended.
    fn up_or_down(&self, status: JobStatus, now: Timestamp) -> MetricValue {
        match self.status.is_globally_terminal() {
            true => MetricValue::Integer(-1),
            false => millis(self.time_in(status, now)),
        }
    }
}

fn millis(time: Duration) -> MetricValue {
    MetricValue::from(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

type Gauge = Box<dyn Fn(&Figures, Timestamp) -> MetricValue + Send + Sync>;

/// The statuses whose times are measured.
const MEASURED: [JobStatus; 6] = [
    JobStatus::Initializing,
    JobStatus::Created,
    JobStatus::Running,
    JobStatus::Restarting,
    JobStatus::Cancelling,
    JobStatus::Failing,
];

fn gauges() -> Vec<(String, Gauge)> {
    let named = |name: &str, gauge: Gauge| (name.to_owned(), gauge);
    let mut all = vec![
        named("numRestarts", Box::new(|job, _| job.restarts.into())),
        named("fullRestarts", Box::new(|job, _| job.restarts.into())),
        named("uptime", Box::new(|job, now| job.up_or_down(JobStatus::Running, now))),
        named(
            "downtime",
            Box::new(|job, now| job.up_or_down(JobStatus::Restarting, now)),
        ),
    ];
    for status in MEASURED {
        let name = status.as_str().to_ascii_lowercase();
        let state: Gauge = Box::new(move |job, _| u64::from(job.status == status).into());
        let time: Gauge = Box::new(move |job, now| millis(job.time_in(status, now)));
        let total: Gauge = Box::new(move |job, now| millis(job.total_time_in(status, now)));
        all.extend([
            (format!("{name}State"), state),
            (format!("{name}Time"), time),
            (format!("{name}TimeTotal"), total),
        ]);
    }
    all
}

/// The metrics of a job as it stands there: how REST shows one that has ended.
pub(crate) fn of_job(job: &ExecutionGraph, now: Timestamp) -> Vec<(String, MetricValue)> {
    let figures = Figures::of(job);
    let gauges = gauges().into_iter();
    gauges.map(|(name, gauge)| (name, gauge(&figures, now))).collect()
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
        for (name, gauge) in gauges() {
            let (figures, clock) = (figures.clone(), clock.clone());
            group.gauge(&name, move || gauge(&figures.lock(), clock.wall()));
        }
        Self {
            figures,
            _registered: registered,
        }
    }

    /// The job has gone on.
    pub(crate) fn update(&self, job: &ExecutionGraph) {
        let mut figures = self.figures.lock();
        let since = job.timestamp(figures.status).unwrap_or_default();
        if (figures.status, figures.since, figures.restarts) != (job.status(), since, job.restarts) {
            *figures = Figures::of(job);
        }
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
            (value(&job, 470, "runningTimeTotal"), value(&job, 470, "runningState")),
            ("100".into(), "0".into())
        );
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
