//! Paths about metrics. Each lists names, or, with `get`, values; those over several workers, jobs or subtasks aggregate.

mod aggregate;
mod selection;

use std::collections::BTreeSet;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use selvedge_core::{JobId, ResourceId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::jobs::parse_id;
use super::{Answer, RestContext, RestError};
use crate::jobmaster::SchedulerKind;
use crate::metrics::{Metrics, of_job};
use aggregate::{Aggregation, aggregated};
use selection::{comma_list, subtask_ranges};

/// What may be asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct MetricsQuery {
    /// Names, separated by commas.
    get: Option<String>,
}

/// The same over several owners.
#[derive(Debug, Default, Deserialize)]
pub(super) struct AggregatedQuery {
    get: Option<String>,
    /// `min`, `max`, `avg`, `sum`, `skew`, separated by commas; all where it is missing.
    agg: Option<String>,
    taskmanagers: Option<String>,
    jobs: Option<String>,
    subtasks: Option<String>,
}

pub(super) async fn job_manager(State(context): State<RestContext>, Query(query): Query<MetricsQuery>) -> Answer {
    Ok(list(&context.metrics.job_manager().await, &query).into())
}

/// Flink answers an empty list for a worker that it does not know.
pub(super) async fn task_manager(
    State(context): State<RestContext>,
    Path(id): Path<String>,
    Query(query): Query<MetricsQuery>,
) -> Answer {
    let store = context.metrics.store().await;
    let metrics = store.worker(&ResourceId(id)).cloned().unwrap_or_default();
    Ok(list(&metrics, &query).into())
}

pub(super) async fn task_managers(State(context): State<RestContext>, Query(query): Query<AggregatedQuery>) -> Answer {
    let wanted = query.taskmanagers.as_deref().map(comma_list);
    let store = context.metrics.store().await;
    let workers = store
        .workers()
        .filter(|(id, _)| wanted.as_ref().is_none_or(|wanted| wanted.contains(&id.as_str())));
    let metrics: Vec<_> = workers.map(|(_, metrics)| metrics.clone()).collect();
    aggregate(&metrics, &query)
}

/// And for a job.
pub(super) async fn job(
    State(context): State<RestContext>,
    Path(id): Path<String>,
    Query(query): Query<MetricsQuery>,
) -> Answer {
    let job = parse_id(&id)?;
    Ok(list(&of_any_job(&context, job).await, &query).into())
}

pub(super) async fn jobs(State(context): State<RestContext>, Query(query): Query<AggregatedQuery>) -> Answer {
    let wanted = match &query.jobs {
        Some(ids) => comma_list(ids)
            .into_iter()
            .map(parse_id)
            .collect::<Result<Vec<_>, _>>()?,
        None => {
            let all = context.dispatcher.summaries().await?;
            all.iter().map(|job| job.job_id).collect()
        }
    };
    let mut metrics = Vec::new();
    for job in wanted {
        metrics.push(of_any_job(&context, job).await);
    }
    aggregate(&metrics, &query)
}

pub(super) async fn vertex(
    State(context): State<RestContext>,
    Path((job, vertex)): Path<(String, String)>,
    Query(query): Query<MetricsQuery>,
) -> Answer {
    let (job, vertex) = (parse_id(&job)?, vertex_id(&vertex)?);
    let parallelism = parallelism(&context, job, &vertex).await;
    let metrics = context.metrics.store().await.vertex(job, &vertex, parallelism);
    Ok(list(&metrics, &query).into())
}

pub(super) async fn subtasks(
    State(context): State<RestContext>,
    Path((job, vertex)): Path<(String, String)>,
    Query(query): Query<AggregatedQuery>,
) -> Answer {
    let (job, vertex) = (parse_id(&job)?, vertex_id(&vertex)?);
    let ranges = query.subtasks.as_deref().map(subtask_ranges).transpose();
    let ranges = ranges.map_err(|message| RestError::new(StatusCode::BAD_REQUEST, message))?;
    let is_wanted = |index: u32| {
        ranges
            .as_ref()
            .is_none_or(|ranges| ranges.iter().any(|range| range.contains(&index)))
    };
    let parallelism = parallelism(&context, job, &vertex).await;
    let store = context.metrics.store().await;
    let subtasks = store
        .subtasks(job, &vertex, parallelism)
        .filter(|(index, _)| is_wanted(*index));
    let metrics: Vec<_> = subtasks.map(|(_, metrics)| metrics.clone()).collect();
    aggregate(&metrics, &query)
}

