//! An application inside its cluster's master: a program, or one job, and what becomes of the cluster with it.
//!
//! ```text
//! program ─► exit code 0 ─► at least one job ─► all have FINISHED ──────────────► SUCCEEDED
//!    │           │                 └─ the first that has not: FAILED, CANCELED ─► the same; the others are cancelled
//!    │           └─ none ─┐
//!    └─ other codes ──────┴─ one of its jobs has not FINISHED ─► as that job
//!                            └─ else an error: shown as a FAILED job where that is configured
//! ```

mod error;
mod verdict;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::{cluster, high_availability};
use selvedge_core::status::JobStatus;
use selvedge_core::{Configuration, JobGraph, JobId};
use selvedge_runtime::connector::report;
use selvedge_runtime::program::Program;

pub(crate) use error::ApplicationError;

use crate::dispatcher::{ClusterEnd, DispatcherError, DispatcherHandle, end_of};
use crate::jobmaster::JobResult;

/// Before a Dispatcher that is busy is asked again.
const PAUSE: Duration = Duration::from_millis(50);

/// How a job is called that stands for an application without one, as in Flink.
const FAILED_JOB: &str = "Flink application";

/// What an application is made of.
#[derive(Debug)]
pub(crate) enum Content {
    /// One job.
    Job(Box<JobGraph>),
    /// A program that submits jobs to this cluster, or prints one.
    Program(Program),
}

/// An application that is to be run.
#[derive(Debug)]
pub(crate) struct ApplicationRun {
    content: Content,
    /// The id of its job, where the next master has to know it again.
    job: Option<JobId>,
    parallelism: u32,
    /// Whether the cluster stays when the application has ended.
    pub(crate) stays: bool,
    shows_failure: bool,
}

impl ApplicationRun {
    /// `cluster_id` is what the masters of the cluster have in common.
    pub(crate) fn new(content: Content, configuration: &Configuration, cluster_id: &str) -> Result<Self, ConfigError> {
        let job = high_availability::is_enabled(configuration)?.then(|| fixed_id(cluster_id));
        Ok(Self {
            content,
            job,
            parallelism: configuration.get(&cluster::PARALLELISM)?,
            stays: !configuration.get(&cluster::SHUTDOWN_ON_APPLICATION_FINISH)?,
            shows_failure: configuration.get(&cluster::SUBMIT_FAILED_JOB_ON_APPLICATION_ERROR)?,
        })
    }

    /// Runs it to the end of its jobs, and tells how the cluster ends with it. Dropped, its program is killed.
    ///
    /// # Errors
    /// [`ApplicationError`] where no job says how.
    pub(crate) async fn run(&self, dispatcher: &DispatcherHandle) -> Result<ClusterEnd, ApplicationError> {
        match self.try_run(dispatcher).await {
            Err(error) if error.is_of_the_cluster() => Err(error),
            // What a program makes of its cluster's end is no failure of the application.
            Err(error) if !ask(|| dispatcher.serves()).await? => {
                tracing::info!("the application has not outlived the wish to end: {}", report(&error));
                Err(DispatcherError::ShuttingDown.into())
            }
            Err(error) if self.shows_failure => self.show(dispatcher, &error).await,
            ended => ended,
        }
    }

    async fn try_run(&self, dispatcher: &DispatcherHandle) -> Result<ClusterEnd, ApplicationError> {
        match &self.content {
            Content::Job(graph) => {
                let job = self.submit(dispatcher, graph).await?;
                Ok(end_of(&ask(|| dispatcher.await_result(job)).await?))
            }
            Content::Program(program) => self.run_program(program, dispatcher).await,
        }
    }

    async fn run_program(
        &self,
        program: &Program,
        dispatcher: &DispatcherHandle,
    ) -> Result<ClusterEnd, ApplicationError> {
        let printed = match program.run(std::future::pending()).await {
            Ok(printed) => printed,
            Err(error) => {
                tracing::error!("{error}");
                return match self.unfinished(dispatcher).await? {
                    // The program has failed with its job.
                    Some(result) => Ok(end_of(&result)),
                    None => Err(error.into()),
                };
            }
        };
        let own = match printed.graph(self.parallelism)? {
            Some(graph) => Some(self.submit(dispatcher, &graph).await?),
            None => None,
        };
        let results = results(dispatcher, own).await?;
        if results.is_empty() {
            return Err(printed.no_job().into());
        }
        Ok(verdict::of(&results))
    }

    /// A job of the program that has ended, and not FINISHED.
    async fn unfinished(&self, dispatcher: &DispatcherHandle) -> Result<Option<JobResult>, DispatcherError> {
        let mut jobs = ask(|| dispatcher.summaries()).await?;
        jobs.retain(|job| matches!(job.status, JobStatus::Failed | JobStatus::Canceled));
        // One that FAILED says more than one that was cancelled.
        jobs.sort_by_key(|job| job.status != JobStatus::Failed);
        match jobs.first() {
            Some(job) => ask(|| dispatcher.await_result(job.job_id)).await.map(Some),
            None => Ok(None),
        }
    }

    async fn submit(&self, dispatcher: &DispatcherHandle, graph: &JobGraph) -> Result<JobId, ApplicationError> {
        let job = self.job.unwrap_or_else(|| JobId::random(&mut rand::rng()));
        match ask(|| dispatcher.submit_job(Some(job), graph.clone())).await {
            Err(error @ DispatcherError::Duplicate { .. }) => {
                tracing::info!(%job, "an earlier master has left the job to this one: {error}");
                Ok(job)
            }
            submitted => Ok(submitted?),
        }
    }

