//! The ApplicationMaster, of a session, of an application with one job, or of one with a program: what YARN starts, from its environment to its exit
//! code.
//!
//! ```text
//! container ─► log ─► servers, driver (registers) ─► job ─► the cluster ends: driver unregisters ─► staging deleted
//!     │                      │                        │          │
//!     └──────── 1 ───────────┴── told to YARN: 1 ─────┘          └─► 0, 163, 165 as the job ended; 2 where it broke
//! a session has no job of its own: it ends when it is told to over REST ─► 0
//! an application's program runs here; it ends as its jobs do ─► 0, 163; or by the program's own fault ─► 2
//! with high availability, a fault: jobs are suspended, YARN is not told and starts another attempt ─► 2
//! SIGTERM at any time: the same, since YARN may start another attempt ─► 143; a second one ends the process at once
//! a shutdown that hangs ─► 124
//! ```

mod error;
mod master;
mod staging;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use selvedge_core::Configuration;
use selvedge_core::config::options::yarn;
use selvedge_runtime::connector::{Connectors, GraphChecker, report};
use selvedge_runtime::container::Container;
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::ha::HaServicesRegistry;
use selvedge_runtime::logging;
use selvedge_runtime::process::{Termination, raise_nofile_limit, report_file_size_limit};
use yarn_common::environment::Environment;

use error::MasterError;
use master::Master;

use crate::entrypoint::{ClusterEnd, Shutdown};
use crate::jobmaster::JobMasterPlugins;
use crate::yarn::ContainerLogs;

/// The start failed.
const EXIT_START_FAILED: u8 = 1;
/// Something broke that the master cannot do without.
const EXIT_FATAL: u8 = 2;
/// The master waits for others most of the time, and starts the faster the fewer threads it has.
const WORKER_THREADS: usize = 2;
/// How long YARN is tried to be told of a failed start; a process that stays says nothing to the user either.
const TELLING_PATIENCE: Duration = Duration::from_secs(30);
/// How long the staging directory may keep a master whose application has ended.
const STAGING_PATIENCE: Duration = Duration::from_secs(10);
const LOG_NAME: &str = "jobmanager";

/// What the master needs of the operators, handed in by the program that knows them.
#[derive(Debug, Clone)]
pub struct Composition {
    /// Sources' enumerators and sinks' committers.
    pub connectors: Arc<dyn Connectors>,
    /// Checks and completes submitted graphs.
    pub checker: Arc<dyn GraphChecker>,
    /// What `high-availability.type` may say.
    pub high_availability: HaServicesRegistry,
    /// What the program adds to JobMasters.
    pub plugins: JobMasterPlugins,
    /// Reads what workers wrote that have ended.
    pub container_logs: Arc<dyn ContainerLogs>,
}

/// Makes the composition with the settings and the file systems of the container.
pub type Compose = dyn Fn(&Configuration, &FileSystems) -> Composition;

/// Runs the ApplicationMaster of this container, and tells its exit code. `assignments` is what the command line sets.
pub fn run_application_master(assignments: Configuration, compose: &Compose) -> u8 {
    start(assignments, compose).unwrap_or_else(|error| fail("The ApplicationMaster did not start", &report(&error)))
}

fn start(assignments: Configuration, compose: &Compose) -> Result<u8, MasterError> {
    let variables = Environment::of_process();
    let container = Container::open(&variables, assignments)?;
    container.set_secret_variables(yarn::MASTER_ENV_PREFIX)?;
    let log = logging::init_process(&container.log_files(LOG_NAME)?)?;
    container.log_introduction();
    if let Err(error) = raise_nofile_limit() {
        tracing::warn!("{error}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .thread_name("master")
        .enable_all()
        .build()
        .map_err(MasterError::Process)?;
    let code = runtime.block_on(async {
        report_file_size_limit().map_err(MasterError::Process)?;
        let termination = Termination::listen().map_err(MasterError::Process)?;
        let master = Master::open(container, &variables, log.path())?;
        Ok(Box::pin(run(master, compose, &termination)).await)
    });
    // What still runs has nothing to say any more.
    runtime.shutdown_background();
    code
}

async fn run(master: Master, compose: &Compose, termination: &Termination) -> u8 {
    let ended = match master.run(compose, termination).await {
        Ok(ended) => ended,
        Err(error) => {
            let cause = report(&error);
            let code = fail("The ApplicationMaster did not start", &cause);
            tell(&master, &cause).await;
            delete_staging(&master).await;
            return code;
        }
    };
    if ended.shutdown == Shutdown::ProcessAlone {
        tracing::warn!("YARN is not told, the staging directory stays: another attempt may follow");
        // SIGTERM is how YARN ends a container.
        let asked = termination.asked().now_or_never();
        return asked.unwrap_or_else(|| broke_down(&ended.end));
    }
    delete_staging(&master).await;
    exit_code(&ended.end)
}

/// The job's own end decides; an end that is not the job's is a fault.
fn exit_code(end: &ClusterEnd) -> u8 {
    if end.is_fault() {
        return broke_down(end);
    }
    tracing::info!("the application ended: {:?}", end.status);
    end.status.exit_code()
}

fn broke_down(end: &ClusterEnd) -> u8 {
    complain("The ApplicationMaster broke down", &end.diagnostics);
    EXIT_FATAL
}

async fn tell(master: &Master, cause: &str) {
    match tokio::time::timeout(TELLING_PATIENCE, master.tell_failure(cause)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!("YARN could not be told of the failure: {error}"),
        Err(_) => tracing::error!("YARN could not be told of the failure within {TELLING_PATIENCE:?}"),
    }
}

async fn delete_staging(master: &Master) {
    if !master.is_unregistered() {
        tracing::warn!("the staging directory stays: YARN may start another attempt");
        return;
    }
    match tokio::time::timeout(STAGING_PATIENCE, master.delete_staging()).await {
        Ok(Ok(deleted)) => tracing::info!(deleted, "the staging directory is gone"),
        Ok(Err(error)) => tracing::warn!("the staging directory stays: {}", report(&error)),
        Err(_) => tracing::warn!("the staging directory stays: it was not deleted within {STAGING_PATIENCE:?}"),
    }
}

fn fail(what: &str, cause: &str) -> u8 {
    complain(what, cause);
    EXIT_START_FAILED
}

/// To the log, and to standard error, which is there before the log is.
fn complain(what: &str, cause: &str) {
    tracing::error!("{what}: {cause}");
    // Without standard error there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "{what}: {cause}");
}

#[cfg(test)]
mod tests {
    use selvedge_core::status::ApplicationStatus;

    use super::*;

    fn end(status: ApplicationStatus, diagnostics: &str) -> ClusterEnd {
        ClusterEnd {
            status,
            diagnostics: diagnostics.to_owned(),
        }
    }

    #[test]
    fn exit_codes_are_flinks() {
        let failed_job = r#"{"job_id":"01010101010101010101010101010101","status":"FAILED","net_runtime_ms":5}"#;
        for (status, diagnostics, code) in [
            (ApplicationStatus::Succeeded, "", 0),
            (ApplicationStatus::Canceled, "", 0),
            (ApplicationStatus::Failed, failed_job, 163),
            (ApplicationStatus::Failed, "the heartbeat failed", 2),
            (ApplicationStatus::Unknown, "the job has no result", 165),
        ] {
            assert_eq!(exit_code(&end(status, diagnostics)), code, "{status:?} {diagnostics}");
        }
    }
}
