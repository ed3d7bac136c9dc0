//! Paths about the cluster as a whole.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use selvedge_core::status::{ApplicationStatus, JobStatus};
use serde_json::{Value, json};

use super::{Answer, RestContext, RestError};

pub(super) async fn overview(State(context): State<RestContext>) -> Answer {
    let resources = context.resource_manager.overview().await?.usage;
    let jobs = context.dispatcher.jobs().await?;
    let in_status = |status| jobs.iter().filter(|job| job.status() == status).count();
    let ended = in_status(JobStatus::Finished) + in_status(JobStatus::Canceled) + in_status(JobStatus::Failed);
    let mut answer = json!({
        "taskmanagers": resources.workers,
        "slots-total": resources.slots,
        "slots-available": resources.free_slots,
        "jobs-running": jobs.len() - ended,
        "jobs-finished": in_status(JobStatus::Finished),
        "jobs-cancelled": in_status(JobStatus::Canceled),
        "jobs-failed": in_status(JobStatus::Failed),
        "flink-version": env!("CARGO_PKG_VERSION"),
        "flink-commit": "",
    });
    // As in Flink, these are there only where they say something.
    if resources.blocked_workers > 0 {
        answer["taskmanagers-blocked"] = resources.blocked_workers.into();
        answer["slots-free-and-blocked"] = resources.blocked_free_slots.into();
    }
    Ok(answer.into())
}

pub(super) async fn config() -> Answer {
    Ok(json!({
        "refresh-interval": 3000,
        "timezone-name": "Coordinated Universal Time",
        "timezone-offset": 0,
        "flink-version": env!("CARGO_PKG_VERSION"),
        "flink-revision": "",
        "features": {"web-submit": false, "web-cancel": true, "web-rescale": false, "web-history": false},
    })
    .into())
}

pub(super) async fn shut_down(State(context): State<RestContext>) -> Answer {
    let diagnostics = "shut down by a client".to_owned();
    context
        .dispatcher
        .shut_down_cluster(ApplicationStatus::Succeeded, diagnostics)
        .await?;
    Ok(json!({}).into())
}

pub(super) async fn jobmanager_config(State(context): State<RestContext>) -> Answer {
    let entries = context
        .configuration
        .iter_masked()
        .map(|(key, value)| json!({"key": key, "value": value}));
    Ok(entries.collect::<Value>().into())
}

pub(super) async fn jobmanager_log(State(context): State<RestContext>) -> Result<Response, RestError> {
    let missing = |reason: String| RestError::new(StatusCode::NOT_FOUND, format!("there is no log file: {reason}"));
    let file = context
        .log_file
        .ok_or_else(|| missing("the log goes to standard error".to_owned()))?;
    let log = tokio::fs::read(&file)
        .await
        .map_err(|error| missing(format!("{}: {error}", file.display())))?;
    Ok(text(log.into()))
}

/// An answer in plain text.
pub(super) fn text(body: Body) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=UTF-8"),
        ),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    (headers, body).into_response()
}
