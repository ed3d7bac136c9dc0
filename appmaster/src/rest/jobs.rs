//! Paths about jobs.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use selvedge_core::status::ExecutionState;
use selvedge_core::{JobGraph, JobId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::exceptions::{ExceptionsQuery, exceptions_json};
use super::job_details::{details_json, duration_ms, end_ms, plan_json, task_counts};
use super::{Answer, Json, RestContext, RestError};
use crate::jobmaster::{ExecutionGraph, JobResult};

fn parse_id(text: &str) -> Result<JobId, RestError> {
    text.parse().map_err(|error| {
        RestError::new(
            StatusCode::BAD_REQUEST,
            format!("Cannot resolve path parameter (jobid) from value \"{text}\": {error}"),
        )
    })
}

pub(super) async fn find(context: &RestContext, id: &str) -> Result<Arc<ExecutionGraph>, RestError> {
    let job = parse_id(id)?;
    match context.dispatcher.job(job).await {
        // The job ended while the question was on its way: it is archived now.
        Err(crate::dispatcher::DispatcherError::JobMaster(_)) => Ok(context.dispatcher.job(job).await?),
        found => Ok(found?),
    }
}

pub(super) async fn list(State(context): State<RestContext>) -> Answer {
    let jobs = context.dispatcher.jobs().await?;
    let jobs: Vec<_> = jobs
        .iter()
        .map(|job| json!({"id": job.job_id, "status": job.status()}))
        .collect();
    Ok(json!({ "jobs": jobs }).into())
}

pub(super) async fn overview(State(context): State<RestContext>) -> Answer {
    let now = context.clock.wall();
    let jobs = context.dispatcher.jobs().await?;
    let overview = |job: &Arc<ExecutionGraph>| {
        let counts = job.state_counts();
        let mut tasks = json!({"total": counts.values().sum::<usize>()});
        task_counts(&mut tasks, &counts);
        json!({
            "jid": job.job_id,
            "name": job.graph.name,
            "start-time": job.start_time(),
            "end-time": end_ms(job.end_time()),
            "duration": duration_ms(Some(job.start_time()), job.end_time(), now),
            "state": job.status(),
            "last-modification": job.last_modification(),
            "tasks": tasks,
        })
    };
    Ok(json!({ "jobs": jobs.iter().map(overview).collect::<Vec<_>>() }).into())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Submission {
    job_graph: JobGraph,
    #[serde(default)]
    job_id: Option<JobId>,
}

/// Takes a JobGraph in JSON: `{"jobGraph": {…}, "jobId": "…"}`.
pub(super) async fn submit(State(context): State<RestContext>, body: Bytes) -> Answer {
    let submission: Submission = serde_json::from_slice(&body).map_err(|error| {
        RestError::new(
            StatusCode::BAD_REQUEST,
            format!("the request is not {{\"jobGraph\": {{…}}}} in JSON: {error}"),
        )
    })?;
    let job = context
        .dispatcher
        .submit_job(submission.job_id, submission.job_graph)
        .await?;
    Ok(Json(StatusCode::ACCEPTED, json!({ "jobUrl": format!("/jobs/{job}") })))
}

pub(super) async fn details(State(context): State<RestContext>, Path(id): Path<String>) -> Answer {
    let job = find(&context, &id).await?;
    Ok(details_json(&job, context.clock.wall()).into())
}

pub(super) async fn status(State(context): State<RestContext>, Path(id): Path<String>) -> Answer {
    let job = find(&context, &id)
        .await
        .map_err(|error| error.unknown_as(StatusCode::INTERNAL_SERVER_ERROR))?;
    Ok(json!({ "status": job.status() }).into())
}

pub(super) async fn plan(State(context): State<RestContext>, Path(id): Path<String>) -> Answer {
    let job = find(&context, &id).await?;
    Ok(json!({ "plan": plan_json(&job) }).into())
}

pub(super) async fn exceptions(
    State(context): State<RestContext>,
    Path(id): Path<String>,
    Query(query): Query<ExceptionsQuery>,
) -> Answer {
    Ok(exceptions_json(find(&context, &id).await?.as_ref(), &query).into())
}

pub(super) async fn accumulators(State(context): State<RestContext>, Path(id): Path<String>) -> Answer {
    let job = find(&context, &id).await?;
    let counters = job.accumulators();
    let values = counters
        .iter()
        .map(|(name, value)| json!({"name": name, "type": "LongCounter", "value": value.to_string()}));
    Ok(json!({
        "job-accumulators": [],
        "user-task-accumulators": values.collect::<Vec<_>>(),
        "serialized-user-task-accumulators": {},
    })
    .into())
}

/// The first answer with a result counts as fetched: a per-job cluster then ends.
pub(super) async fn execution_result(State(context): State<RestContext>, Path(id): Path<String>) -> Answer {
    let job = find(&context, &id).await?;
    let Some(result) = JobResult::of(&job) else {
        return Ok(json!({"status": {"id": "IN_PROGRESS"}}).into());
    };
    let answer = result_json(&result);
    context.dispatcher.result_fetched(job.job_id).await?;
    Ok(json!({"status": {"id": "COMPLETED"}, "job-execution-result": answer}).into())
}

fn result_json(result: &JobResult) -> Value {
    let mut answer = json!({
        "id": result.job_id,
        "application-status": result.application_status(),
        // Flink's clients expect serialised Java objects here: the values are at /jobs/:id/accumulators.
        "accumulator-results": {},
        "net-runtime": result.net_runtime_ms,
    });
    if let Some(cause) = &result.cause {
        answer["failure-cause"] = json!({
            "class": "JobExecutionException",
            "stack-trace": cause,
            "serialized-throwable": "",
        });
    }
    answer
}

#[derive(Deserialize)]
pub(super) struct CancelQuery {
    #[serde(default)]
    mode: Option<String>,
}

pub(super) async fn cancel(
    State(context): State<RestContext>,
    Path(id): Path<String>,
    Query(query): Query<CancelQuery>,
) -> Answer {
    let job = parse_id(&id)?;
    match query.mode.as_deref() {
        None | Some("cancel") => {}
        Some("stop") => {
            let moved = "stopping a job has moved to POST /jobs/:jobid/stop";
            return Err(RestError::new(StatusCode::PERMANENT_REDIRECT, moved));
        }
        Some(other) => {
            let message = format!("mode '{other}' is unknown: write mode=cancel");
            return Err(RestError::new(StatusCode::BAD_REQUEST, message));
        }
    }
    context.dispatcher.cancel(job).await?;
    Ok(Json(StatusCode::ACCEPTED, json!({})))
}

/// Accepted as Flink does, for unknown jobs too; clients that wait are not yet watched.
pub(super) async fn client_heartbeat(Path(id): Path<String>) -> Answer {
    parse_id(&id)?;
    Ok(Json(StatusCode::ACCEPTED, json!({})))
}

/// The key of a state among a job's task counts.
pub(super) fn count_key(state: ExecutionState) -> String {
    state.as_str().to_ascii_lowercase()
}
