//! What a job may run with: `/jobs/:jobid/resource-requirements`, in Flink's form.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use selvedge_core::job_graph::{JobGraph, JobRequirements, RequirementsError, VertexRequirements};
use serde_json::json;

use super::jobs::{find, parse_id};
use super::{Answer, RestContext, RestError};

/// By the id under which REST knows each vertex.
type Body = BTreeMap<String, VertexRequirements>;

pub(super) async fn get(State(context): State<RestContext>, Path(id): Path<String>) -> Answer {
    let requirements = context.dispatcher.requirements(parse_id(&id)?).await?;
    let by_rest_id = requirements
        .iter()
        .map(|(vertex, requirements)| (vertex.rest_id(), requirements));
    Ok(json!(by_rest_id.collect::<BTreeMap<_, _>>()).into())
}

pub(super) async fn put(State(context): State<RestContext>, Path(id): Path<String>, body: Bytes) -> Answer {
    let job = parse_id(&id)?;
    let body: Body = serde_json::from_slice(&body).map_err(|error| {
        let form = r#"write {"<vertex id>": {"parallelism": {"lowerBound": 1, "upperBound": 4}}, …}"#;
        RestError::new(
            StatusCode::BAD_REQUEST,
            format!("the request holds no resource requirements: {error}; {form}"),
        )
    })?;
    let graph = find(&context, &id).await?.graph.clone();
    let requirements =
        by_vertex(&graph, body).map_err(|error| RestError::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    context.dispatcher.change_requirements(job, requirements).await?;
    Ok(json!({}).into())
}

/// A vertex may be named by its own id too.
fn by_vertex(graph: &JobGraph, body: Body) -> Result<JobRequirements, RequirementsError> {
    let mut requirements = JobRequirements::new();
    for (named, stated) in body {
        let is_named =
            |id: &selvedge_core::VertexId| id.as_str() == named || id.rest_id() == named.to_ascii_lowercase();
        let vertex = graph.vertices.iter().find(|vertex| is_named(&vertex.id));
        let vertex = vertex.ok_or_else(|| RequirementsError::unknown(graph, &named))?;
        requirements.insert(vertex.id.clone(), stated);
    }
    Ok(requirements)
}
