//! What the Dispatcher knows of jobs. Pure.
//!
//! ```text
//! a job: initialising ──checked, stored──► running ──ended──► ending ──result stored, cleaned up──► ended
//!             └──refused──► unknown                                           (see `stores`)
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::status::ApplicationStatus;
use selvedge_core::{JobGraph, JobId};
use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::deployment::CLIENT_OF_APPLICATION;
use tokio::time::Instant;

use super::client_watch::ClientWatch;
use super::cluster_life::{ClusterEnd, ClusterLife, DispatcherMode};
use super::{DispatcherError, sparse};
use crate::jobmaster::{ArchivedExecutionGraph, JobMasterHandle, JobResult};

/// A job that has not ended for good.
#[derive(Debug)]
pub(super) enum Job {
    /// It is being checked and stored.
    Initializing(Arc<ArchivedExecutionGraph>),
    Running(JobMasterHandle),
    Ending(EndingJob),
}

/// A job that has ended and leaves traces.
#[derive(Debug, Clone)]
pub(super) struct EndingJob {
    pub(super) graph: Arc<ArchivedExecutionGraph>,
    pub(super) result: JobResult,
    /// Whether the result outlives this process. Before it does, nobody is told.
    pub(super) stored: bool,
}

impl EndingJob {
    /// The job as users see it.
    pub(super) fn shown(&self) -> Arc<ArchivedExecutionGraph> {
        match self.stored {
            true => self.graph.clone(),
            false => Arc::new(self.graph.before_its_end()),
        }
    }
}

/// The two times of an event: of day, and of intervals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) wall: Timestamp,
    pub(super) monotonic: Instant,
}

/// Jobs, and the life of the cluster.
#[derive(Debug)]
pub(super) struct State {
    pub(super) jobs: BTreeMap<JobId, Job>,
    /// Jobs that have ended, in this process or an earlier one. They are never taken again.
    ended: BTreeSet<JobId>,
    /// How those have ended that an earlier process ran.
    pub(super) recovered: BTreeMap<JobId, JobResult>,
    pub(super) clients: ClientWatch,
    pub(super) life: ClusterLife,
}

impl State {
    pub(super) const fn new(mode: DispatcherMode, client_timeout: Option<Duration>) -> Self {
        Self {
            jobs: BTreeMap::new(),
            ended: BTreeSet::new(),
            recovered: BTreeMap::new(),
            clients: ClientWatch::new(client_timeout),
            life: ClusterLife::new(mode),
        }
    }

    /// Takes a job in, once.
    pub(super) fn admit(&mut self, job: JobId, graph: &JobGraph, now: Now) -> Result<(), DispatcherError> {
        if !self.life.serves() {
            return Err(DispatcherError::ShuttingDown);
        }
        if let Some(result) = self.recovered.get(&job) {
            // The cluster of a single job has nothing else to do than to tell how that ended.
            self.life.result_stored(result, now.monotonic);
            if !self.jobs.contains_key(&job) {
                self.life.cleaned_up(&job);
            }
        }
        let duplicate = |state| Err(DispatcherError::Duplicate { job, state });
        match self.jobs.get(&job) {
            Some(Job::Initializing(_)) => duplicate("INITIALIZING"),
            Some(Job::Running(_)) => duplicate("running"),
            Some(Job::Ending(ending)) => duplicate(ending.shown().status().as_str()),
            None if self.ended.contains(&job) => duplicate("ended"),
            None => {
                let shown = sparse::initializing(job, graph, now.wall);
                self.jobs.insert(job, Job::Initializing(shown));
                Ok(())
            }
        }
    }

    /// The job was refused: it is as if it had never come.
    pub(super) fn refuse(&mut self, job: &JobId) {
        self.jobs.remove(job);
    }

    /// A JobMaster runs the job.
    pub(super) fn run(&mut self, handle: JobMasterHandle, job: JobId, now: Now) {
        self.jobs.insert(job, Job::Running(handle));
        // The client of an application waits for that, not for what its program submits.
        if self.life.mode() != DispatcherMode::Application {
            self.clients.begin(job, now.wall);
        }
    }

    /// The Dispatcher begins: the client of an application has to be heard from now on.
    pub(super) fn begin(&mut self, now: Now) {
        if self.life.mode() == DispatcherMode::Application {
            self.clients.begin(CLIENT_OF_APPLICATION, now.wall);
        }
    }