    /// As a job that has FAILED.
    async fn show(
        &self,
        dispatcher: &DispatcherHandle,
        error: &ApplicationError,
    ) -> Result<ClusterEnd, ApplicationError> {
        let job = self.job.unwrap_or_else(|| JobId::random(&mut rand::rng()));
        let cause = report(error);
        match ask(|| dispatcher.submit_failed_job(job, FAILED_JOB, &cause)).await {
            Err(DispatcherError::Duplicate { .. }) | Ok(()) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(end_of(&ask(|| dispatcher.await_result(job)).await?))
    }
}

/// The results of all jobs, in the order of their ends, up to the first that has not FINISHED. Jobs that come meanwhile
/// count too. An earlier master may have ended `own`: its pages do not show it.
async fn results(dispatcher: &DispatcherHandle, own: Option<JobId>) -> Result<Vec<JobResult>, DispatcherError> {
    let (mut known, mut ended) = (BTreeSet::new(), Vec::new());
    loop {
        let jobs = ask(|| dispatcher.summaries()).await?;
        let jobs = own.into_iter().chain(jobs.iter().map(|job| job.job_id));
        let new: Vec<_> = jobs.filter(|job| known.insert(*job)).collect();
        if new.is_empty() {
            return Ok(ended);
        }
        let await_result = |job| ask(move || dispatcher.await_result(job));
        let mut awaited: FuturesUnordered<_> = new.into_iter().map(await_result).collect();
        while let Some(result) = awaited.next().await {
            let result = result?;
            let finished = result.status == JobStatus::Finished;
            ended.push(result);
            if !finished {
                return Ok(ended);
            }
        }
    }
}

/// A Dispatcher that is busy is asked again: its load is no end of an application.
async fn ask<T, F>(call: impl Fn() -> F) -> Result<T, DispatcherError>
where
    F: Future<Output = Result<T, DispatcherError>>,
{
    loop {
        match call().await {
            Err(DispatcherError::Busy) => tokio::time::sleep(PAUSE).await,
            other => return other,
        }
    }
}

/// The same for every master of the cluster, as in Flink's application clusters: Java's hash of the cluster's name, then
/// zeros.
pub(crate) fn fixed_id(cluster_id: &str) -> JobId {
    let units = cluster_id.encode_utf16();
    let hash = units.fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&i64::from(hash).to_be_bytes());
    JobId::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use selvedge_core::status::ApplicationStatus;

    use super::*;
    use crate::dispatcher::DispatcherMode;
    use crate::entrypoint::{ClusterConfig, ClusterEntrypoint};
    use crate::testing::checker::HeldChecker;
    use crate::testing::worker::{Behaviour, Workers};
    use crate::testing::{session_of, word_count};

    const BOUND: Duration = Duration::from_secs(60);

    /// A program that ends with exit code 1.
    fn failing(shows_failure: bool) -> ApplicationRun {
        let program = Program {
            path: "/bin/false".into(),
            arguments: Vec::new(),
            rest_url: None,
            timeout: None,
            own_group: false,
        };
        ApplicationRun {
            content: Content::Program(program),
            job: None,
            parallelism: 1,
            stays: false,
            shows_failure,
        }
    }

    #[tokio::test]
    async fn a_program_that_fails_as_its_cluster_ends_does_not_say_how_that_ends() {
        let checker = Arc::new(HeldChecker::default());
        let config = ClusterConfig {
            mode: DispatcherMode::Application,
            checker: checker.clone(),
            ..session_of(Workers::new(Behaviour::Run), &[])
        };
        let cluster = ClusterEntrypoint::start(config).await.unwrap();
        let dispatcher = cluster.dispatcher().clone();
        // The cluster does not come to its end as long as this job is being checked.
        let submitted = tokio::spawn({
            let dispatcher = dispatcher.clone();
            async move { dispatcher.submit_job(None, word_count(1)).await }
        });
        let taken = async {
            while dispatcher.summaries().await.unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(BOUND, taken).await.expect("the job is listed");
        let failed = failing(false).run(&dispatcher).await.unwrap_err();
        assert!(!failed.is_of_the_cluster(), "{failed}");
        let wish = "its client wishes so".to_owned();
        dispatcher
            .shut_down_cluster(ApplicationStatus::Canceled, wish)
            .await
            .unwrap();
        for shows_failure in [false, true] {
            let ended = failing(shows_failure).run(&dispatcher).await.unwrap_err();
            assert!(ended.is_of_the_cluster(), "{ended}");
        }
        assert_eq!(
            dispatcher.summaries().await.unwrap().len(),
            1,
            "nothing was shown as a job"
        );
        checker.release();
        assert_eq!(submitted.await.unwrap(), Err(DispatcherError::ShuttingDown));
        let end = tokio::time::timeout(BOUND, cluster.wait_terminated()).await;
        assert_eq!(end.expect("the cluster ends").status, ApplicationStatus::Canceled);
    }

    #[test]
    fn the_id_is_javas_hash_of_the_clusters_name() {
        for (name, id) in [
            ("a", "00000000000000610000000000000000"),
            ("/default", "000000006e6b13320000000000000000"),
            ("orders", "ffffffffc3df62e50000000000000000"),
        ] {
            assert_eq!(fixed_id(name).to_string(), id, "{name}");
        }
    }
}
