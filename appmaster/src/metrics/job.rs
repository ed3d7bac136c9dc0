//! What a job has been through: Flink's gauges of its status, and how often it was restarted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use selvedge_core::status::JobStatus;
use selvedge_runtime::clock::{Clock, Timestamp};
use selvedge_runtime::metrics::{GroupGuard, MetricGroup, MetricValue};

use crate::jobmaster::ArchivedExecutionGraph;
use crate::settings::JobStatusMetrics;

/// What the gauges are computed from.
#[derive(Debug, Clone)]
struct Figures {
    status: JobStatus,
    /// When it entered its status.
    since: Timestamp,
    /// How long it was in each status before that.
    spent: BTreeMap<JobStatus, Duration>,
    restarts: u64,
    /// Since when tasks have been on their way to workers.
    deploying_since: Option<Timestamp>,
    /// How long they were before.
    deploying_spent: Duration,
}

impl Figures {
    fn of(job: &ArchivedExecutionGraph) -> Self {
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
            deploying_since: job.deploying_since(),
            deploying_spent: job.deploying_spent(),
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

    /// How long tasks have been on their way without a break, and altogether.
    fn deploying(&self, now: Timestamp) -> (Duration, Duration) {
        let current = self.deploying_since.map_or(Duration::ZERO, |since| now.since(since));
        (current, self.deploying_spent + current)
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

fn gauges(enabled: JobStatusMetrics) -> Vec<(String, Gauge)> {
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
        all.extend(of_status(&name, enabled, [state, time, total]));
    }
    let deploying: [Gauge; 3] = [
        Box::new(|job, _| u64::from(job.deploying_since.is_some()).into()),
        Box::new(|job, now| millis(job.deploying(now).0)),
        Box::new(|job, now| millis(job.deploying(now).1)),
    ];
    all.extend(of_status("deploying", enabled, deploying));
    all
}

/// Those of the three figures of a status that are wanted.
fn of_status(name: &str, enabled: JobStatusMetrics, figures: [Gauge; 3]) -> Vec<(String, Gauge)> {
    let kinds = [
        (enabled.state, "State"),
        (enabled.current_time, "Time"),
        (enabled.total_time, "TimeTotal"),
    ];
    let wanted = kinds.into_iter().zip(figures).filter(|((wanted, _), _)| *wanted);
    wanted
        .map(|((_, kind), gauge)| (format!("{name}{kind}"), gauge))
        .collect()
}

/// The metrics of a job as it stands there: how REST shows one that has ended.
pub(crate) fn of_job(
    job: &ArchivedExecutionGraph,
    enabled: JobStatusMetrics,
    now: Timestamp,
) -> Vec<(String, MetricValue)> {
    let figures = Figures::of(job);
    let gauges = gauges(enabled).into_iter();
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
    pub(crate) fn register(
        group: &MetricGroup,
        job: &ArchivedExecutionGraph,
        enabled: JobStatusMetrics,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let registered = group.take_over();
        let figures = Arc::new(Mutex::new(Figures::of(job)));
        for (name, gauge) in gauges(enabled) {
            let (figures, clock) = (figures.clone(), clock.clone());
            group.gauge(&name, move || gauge(&figures.lock(), clock.wall()));
        }
        Self {
            figures,
            _registered: registered,
        }
    }

    /// The job has gone on.
    pub(crate) fn update(&self, job: &ArchivedExecutionGraph) {
        let mut figures = self.figures.lock();
        let since = job.timestamp(figures.status).unwrap_or_default();
        let known = (figures.status, figures.since, figures.restarts, figures.deploying_since);
        if known != (job.status(), since, job.restarts, job.deploying_since()) {
            *figures = Figures::of(job);
        }
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::JobId;
    use selvedge_core::status::ExecutionState;

    use super::*;
    use crate::jobmaster::ExecutionGraph;
    use crate::testing::word_count;

    const ALL: JobStatusMetrics = JobStatusMetrics {
        state: true,
        current_time: true,
        total_time: true,
    };

    const fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn value(job: &ExecutionGraph, now: u64, name: &str) -> String {
        let all = of_job(job, ALL, at(now));
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
        job.record_mut().restarts += 1;
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

    #[test]
    fn a_job_tells_how_long_it_deploys() {
        let mut job = ExecutionGraph::new(JobId::from_bytes([1; 16]), Arc::new(word_count(1)), at(100));
        let task = job.layout().task(&"sink".into(), 0).unwrap();
        job.transition(task, ExecutionState::Scheduled, at(150)).unwrap();
        job.transition(task, ExecutionState::Deploying, at(200)).unwrap();
        let values = |job: &ExecutionGraph, now| {
            ["deployingState", "deployingTime", "deployingTimeTotal"].map(|name| value(job, now, name))
        };
        assert_eq!(values(&job, 230), ["1", "30", "30"]);
        job.transition(task, ExecutionState::Initializing, at(240)).unwrap();
        assert_eq!(values(&job, 300), ["0", "0", "40"]);
    }

    #[test]
    fn only_the_figures_that_are_asked_for_are_there() {
        let job = ExecutionGraph::new(JobId::from_bytes([1; 16]), Arc::new(word_count(1)), at(100));
        let enabled = JobStatusMetrics {
            current_time: true,
            ..JobStatusMetrics::default()
        };
        let names: Vec<_> = of_job(&job, enabled, at(200))
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert!(names.contains(&"deployingTime".to_owned()) && names.contains(&"runningTime".to_owned()));
        assert!(
            !names
                .iter()
                .any(|name| name.ends_with("State") || name.ends_with("Total")),
            "{names:?}"
        );
    }
}
