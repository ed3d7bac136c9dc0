//! Reading the file form: JSON text with `${parameters}`, completed by the defaults of a submission.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use thiserror::Error;

use super::JobGraph;
use super::parameters::{self, ParameterError};
use super::vertex::default_max_parallelism_of;

/// The form of job files that this version reads and writes.
pub const VERSION: u32 = 1;

/// A job file that cannot be read.
#[derive(Debug, Error)]
pub enum JobFileError {
    /// The text is not JSON.
    #[error("the job is not valid JSON: {0}")]
    Syntax(#[source] serde_json::Error),
    /// A parameter is missing or unknown.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// It was written for a later version.
    #[error(
        "the job is of version {found}, and this version of selvedge reads version {VERSION}: run it with the newer selvedge that \
         it was written for, or write it in the form that `selvedge schema job-graph` prints"
    )]
    Newer {
        /// As stated.
        found: String,
    },
    /// The JSON is not a JobGraph.
    #[error("the job is not a valid JobGraph: {0}; `selvedge schema job-graph` prints its JSON Schema")]
    Shape(#[source] serde_json::Error),
}

/// Parses a job file, replaces its parameters and gives `default_parallelism` to each vertex that states none.
pub fn parse(text: &str, given: &BTreeMap<String, String>, default_parallelism: u32) -> Result<JobGraph, JobFileError> {
    let mut document: Value = serde_json::from_str(text).map_err(JobFileError::Syntax)?;
    check_version(&document)?;
    parameters::substitute(&mut document, given)?;
    complete_vertices(&mut document, default_parallelism);
    serde_json::from_value(document).map_err(JobFileError::Shape)
}

/// Before anything else is looked at: what a later version has brought is no mistake of the user's.
fn check_version(document: &Value) -> Result<(), JobFileError> {
    match document.get("version") {
        Some(version) if version.as_u64().is_some_and(|version| version > u64::from(VERSION)) => {
            let found = version.to_string();
            Err(JobFileError::Newer { found })
        }
        _ => Ok(()),
    }
}

fn complete_vertices(document: &mut Value, default_parallelism: u32) {
    let vertices = document.get_mut("vertices").and_then(Value::as_array_mut);
    for vertex in vertices.into_iter().flatten().filter_map(Value::as_object_mut) {
        let stated = vertex
            .entry("parallelism")
            .or_insert_with(|| json!(default_parallelism));
        let parallelism = stated
            .as_u64()
            .and_then(|stated| u32::try_from(stated).ok())
            .unwrap_or(default_parallelism);
        vertex
            .entry("max_parallelism")
            .or_insert_with(|| json!(default_max_parallelism_of(parallelism)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = r#"{"name": "j", "vertices": [
        {"id": "a", "chain": [{"id": "read", "operator": "file-source", "paths": ["${input}"], "format": {"type": "text"}}]},
        {"id": "b", "parallelism": 200, "chain": [{"id": "drop", "operator": "blackhole-sink"}]}],
        "edges": [{"source": "a", "target": "b", "partitioner": {"type": "rebalance"}}]}"#;

    fn given() -> BTreeMap<String, String> {
        BTreeMap::from([("input".to_owned(), "/in".to_owned())])
    }

    #[test]
    fn defaults_fill_what_the_file_leaves_out() {
        let graph = parse(JOB, &given(), 3).unwrap();
        let sizes: Vec<_> = graph
            .vertices
            .iter()
            .map(|v| (v.parallelism, v.max_parallelism))
            .collect();
        assert_eq!(sizes, [(3, 128), (200, 512)]);
        assert_eq!(graph.required_slots(), 200);
    }

    #[test]
    fn a_graph_survives_its_file_form() {
        let graph = parse(JOB, &given(), 3).unwrap();
        let text = serde_json::to_string(&graph).unwrap();
        assert_eq!(parse(&text, &BTreeMap::new(), 9).unwrap(), graph);
    }

    #[test]
    fn a_file_of_a_newer_version_is_told_whatever_else_it_holds() {
        let with = |version: &str| JOB.replacen('{', &format!("{{\"version\": {version}, "), 1);
        assert_eq!(parse(&with("1"), &given(), 1).unwrap().version, Some(VERSION));
        let text = with("2").replacen("\"name\"", "\"novelty\": \"${new}\", \"name\"", 1);
        let message = parse(&text, &given(), 1).unwrap_err().to_string();
        assert!(
            message.contains("is of version 2") && message.contains("newer selvedge"),
            "{message}"
        );
    }

    #[test]
    fn an_unknown_field_is_told() {
        let text = JOB.replacen("\"name\"", "\"title\": 1, \"name\"", 1);
        let message = parse(&text, &given(), 1).unwrap_err().to_string();
        assert!(message.contains("unknown field `title`"), "{message}");
    }
}
