//! Profiles of the master and of workers: `/jobmanager/profiler` and `/taskmanagers/:id/profiler`, in Flink's form.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get;
use selvedge_core::ResourceId;
use selvedge_runtime::gateway::GatewayError;
use selvedge_runtime::gateway::proto::read_file_request::Kind;
use selvedge_runtime::machine::run_blocking;
use selvedge_runtime::profiling::{Profiler, ProfilingError, ProfilingMode};
use serde::Deserialize;
use serde_json::json;

use super::{Answer, RestContext, RestError, logs, taskmanagers};
use crate::resourcemanager::ResourceManagerError;

/// Flink's `ProfilingRequestBody`.
#[derive(Debug, Deserialize)]
struct Body {
    mode: String,
    /// In seconds. Flink's is signed, and one that is below its bounds is told like one above.
    duration: i32,
}

pub(super) fn routes() -> Router<RestContext> {
    Router::new()
        .route("/jobmanager/profiler", get(list).post(start))
        .route("/jobmanager/profiler/{name}", get(file))
        .route("/taskmanagers/{id}/profiler", get(list_of_worker).post(start_of_worker))
        .route("/taskmanagers/{id}/profiler/{name}", get(file_of_worker))
}

async fn start(State(context): State<RestContext>, body: Bytes) -> Answer {
    let (mode, duration) = asked(&context.profiler, &body)?;
    let broken = |error: tokio::task::JoinError| RestError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    // A thread is started.
    let profiler = context.profiler;
    let started = run_blocking(move || profiler.start(mode, duration))
        .await
        .map_err(broken)?;
    Ok(json!(started?).into())
}

async fn list(State(context): State<RestContext>) -> Answer {
    Ok(json!({ "profilingList": context.profiler.list() }).into())
}

async fn file(State(context): State<RestContext>, Path(name): Path<String>) -> Result<Response, RestError> {
    logs::stream(&context.profiler.file(&name)?).await.map(as_file)
}

async fn start_of_worker(State(context): State<RestContext>, Path(id): Path<String>, body: Bytes) -> Answer {
    let (mode, duration) = asked(&context.profiler, &body)?;
    let id = ResourceId(id);
    let started = context.resource_manager.start_profiling(&id, mode, duration).await;
    // All else that a worker could refuse is refused before it is asked.
    let started = started.map_err(|error| refused_as(StatusCode::CONFLICT, error))?;
    Ok(json!(started).into())
}

async fn list_of_worker(State(context): State<RestContext>, Path(id): Path<String>) -> Result<Response, RestError> {
    taskmanagers::read_json(&context, id, Kind::ProfileList).await
}

async fn file_of_worker(
    State(context): State<RestContext>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, RestError> {
    let file = taskmanagers::read(&context, id, Kind::Profile, name).await;
    file.map(as_file)
        .map_err(|error| refused_as(StatusCode::NOT_FOUND, error))
}

/// What is asked for, where it may be: the bounds are the master's, as in Flink.
fn asked(profiler: &Profiler, body: &[u8]) -> Result<(ProfilingMode, Duration), RestError> {
    let body: Body = serde_json::from_slice(body).map_err(|error| {
        let form = r#"write {"mode": "CPU", "duration": 30}, with the duration in seconds"#;
        RestError::new(
            StatusCode::BAD_REQUEST,
            format!("the request asks for no profile: {error}; {form}"),
        )
    })?;
    let mode = body.mode.parse()?;
    let duration = Duration::from_secs(body.duration.max(0).unsigned_abs().into());
    profiler.settings().check(duration)?;
    Ok((mode, duration))
}

/// A refusal by the worker itself has this status.
fn refused_as(status: StatusCode, error: ResourceManagerError) -> RestError {
    let is_refusal = matches!(
        &error,
        ResourceManagerError::Worker {
            source: GatewayError::Rejected(_),
            ..
        }
    );
    match is_refusal {
        true => RestError::new(status, error.to_string()),
        false => error.into(),
    }
}

fn as_file(mut answer: Response) -> Response {
    let bytes = HeaderValue::from_static("application/octet-stream");
    answer.headers_mut().insert(CONTENT_TYPE, bytes);
    answer
}

impl From<ProfilingError> for RestError {
    fn from(error: ProfilingError) -> Self {
        let status = match &error {
            ProfilingError::Busy(_) => StatusCode::CONFLICT,
            ProfilingError::UnknownFile(_) => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.to_string())
    }
}
