//! Flink's JSON, as far as the client reads it; fields that it does not know are passed over.

use std::collections::BTreeMap;
use std::time::Duration;

use selvedge_core::JobId;
use selvedge_core::status::ApplicationStatus;
use serde::Deserialize;
use serde_json::Value;

use super::super::JobResult;

/// `GET /jobs/:jobid`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct JobDetails {
    /// The job's name.
    pub name: String,
    /// Its `JobStatus`.
    pub state: String,
    /// How long it has run, in milliseconds.
    #[serde(default)]
    pub duration: i64,
    /// Its vertices.
    #[serde(default)]
    pub vertices: Vec<VertexDetails>,
}

/// A job in `GET /jobs/overview`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct JobOverview {
    /// Its id.
    pub jid: JobId,
    /// Its name.
    pub name: String,
    /// When it was taken, in milliseconds since the epoch.
    #[serde(default)]
    pub start_time: i64,
    /// When it ended; -1 while it runs.
    #[serde(default)]
    pub end_time: i64,
    /// How long it has run, in milliseconds.
    #[serde(default)]
    pub duration: i64,
    /// Its `JobStatus`.
    pub state: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct JobsOverview {
    pub(super) jobs: Vec<JobOverview>,
}

/// An entry of `GET /jobmanager/config`.
#[derive(Debug, Deserialize)]
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) value: String,
}

/// `GET /jobmanager/environment`.
#[derive(Debug, Deserialize)]
pub(super) struct Environment {
    pub(super) jvm: Jvm,
}

#[derive(Debug, Deserialize)]
pub(super) struct Jvm {
    pub(super) version: String,
}

/// A vertex in [`JobDetails`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct VertexDetails {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The operators' names.
    pub name: String,
    /// The number of subtasks.
    pub parallelism: u32,
    /// The `ExecutionState` of the whole vertex.
    pub status: String,
    /// Subtasks by state.
    #[serde(default)]
    pub tasks: TaskCounts,
    /// What its subtasks have read and written.
    #[serde(default)]
    pub metrics: VertexMetrics,
}

/// Subtasks by the lower-case name of their state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct TaskCounts(pub BTreeMap<String, u32>);

impl TaskCounts {
    /// How many subtasks are in this state.
    pub fn of(&self, state: &str) -> u32 {
        self.0.get(&state.to_lowercase()).copied().unwrap_or_default()
    }
}

/// Figures of a vertex, summed over its subtasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct VertexMetrics {
    /// Bytes that came in over edges or from files.
    pub read_bytes: u64,
    /// Bytes that left over edges.
    pub write_bytes: u64,
    /// Records that came in.
    pub read_records: u64,
    /// Records that left.
    pub write_records: u64,
}

/// `GET /jobs/:jobid/status`.
#[derive(Debug, Deserialize)]
pub(super) struct Status {
    pub(super) status: String,
}

/// `GET /jobs/:jobid/execution-result`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ExecutionResult {
    status: QueueStatus,
    job_execution_result: Option<JobExecutionResult>,
}

#[derive(Debug, Deserialize)]
struct QueueStatus {
    id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct JobExecutionResult {
    application_status: ApplicationStatus,
    net_runtime: Option<u64>,
    failure_cause: Option<Value>,
}

impl ExecutionResult {
    pub(super) fn into_job_result(self) -> Option<JobResult> {
        let result = self.job_execution_result.filter(|_| self.status.id == "COMPLETED")?;
        Some(JobResult {
            status: result.application_status,
            net_runtime: result.net_runtime.map(Duration::from_millis),
            accumulators: BTreeMap::new(),
            failure: result.failure_cause.as_ref().and_then(failure_text),
        })
    }
}

/// `GET /jobs/:jobid/accumulators`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Accumulators {
    #[serde(default)]
    user_task_accumulators: Vec<Accumulator>,
}

#[derive(Debug, Deserialize)]
struct Accumulator {
    name: String,
    value: String,
}

impl Accumulators {
    /// Those that are whole numbers, as all of ours are.
    pub(super) fn into_counts(self) -> BTreeMap<String, i64> {
        let counts = self.user_task_accumulators.into_iter();
        counts
            .filter_map(|accumulator| Some((accumulator.name, accumulator.value.parse().ok()?)))
            .collect()
    }
}

/// Flink's `SerializedThrowable`: the text is in `stack-trace`, below the class.
fn failure_text(cause: &Value) -> Option<String> {
    let text = cause
        .as_str()
        .or_else(|| cause.get("stack-trace")?.as_str())
        .or_else(|| cause.get("class")?.as_str())?;
    Some(without_stack(text))
}

/// `{"errors": ["…"]}`, or whatever else was answered, shortened.
pub(super) fn error_message(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<String>,
    }
    match serde_json::from_slice::<Errors>(body) {
        Ok(errors) => without_stack(&errors.errors.join("; ")),
        Err(_) => String::from_utf8_lossy(body).chars().take(200).collect(),
    }
}

/// The lines before a Java stack trace.
fn without_stack(text: &str) -> String {
    let lines = text.lines().take_while(|line| !line.starts_with("\tat "));
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}
