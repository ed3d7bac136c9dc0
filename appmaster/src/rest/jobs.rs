//! Paths about jobs.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use selvedge_core::JobId;
use selvedge_runtime::clock::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::checkpoints;
use super::exceptions::{ExceptionsQuery, exceptions_json};
use super::job_details::{config_json, details_json, job_accumulators_json, overview_json, plan_json};
use super::{Answer, Json, RestContext, RestError};
use crate::jobmaster::{ArchivedExecutionGraph, JobResult};

/// How long the end of a job is waited for before it is told that it has not come.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

pub(super) fn parse_id(text: &str) -> Result<JobId, RestError> {
    text.parse()
        .map_err(|error| RestError::parameter("jobid", text, &error))
}

pub(super) async fn find(context: &RestContext, id: &str) -> Result<Arc<ArchivedExecutionGraph>, RestError> {
    Ok(context.dispatcher.job(parse_id(id)?).await?)
}

pub(super) async fn list(State(context): State<RestContext>) -> Answer {
    let jobs = context.dispatcher.summaries().await?;
    let jobs: Vec<_> = jobs
        .iter()
        .map(|job| json!({"id": job.job_id, "status": job.status}))
        .collect();
    Ok(json!({ "jobs": jobs }).into())
}

pub(super) async fn overview(State(context): State<RestContext>) -> Answer {
    let now = context.clock.wall();
    let jobs = context.dispatcher.summaries().await?;
    let overviews = jobs.iter().map(|job| overview_json(job, now));
    Ok(json!({ "jobs": overviews.collect::<Vec<_>>() }).into())
}

pub(super) async fn details(State(context): State<RestContext>, Path(id): Path<String>) -> Answer {
    let job = find(&context, &id).await?;
    Ok(details_json(&job, context.clock.wall()).into())
}

#[derive(Deserialize)]
pub(super) struct StatusQuery {
    /// In milliseconds; Flink has no such parameter.
    #[serde(rename = "waitForEnd")]
    wait_for_end: Option<u64>,
}

/// At once, or when the job has ended, so that nobody has to ask again and again.
pub(super) async fn status(
    State(context): State<RestContext>,
    Path(id): Path<String>,
    Query(query): Query<StatusQuery>,
) -> Answer {
    if let Some(millis) = query.wait_for_end {
        let longest = Duration::from_millis(millis).min(LONGEST_WAIT);
        let ended = context.dispatcher.await_result(parse_id(&id)?);
        // Whether it has, the status tells.
        let _ = tokio::time::timeout(longest, ended).await;
    }
    let job = find(&context, &id)
        .await
        .map_err(|error| error.unknown_as(StatusCode::INTERNAL_SERVER_ERROR))?;
    Ok(json!({ "status": job.status() }).into())
}

pub(super) async fn config(State(context): State<RestContext>, Path(id): Path<String>) -> Answer {
    Ok(config_json(find(&context, &id).await?.as_ref()).into())
}

pub(super) async fn plan(State(context): State<RestContext>, Path(id): Path<String>) -> Answer {
    let job = find(&context, &id).await?;
    Ok(json!({ "plan": plan_json(&job) }).into())
}

pub(super) async fn checkpoint_config(State(context): State<RestContext>, Path(id): Path<String>) -> Answer {
    let job = find(&context, &id).await?;
    Ok(checkpoints::config_json(&job).into())
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
    Ok(job_accumulators_json(&job).into())
}

/// The first answer with a result counts as fetched: a per-job cluster then ends.
pub(super) async fn execution_result(State(context): State<RestContext>, Path(id): Path<String>) -> Answer {
    let job = parse_id(&id)?;
    let Some(result) = context.dispatcher.result(job).await? else {
        return Ok(json!({"status": {"id": "IN_PROGRESS"}}).into());
    };
    let answer = result_json(&result);
    context.dispatcher.result_fetched(job).await?;
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

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClientHeartbeat {
    expired_timestamp: Option<Timestamp>,
}

/// Accepted as Flink does, for unknown jobs too.
pub(super) async fn client_heartbeat(
    State(context): State<RestContext>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let job = parse_id(&id)?;
    let heartbeat: ClientHeartbeat = match body.is_empty() {
        true => ClientHeartbeat::default(),
        false => serde_json::from_slice(&body).map_err(|error| {
            let message = format!("the request is not {{\"expiredTimestamp\": …}} in JSON: {error}");
            RestError::new(StatusCode::BAD_REQUEST, message)
        })?,
    };
    if let Some(expiry) = heartbeat.expired_timestamp {
        context.dispatcher.client_heartbeat(job, expiry).await?;
    }
    Ok(Json(StatusCode::ACCEPTED, json!({})))
}
