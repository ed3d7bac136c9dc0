//! Paths about vertices and their subtasks.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use selvedge_core::JobId;
use selvedge_core::job_graph::Vertex;
use serde_json::Value;

use super::back_pressure::back_pressure_json;
use super::jobs::find;
use super::vertex_details::{
    all_subtasks_accumulators_json, subtask_accumulators_json, subtask_json, subtask_times_json, task_managers_json,
    vertex_accumulators_json, vertex_json,
};
use super::{Answer, RestContext, RestError};
use crate::jobmaster::ArchivedExecutionGraph;
use crate::jobmaster::execution_graph::Execution;

type VertexPath = Path<(String, String)>;
type SubtaskPath = Path<(String, String, String)>;
type AttemptPath = Path<(String, String, String, String)>;

pub(super) async fn details(State(context): State<RestContext>, Path((job, vertex)): VertexPath) -> Answer {
    let now = context.clock.wall();
    of_vertex(&context, &job, &vertex, |vertex, runs| vertex_json(vertex, runs, now)).await
}

pub(super) async fn subtask_times(State(context): State<RestContext>, Path((job, vertex)): VertexPath) -> Answer {
    let now = context.clock.wall();
    of_vertex(&context, &job, &vertex, |vertex, runs| {
        subtask_times_json(vertex, runs, now)
    })
    .await
}

pub(super) async fn task_managers(State(context): State<RestContext>, Path((job, vertex)): VertexPath) -> Answer {
    let now = context.clock.wall();
    of_vertex(&context, &job, &vertex, |vertex, runs| {
        task_managers_json(vertex, runs, now)
    })
    .await
}

pub(super) async fn accumulators(State(context): State<RestContext>, Path((job, vertex)): VertexPath) -> Answer {
    of_vertex(&context, &job, &vertex, vertex_accumulators_json).await
}

pub(super) async fn all_accumulators(State(context): State<RestContext>, Path((job, vertex)): VertexPath) -> Answer {
    of_vertex(&context, &job, &vertex, all_subtasks_accumulators_json).await
}

pub(super) async fn back_pressure(State(context): State<RestContext>, Path((job, vertex)): VertexPath) -> Answer {
    let now = context.clock.wall();
    of_vertex(&context, &job, &vertex, |vertex, runs| {
        back_pressure_json(vertex, runs, now)
    })
    .await
}

pub(super) async fn subtask(State(context): State<RestContext>, Path((job, vertex, subtask)): SubtaskPath) -> Answer {
    let found = Found::subtask(&context, &job, &vertex, &subtask).await?;
    let (index, run) = found.run()?;
    Ok(subtask_json(index, run, context.clock.wall()).into())
}

pub(super) async fn attempt(
    State(context): State<RestContext>,
    Path((job, vertex, subtask, attempt)): AttemptPath,
) -> Answer {
    let found = Found::attempt(&context, &job, &vertex, &subtask, &attempt).await?;
    let (index, run) = found.run()?;
    Ok(subtask_json(index, run, context.clock.wall()).into())
}

pub(super) async fn attempt_accumulators(
    State(context): State<RestContext>,
    Path((job, vertex, subtask, attempt)): AttemptPath,
) -> Answer {
    let found = Found::attempt(&context, &job, &vertex, &subtask, &attempt).await?;
    let (index, run) = found.run()?;
    let (vertex, _) = found.vertex()?;
    Ok(subtask_accumulators_json(vertex, index, run).into())
}

async fn of_vertex(
    context: &RestContext,
    job: &str,
    vertex: &str,
    answer: impl FnOnce(&Vertex, &[Execution]) -> Value,
) -> Answer {
    let found = Found::new(context, job, vertex).await?;
    let (vertex, runs) = found.vertex()?;
    Ok(answer(vertex, runs).into())
}

/// What a path names.
struct Found {
    job: Arc<ArchivedExecutionGraph>,
    vertex: String,
    subtask: u32,
    attempt: Option<u32>,
}

impl Found {
    async fn new(context: &RestContext, job: &str, vertex: &str) -> Result<Self, RestError> {
        // A vertex's id has the form of a job's.
        let parsed: Result<JobId, _> = vertex.parse();
        let vertex = parsed.map_err(|_| {
            let reason = "expected 32 hexadecimal digits";
            RestError::parameter("vertexid", vertex, &reason)
        })?;
        Ok(Self {
            job: find(context, job).await?,
            vertex: vertex.to_string(),
            subtask: 0,
            attempt: None,
        })
    }

    async fn subtask(context: &RestContext, job: &str, vertex: &str, subtask: &str) -> Result<Self, RestError> {
        let subtask = number("subtaskindex", subtask)?;
        let found = Self::new(context, job, vertex).await?;
        Ok(Self { subtask, ..found })
    }

    async fn attempt(
        context: &RestContext,
        job: &str,
        vertex: &str,
        subtask: &str,
        attempt: &str,
    ) -> Result<Self, RestError> {
        let attempt = Some(number("attempt", attempt)?);
        let found = Self::subtask(context, job, vertex, subtask).await?;
        Ok(Self { attempt, ..found })
    }

    fn vertex(&self) -> Result<(&Vertex, &[Execution]), RestError> {
        let mut vertices = self.job.vertices();
        let found = vertices.find(|(vertex, _)| vertex.id.rest_id() == self.vertex);
        found.ok_or_else(|| not_found(format!("no vertex {} in job {}", self.vertex, self.job.job_id)))
    }

    fn run(&self) -> Result<(u32, &Execution), RestError> {
        let (vertex, runs) = self.vertex()?;
        let index = self.subtask;
        let attempts = self.job.attempts(&vertex.id, index);
        let Some(last) = attempts.last() else {
            let (name, count) = (vertex.display_name(), runs.len());
            return Err(not_found(format!("no subtask {index} in '{name}', which has {count}")));
        };
        let asked = self.attempt.unwrap_or(last.attempt);
        let found = attempts.iter().find(|run| run.attempt == asked);
        let missing = || {
            let last = last.attempt;
            not_found(format!(
                "attempt {asked} of subtask {index} is not known; the last one is {last}"
            ))
        };
        Ok((index, found.ok_or_else(missing)?))
    }
}

fn number(name: &str, text: &str) -> Result<u32, RestError> {
    text.parse().map_err(|error| RestError::parameter(name, text, &error))
}

fn not_found(message: String) -> RestError {
    RestError::new(StatusCode::NOT_FOUND, message)
}
