//! Programs with a cluster to submit to: a session, or one in this process that ends with the program's jobs.
//!
//! ```text
//! session: found ─► the program runs ─┬─ printed a graph ─► submitted and followed like a file's
//!                                     └─ submitted itself ─► its jobs are named; they are the program's to wait for
//! local:   started ─► the program runs ─► all its jobs are followed to their ends ─► the cluster ends
//! ```

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use selvedge_core::config::options::cluster;
use selvedge_core::status::ApplicationStatus;
use selvedge_core::{Configuration, JobGraph, JobId};
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::program::Printed;
use yarn_common::environment::Environment;

use super::error::{CommandError, Ended};
use super::interrupt::Interrupts;
use super::job_source::{self, program};
use super::report::Report;
use super::run::{Prepared, deploy_and_follow, for_session, local_file_systems, session_file_systems, tell};
use super::target::{self, SessionAt};
use super::{say, terminal};
use crate::cluster::{
    ClusterClientError, JobDeployment, JobOverview, LocalDescriptor, LocalSession, SessionCluster, SessionDescriptor,
    follow,
};
use crate::{composition, job_file, progress};

/// A program as the command line names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) path: &'a Path,
    pub(super) arguments: &'a [String],
}

/// Runs a program that may submit jobs to this session.
pub(super) async fn in_session(
    named: Named<'_>,
    at: SessionAt,
    configuration: &Configuration,
    detached: bool,
    mut interrupts: Interrupts,
    report: &mut Report,
) -> Result<Ended, CommandError> {
    let file_systems = session_file_systems(&at, configuration)?;
    let mut observer = progress::for_terminal(false);
    let session = tokio::select! {
        found = target::find(at, configuration, false, &mut *observer) => found?,
        interruption = interrupts.next() => return Ok(Ended::Interrupted(interruption)),
    };
    report.cluster(session.place(), session.rest());
    let known: BTreeSet<_> = jobs(&*session).await?.iter().map(|job| job.jid).collect();
    let url = session.rest().address().map(|address| format!("http://{address}"));
    let program = program(named.path, named.arguments, url, configuration)?;
    let printed = match job_source::run(&program, &mut interrupts).await? {
        ControlFlow::Break(interruption) => return Ok(Ended::Interrupted(interruption)),
        ControlFlow::Continue(printed) => printed,
    };
    if let Some(graph) = graph_of(&printed, configuration)? {
        let prepared = async {
            if let Some(file_systems) = &file_systems {
                composition::check_paths(file_systems, &graph).await?;
            }
            for_session(session, file_systems.as_ref(), configuration, graph).await
        };
        let prepared = tokio::select! {
            prepared = prepared => prepared?,
            interruption = interrupts.next() => return Ok(Ended::Interrupted(interruption)),
        };
        return deploy_and_follow(prepared, detached, interrupts, report).await;
    }
    let mut submitted = tokio::select! {
        submitted = jobs(&*session) => submitted?,
        interruption = interrupts.next() => return Ok(Ended::Interrupted(interruption)),
    };
    submitted.retain(|job| !known.contains(&job.jid));
    if submitted.is_empty() {
        return Err(printed.no_job().into());
    }
    for job in submitted {
        report.job(job.jid, &job.name, Some(&job.state));
        say(format_args!(
            "job {} ({}) in {} is {}",
            job.jid,
            job.name,
            session.name(),
            job.state
        ));
    }
    Ok(Ended::Done)
}

async fn jobs(session: &dyn SessionCluster) -> Result<Vec<JobOverview>, ClusterClientError> {
    let mut jobs = session.rest().jobs().await?;
    jobs.sort_by_key(|job| job.start_time);
    Ok(jobs)
}

fn graph_of(printed: &Printed, configuration: &Configuration) -> Result<Option<JobGraph>, CommandError> {
    let graph = printed.graph(configuration.get(&cluster::PARALLELISM)?)?;
    let checked = graph.map(|graph| composition::graph_checker().check(graph));
    Ok(checked.transpose()?)
}