    /// The client of a job, or of the application, says until when it is sure to be there.
    pub(super) fn client_heard(&mut self, job: JobId, expiry: Timestamp) {
        let is_awaited = match self.jobs.get(&job) {
            Some(Job::Running(_)) => true,
            _ => job == CLIENT_OF_APPLICATION && self.life.mode() == DispatcherMode::Application,
        };
        if is_awaited {
            self.clients.heard(job, expiry);
        }
    }

    /// A job has ended; its result is to be stored.
    pub(super) fn job_ended(&mut self, graph: Arc<ArchivedExecutionGraph>, result: JobResult) -> EndingJob {
        let job = graph.job_id;
        let ending = EndingJob {
            graph,
            result,
            stored: false,
        };
        self.clients.end(&job);
        self.ended.insert(job);
        self.jobs.insert(job, Job::Ending(ending.clone()));
        ending
    }

    /// A job is suspended: another process may go on with it.
    pub(super) fn job_suspended(&mut self, job: &JobId) {
        self.clients.end(job);
        self.jobs.remove(job);
    }

    /// The result of a job is stored. What is to be cleaned up.
    pub(super) fn result_stored(&mut self, job: &JobId, now: Now) -> Option<EndingJob> {
        let Some(Job::Ending(ending)) = self.jobs.get_mut(job) else {
            return None;
        };
        ending.stored = true;
        let ending = ending.clone();
        self.life.result_stored(&ending.result, now.monotonic);
        Some(ending)
    }

    /// Nothing of a job is left but its pages, or nothing more can be done about it.
    pub(super) fn cleaned_up(&mut self, job: &JobId) {
        self.jobs.remove(job);
        self.life.cleaned_up(job);
    }

    /// An earlier process ran this job to its end and did not come to clean up.
    pub(super) fn recover_dirty(&mut self, graph: Arc<ArchivedExecutionGraph>, result: JobResult) -> EndingJob {
        let ending = EndingJob {
            graph,
            result,
            stored: true,
        };
        self.recover_clean(ending.result.clone());
        let job = ending.result.job_id;
        self.jobs.insert(job, Job::Ending(ending.clone()));
        ending
    }

    /// An earlier process ran this job to its end and cleaned up.
    pub(super) fn recover_clean(&mut self, result: JobResult) {
        self.ended.insert(result.job_id);
        self.recovered.insert(result.job_id, result);
    }

    /// Whether a job has ended, as far as is known.
    pub(super) fn has_ended(&self, job: &JobId) -> bool {
        self.ended.contains(job)
    }

    /// The cluster is to end; these jobs are to be ended first.
    pub(super) fn shut_down(
        &mut self,
        status: ApplicationStatus,
        diagnostics: String,
        now: Now,
    ) -> Vec<JobMasterHandle> {
        self.life.shut_down(status, diagnostics, now.monotonic);
        self.running()
    }

    /// The application has ended; these jobs are to be ended first, where the cluster ends too.
    pub(super) fn application_ended(&mut self, end: ClusterEnd, stays: bool, now: Now) -> Vec<JobMasterHandle> {
        self.life.application_ended(end, stays, now.monotonic);
        if stays { Vec::new() } else { self.running() }
    }

    fn running(&self) -> Vec<JobMasterHandle> {
        let running = self.jobs.values().filter_map(|job| match job {
            Job::Running(handle) => Some(handle.clone()),
            _ => None,
        });
        running.collect()
    }

    /// Whether the cluster ends now.
    pub(super) fn tick(&mut self, now: Now) -> Option<ClusterEnd> {
        self.life.tick(self.jobs.is_empty(), now.monotonic)
    }

