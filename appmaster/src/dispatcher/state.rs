//! What the Dispatcher knows of jobs, and when the cluster ends. Pure.
//!
//! ```text
//! a job:       checking ──► running ──► archived
//! the cluster: serving ──job of a per-job cluster ended──► waiting for a fetch ──fetched, too late, detached──► ending
//!                 └── told to shut down ──► draining ──no job runs, too late──► ending
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::JobId;
use selvedge_core::status::ApplicationStatus;
use tokio::time::Instant;

use super::DispatcherError;
use crate::jobmaster::{ExecutionGraph, JobMasterHandle, JobResult};

/// How long an attached client may take to fetch the result.
pub(super) const FETCH_PATIENCE: Duration = Duration::from_secs(10);
/// How long running jobs may take to be cancelled, or failed, and to clean up when the cluster ends.
pub(crate) const DRAIN_PATIENCE: Duration = Duration::from_secs(10);

/// YARN keeps 64 KiB of diagnostics and sends them with every report.
const DIAGNOSTICS_CAUSE_BYTES: usize = 8 << 10;

/// What the cluster is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DispatcherMode {
    /// Takes jobs until it is told to end.
    Session,
    /// Ends with its one job: at once, or when an attached client has fetched the result.
    PerJob {
        /// Whether a client waits for the result.
        attached: bool,
    },
}

/// How the cluster ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterEnd {
    /// What YARN and the client are told.
    pub status: ApplicationStatus,
    /// The result of a per-job cluster's job, or what went wrong.
    pub diagnostics: String,
}

#[derive(Debug)]
pub(super) enum Job {
    /// Its graph is being checked.
    Checking,
    Running(JobMasterHandle),
    Archived(Arc<ExecutionGraph>),
}

#[derive(Debug)]
enum Cluster {
    Serving,
    AwaitingFetch {
        job: JobId,
        until: Instant,
        end: ClusterEnd,
    },
    Draining {
        until: Instant,
        end: ClusterEnd,
    },
    Ending,
}

/// Jobs, and the life of the cluster.
#[derive(Debug)]
pub(super) struct State {
    mode: DispatcherMode,
    pub(super) jobs: BTreeMap<JobId, Job>,
    cluster: Cluster,
}

impl State {
    pub(super) const fn new(mode: DispatcherMode) -> Self {
        Self {
            mode,
            jobs: BTreeMap::new(),
            cluster: Cluster::Serving,
        }
    }

    /// Takes a job in, once.
    pub(super) fn admit(&mut self, job: JobId) -> Result<(), DispatcherError> {
        if !matches!(self.cluster, Cluster::Serving) {
            return Err(DispatcherError::ShuttingDown);
        }
        match self.jobs.get(&job) {
            Some(Job::Archived(_)) => Err(DispatcherError::Duplicate { job, state: "ended" }),
            Some(_) => Err(DispatcherError::Duplicate { job, state: "running" }),
            None => {
                self.jobs.insert(job, Job::Checking);
                Ok(())
            }
        }
    }

    /// The job's graph was refused: it is as if it had never come.
    pub(super) fn refuse(&mut self, job: &JobId) {
        self.jobs.remove(job);
    }

    /// A job has ended. The cluster's end where it ends with it at once.
    pub(super) fn ended(&mut self, graph: Arc<ExecutionGraph>, now: Instant) -> Option<ClusterEnd> {
        let job = graph.job_id;
        let result = JobResult::of(&graph);
        self.jobs.insert(job, Job::Archived(graph));
        match (&mut self.cluster, self.mode) {
            (Cluster::Draining { end, .. }, mode) => {
                // A wish to end does not make a job FINISHED that was cancelled for it.
                if matches!(mode, DispatcherMode::PerJob { .. }) && end.status == ApplicationStatus::Succeeded {
                    *end = end_of(result);
                }
                self.tick(now)
            }
            (Cluster::Serving, DispatcherMode::PerJob { attached }) => {
                let end = end_of(result);
                if !attached {
                    return self.end(end);
                }
                self.cluster = Cluster::AwaitingFetch {
                    job,
                    until: now + FETCH_PATIENCE,
                    end,
                };
                None
            }
            _ => None,
        }
    }

    /// A client has the result of a job.
    pub(super) fn fetched(&mut self, fetched: &JobId) -> Option<ClusterEnd> {
        match &self.cluster {
            Cluster::AwaitingFetch { job, end, .. } if job == fetched => {
                let end = end.clone();
                self.end(end)
            }
            _ => None,
        }
    }

    /// The cluster is to end; jobs that run are to be cancelled first and come back.
    pub(super) fn shut_down(
        &mut self,
        status: ApplicationStatus,
        diagnostics: String,
        now: Instant,
    ) -> Vec<JobMasterHandle> {
        if let Cluster::Serving = self.cluster {
            let end = ClusterEnd { status, diagnostics };
            self.cluster = Cluster::Draining {
                until: now + DRAIN_PATIENCE,
                end,
            };
        } else if let Cluster::AwaitingFetch { end, .. } = &self.cluster {
            // The job's own result says more than the wish to end.
            self.cluster = Cluster::Draining {
                until: now,
                end: end.clone(),
            };
        }
        let running = self.jobs.values().filter_map(|job| match job {
            Job::Running(handle) => Some(handle.clone()),
            _ => None,
        });
        running.collect()
    }

