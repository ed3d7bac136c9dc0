//! What the paths of an ended job answer, for the history server.

use selvedge_core::Configuration;
use selvedge_core::job_graph::Vertex;
use selvedge_runtime::clock::Timestamp;
use serde_json::{Value, json};

use super::cluster::{configuration_json, environment_json};
use super::exceptions::{ExceptionsQuery, exceptions_json};
use super::job_details::{config_json, details_json, job_accumulators_json, overview_json, plan_json};
use super::vertex_details::{
    all_subtasks_accumulators_json, subtask_accumulators_json, subtask_json, subtask_times_json, task_managers_json,
    vertex_accumulators_json, vertex_json,
};
use crate::jobmaster::ArchivedExecutionGraph;
use crate::jobmaster::execution_graph::Execution;
use crate::stores::JobSummary;

/// Each path of the job with its answer.
pub(crate) fn archive(
    job: &ArchivedExecutionGraph,
    configuration: &Configuration,
    now: Timestamp,
) -> Vec<(String, Value)> {
    let overview = overview_json(&JobSummary::from(job), now);
    let below = format!("/jobs/{}", job.job_id);
    let at = |path: &str| format!("{below}{path}");
    let mut answers = vec![
        ("/jobs/overview".to_owned(), json!({ "jobs": [overview] })),
        (at(""), details_json(job, now)),
        (at("/config"), config_json(job)),
        (at("/plan"), json!({ "plan": plan_json(job) })),
        (at("/exceptions"), exceptions_json(job, &ExceptionsQuery::default())),
        (at("/accumulators"), job_accumulators_json(job)),
        (at("/jobmanager/config"), configuration_json(configuration)),
        (at("/jobmanager/environment"), environment_json()),
    ];
    for (vertex, runs) in job.vertices() {
        let below = at(&format!("/vertices/{}", vertex.id.rest_id()));
        answers.extend(vertex_answers(&below, vertex, runs, now));
        for subtask in 0..vertex.parallelism {
            let attempts = job.attempts(&vertex.id, subtask);
            answers.extend(
                attempts
                    .into_iter()
                    .flat_map(|run| attempt_answers(&below, vertex, subtask, run, now)),
            );
        }
    }
    answers
}

fn vertex_answers(below: &str, vertex: &Vertex, runs: &[Execution], now: Timestamp) -> Vec<(String, Value)> {
    let at = |path: &str| format!("{below}{path}");
    vec![
        (at(""), vertex_json(vertex, runs, now)),
        (at("/subtasktimes"), subtask_times_json(vertex, runs, now)),
        (at("/taskmanagers"), task_managers_json(vertex, runs, now)),
        (at("/accumulators"), vertex_accumulators_json(vertex, runs)),
        (
            at("/subtasks/accumulators"),
            all_subtasks_accumulators_json(vertex, runs),
        ),
    ]
}

fn attempt_answers(
    below: &str,
    vertex: &Vertex,
    subtask: u32,
    run: &Execution,
    now: Timestamp,
) -> [(String, Value); 2] {
    let path = format!("{below}/subtasks/{subtask}/attempts/{}", run.attempt);
    let accumulators = subtask_accumulators_json(vertex, subtask, run);
    [
        (format!("{path}/accumulators"), accumulators),
        (path, subtask_json(subtask, run, now)),
    ]
}
