//! Files that a job brings along: named in its graph, taken in when it is submitted, carried to every worker that runs a task
//! of it. Paths of the form `artifact:NAME` mean them.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shipped::{check_shipped, shipped_path};
use super::validate::GraphError;
use super::{JobGraph, Operator};
use crate::nearest::nearest;

/// What the paths begin with that mean an artifact.
pub const ARTIFACT_PREFIX: &str = "artifact:";
/// The longest name of a file on Linux.
const LONGEST_NAME: usize = 255;
const HASH_DIGITS: usize = 64;

/// A file that a job brings along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// Under which name operators and workers find it: a file name, unique in the job.
    pub name: String,
    /// Where it is when the job is submitted: `file://`, `hdfs://` or without a scheme (the default file system).
    pub path: String,
    /// The SHA-256 of its content, in hexadecimal digits: a file that is another one is refused. Where a graph leaves it out,
    /// it is noted when the file is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Its size in bytes, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// The name of the artifact that a path means, where it means one.
pub fn artifact_name(path: &str) -> Option<&str> {
    path.strip_prefix(ARTIFACT_PREFIX)
}

pub(super) fn check_artifacts(graph: &JobGraph) -> Result<(), GraphError> {
    let mut names = BTreeSet::new();
    for artifact in &graph.artifacts {
        let fault = |problem| GraphError::Artifact {
            name: artifact.name.clone(),
            problem,
        };
        check_name(&artifact.name).map_err(fault)?;
        check_content(artifact).map_err(fault)?;
        if !names.insert(artifact.name.as_str()) {
            return Err(fault(
                "is named twice: names of artifacts must be unique in the job".to_owned(),
            ));
        }
    }
    for vertex in &graph.vertices {
        for spec in &vertex.chain {
            let fault = |problem| GraphError::ArtifactUse {
                operator: spec.id.clone(),
                problem,
            };
            check_use(&spec.operator, &names).map_err(fault)?;
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), String> {
    let rule = if name.is_empty() {
        "is empty"
    } else if name == "." || name == ".." {
        "means a directory"
    } else if name.contains('/') {
        "has a slash"
    } else if name.chars().any(char::is_control) {
        "has a control character"
    } else if name.len() > LONGEST_NAME {
        "is longer than 255 bytes"
    } else {
        return Ok(());
    };
    Err(format!(
        "has a name that {rule}: it must be a plain file name, such as words.txt"
    ))
}

fn check_content(artifact: &Artifact) -> Result<(), String> {
    if artifact.path.is_empty() {
        return Err("has an empty path: name the file".to_owned());
    }
    if artifact_name(&artifact.path).is_some() {
        return Err(format!(
            "has the path '{}': an artifact is no copy of another one",
            artifact.path
        ));
    }
    let is_hash = |text: &str| text.len() == HASH_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match &artifact.sha256 {
        Some(text) if !is_hash(text) => Err(format!(
            "has the sha256 '{text}': it must be {HASH_DIGITS} hexadecimal digits; leave it out to take the file as it is"
        )),
        _ => Ok(()),
    }
}

fn check_use(operator: &Operator, names: &BTreeSet<&str>) -> Result<(), String> {
    match operator {
        Operator::FileSource(source) => {
            let mut used = source.paths.iter().filter_map(|path| artifact_name(path));
            let unknown = used.find(|name| !names.contains(name));
            unknown.map_or(Ok(()), |name| Err(unknown_artifact(name, names)))?;
            source.paths.iter().try_for_each(|path| check_shipped(path))
        }
        Operator::FileSink(sink) if shipped_path(&sink.path).is_some() => Err(format!(
            "it would write to '{}': what is sent along can only be read",
            sink.path
        )),
        Operator::FileSink(sink) if artifact_name(&sink.path).is_some() => {
            Err(format!("it would write to '{}': artifacts can only be read", sink.path))
        }
        _ => Ok(()),
    }
}

fn unknown_artifact(name: &str, names: &BTreeSet<&str>) -> String {
    let hint = nearest(name, names.iter().copied()).map_or_else(String::new, |near| {
        format!(" (did you mean '{ARTIFACT_PREFIX}{near}'?)")
    });
    format!(
        "it reads '{ARTIFACT_PREFIX}{name}'{hint}, and the job has no artifact '{name}': add it to \"artifacts\", with its \
         path"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn checked(artifacts: Value, path: &str) -> Result<(), String> {
        let graph = json!({"name": "j", "artifacts": artifacts, "vertices": [{"id": "in", "chain": [
            {"id": "read", "operator": "file-source", "paths": [path], "format": {"type": "text"}}]}]});
        let graph: JobGraph = serde_json::from_value(graph).unwrap();
        check_artifacts(&graph).map_err(|error| error.to_string())
    }

    fn named(name: &str) -> Value {
        json!([{"name": name, "path": "/data/words.txt"}])
    }

    #[test]
    fn a_source_may_read_what_the_job_brings_along() {
        assert_eq!(checked(named("words.txt"), "artifact:words.txt"), Ok(()));
        assert_eq!(checked(json!([]), "/in"), Ok(()));
    }

    #[test]
    fn each_fault_names_the_artifact() {
        let long = "x".repeat(256);
        let twice = json!([{"name": "a", "path": "/a"}, {"name": "a", "path": "/b"}]);
        for (artifacts, expected) in [
            (named(""), "the artifact '' has a name that is empty"),
            (named(".."), "the artifact '..' has a name that means a directory"),
            (named("a/b"), "the artifact 'a/b' has a name that has a slash"),
            (named("a\nb"), "control character"),
            (named(&long), "longer than 255 bytes"),
            (twice, "the artifact 'a' is named twice"),
            (json!([{"name": "a", "path": ""}]), "'a' has an empty path"),
            (json!([{"name": "a", "path": "artifact:b"}]), "'artifact:b'"),
            (
                json!([{"name": "a", "path": "/a", "sha256": "12"}]),
                "'a' has the sha256 '12'",
            ),
        ] {
            let message = checked(artifacts, "/in").unwrap_err();
            assert!(message.contains(expected), "{message} / {expected}");
        }
    }

    #[test]
    fn a_source_of_an_artifact_that_the_job_does_not_have_is_told_the_nearest() {
        let message = checked(named("words.txt"), "artifact:word.txt").unwrap_err();
        assert!(
            message.contains("operator 'read'") && message.contains("(did you mean 'artifact:words.txt'?)"),
            "{message}"
        );
    }

    #[test]
    fn a_sink_cannot_write_to_an_artifact() {
        let graph = json!({"name": "j", "vertices": [{"id": "out", "chain": [
            {"id": "write", "operator": "file-sink", "path": "artifact:a", "format": {"type": "text"}}]}]});
        let graph: JobGraph = serde_json::from_value(graph).unwrap();
        let message = check_artifacts(&graph).unwrap_err().to_string();
        assert!(
            message.contains("operator 'write'") && message.contains("only be read"),
            "{message}"
        );
    }
}
