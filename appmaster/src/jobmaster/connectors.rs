//! The job's enumerators and committers: made before the job runs, called on tasks of their own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::job_graph::{JobGraph, Vertex};
use selvedge_core::{JobId, OperatorId, VertexId};
use selvedge_runtime::connector::{Committable, ConnectorError, Connectors, JobCommitter, SplitEnumerator};
use tokio::time::Instant;

use super::JobOrigin;

/// How long the sinks may take to publish, and again to finish. A NameNode under load renames a thousand files in minutes;
/// one that hangs for longer would hold the job, its containers and its user for ever.
pub(super) const COMMIT_PATIENCE: Duration = Duration::from_secs(600);
/// How long they may take to clean up: someone waits for a job that has failed or was cancelled.
pub(super) const ABORT_PATIENCE: Duration = Duration::from_secs(120);

/// The enumerators of a job's sources.
pub(super) type Enumerators = BTreeMap<OperatorId, Box<dyn SplitEnumerator>>;

/// What the connectors of a job gave.
#[derive(Debug, Default)]
pub(super) struct PreparedConnectors {
    pub(super) enumerators: Enumerators,
    pub(super) committers: Committers,
}

/// The committers of a job's sinks. A vertex has at most one sink.
#[derive(Debug, Clone, Default)]
pub(super) struct Committers(BTreeMap<VertexId, Arc<dyn JobCommitter>>);

/// Makes every enumerator and prepares every committer. On a fault, what was prepared is aborted, and so is all that an
/// earlier master has begun.
pub(super) async fn prepare(
    job: JobId,
    graph: &JobGraph,
    origin: JobOrigin,
    connectors: &dyn Connectors,
) -> Result<PreparedConnectors, String> {
    let mut prepared = PreparedConnectors::default();
    for vertex in &graph.vertices {
        if let Err(cause) = prepare_vertex(job, (graph, vertex), origin, connectors, &mut prepared).await {
            take_back(job, graph, origin, connectors, prepared.committers).await;
            return Err(cause);
        }
    }
    Ok(prepared)
}

/// Makes every enumerator anew: the job starts over, with the parallelism of this graph.
pub(super) async fn enumerators(graph: &JobGraph, connectors: &dyn Connectors) -> Result<Enumerators, String> {
    let mut enumerators = Enumerators::new();
    for vertex in &graph.vertices {
        for operator in &vertex.chain {
            let enumerator = connectors.enumerator(graph, operator, vertex.parallelism).await;
            let enumerator = enumerator.map_err(|error| format!("operator '{}': {}", operator.id, error.report()))?;
            enumerators.extend(enumerator.map(|enumerator| (operator.id.clone(), enumerator)));
        }
    }
    Ok(enumerators)
}

/// The job does not run: nothing stays of what was prepared, nor of what an earlier master has begun, with any of its sinks.
pub(super) async fn take_back(
    job: JobId,
    graph: &JobGraph,
    origin: JobOrigin,
    connectors: &dyn Connectors,
    mut begun: Committers,
) {
    let vertices = graph.vertices.iter().filter(|_| origin == JobOrigin::Recovered);
    for (vertex, operator) in vertices.flat_map(|vertex| vertex.chain.iter().map(move |operator| (vertex, operator))) {
        match connectors.committer(job, &vertex.id, operator) {
            Ok(Some(committer)) => drop(begun.0.entry(vertex.id.clone()).or_insert(committer)),
            Ok(None) => {}
            Err(error) => tracing::warn!(
                %job,
                "what operator '{}' may have written under an earlier master is left behind: {}",
                operator.id,
                error.report()
            ),
        }
    }
    if let Some(leftover) = begun.abort().await {
        tracing::warn!(%job, "{leftover}");
    }
}

