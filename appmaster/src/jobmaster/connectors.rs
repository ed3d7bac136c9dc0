//! The job's enumerators and committers: made before the job runs, called on tasks of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use selvedge_core::job_graph::{JobGraph, Vertex};
use selvedge_core::{JobId, OperatorId, VertexId};
use selvedge_runtime::connector::{Committable, Connectors, InputSplit, JobCommitter, SplitEnumerator};
use tokio::sync::{mpsc, oneshot};

/// How many split requests may wait for one enumerator.
const SPLIT_QUEUE: usize = 1024;

/// A request for a split.
#[derive(Debug)]
pub(super) struct SplitRequest {
    pub(super) subtask: u32,
    pub(super) host: String,
    pub(super) reply: oneshot::Sender<Result<Option<InputSplit>, String>>,
}

/// What the connectors of a job gave.
#[derive(Debug, Default)]
pub(super) struct PreparedConnectors {
    pub(super) enumerators: BTreeMap<OperatorId, Box<dyn SplitEnumerator>>,
    pub(super) committers: Committers,
}

/// The committers of a job's sinks. A vertex has at most one sink.
#[derive(Debug, Clone, Default)]
pub(super) struct Committers(BTreeMap<VertexId, Arc<dyn JobCommitter>>);

/// Makes every enumerator and prepares every committer. On a fault, what was prepared is aborted.
pub(super) async fn prepare(
    job: JobId,
    graph: &JobGraph,
    connectors: &dyn Connectors,
) -> Result<PreparedConnectors, String> {
    let mut prepared = PreparedConnectors::default();
    for vertex in &graph.vertices {
        if let Err(cause) = prepare_vertex(job, vertex, connectors, &mut prepared).await {
            if let Some(leftover) = prepared.committers.abort().await {
                tracing::warn!(%job, "{leftover}");
            }
            return Err(cause);
        }
    }
    Ok(prepared)
}

async fn prepare_vertex(
    job: JobId,
    vertex: &Vertex,
    connectors: &dyn Connectors,
    prepared: &mut PreparedConnectors,
) -> Result<(), String> {
    for operator in &vertex.chain {
        let named = |message: String| format!("operator '{}': {message}", operator.id);
        let enumerator = connectors.enumerator(operator, vertex.parallelism).await;
        if let Some(enumerator) = enumerator.map_err(|error| named(error.report()))? {
            prepared.enumerators.insert(operator.id.clone(), enumerator);
        }
        let committer = connectors
            .committer(job, &vertex.id, operator)
            .map_err(|error| named(error.report()))?;
        if let Some(committer) = committer {
            committer.prepare().await.map_err(|error| named(error.report()))?;
            prepared.committers.0.insert(vertex.id.clone(), committer);
        }
    }
    Ok(())
}

impl Committers {
    /// Makes exactly these visible.
    pub(super) async fn commit(&self, committables: &BTreeMap<VertexId, Vec<Committable>>) -> Result<(), String> {
        for (vertex, committer) in &self.0 {
            let of_vertex = committables.get(vertex).map_or(&[][..], Vec::as_slice);
            let committed = committer.commit(of_vertex).await;
            committed.map_err(|error| {
                format!(
                    "the output of vertex '{vertex}' cannot be made visible: {}",
                    error.report()
                )
            })?;
        }
        Ok(())
    }

    /// Removes what was written; says what could not be removed.
    pub(super) async fn abort(&self) -> Option<String> {
        let mut leftovers = Vec::new();
        for (vertex, committer) in &self.0 {
            if let Err(error) = committer.abort().await {
                leftovers.push(format!(
                    "unfinished output of vertex '{vertex}' is left behind: {}",
                    error.report()
                ));
            }
        }
        (!leftovers.is_empty()).then(|| leftovers.join("; "))
    }
}

/// Serves one enumerator's requests in order; a failure of the enumerator goes to `failures` too.
pub(super) fn serve_splits(
    operator: OperatorId,
    mut enumerator: Box<dyn SplitEnumerator>,
    failures: impl Fn(String) + Send + 'static,
) -> mpsc::Sender<SplitRequest> {
    let (sender, mut requests) = mpsc::channel::<SplitRequest>(SPLIT_QUEUE);
    // Ends with the JobMaster, which holds the only sender.
    tokio::spawn(async move {
        while let Some(request) = requests.recv().await {
            let split = enumerator.next_split(request.subtask, &request.host).await;
            let split = split.map_err(|error| format!("source '{operator}' cannot give a split: {}", error.report()));
            if let Err(cause) = &split {
                failures(cause.clone());
            }
            // The asker may have gone; its splits are lost with its attempt.
            let _ = request.reply.send(split);
        }
    });
    sender
}