/// Runs a program with a cluster in this process, until all its jobs have ended.
pub(super) async fn here(
    named: Named<'_>,
    mut configuration: Configuration,
    interrupts: Interrupts,
    report: &mut Report,
) -> Result<Ended, CommandError> {
    // The cluster ends with this process: nobody has to show that they are there still.
    configuration.set(&cluster::SHUTDOWN_ON_ATTACHED_EXIT, &false);
    let file_systems = local_file_systems(&configuration, &Environment::of_process())?;
    let descriptor = LocalDescriptor::new(configuration.clone(), file_systems.clone());
    let session = Arc::new(descriptor.deploy_for_program().await?);
    say(format_args!("local cluster at http://{}", session.rest_address()));
    report.cluster(session.place(), session.rest());
    let here = Here {
        session: Arc::clone(&session),
        configuration,
        file_systems,
    };
    let ended = here.run(named, interrupts, report).await;
    session.shut_down().await;
    ended
}

struct Here {
    session: Arc<LocalSession>,
    configuration: Configuration,
    file_systems: FileSystems,
}

impl Here {
    async fn run(
        &self,
        named: Named<'_>,
        mut interrupts: Interrupts,
        report: &mut Report,
    ) -> Result<Ended, CommandError> {
        let url = format!("http://{}", self.session.rest_address());
        let program = program(named.path, named.arguments, Some(url), &self.configuration)?;
        let printed = match job_source::run(&program, &mut interrupts).await? {
            ControlFlow::Break(interruption) => {
                interrupts.end_process_on_next();
                return Ok(Ended::Interrupted(interruption));
            }
            ControlFlow::Continue(printed) => printed,
        };
        let printed_job = match graph_of(&printed, &self.configuration)? {
            Some(graph) => Some(self.submit(graph).await?),
            None => None,
        };
        let jobs = jobs(&*self.session).await?;
        if jobs.is_empty() {
            return Err(printed.no_job().into());
        }
        let followed = async {
            let mut ended = Ended::Done;
            for job in jobs {
                let graph = printed_job.as_ref().filter(|(id, _)| *id == job.jid);
                report.job(job.jid, &job.name, Some(&job.state));
                let status = self.follow(&job, graph.map(|(_, graph)| graph), report).await?;
                // One that FAILED tells more than one that was cancelled.
                ended = match (ended, Ended::of(status)) {
                    (Ended::Failed, _) | (_, Ended::Done) => ended,
                    (_, worse) => worse,
                };
            }
            Ok(ended)
        };
        tokio::select! {
            followed = followed => followed,
            interruption = interrupts.next() => {
                say("cancelling the program's jobs; Ctrl-C again leaves at once");
                interrupts.end_process_on_next();
                Ok(Ended::Interrupted(interruption))
            }
        }
    }

    fn cluster(&self) -> Arc<dyn SessionCluster> {
        self.session.clone()
    }

    async fn submit(&self, graph: JobGraph) -> Result<(JobId, JobGraph), CommandError> {
        composition::check_paths(&self.file_systems, &graph).await?;
        let Prepared { graph, descriptor } =
            for_session(self.cluster(), Some(&self.file_systems), &self.configuration, graph).await?;
        let job = JobDeployment {
            graph: graph.clone(),
            job_id: JobId::random(&mut rand::rng()),
            detached: false,
        };
        let id = job.job_id;
        let mut observer = progress::for_terminal(false);
        descriptor.deploy_job(job, &mut *observer).await?;
        Ok((id, graph))
    }

    /// How it ended. `graph` is there where it is known here.
    async fn follow(
        &self,
        job: &JobOverview,
        graph: Option<&JobGraph>,
        report: &mut Report,
    ) -> Result<ApplicationStatus, CommandError> {
        let mut observer = progress::for_terminal(terminal::is_interactive());
        let handle = SessionDescriptor::new(self.cluster(), None).job(job.jid);
        let result = follow(&*handle, job.jid, &mut *observer).await?;
        drop(observer);
        let places = graph.map(job_file::result_places).unwrap_or_default();
        report.job_ended(job.jid, &job.name, &places, &result);
        tell(&job.name, &places, &result);
        Ok(result.status)
    }
}
