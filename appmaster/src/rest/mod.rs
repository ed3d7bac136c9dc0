//! The REST endpoint: Flink's paths, JSON and error statuses, with and without `/v1`. Links are relative and every JSON
//! answer has its length, so that it works behind YARN's proxy.

mod archive;
mod back_pressure;
mod checkpoints;
mod cluster;
mod dump;
mod error;
mod exceptions;
mod job_details;
mod jobs;
mod listener;
mod logs;
mod metrics;
mod page;
mod profiler;
#[cfg(test)]
mod profiler_tests;
mod requirements;
#[cfg(test)]
mod requirements_tests;
mod statistics;
mod submission;
mod taskmanager_memory;
mod taskmanagers;
#[cfg(test)]
mod tests;
mod vertex_details;
mod vertices;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch};
use selvedge_core::Configuration;
use selvedge_runtime::clock::Clock;
use selvedge_runtime::profiling::Profiler;
use serde_json::Value;

use crate::dispatcher::DispatcherHandle;
use crate::metrics::MetricFetcher;
use crate::resourcemanager::ResourceManagerHandle;
use crate::settings::JobStatusMetrics;
pub(crate) use archive::archive;
use error::RestError;
pub(crate) use error::unavailable;
pub(crate) use listener::RestListener;

/// What the handlers speak to.
#[derive(Clone, Debug)]
pub(crate) struct RestContext {
    pub(crate) dispatcher: DispatcherHandle,
    pub(crate) resource_manager: ResourceManagerHandle,
    pub(crate) metrics: MetricFetcher,
    pub(crate) configuration: Arc<Configuration>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) log_file: Option<PathBuf>,
    /// Of this process.
    pub(crate) profiler: Profiler,
    /// Which figures there are of a job's statuses.
    pub(crate) job_status_metrics: JobStatusMetrics,
    /// The largest request, in bytes.
    pub(crate) max_content_length: usize,
}

type Answer = Result<Json, RestError>;

/// All paths.
pub(crate) fn router(context: RestContext) -> Router {
    let api = Router::new()
        .route("/overview", get(cluster::overview))
        .route("/config", get(cluster::config))
        .route("/cluster", delete(cluster::shut_down))
        .route("/jobmanager/config", get(cluster::jobmanager_config))
        .route("/jobmanager/environment", get(cluster::jobmanager_environment))
        .route("/jobmanager/log", get(logs::log))
        .route("/jobmanager/stdout", get(logs::stdout))
        .route("/jobmanager/logs", get(logs::list))
        .route("/jobmanager/logs/{name}", get(logs::file))
        .route("/jobmanager/metrics", get(metrics::job_manager))
        .route("/jobmanager/thread-dump", get(dump::job_manager))
        .route("/jobs", get(jobs::list).post(submission::submit))
        .route("/jobs/overview", get(jobs::overview))
        .route("/jobs/metrics", get(metrics::jobs))
        .route("/jobs/{job}", get(jobs::details).patch(jobs::cancel))
        .route("/jobs/{job}/status", get(jobs::status))
        .route("/jobs/{job}/plan", get(jobs::plan))
        .route("/jobs/{job}/config", get(jobs::config))
        .route("/jobs/{job}/checkpoints/config", get(jobs::checkpoint_config))
        .route("/jobs/{job}/jobmanager/config", get(cluster::jobmanager_config))
        .route(
            "/jobs/{job}/jobmanager/environment",
            get(cluster::jobmanager_environment),
        )
        .route("/jobs/{job}/execution-result", get(jobs::execution_result))
        .route(
            "/jobs/{job}/resource-requirements",
            get(requirements::get).put(requirements::put),
        )
        .route("/jobs/{job}/exceptions", get(jobs::exceptions))
        .route("/jobs/{job}/metrics", get(metrics::job))
        .route("/jobs/{job}/accumulators", get(jobs::accumulators))
        .route("/jobs/{job}/clientHeartbeat", patch(jobs::client_heartbeat))
        .route("/jobs/{job}/yarn-cancel", get(jobs::cancel))
        .nest("/jobs/{job}/vertices/{vertex}", vertex_routes())
        .route("/taskmanagers", get(taskmanagers::list))
        .route("/taskmanagers/metrics", get(metrics::task_managers))
        .route("/taskmanagers/{id}", get(taskmanagers::details))
        .route("/taskmanagers/{id}/metrics", get(metrics::task_manager))
        .route("/taskmanagers/{id}/thread-dump", get(taskmanagers::thread_dump))
        .route("/taskmanagers/{id}/log", get(taskmanagers::log))
        .route("/taskmanagers/{id}/stdout", get(taskmanagers::stdout))
        .route("/taskmanagers/{id}/logs", get(taskmanagers::logs))
        .route("/taskmanagers/{id}/logs/{name}", get(taskmanagers::log_named));
    // Without them there are no such paths, as in Flink.
    let api = match context.profiler.settings().enabled {
        true => api.merge(profiler::routes()),
        false => api,
    };
    let limit = DefaultBodyLimit::max(context.max_content_length);
    Router::new()
        .route("/", get(page::page))
        .merge(api.clone())
        .nest("/v1", api)
        .fallback(not_found)
        // Flink answers a wrong method like an unknown path.
        .method_not_allowed_fallback(not_found)
        .layer(limit)
        .with_state(context)
}

/// Below a vertex of a job.
fn vertex_routes() -> Router<RestContext> {
    Router::new()
        .route("/", get(vertices::details))
        .route("/subtasktimes", get(vertices::subtask_times))
        .route("/taskmanagers", get(vertices::task_managers))
        .route("/accumulators", get(vertices::accumulators))
        .route("/backpressure", get(vertices::back_pressure))
        .route("/metrics", get(metrics::vertex))
        .route("/subtasks/accumulators", get(vertices::all_accumulators))
        .route("/subtasks/metrics", get(metrics::subtasks))
        .route("/subtasks/{subtask}/metrics", get(metrics::subtask))
        .route("/subtasks/{subtask}", get(vertices::subtask))
        .route("/subtasks/{subtask}/attempts/{attempt}", get(vertices::attempt))
        .route(
            "/subtasks/{subtask}/attempts/{attempt}/accumulators",
            get(vertices::attempt_accumulators),
        )
}

async fn not_found(method: Method, uri: Uri) -> RestError {
    RestError::new(StatusCode::NOT_FOUND, format!("Not found: {method} {}", uri.path()))
}

/// An answer in JSON.
#[derive(Debug)]
struct Json(StatusCode, Value);

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self(StatusCode::OK, value)
    }
}

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        let headers = [
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json; charset=UTF-8"),
            ),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        ];
        (self.0, headers, self.1.to_string()).into_response()
    }
}