    /// When something is to be done without an event.
    pub(super) fn deadline(&self, now: Now) -> Option<Instant> {
        // A client may promise to be there until the end of time.
        let client = self
            .clients
            .next(now.wall)
            .and_then(|after| now.monotonic.checked_add(after));
        [client, self.life.deadline()].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::status::{DispatcherJob, JobStatus, Walk};

    use super::*;
    use crate::testing::word_count;

    const JOB: JobId = JobId::from_bytes([4; 16]);

    fn now() -> Now {
        Now {
            wall: Timestamp::from_millis(1),
            monotonic: Instant::now(),
        }
    }

    fn failed() -> (Arc<ArchivedExecutionGraph>, JobResult) {
        let graph = sparse::failed(JOB, None, "division by zero".to_owned(), Timestamp::from_millis(9));
        let result = JobResult::of(&graph).unwrap();
        (graph, result)
    }

    fn duplicate(state: &mut State) -> &'static str {
        match state.admit(JOB, &word_count(1), now()) {
            Err(DispatcherError::Duplicate { state, .. }) => state,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_job_is_taken_once_whatever_has_become_of_it() {
        let mut state = State::new(DispatcherMode::Session, None);
        state.admit(JOB, &word_count(1), now()).unwrap();
        assert_eq!(duplicate(&mut state), "INITIALIZING");
        let (graph, result) = failed();
        state.job_ended(graph, result);
        assert_eq!(duplicate(&mut state), "INITIALIZING", "its end is not stored yet");
        assert!(state.result_stored(&JOB, now()).unwrap().stored);
        assert_eq!(duplicate(&mut state), "FAILED");
        state.cleaned_up(&JOB);
        assert_eq!(duplicate(&mut state), "ended");
    }

    #[test]
    fn a_job_is_shown_as_ended_only_when_its_result_is_stored() {
        let mut state = State::new(DispatcherMode::Session, None);
        let (graph, result) = failed();
        let ending = state.job_ended(graph, result);
        let shown = ending.shown();
        assert!(!shown.status().is_globally_terminal(), "{}", shown.status());
        assert_eq!((shown.end_time(), shown.timestamp(JobStatus::Failed)), (None, None));
        let stored = state.result_stored(&JOB, now()).unwrap();
        assert_eq!(stored.shown().status(), JobStatus::Failed);
    }

    fn kind(state: &State) -> DispatcherJob {
        match state.jobs.get(&JOB) {
            Some(Job::Initializing(_)) => DispatcherJob::Initializing,
            Some(Job::Running(_)) => DispatcherJob::Running,
            Some(Job::Ending(ending)) if ending.stored => DispatcherJob::Stored,
            Some(Job::Ending(_)) => DispatcherJob::Ending,
            None if state.has_ended(&JOB) => DispatcherJob::Ended,
            None => DispatcherJob::Unknown,
        }
    }

    /// What the Dispatcher may be told of a job in each state: nothing else is ever called.
    #[test]
    fn a_job_goes_only_where_the_table_says_and_comes_in_only_where_it_is_unknown() {
        use DispatcherJob::{Ended, Ending, Initializing, Running, Stored, Unknown};
        type Event = fn(&mut State);
        let run: Event = |state| state.run(JobMasterHandle::of_nobody(JOB), JOB, now());
        let end: Event = |state| drop(state.job_ended(failed().0, failed().1));
        let store: Event = |state| drop(state.result_stored(&JOB, now()));
        let clean: Event = |state| state.cleaned_up(&JOB);
        let admit: Event = |state| drop(state.admit(JOB, &word_count(1), now()));
        let ways: [(DispatcherJob, &[Event]); 6] = [
            (Unknown, &[]),
            (Initializing, &[admit]),
            (Running, &[admit, run]),
            (Ending, &[admit, run, end]),
            (Stored, &[admit, run, end, store]),
            (Ended, &[admit, run, end, store, clean]),
        ];
        let steps: [(DispatcherJob, Event, DispatcherJob); 10] = [
            (Unknown, run, Running),
            (
                Unknown,
                |state| drop(state.recover_dirty(failed().0, failed().1)),
                Stored,
            ),
            (Unknown, |state| state.recover_clean(failed().1), Ended),
            (Initializing, run, Running),
            (Initializing, |state| state.refuse(&JOB), Unknown),
            (Running, end, Ending),
            (Running, |state| state.job_suspended(&JOB), Unknown),
            (Ending, store, Stored),
            (Ending, clean, Ended),
            (Stored, clean, Ended),
        ];
        let mut walk = Walk::new();
        for (from, way) in ways {
            let reached = || {
                let mut state = State::new(DispatcherMode::Session, None);
                way.iter().for_each(|event| event(&mut state));
                assert_eq!(kind(&state), from);
                state
            };
            for (_, event, to) in steps.iter().filter(|(of, ..)| *of == from) {
                let mut state = reached();
                event(&mut state);
                assert_eq!(kind(&state), *to, "from {from}");
                walk.step(from, *to);
            }
            let mut state = reached();
            let admitted = state.admit(JOB, &word_count(1), now());
            assert_eq!(admitted.is_ok(), from == Unknown, "{from}: {admitted:?}");
            walk.step(from, kind(&state));
            // A result that comes twice, or of a job that has none, changes nothing.
            let mut state = reached();
            store(&mut state);
            walk.step(from, kind(&state));
        }
        walk.finish();
    }

    #[test]
    fn a_job_that_was_refused_may_come_again() {
        let mut state = State::new(DispatcherMode::Session, None);
        state.admit(JOB, &word_count(1), now()).unwrap();
        state.refuse(&JOB);
        state.admit(JOB, &word_count(1), now()).unwrap();
    }

    #[test]
    fn an_initialising_job_is_shown_as_such() {
        let mut state = State::new(DispatcherMode::Session, None);
        state.admit(JOB, &word_count(1), now()).unwrap();
        let Some(Job::Initializing(shown)) = state.jobs.get(&JOB) else {
            panic!("{state:?}");
        };
        assert_eq!(
            (shown.status(), shown.graph.name.as_str()),
            (JobStatus::Initializing, "word count")
        );
    }

    #[test]
    fn the_cluster_of_a_job_that_an_earlier_attempt_has_ended_ends_with_its_result() {
        let (graph, result) = failed();
        let mode = DispatcherMode::PerJob { attached: false };
        let mut state = State::new(mode, None);
        state.recover_clean(result.clone());
        assert_eq!(duplicate(&mut state), "ended");
        assert_eq!(state.tick(now()).unwrap().status, ApplicationStatus::Failed);
        // One that was not cleaned up is, first.
        let mut state = State::new(mode, None);
        state.recover_dirty(graph, result);
        assert_eq!(duplicate(&mut state), "FAILED");
        assert_eq!(state.tick(now()), None);
        state.cleaned_up(&JOB);
        assert_eq!(state.tick(now()).unwrap().status, ApplicationStatus::Failed);
    }

    #[test]
    fn results_of_other_jobs_do_not_end_a_cluster() {
        let mut state = State::new(DispatcherMode::PerJob { attached: false }, None);
        state.recover_clean(failed().1);
        let other = JobId::from_bytes([5; 16]);
        state.admit(other, &word_count(1), now()).unwrap();
        assert_eq!(state.tick(now()), None);
    }

    #[test]
    fn the_client_of_an_application_is_waited_for_and_not_those_of_its_jobs() {
        let timeout = Duration::from_secs(180);
        let mut state = State::new(DispatcherMode::Application, Some(timeout));
        let begun = now();
        state.begin(begun);
        state.admit(JOB, &word_count(1), begun).unwrap();
        state.run(JobMasterHandle::of_nobody(JOB), JOB, begun);
        assert_eq!(state.clients.overdue(begun.wall + timeout), [CLIENT_OF_APPLICATION]);
        state.begin(begun);
        state.client_heard(CLIENT_OF_APPLICATION, begun.wall + 2 * timeout);
        assert_eq!(state.clients.overdue(begun.wall + timeout), []);
        // In a session nobody is an application's client.
        let mut state = State::new(DispatcherMode::Session, Some(timeout));
        state.begin(begun);
        state.client_heard(CLIENT_OF_APPLICATION, begun.wall);
        assert_eq!(state.clients.overdue(begun.wall + timeout), []);
    }

    #[test]
    fn a_shutdown_waits_until_jobs_are_cleaned_up() {
        let mut state = State::new(DispatcherMode::Session, None);
        let (graph, result) = failed();
        state.job_ended(graph, result);
        state.shut_down(ApplicationStatus::Succeeded, String::new(), now());
        state.result_stored(&JOB, now());
        assert_eq!(state.tick(now()), None);
        state.cleaned_up(&JOB);
        assert!(state.tick(now()).is_some());
        let refused = state.admit(JobId::from_bytes([5; 16]), &word_count(1), now());
        assert_eq!(refused, Err(DispatcherError::ShuttingDown));
    }
}