pub(super) async fn subtask(
    State(context): State<RestContext>,
    Path((job, vertex, subtask)): Path<(String, String, String)>,
    Query(query): Query<MetricsQuery>,
) -> Answer {
    let (job, vertex) = (parse_id(&job)?, vertex_id(&vertex)?);
    let subtask: u32 = subtask.parse().map_err(|_| unreadable("subtaskindex", &subtask))?;
    let parallelism = parallelism(&context, job, &vertex).await;
    let store = context.metrics.store().await;
    let found = store
        .subtasks(job, &vertex, parallelism)
        .find(|(index, _)| *index == subtask);
    let metrics = found.map(|(_, metrics)| metrics.clone()).unwrap_or_default();
    Ok(list(&metrics, &query).into())
}

/// How many subtasks a vertex has: under the adaptive scheduler it may have had more.
async fn parallelism(context: &RestContext, job: JobId, vertex: &str) -> u32 {
    if matches!(SchedulerKind::read(&context.configuration), Ok(SchedulerKind::Default)) {
        return u32::MAX;
    }
    let Ok(job) = context.dispatcher.job(job).await else {
        return u32::MAX;
    };
    let found = job.vertices().find(|(of_job, _)| of_job.id.rest_id() == vertex);
    found.map_or(u32::MAX, |(of_job, _)| of_job.parallelism)
}

/// A running job's, else those of one that has ended; empty for an unknown one.
async fn of_any_job(context: &RestContext, job: JobId) -> Metrics {
    let running = context.metrics.job(job).await;
    if !running.is_empty() {
        return running;
    }
    match context.dispatcher.job(job).await {
        Ok(ended) => of_job(&ended, context.job_status_metrics, context.clock.wall())
            .into_iter()
            .collect(),
        Err(_) => Metrics::new(),
    }
}

fn list(metrics: &Metrics, query: &MetricsQuery) -> Value {
    let Some(asked) = query.get.as_deref().filter(|asked| !asked.is_empty()) else {
        return metrics.keys().map(|name| json!({ "id": name })).collect();
    };
    let found = comma_list(asked)
        .into_iter()
        .filter_map(|name| Some(json!({"id": name, "value": metrics.get(name)?.to_string()})));
    found.collect()
}

fn aggregate(metrics: &[Metrics], query: &AggregatedQuery) -> Answer {
    let Some(asked) = query.get.as_deref().filter(|asked| !asked.is_empty()) else {
        let names: BTreeSet<_> = metrics.iter().flat_map(Metrics::keys).collect();
        return Ok(names.iter().map(|name| json!({ "id": name })).collect::<Value>().into());
    };
    let aggregations =
        Aggregation::read(query.agg.as_deref()).map_err(|message| RestError::new(StatusCode::BAD_REQUEST, message))?;
    let of_metric = |name: &str| {
        let values = metrics.iter().filter_map(|metrics| metrics.get(name)?.as_number());
        aggregated(name, &values.collect::<Vec<_>>(), &aggregations)
    };
    Ok(comma_list(asked)
        .into_iter()
        .filter_map(of_metric)
        .collect::<Value>()
        .into())
}

fn vertex_id(text: &str) -> Result<String, RestError> {
    // A vertex's id is written as a job's.
    text.parse::<JobId>()
        .map(|_| text.to_ascii_lowercase())
        .map_err(|_| unreadable("vertexid", text))
}

fn unreadable(parameter: &str, value: &str) -> RestError {
    let message = format!("Cannot resolve path parameter ({parameter}) from value \"{value}\"");
    RestError::new(StatusCode::BAD_REQUEST, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(values: &[(&str, f64)]) -> Metrics {
        values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).into()))
            .collect()
    }

    #[test]
    fn a_list_has_names_or_the_values_that_are_asked_for() {
        let metrics = metrics(&[("a", 1.0), ("b", 2.5)]);
        let query = |get: &str| MetricsQuery {
            get: Some(get.to_owned()),
        };
        assert_eq!(
            list(&metrics, &MetricsQuery::default()),
            json!([{"id": "a"}, {"id": "b"}])
        );
        assert_eq!(
            list(&metrics, &query("b,missing")),
            json!([{"id": "b", "value": "2.5"}])
        );
        assert_eq!(list(&Metrics::new(), &query("a")), json!([]));
    }

    #[test]
    fn values_of_several_owners_are_aggregated_and_names_are_listed_once() {
        let all = [metrics(&[("a", 1.0), ("b", 7.0)]), metrics(&[("a", 3.0)])];
        let names = aggregate(&all, &AggregatedQuery::default()).unwrap();
        assert_eq!(names.1, json!([{"id": "a"}, {"id": "b"}]));
        let query = AggregatedQuery {
            get: Some("a,missing".to_owned()),
            agg: Some("min,sum".to_owned()),
            ..AggregatedQuery::default()
        };
        assert_eq!(
            aggregate(&all, &query).unwrap().1,
            json!([{"id": "a", "min": 1.0, "sum": 4.0}])
        );
        let unknown = AggregatedQuery {
            agg: Some("median".to_owned()),
            ..query
        };
        assert_eq!(aggregate(&all, &unknown).unwrap_err().status, StatusCode::BAD_REQUEST);
    }
}
