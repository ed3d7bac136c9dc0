//! The job's enumerators and committers: made before the job runs, called on tasks of their own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use selvedge_core::job_graph::{JobGraph, Vertex};
use selvedge_core::{ExecutionAttemptId, JobId, OperatorId, VertexId};
use selvedge_runtime::connector::{Committable, ConnectorError, Connectors, InputSplit, JobCommitter, SplitEnumerator};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// How many split requests may wait for one enumerator.
const SPLIT_QUEUE: usize = 1024;

/// How long the sinks may take to publish, and again to finish. A NameNode under load renames a thousand files in minutes;
/// one that hangs for longer would hold the job, its containers and its user for ever.
pub(super) const COMMIT_PATIENCE: Duration = Duration::from_secs(600);
/// How long they may take to clean up: someone waits for a job that has failed or was cancelled.
pub(super) const ABORT_PATIENCE: Duration = Duration::from_secs(120);

/// A request for a split.
#[derive(Debug)]
pub(super) struct SplitRequest {
    pub(super) attempt: ExecutionAttemptId,
    /// How many splits the attempt has had from this source before.
    pub(super) sequence: u64,
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

/// What an attempt was answered last. It asks for one split after another, so that one answer is enough: the same question
/// again means that the answer was lost.
#[derive(Debug, Default)]
struct Answered(BTreeMap<ExecutionAttemptId, (u64, Option<InputSplit>)>);

impl Answered {
    /// The answer that was given before, `None` where the question is the attempt's next one.
    fn before(&self, request: &SplitRequest) -> Result<Option<Option<InputSplit>>, String> {
        let last = self.0.get(&request.attempt);
        let next = last.map_or(0, |(sequence, _)| sequence + 1);
        match last {
            Some((sequence, split)) if *sequence == request.sequence => Ok(Some(split.clone())),
            _ if next == request.sequence => Ok(None),
            _ => Err(format!(
                "{} asks for its split {}, and {next} is the next",
                request.attempt, request.sequence
            )),
        }
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
        let mut answered = Answered::default();
        while let Some(request) = requests.recv().await {
            let split = match answered.before(&request) {
                Ok(Some(split)) => Ok(split),
                Ok(None) => {
                    let split = enumerator.next_split(request.attempt.subtask, &request.host).await;
                    split.map_err(|error| format!("source '{operator}' cannot give a split: {}", error.report()))
                }
                Err(disorder) => Err(disorder),
            };
            match &split {
                Ok(split) => {
                    let last = (request.sequence, split.clone());
                    answered.0.insert(request.attempt, last);
                }
                Err(cause) => failures(cause.clone()),
            }
            // The asker may have gone; its splits are lost with its attempt.
            let _ = request.reply.send(split);
        }
    });
    sender
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use bytes::Bytes;

    use super::*;

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

    #[derive(Debug)]
    struct Numbers(u32);

    #[async_trait]
    impl SplitEnumerator for Numbers {
        async fn next_split(&mut self, _: u32, _: &str) -> Result<Option<InputSplit>, ConnectorError> {
            self.0 += 1;
            Ok((self.0 <= 3).then(|| InputSplit(Bytes::from(self.0.to_string()))))
        }

        fn return_splits(&mut self, _: u32, _: Vec<InputSplit>) {}
    }

    #[tokio::test]
    async fn the_same_question_gets_the_same_split_and_a_wrong_number_none() {
        let (told, mut failures) = mpsc::channel(8);
        let splits = serve_splits("read".into(), Box::new(Numbers(0)), move |cause| {
            told.try_send(cause).unwrap();
        });
        let ask = async |subtask, sequence| {
            let (reply, answer) = oneshot::channel();
            let attempt = ExecutionAttemptId {
                vertex: "v".into(),
                subtask,
                attempt: 0,
            };
            let request = SplitRequest {
                attempt,
                sequence,
                host: "node".to_owned(),
                reply,
            };
            splits.send(request).await.unwrap();
            let split = answer.await.unwrap()?;
            Ok::<_, String>(split.map(|split| String::from_utf8(split.0.to_vec()).unwrap()))
        };
        let split = |number: &str| Ok(Some(number.to_owned()));
        assert_eq!(ask(0, 0).await, split("1"));
        assert_eq!(ask(0, 0).await, split("1"), "the answer was lost");
        assert_eq!(ask(1, 0).await, split("2"), "another subtask has questions of its own");
        assert_eq!(ask(0, 1).await, split("3"));
        for _ in 0..2 {
            assert_eq!(ask(1, 1).await, Ok(None));
        }
        let disorder = ask(0, 3).await.unwrap_err();
        assert!(disorder.contains("split 3, and 2 is the next"), "{disorder}");
        assert_eq!(failures.recv().await, Some(disorder));
    }
}