async fn prepare_vertex(
    job: JobId,
    (graph, vertex): (&JobGraph, &Vertex),
    origin: JobOrigin,
    connectors: &dyn Connectors,
    prepared: &mut PreparedConnectors,
) -> Result<(), String> {
    for operator in &vertex.chain {
        let named = |message: String| format!("operator '{}': {message}", operator.id);
        let enumerator = connectors.enumerator(graph, operator, vertex.parallelism).await;
        if let Some(enumerator) = enumerator.map_err(|error| named(error.report()))? {
            prepared.enumerators.insert(operator.id.clone(), enumerator);
        }
        let committer = connectors
            .committer(job, &vertex.id, operator)
            .map_err(|error| named(error.report()))?;
        if let Some(committer) = committer {
            let ready = match origin {
                JobOrigin::Submitted => committer.prepare().await,
                JobOrigin::Recovered => committer.prepare_again().await,
            };
            ready.map_err(|error| named(error.report()))?;
            prepared.committers.0.insert(vertex.id.clone(), committer);
        }
    }
    Ok(())
}

impl Committers {
    /// Makes exactly these visible: all sinks publish, and only when all have, what they replace is removed. What could not
    /// be removed then comes back: the output is whole all the same.
    pub(super) async fn commit(
        &self,
        committables: &BTreeMap<VertexId, Vec<Committable>>,
    ) -> Result<Option<String>, String> {
        let deadline = Instant::now() + COMMIT_PATIENCE;
        for (vertex, committer) in &self.0 {
            let of_vertex = committables.get(vertex).map_or(&[][..], Vec::as_slice);
            let published = within(deadline, COMMIT_PATIENCE, committer.publish(of_vertex)).await;
            published.map_err(|cause| format!("the output of vertex '{vertex}' cannot be made visible: {cause}"))?;
        }
        let deadline = Instant::now() + COMMIT_PATIENCE;
        let mut leftovers = Vec::new();
        for (vertex, committer) in &self.0 {
            if let Err(cause) = within(deadline, COMMIT_PATIENCE, committer.finish()).await {
                leftovers.push(format!(
                    "the output of vertex '{vertex}' is complete, but what it has replaced is left behind: {cause}"
                ));
            }
        }
        Ok(joined(&leftovers))
    }

    /// Removes what was written; says what could not be removed.
    pub(super) async fn abort(&self) -> Option<String> {
        let deadline = Instant::now() + ABORT_PATIENCE;
        let mut leftovers = Vec::new();
        for (vertex, committer) in &self.0 {
            if let Err(cause) = within(deadline, ABORT_PATIENCE, committer.abort()).await {
                leftovers.push(format!(
                    "unfinished output of vertex '{vertex}' is left behind: {cause}"
                ));
            }
        }
        joined(&leftovers)
    }
}

fn joined(leftovers: &[String]) -> Option<String> {
    (!leftovers.is_empty()).then(|| leftovers.join("; "))
}

