//! When the cluster ends. Pure.
//!
//! ```text
//! serving ──the result of a per-job cluster's job is stored──► leaving ──cleaned up, and fetched, too late or detached──► ending
//!    ├── told to shut down, an application has ended ──► draining ──no job is left, too late──► ending
//!    └── something breaks ──► broken ──told to shut down──► draining
//! ```

use std::time::Duration;

use selvedge_core::JobId;
use selvedge_core::status::ApplicationStatus;
use selvedge_runtime::outcome::JobOutcome;
use tokio::time::Instant;

use crate::jobmaster::JobResult;

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
    /// Runs an application, and ends with it.
    Application,
}

/// How the cluster ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterEnd {
    /// What YARN and the client are told.
    pub status: ApplicationStatus,
    /// The result of a per-job cluster's job, or what went wrong.
    pub diagnostics: String,
}

impl ClusterEnd {
    /// Whether something broke: the cluster has FAILED, and not by the end of its job, of which the diagnostics would tell.
    pub fn is_fault(&self) -> bool {
        self.status == ApplicationStatus::Failed && JobOutcome::from_json(&self.diagnostics).is_none()
    }
}

#[derive(Debug)]
enum Phase {
    Serving,
    Leaving {
        job: JobId,
        cleaned_up: bool,
        /// Until when the result may be fetched; `None` when nobody is waited for.
        fetch_until: Option<Instant>,
        end: ClusterEnd,
    },
    Draining {
        until: Instant,
        end: ClusterEnd,
    },
    /// No job is taken; the process decides what becomes of those that run.
    Broken,
    Ending,
}

#[derive(Debug)]
pub(super) struct ClusterLife {
    mode: DispatcherMode,
    phase: Phase,
    /// How its application has ended, where the cluster stays all the same.
    application: Option<ClusterEnd>,
}

impl ClusterLife {
    pub(super) const fn new(mode: DispatcherMode) -> Self {
        Self {
            mode,
            phase: Phase::Serving,
            application: None,
        }
    }

    /// What the cluster is for.
    pub(super) const fn mode(&self) -> DispatcherMode {
        self.mode
    }

    /// Whether jobs are taken.
    pub(super) const fn serves(&self) -> bool {
        matches!(self.phase, Phase::Serving)
    }

    /// The result of a job is stored: it has ended, whatever happens now.
    pub(super) fn result_stored(&mut self, result: &JobResult, now: Instant) {
        match (&mut self.phase, self.mode) {
            // A wish to end does not make a job FINISHED that was cancelled for it.
            (Phase::Draining { end, .. }, DispatcherMode::PerJob { .. })
                if end.status == ApplicationStatus::Succeeded =>
            {
                *end = end_of(result);
            }
            (Phase::Serving, DispatcherMode::PerJob { attached }) => {
                self.phase = Phase::Leaving {
                    job: result.job_id,
                    cleaned_up: false,
                    fetch_until: attached.then_some(now + FETCH_PATIENCE),
                    end: end_of(result),
                };
            }
            _ => {}
        }
    }

    /// Nothing of a job is left, or nothing more can be done about it.
    pub(super) fn cleaned_up(&mut self, cleaned: &JobId) {
        if let Phase::Leaving { job, cleaned_up, .. } = &mut self.phase
            && job == cleaned
        {
            *cleaned_up = true;
        }
    }

    /// A client has the result of a job.
    pub(super) fn fetched(&mut self, fetched: &JobId) {
        if let Phase::Leaving { job, fetch_until, .. } = &mut self.phase
            && job == fetched
        {
            *fetch_until = None;
        }
    }

    /// The cluster is to end; jobs that run are to be ended first.
    pub(super) fn shut_down(&mut self, status: ApplicationStatus, diagnostics: String, now: Instant) {
        let end = match &self.phase {
            Phase::Serving if self.mode == DispatcherMode::Application && status != ApplicationStatus::Failed => {
                // An application that is told to end before it has is none that SUCCEEDED.
                let status = ApplicationStatus::Canceled;
                let told_early = ClusterEnd { status, diagnostics };
                self.application.take().unwrap_or(told_early)
            }
            Phase::Serving | Phase::Broken => ClusterEnd { status, diagnostics },
            // The job's own result says more than the wish to end.
            Phase::Leaving { end, .. } => end.clone(),
            Phase::Draining { .. } | Phase::Ending => return,
        };
        let until = now + DRAIN_PATIENCE;
        self.phase = Phase::Draining { until, end };
    }

    /// The application has ended. The cluster ends with it, unless it is to stay.
    pub(super) fn application_ended(&mut self, end: ClusterEnd, stays: bool, now: Instant) {
        if !self.serves() {
            return;
        }
        if stays {
            self.application = Some(end);
        } else {
            let until = now + DRAIN_PATIENCE;
            self.phase = Phase::Draining { until, end };
        }
    }

