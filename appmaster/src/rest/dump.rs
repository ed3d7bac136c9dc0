//! What runs in the master, in place of a JVM's thread dump: its JobMasters, then its threads.

use axum::extract::State;
use axum::http::StatusCode;
use selvedge_runtime::connector::report;
use selvedge_runtime::machine::run_blocking;
use selvedge_runtime::threads::{self, DumpEntry};

use super::{Answer, RestContext, RestError};
use crate::stores::JobSummary;

pub(super) async fn job_manager(State(context): State<RestContext>) -> Answer {
    let jobs = context.dispatcher.summaries().await?;
    let running = jobs.iter().filter(|job| job.end_time.is_none()).map(entry).collect();
    let failed = |cause: String| RestError::new(StatusCode::INTERNAL_SERVER_ERROR, cause);
    // Reading the threads of a large process takes a while.
    let dump = run_blocking(move || threads::dump(running)).await;
    let dump = dump.map_err(|error| failed(report(&error)))?;
    Ok(dump.map_err(|error| failed(report(&error)))?.into())
}

fn entry(job: &JobSummary) -> DumpEntry {
    let tasks = job.tasks.iter().map(|(state, count)| format!("{count} {state}"));
    let tasks: Vec<_> = tasks.collect();
    DumpEntry {
        name: format!("JobMaster of '{}' ({})", job.name, job.job_id),
        lines: vec![format!("{}, tasks: {}", job.status, tasks.join(", "))],
    }
}