/// A step of a committer, given up at the deadline that all of its kind share.
async fn within(
    deadline: Instant,
    patience: Duration,
    step: impl Future<Output = Result<(), ConnectorError>>,
) -> Result<(), String> {
    match tokio::time::timeout_at(deadline, step).await {
        Ok(done) => done.map_err(|error| error.report()),
        Err(_) => Err(format!(
            "the file system has not done what it was asked to within {} s: see whether it is overloaded or hangs",
            patience.as_secs()
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use selvedge_core::job_graph::OperatorSpec;

    use super::*;
    use crate::testing::word_count;

    /// What a sink does at a step.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Does {
        Well,
        Fails,
        Hangs,
    }

    #[derive(Debug)]
    struct Sink {
        publish: Does,
        finish: Does,
        abort: Does,
    }

    const WELL: Sink = Sink {
        publish: Does::Well,
        finish: Does::Well,
        abort: Does::Well,
    };

    async fn step(does: Does) -> Result<(), ConnectorError> {
        match does {
            Does::Well => Ok(()),
            Does::Fails => Err(ConnectorError::new("permission denied")),
            Does::Hangs => std::future::pending().await,
        }
    }

    #[async_trait]
    impl JobCommitter for Sink {
        async fn prepare(&self) -> Result<(), ConnectorError> {
            Ok(())
        }

        async fn publish(&self, _: &[Committable]) -> Result<(), ConnectorError> {
            step(self.publish).await
        }

        async fn finish(&self) -> Result<(), ConnectorError> {
            step(self.finish).await
        }

        async fn abort(&self) -> Result<(), ConnectorError> {
            step(self.abort).await
        }
    }

    fn sinks(one: Sink, other: Sink) -> Committers {
        let named = [("one", one), ("other", other)];
        let named = named.map(|(vertex, sink)| (VertexId::from(vertex), Arc::new(sink) as Arc<dyn JobCommitter>));
        Committers(named.into())
    }

    #[tokio::test(start_paused = true)]
    async fn a_sink_that_does_not_publish_in_time_fails_the_commit_with_its_name() {
        let hangs = Sink {
            publish: Does::Hangs,
            ..WELL
        };
        let cause = sinks(WELL, hangs).commit(&BTreeMap::new()).await.unwrap_err();
        assert!(
            cause.contains("'other' cannot be made visible") && cause.contains("within 600 s"),
            "{cause}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_behind_when_all_is_published_does_not_fail_the_job() {
        for (does, says) in [(Does::Fails, "permission denied"), (Does::Hangs, "within 600 s")] {
            let sinks = sinks(Sink { finish: does, ..WELL }, WELL);
            let leftover = sinks.commit(&BTreeMap::new()).await.unwrap().unwrap();
            assert!(
                leftover.contains("'one' is complete") && leftover.contains(says),
                "{leftover}"
            );
        }
        assert_eq!(sinks(WELL, WELL).commit(&BTreeMap::new()).await, Ok(None));
    }

    /// Sinks that note what they are asked; the second cannot be prepared.
    #[derive(Debug, Default)]
    struct Two(Arc<Mutex<Vec<String>>>);

    #[derive(Debug)]
    struct Noting(VertexId, Arc<Mutex<Vec<String>>>);

    #[async_trait]
    impl Connectors for Two {
        async fn enumerator(
            &self,
            _: &JobGraph,
            _: &OperatorSpec,
            _: u32,
        ) -> Result<Option<Box<dyn SplitEnumerator>>, ConnectorError> {
            Ok(None)
        }

        fn committer(
            &self,
            _: JobId,
            vertex: &VertexId,
            operator: &OperatorSpec,
        ) -> Result<Option<Arc<dyn JobCommitter>>, ConnectorError> {
            let noting = || Arc::new(Noting(vertex.clone(), self.0.clone())) as Arc<dyn JobCommitter>;
            Ok(operator.operator.is_sink().then(noting))
        }
    }

    #[async_trait]
    impl JobCommitter for Noting {
        async fn prepare(&self) -> Result<(), ConnectorError> {
            self.1.lock().unwrap().push(format!("prepare {}", self.0));
            step(if self.0.as_str() == "second" {
                Does::Fails
            } else {
                Does::Well
            })
            .await
        }

        async fn prepare_again(&self) -> Result<(), ConnectorError> {
            self.prepare().await
        }

        async fn publish(&self, _: &[Committable]) -> Result<(), ConnectorError> {
            Ok(())
        }

        async fn finish(&self) -> Result<(), ConnectorError> {
            Ok(())
        }

        async fn abort(&self) -> Result<(), ConnectorError> {
            self.1.lock().unwrap().push(format!("abort {}", self.0));
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_job_that_cannot_run_again_leaves_nothing_of_what_an_earlier_master_has_begun() {
        let mut graph = word_count(1);
        let sink = graph.vertices.remove(1);
        graph.vertices = ["first", "second", "third"]
            .map(|id| Vertex {
                id: id.into(),
                ..sink.clone()
            })
            .into();
        let tried = ["prepare first", "prepare second"];
        for (origin, aborted) in [
            (JobOrigin::Submitted, &["abort first"][..]),
            (JobOrigin::Recovered, &["abort first", "abort second", "abort third"]),
        ] {
            let sinks = Two::default();
            let job = JobId::from_bytes([1; 16]);
            let cause = prepare(job, &graph, origin, &sinks).await.unwrap_err();
            assert!(cause.contains("permission denied"), "{cause}");
            assert_eq!(*sinks.0.lock().unwrap(), [&tried[..], aborted].concat(), "{origin:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_abort_that_hangs_is_given_up_and_the_others_are_told_too() {
        let hangs = || Sink {
            abort: Does::Hangs,
            ..WELL
        };
        let leftover = sinks(hangs(), hangs()).abort().await.unwrap();
        assert!(
            leftover.contains("'one' is left behind") && leftover.contains("'other' is left behind"),
            "{leftover}"
        );
        assert!(leftover.contains("within 120 s"), "{leftover}");
    }
}
