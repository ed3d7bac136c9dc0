//! The REST endpoint: Flink's paths, JSON and error statuses, with and without `/v1`. Links are relative and every JSON
//! answer has its length, so that it works behind YARN's proxy.

mod attempts;
mod cluster;
mod error;
mod exceptions;
mod job_details;
mod jobs;
mod metrics;
mod page;
mod taskmanager_memory;
mod taskmanagers;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch};
use selvedge_core::Configuration;
use selvedge_runtime::clock::Clock;
use serde_json::Value;

use crate::dispatcher::DispatcherHandle;
use crate::metrics::MetricFetcher;
use crate::resourcemanager::ResourceManagerHandle;
use error::RestError;

/// What the handlers speak to.
#[derive(Clone, Debug)]
pub(crate) struct RestContext {
    pub(crate) dispatcher: DispatcherHandle,
    pub(crate) resource_manager: ResourceManagerHandle,
    pub(crate) metrics: MetricFetcher,
    pub(crate) configuration: Arc<Configuration>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) log_file: Option<PathBuf>,
}

type Answer = Result<Json, RestError>;

/// All paths.
pub(crate) fn router(context: RestContext) -> Router {
    let api = Router::new()
        .route("/overview", get(cluster::overview))
        .route("/config", get(cluster::config))
        .route("/cluster", delete(cluster::shut_down))
        .route("/jobmanager/config", get(cluster::jobmanager_config))
        .route("/jobmanager/log", get(cluster::jobmanager_log))
        .route("/jobmanager/metrics", get(metrics::job_manager))
        .route("/jobs", get(jobs::list).post(jobs::submit))
        .route("/jobs/overview", get(jobs::overview))
        .route("/jobs/metrics", get(metrics::jobs))
        .route("/jobs/{job}", get(jobs::details).patch(jobs::cancel))
        .route("/jobs/{job}/status", get(jobs::status))
        .route("/jobs/{job}/plan", get(jobs::plan))
        .route("/jobs/{job}/execution-result", get(jobs::execution_result))
        .route("/jobs/{job}/exceptions", get(jobs::exceptions))
        .route("/jobs/{job}/metrics", get(metrics::job))
        .route("/jobs/{job}/vertices/{vertex}/metrics", get(metrics::vertex))
        .route("/jobs/{job}/vertices/{vertex}/subtasks/metrics", get(metrics::subtasks))
        .route(
            "/jobs/{job}/vertices/{vertex}/subtasks/{subtask}/metrics",
            get(metrics::subtask),
        )
        .route("/jobs/{job}/accumulators", get(jobs::accumulators))
        .route("/jobs/{job}/clientHeartbeat", patch(jobs::client_heartbeat))
        .route("/jobs/{job}/yarn-cancel", get(jobs::cancel))
        .route(
            "/jobs/{job}/vertices/{vertex}/subtasks/{subtask}",
            get(attempts::current),
        )
        .route(
            "/jobs/{job}/vertices/{vertex}/subtasks/{subtask}/attempts/{attempt}",
            get(attempts::attempt),
        )
        .route("/taskmanagers", get(taskmanagers::list))
        .route("/taskmanagers/metrics", get(metrics::task_managers))
        .route("/taskmanagers/{id}", get(taskmanagers::details))
        .route("/taskmanagers/{id}/metrics", get(metrics::task_manager))
        .route("/taskmanagers/{id}/log", get(taskmanagers::log))
        .route("/taskmanagers/{id}/stdout", get(taskmanagers::stdout));
    Router::new()
        .route("/", get(page::page))
        .merge(api.clone())
        .nest("/v1", api)
        .fallback(not_found)
        // Flink answers a wrong method like an unknown path.
        .method_not_allowed_fallback(not_found)
        .with_state(context)
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