    /// The Dispatcher cannot go on. One that ends already does so.
    pub(super) fn break_down(&mut self) {
        if self.serves() {
            self.phase = Phase::Broken;
        }
    }

    /// Whether the cluster ends now; `idle` where no job is left that runs or has to be cleaned up.
    pub(super) fn tick(&mut self, idle: bool, now: Instant) -> Option<ClusterEnd> {
        let end = match &self.phase {
            Phase::Leaving {
                cleaned_up: true,
                fetch_until,
                end,
                ..
            } if fetch_until.is_none_or(|until| until <= now) => end.clone(),
            Phase::Draining { until, end } if idle || *until <= now => end.clone(),
            _ => return None,
        };
        self.phase = Phase::Ending;
        Some(end)
    }

    /// When [`Self::tick`] is to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Leaving {
                fetch_until,
                cleaned_up: true,
                ..
            } => *fetch_until,
            Phase::Draining { until, .. } => Some(*until),
            _ => None,
        }
    }
}

/// What a late client reads of the application: the result as JSON, short enough for YARN's diagnostics.
pub(crate) fn end_of(result: &JobResult) -> ClusterEnd {
    let mut result = result.clone();
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
    use std::collections::BTreeMap;

    use selvedge_core::status::{ClusterPhase, JobStatus, Walk};

    use super::*;

    const JOB: JobId = JobId::from_bytes([4; 16]);

    fn failed() -> JobResult {
        JobResult {
            job_id: JOB,
            status: JobStatus::Failed,
            net_runtime_ms: 8,
            cause: None,
            accumulators: BTreeMap::new(),
        }
    }

    fn ended(attached: bool, now: Instant) -> ClusterLife {
        let mut life = ClusterLife::new(DispatcherMode::PerJob { attached });
        life.result_stored(&failed(), now);
        assert_eq!(life.tick(false, now), None, "the job is not cleaned up");
        life.cleaned_up(&JOB);
        life
    }

    fn in_phase(phase: ClusterPhase, now: Instant) -> ClusterLife {
        let mut life = ClusterLife::new(DispatcherMode::PerJob { attached: false });
        match phase {
            ClusterPhase::Serving => {}
            ClusterPhase::Leaving => life.result_stored(&failed(), now),
            ClusterPhase::Draining => life.shut_down(ApplicationStatus::Succeeded, String::new(), now),
            ClusterPhase::Broken => life.break_down(),
            ClusterPhase::Ending => {
                life.shut_down(ApplicationStatus::Succeeded, String::new(), now);
                life.tick(true, now).unwrap();
            }
        }
        life
    }

    const fn phase(life: &ClusterLife) -> ClusterPhase {
        match life.phase {
            Phase::Serving => ClusterPhase::Serving,
            Phase::Leaving { .. } => ClusterPhase::Leaving,
            Phase::Draining { .. } => ClusterPhase::Draining,
            Phase::Broken => ClusterPhase::Broken,
            Phase::Ending => ClusterPhase::Ending,
        }
    }

    #[test]
    fn a_cluster_goes_only_where_its_table_says() {
        use ClusterPhase::{Broken, Draining, Ending, Leaving, Serving};
        type Event = fn(&mut ClusterLife, Instant);
        let events: [Event; 6] = [
            |life, now| life.result_stored(&failed(), now),
            |life, _| life.fetched(&JOB),
            |life, now| life.shut_down(ApplicationStatus::Failed, String::new(), now),
            |life, now| drop(life.tick(false, now)),
            |life, now| {
                life.cleaned_up(&JOB);
                life.tick(true, now);
            },
            |life, _| life.break_down(),
        ];
        let now = Instant::now();
        let mut walk = Walk::new();
        let rows: &[(ClusterPhase, &[ClusterPhase])] = &[
            (Serving, &[Leaving, Serving, Draining, Serving, Serving, Broken]),
            (Leaving, &[Leaving, Leaving, Draining, Leaving, Ending, Leaving]),
            (Draining, &[Draining, Draining, Draining, Draining, Ending, Draining]),
            (Broken, &[Broken, Broken, Draining, Broken, Broken, Broken]),
            (Ending, &[Ending, Ending, Ending, Ending, Ending, Ending]),
        ];
        walk.rows(&events, rows, |from, event| {
            let mut life = in_phase(from, now);
            assert_eq!(phase(&life), from);
            event(&mut life, now);
            phase(&life)
        });
        walk.finish();
    }

    #[test]
    fn an_attached_client_has_ten_seconds_to_fetch_the_result() {
        let now = Instant::now();
        let mut life = ended(true, now);
        assert_eq!(
            (life.tick(true, now), life.deadline()),
            (None, Some(now + FETCH_PATIENCE))
        );
        life.fetched(&JobId::from_bytes([5; 16]));
        assert_eq!(life.tick(true, now), None, "another job's result");
        life.fetched(&JOB);
        let end = life.tick(true, now).unwrap();
        assert_eq!(end.status, ApplicationStatus::Failed);
        assert!(end.diagnostics.contains("\"status\":\"FAILED\""), "{}", end.diagnostics);
        assert!(
            !life.serves() && life.tick(true, now).is_none(),
            "the cluster has ended"
        );
    }

    #[test]
    fn nobody_fetching_ends_the_cluster_all_the_same() {
        let now = Instant::now();
        assert!(ended(true, now).tick(true, now + FETCH_PATIENCE).is_some());
    }

    #[test]
    fn a_detached_job_ends_its_cluster_at_once() {
        let now = Instant::now();
        assert_eq!(
            ended(false, now).tick(true, now).unwrap().status,
            ApplicationStatus::Failed
        );
    }

    #[test]
    fn a_result_that_is_fetched_before_the_job_is_cleaned_up_ends_the_cluster_when_it_is() {
        let now = Instant::now();
        let mut life = ClusterLife::new(DispatcherMode::PerJob { attached: true });
        life.result_stored(&failed(), now);
        life.fetched(&JOB);
        assert_eq!(life.tick(false, now + FETCH_PATIENCE), None);
        life.cleaned_up(&JOB);
        assert!(life.tick(true, now + FETCH_PATIENCE).is_some());
    }

    #[test]
    fn a_shutdown_tells_how_its_only_job_ended() {
        let now = Instant::now();
        for (wish, told) in [
            (ApplicationStatus::Succeeded, "\"status\":\"FAILED\""),
            (ApplicationStatus::Failed, "the driver broke"),
        ] {
            let mut life = ClusterLife::new(DispatcherMode::PerJob { attached: true });
            life.shut_down(wish, "the driver broke".to_owned(), now);
            life.result_stored(&failed(), now);
            let end = life.tick(true, now).unwrap();
            assert_eq!(end.status, ApplicationStatus::Failed);
            assert!(end.diagnostics.contains(told), "{}", end.diagnostics);
        }
        let mut life = ended(true, now);
        life.shut_down(ApplicationStatus::Succeeded, String::new(), now);
        assert_eq!(life.tick(true, now).unwrap().status, ApplicationStatus::Failed);
    }

    #[test]
    fn what_breaks_takes_no_job_and_ends_when_it_is_told_how() {
        let now = Instant::now();
        let mut life = ClusterLife::new(DispatcherMode::Session);
        life.break_down();
        assert!(!life.serves());
        assert_eq!((life.tick(true, now), life.deadline()), (None, None));
        life.shut_down(ApplicationStatus::Failed, "the disk is full".to_owned(), now);
        let end = life.tick(true, now).unwrap();
        assert_eq!(
            (end.is_fault(), end.diagnostics.as_str()),
            (true, "the disk is full"),
            "{end:?}"
        );
        // How the only job ended is not forgotten for what breaks later.
        let mut life = ended(false, now);
        life.break_down();
        let end = life.tick(true, now).unwrap();
        assert_eq!(
            (end.status, end.is_fault()),
            (ApplicationStatus::Failed, false),
            "{end:?}"
        );
    }

    #[test]
    fn a_cluster_ends_with_its_application_or_stays_for_its_pages() {
        let now = Instant::now();
        let ended = end_of(&failed());
        let mut life = ClusterLife::new(DispatcherMode::Application);
        life.result_stored(&failed(), now);
        assert!(life.serves(), "the end of a job is not that of the application");
        life.application_ended(ended.clone(), false, now);
        assert_eq!(life.tick(false, now), None, "another job is being cancelled");
        assert_eq!(life.tick(true, now), Some(ended.clone()));
        // It stays, and remembers, whether its client tells it to end or is gone.
        for status in [ApplicationStatus::Succeeded, ApplicationStatus::Canceled] {
            let mut life = ClusterLife::new(DispatcherMode::Application);
            life.application_ended(ended.clone(), true, now);
            assert_eq!(life.tick(true, now), None);
            life.shut_down(status, "by a client".to_owned(), now);
            assert_eq!(life.tick(true, now), Some(ended.clone()));
        }
        // Told to end before.
        let mut life = ClusterLife::new(DispatcherMode::Application);
        life.shut_down(ApplicationStatus::Succeeded, "by a client".to_owned(), now);
        life.application_ended(end_of(&failed()), false, now);
        let end = life.tick(true, now).unwrap();
        assert_eq!(
            (end.status, end.diagnostics.as_str()),
            (ApplicationStatus::Canceled, "by a client")
        );
    }

    #[test]
    fn a_shutdown_waits_for_jobs_but_not_for_ever() {
        let now = Instant::now();
        let mut life = ClusterLife::new(DispatcherMode::Session);
        life.shut_down(ApplicationStatus::Succeeded, String::new(), now);
        assert_eq!(
            (life.tick(false, now), life.deadline()),
            (None, Some(now + DRAIN_PATIENCE))
        );
        assert!(life.tick(false, now + DRAIN_PATIENCE).is_some());
    }
}
