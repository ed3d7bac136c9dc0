//! Paths about the cluster as a whole.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use selvedge_core::Configuration;
use selvedge_core::status::ApplicationStatus;
use serde_json::{Value, json};

use super::{Answer, RestContext};

pub(super) async fn overview(State(context): State<RestContext>) -> Answer {
    let resources = context.resource_manager.overview().await?.usage;
    let jobs = context.dispatcher.overview().await?;
    let mut answer = json!({
        "taskmanagers": resources.workers,
        "slots-total": resources.slots,
        "slots-available": resources.free_slots,
        "jobs-running": jobs.running,
        "jobs-finished": jobs.finished,
        "jobs-cancelled": jobs.cancelled,
        "jobs-failed": jobs.failed,
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
    Ok(configuration_json(&context.configuration).into())
}

pub(super) fn configuration_json(configuration: &Configuration) -> Value {
    let entries = configuration.iter_masked();
    entries
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

pub(super) async fn jobmanager_environment() -> Answer {
    Ok(environment_json().into())
}

/// Flink's form of what the process is. There is no JVM: its version is that of the program, and it has neither options nor
/// a class path.
pub(super) fn environment_json() -> Value {
    json!({
        "jvm": {
            "version": format!("Selvedge {}", env!("CARGO_PKG_VERSION")),
            "arch": std::env::consts::ARCH,
            "options": [],
        },
        "classpath": [],
    })
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
