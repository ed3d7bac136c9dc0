//! The names in an output directory:
//!
//! ```text
//! <path>/.selvedge-<job>/part-<job>-<vertex>-<subtask>-<attempt>.csv    while the job runs
//! <path>/.selvedge-<job>/replaced/…                                     what was there before, until the job has FINISHED
//! <path>/part-<job>-<vertex>-<subtask>-<attempt>.csv                    when it has FINISHED
//! ```

use selvedge_core::{ExecutionAttemptId, JobId};
use selvedge_runtime::connector::{Committable, ConnectorError};
use selvedge_runtime::fs::Location;
use serde::{Deserialize, Serialize};

/// The output directory of a sink, and the one within it that holds what is not committed yet.
#[derive(Debug, Clone)]
pub(crate) struct OutputDirectory {
    job: JobId,
    /// What the user named.
    pub(crate) root: Location,
    /// Readers pass over names that start with a dot.
    pub(crate) temporary: Location,
}

impl OutputDirectory {
    pub(crate) fn new(root: Location, job: JobId) -> Self {
        Self {
            temporary: root.join(&format!(".selvedge-{job}")),
            root,
            job,
        }
    }

    /// The file of an attempt.
    pub(crate) fn part(&self, attempt: &ExecutionAttemptId, extension: &str) -> PartFile {
        let prefix = format!("{}{}-", self.job_prefix(), file_name(attempt.vertex.as_str()));
        let name = format!("{prefix}{}-{}.{extension}", attempt.subtask, attempt.attempt);
        PartFile {
            temporary: self.temporary.join(&name),
            r#final: self.root.join(&name),
        }
    }

    /// How the names of all files of the job start.
    pub(crate) fn job_prefix(&self) -> String {
        format!("part-{}-", self.job)
    }

    /// Where the files that the job replaces are until it has FINISHED.
    pub(crate) fn replaced(&self) -> Location {
        self.temporary.join("replaced")
    }

    /// A file that says that the job made the directory.
    pub(crate) fn made_marker(&self) -> Location {
        self.temporary.join("made-by-this-job")
    }
}

/// A vertex's id as part of a file name: what every file system and every path pattern takes as it is stays, any other byte
/// becomes `~` and its two hexadecimal digits. Two ids never give one name.
fn file_name(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("~{byte:02x}"));
        }
    }
    name
}

/// A file that a subtask has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartFile {
    pub(crate) temporary: Location,
    pub(crate) r#final: Location,
}

#[derive(Serialize, Deserialize)]
struct PartFileJson {
    temporary: String,
    r#final: String,
}

impl PartFile {
    pub(crate) fn to_committable(&self) -> Committable {
        let json = serde_json::json!({"temporary": self.temporary.to_string(), "final": self.r#final.to_string()});
        Committable(json.to_string().into())
    }

    /// `root` gives locations without a scheme their file system.
    pub(crate) fn from_committable(committable: &Committable, root: &Location) -> Result<Self, ConnectorError> {
        let fail = |error: Box<dyn std::error::Error + Send + Sync>| {
            ConnectorError::caused_by("a committable is not what a file sink gives", error)
        };
        let json: PartFileJson = serde_json::from_slice(&committable.0).map_err(|error| fail(error.into()))?;
        let location = |text: &str| Location::parse(text, root).map_err(|error| fail(error.into()));
        Ok(Self {
            temporary: location(&json.temporary)?,
            r#final: location(&json.r#final)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn vertices_whose_ids_differ_never_write_to_one_file() {
        let directory = OutputDirectory::new(Location::local("/out".as_ref()), JobId::from_bytes([7; 16]));
        let ids = [
            "a b", "a-b", "a_b", "a.b", "a/b", "a~b", "a~20b", "a:b", "ä", "a", "a-0", "a-0-0", "..", "%2f",
        ];
        let mut names = BTreeSet::new();
        for id in ids {
            let attempt = ExecutionAttemptId {
                vertex: id.into(),
                subtask: 0,
                attempt: 0,
            };
            let part = directory.part(&attempt, "csv");
            assert_eq!(part.r#final.parent().as_ref(), Some(&directory.root), "{id}");
            let committed = PartFile::from_committable(&part.to_committable(), &directory.root).unwrap();
            assert_eq!(committed, part, "{id}");
            names.insert(part.r#final.name().to_owned());
        }
        assert_eq!(names.len(), ids.len(), "{names:?}");
    }
}