    /// Whether the cluster ends now.
    pub(super) fn tick(&mut self, now: Instant) -> Option<ClusterEnd> {
        let idle = !self
            .jobs
            .values()
            .any(|job| matches!(job, Job::Running(_) | Job::Checking));
        let end = match &self.cluster {
            Cluster::AwaitingFetch { until, end, .. } if *until <= now => end.clone(),
            Cluster::Draining { until, end } if idle || *until <= now => end.clone(),
            _ => return None,
        };
        self.end(end)
    }

    fn end(&mut self, end: ClusterEnd) -> Option<ClusterEnd> {
        self.cluster = Cluster::Ending;
        Some(end)
    }

    /// When [`Self::tick`] is to be called.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        match &self.cluster {
            Cluster::AwaitingFetch { until, .. } | Cluster::Draining { until, .. } => Some(*until),
            _ => None,
        }
    }
}

/// What a late client reads of the application: the result as JSON, short enough for YARN's diagnostics.
fn end_of(result: Option<JobResult>) -> ClusterEnd {
    let Some(mut result) = result else {
        return ClusterEnd {
            status: ApplicationStatus::Unknown,
            diagnostics: "the job has no result".to_owned(),
        };
    };
    if let Some(cause) = &mut result.cause {
        cause.truncate(cause.floor_char_boundary(DIAGNOSTICS_CAUSE_BYTES));
    }
    ClusterEnd {
        status: result.application_status(),
        diagnostics: serde_json::to_string(&result).unwrap_or_else(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::status::JobStatus;
    use selvedge_runtime::clock::Timestamp;

    use super::*;
    use crate::testing::word_count;

    fn job() -> JobId {
        JobId::from_bytes([4; 16])
    }

    fn failed() -> Arc<ExecutionGraph> {
        let mut graph = ExecutionGraph::new(job(), Arc::new(word_count(1)), Timestamp::from_millis(1));
        graph
            .transition_job(JobStatus::Failed, Timestamp::from_millis(9))
            .unwrap();
        Arc::new(graph)
    }

    #[test]
    fn a_job_is_taken_once() {
        let mut state = State::new(DispatcherMode::Session);
        state.admit(job()).unwrap();
        assert!(matches!(
            state.admit(job()),
            Err(DispatcherError::Duplicate { state: "running", .. })
        ));
        assert_eq!(state.ended(failed(), Instant::now()), None);
        assert!(matches!(
            state.admit(job()),
            Err(DispatcherError::Duplicate { state: "ended", .. })
        ));
    }

    #[test]
    fn an_attached_client_has_ten_seconds_to_fetch_the_result() {
        let now = Instant::now();
        let mut state = State::new(DispatcherMode::PerJob { attached: true });
        state.admit(job()).unwrap();
        assert_eq!(state.ended(failed(), now), None);
        assert_eq!((state.tick(now), state.deadline()), (None, Some(now + FETCH_PATIENCE)));
        assert_eq!(state.fetched(&JobId::from_bytes([5; 16])), None, "another job's result");
        let end = state.fetched(&job()).unwrap();
        assert_eq!(end.status, ApplicationStatus::Failed);
        assert!(end.diagnostics.contains("\"status\":\"FAILED\""), "{}", end.diagnostics);
        assert!(
            state.admit(JobId::from_bytes([6; 16])).is_err(),
            "the cluster has ended"
        );
    }

    #[test]
    fn nobody_fetching_ends_the_cluster_all_the_same() {
        let now = Instant::now();
        let mut state = State::new(DispatcherMode::PerJob { attached: true });
        state.admit(job()).unwrap();
        state.ended(failed(), now);
        assert!(state.tick(now + FETCH_PATIENCE).is_some());
    }

    #[test]
    fn a_detached_job_ends_its_cluster_at_once() {
        let mut state = State::new(DispatcherMode::PerJob { attached: false });
        state.admit(job()).unwrap();
        assert_eq!(
            state.ended(failed(), Instant::now()).unwrap().status,
            ApplicationStatus::Failed
        );
    }

    #[test]
    fn a_shutdown_tells_how_its_only_job_ended() {
        let now = Instant::now();
        for (wish, told) in [
            (ApplicationStatus::Succeeded, "\"status\":\"FAILED\""),
            (ApplicationStatus::Failed, "the driver broke"),
        ] {
            let mut state = State::new(DispatcherMode::PerJob { attached: true });
            state.admit(job()).unwrap();
            state.shut_down(wish, "the driver broke".to_owned(), now);
            let end = state.ended(failed(), now).unwrap();
            assert_eq!(end.status, ApplicationStatus::Failed);
            assert!(end.diagnostics.contains(told), "{}", end.diagnostics);
        }
    }

    #[test]
    fn a_shutdown_waits_for_jobs_but_not_for_ever() {
        let now = Instant::now();
        let mut state = State::new(DispatcherMode::Session);
        state.admit(job()).unwrap();
        state.shut_down(ApplicationStatus::Succeeded, String::new(), now);
        assert_eq!(state.tick(now), None);
        assert!(state.tick(now + DRAIN_PATIENCE).is_some());
    }
}
