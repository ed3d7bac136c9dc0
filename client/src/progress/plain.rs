//! A line for each change of state.

use std::collections::BTreeMap;

use super::{figures, subtasks};
use crate::cluster::{JobDetails, JobObserver};

/// Writes a line whenever the job or a vertex has changed its state.
#[derive(Debug)]
pub struct PlainProgress<W> {
    write: W,
    job: Option<String>,
    vertices: BTreeMap<String, String>,
}

impl<W: FnMut(&str)> PlainProgress<W> {
    /// Lines go to `write`, without their ends.
    pub const fn new(write: W) -> Self {
        Self {
            write,
            job: None,
            vertices: BTreeMap::new(),
        }
    }
}

impl<W: FnMut(&str) + Send> JobObserver for PlainProgress<W> {
    fn note(&mut self, line: &str) {
        (self.write)(line);
    }

    fn update(&mut self, job: &JobDetails) {
        if self.job.as_deref() != Some(&job.state) {
            (self.write)(&format!("job {}: {}", job.name, job.state));
            self.job = Some(job.state.clone());
        }
        for vertex in &job.vertices {
            if self.vertices.get(&vertex.id) == Some(&vertex.status) {
                continue;
            }
            let figures = figures(vertex);
            let separator = if figures.is_empty() { "" } else { "; " };
            (self.write)(&format!(
                "vertex {}: {} {}{separator}{figures}",
                vertex.name,
                vertex.status,
                subtasks(vertex)
            ));
            self.vertices.insert(vertex.id.clone(), vertex.status.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(state: &str, vertex: &str, records: u64) -> JobDetails {
        serde_json::from_value(json!({"name": "wc", "state": state, "vertices": [{
            "id": "a", "name": "read -> split", "parallelism": 2, "status": vertex,
            "tasks": {vertex.to_lowercase(): 2}, "metrics": {"write-records": records, "write-bytes": 2048}}]}))
        .unwrap()
    }

    #[test]
    fn only_changes_of_state_are_told() {
        let mut lines = Vec::new();
        let mut progress = PlainProgress::new(|line: &str| lines.push(line.to_owned()));
        for (state, vertex, records) in [
            ("RUNNING", "RUNNING", 1),
            ("RUNNING", "RUNNING", 500),
            ("FINISHED", "FINISHED", 1204),
        ] {
            progress.update(&job(state, vertex, records));
        }
        assert_eq!(
            lines,
            [
                "job wc: RUNNING",
                "vertex read -> split: RUNNING 2/2; out 1 records, 2.00 KiB",
                "job wc: FINISHED",
                "vertex read -> split: FINISHED 2/2; out 1,204 records, 2.00 KiB",
            ]
        );
    }
}
