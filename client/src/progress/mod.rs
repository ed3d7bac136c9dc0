//! What the terminal shows while a job runs: a line for each vertex that changes in place, or, where standard error is
//! no terminal, a line for each change of state; or nothing.

mod bars;
mod plain;

use indicatif::{HumanBytes, HumanCount};

use crate::cluster::{JobDetails, JobObserver, VertexDetails};

pub use bars::BarProgress;
pub use plain::PlainProgress;

/// For a user who wants to hear of errors only.
#[derive(Debug)]
struct NoProgress;

impl JobObserver for NoProgress {
    fn note(&mut self, _: &str) {}

    fn update(&mut self, _: &JobDetails) {}
}

/// The observer that fits standard error, and the user's wish (`--quiet`).
pub fn for_terminal(interactive: bool) -> Box<dyn JobObserver> {
    if crate::cli::is_quiet() {
        Box::new(NoProgress)
    } else if interactive {
        Box::new(BarProgress::new())
    } else {
        Box::new(PlainProgress::new(|line: &str| crate::cli::say(line)))
    }
}

/// `in 1,204 records, 12.3 MiB; out 5,000 records, 1.2 MiB`, without what is zero.
fn figures(vertex: &VertexDetails) -> String {
    let metrics = vertex.metrics;
    let part = |direction: &str, records: u64, bytes: u64| {
        (records != 0 || bytes != 0)
            .then(|| format!("{direction} {} records, {}", HumanCount(records), HumanBytes(bytes)))
    };
    let parts = [
        part("in", metrics.read_records, metrics.read_bytes),
        part("out", metrics.write_records, metrics.write_bytes),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// How many subtasks are in the state that the vertex has.
fn subtasks(vertex: &VertexDetails) -> String {
    format!("{}/{}", vertex.tasks.of(&vertex.status), vertex.parallelism)
}
