//! Reading a job's file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use selvedge_core::JobGraph;
use selvedge_core::job_graph::Operator;
use selvedge_core::job_graph::file::{self, JobFileError};
use thiserror::Error;

/// A job that cannot be read from its file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadJobError {
    /// The file.
    #[error("cannot read the job {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// Its content.
    #[error("{path}: {cause}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: JobFileError,
    },
}

/// Reads a job's file, with these parameters and this parallelism for vertices that state none.
///
/// # Errors
/// [`ReadJobError`].
pub fn read(
    path: &Path,
    parameters: &BTreeMap<String, String>,
    default_parallelism: u32,
) -> Result<JobGraph, ReadJobError> {
    let text = std::fs::read_to_string(path).map_err(|cause| ReadJobError::File {
        path: path.to_owned(),
        cause,
    })?;
    file::parse(&text, parameters, default_parallelism).map_err(|cause| ReadJobError::Content {
        path: path.to_owned(),
        cause,
    })
}

/// Whether a source, a sink or an artifact of the job names HDFS.
pub fn uses_hdfs(graph: &JobGraph) -> bool {
    let is_hdfs = |path: &String| path.starts_with("hdfs:");
    if graph.artifacts.iter().any(|artifact| is_hdfs(&artifact.path)) {
        return true;
    }
    let operators = graph.vertices.iter().flat_map(|vertex| &vertex.chain);
    operators.into_iter().any(|spec| match &spec.operator {
        Operator::FileSource(source) => source.paths.iter().any(is_hdfs),
        Operator::FileSink(sink) => is_hdfs(&sink.path),
        _ => false,
    })
}

/// Where the results of the job will be: the directories of its file sinks.
pub fn result_places(graph: &JobGraph) -> Vec<&str> {
    let operators = graph.vertices.iter().flat_map(|vertex| &vertex.chain);
    operators
        .filter_map(|spec| match &spec.operator {
            Operator::FileSink(sink) => Some(sink.path.as_str()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word_count(input: &str) -> JobGraph {
        let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/wordcount.json");
        let given = [("input", input), ("output", "/out")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        read(&job, &given.into_iter().collect(), 1).unwrap()
    }

    #[test]
    fn the_shipped_example_is_a_sound_job() {
        let graph = word_count("/in");
        selvedge_core::job_graph::validate::validate(&graph).unwrap();
        assert_eq!(result_places(&graph), ["/out"]);
        assert!(!uses_hdfs(&graph) && uses_hdfs(&word_count("hdfs:///in")));
    }

    #[test]
    fn the_example_that_brings_its_input_along_is_a_sound_job_too() {
        let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/wordcount-of-a-file.json");
        let given = |input: &str| {
            [("input", input), ("output", "/out")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into()
        };
        let graph = read(&job, &given("file:///in"), 1).unwrap();
        selvedge_core::job_graph::validate::validate(&graph).unwrap();
        assert!(!uses_hdfs(&graph) && uses_hdfs(&read(&job, &given("hdfs:///in"), 1).unwrap()));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let missing = read(Path::new("/no/such.json"), &BTreeMap::new(), 1).unwrap_err();
        assert_eq!(missing.to_string(), "cannot read the job /no/such.json");
        let directory = tempfile::tempdir().unwrap();
        let broken = directory.path().join("broken.json");
        std::fs::write(&broken, "{").unwrap();
        let message = read(&broken, &BTreeMap::new(), 1).unwrap_err().to_string();
        assert!(message.contains("broken.json: the job is not valid JSON"), "{message}");
    }
}
