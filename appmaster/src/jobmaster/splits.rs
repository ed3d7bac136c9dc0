//! Who reads which split of a source: the coordinator of a source, each on a task of its own, in order of the questions. The
//! splits of an attempt that is over go to others.

use std::collections::BTreeMap;

use async_trait::async_trait;
use selvedge_core::{ExecutionAttemptId, OperatorId, VertexId};
use selvedge_runtime::connector::{InputSplit, SplitEnumerator};
use tokio::sync::{mpsc, oneshot};

/// How many split requests may wait for one enumerator.
const SPLIT_QUEUE: usize = 1024;

/// A request for a split.
#[derive(Debug)]
pub(super) struct SplitRequest {
    pub(super) attempt: ExecutionAttemptId,
    /// How many splits the attempt has had from this source before.
    pub(super) sequence: u64,
    pub(super) host: String,
    pub(super) reply: oneshot::Sender<Result<Option<InputSplit>, String>>,
}

/// What a source of the job is asked for.
#[derive(Debug)]
pub(super) enum SplitCommand {
    /// A split.
    Next(SplitRequest),
    /// These attempts have ended without result: others get their splits, and they get none any more.
    Return {
        attempts: Vec<ExecutionAttemptId>,
        done: oneshot::Sender<()>,
    },
}

/// What the attempts of a source were given. An attempt asks for one split after another, so that one answer is enough: the
/// same question again means that the answer was lost.
#[derive(Debug, Default)]
struct Given {
    attempts: BTreeMap<ExecutionAttemptId, GivenTo>,
    /// The first attempt of a subtask that is not over.
    first_alive: BTreeMap<(VertexId, u32), u32>,
}

#[derive(Debug, Default)]
struct GivenTo {
    splits: Vec<InputSplit>,
    /// The number of the last question, and its answer.
    last: Option<(u64, Option<InputSplit>)>,
}

impl Given {
    fn is_over(&self, attempt: &ExecutionAttemptId) -> bool {
        let subtask = (attempt.vertex.clone(), attempt.subtask);
        self.first_alive
            .get(&subtask)
            .is_some_and(|first| attempt.attempt < *first)
    }

    /// The answer that was given before, `None` where the question is the attempt's next one.
    fn before(&self, request: &SplitRequest) -> Result<Option<Option<InputSplit>>, String> {
        let last = self
            .attempts
            .get(&request.attempt)
            .and_then(|given| given.last.as_ref());
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

    fn note(&mut self, attempt: &ExecutionAttemptId, sequence: u64, split: Option<InputSplit>) {
        let given = self.attempts.entry(attempt.clone()).or_default();
        given.splits.extend(split.clone());
        given.last = Some((sequence, split));
    }

    /// The attempt is over; the splits that it had.
    fn end(&mut self, attempt: &ExecutionAttemptId) -> Vec<InputSplit> {
        let subtask = (attempt.vertex.clone(), attempt.subtask);
        let first = self.first_alive.entry(subtask).or_default();
        *first = (*first).max(attempt.attempt + 1);
        self.attempts.remove(attempt).unwrap_or_default().splits
    }
}

/// The master's half of an operator (Flink 1.20 `OperatorCoordinator`): attempts ask it, and it learns which of them are over.
/// It is called in the order in which things happen, on a task of its own.
#[async_trait]
pub(super) trait OperatorCoordinator: Send + 'static {
    /// Answers an attempt that runs; `None` where there is nothing for it any more. An error fails the job.
    async fn answer(&mut self, request: &SplitRequest) -> Result<Option<InputSplit>, String>;

    /// Whether an attempt is over: it gets no answers any more.
    fn is_over(&self, attempt: &ExecutionAttemptId) -> bool;

    /// These attempts have ended without result: what they were given goes to others.
    fn attempts_over(&mut self, attempts: &[ExecutionAttemptId]);
}

/// One source's splits: the enumerator, and who has what.
struct SplitAssignment {
    operator: OperatorId,
    enumerator: Box<dyn SplitEnumerator>,
    given: Given,
}

#[async_trait]
impl OperatorCoordinator for SplitAssignment {
    async fn answer(&mut self, request: &SplitRequest) -> Result<Option<InputSplit>, String> {
        if let Some(split) = self.given.before(request)? {
            return Ok(split);
        }
        let split = self
            .enumerator
            .next_split(request.attempt.subtask, &request.host)
            .await
            .map_err(|error| format!("source '{}' cannot give a split: {}", self.operator, error.report()))?;
        self.given.note(&request.attempt, request.sequence, split.clone());
        Ok(split)
    }

    fn is_over(&self, attempt: &ExecutionAttemptId) -> bool {
        self.given.is_over(attempt)
    }

    fn attempts_over(&mut self, attempts: &[ExecutionAttemptId]) {
        for attempt in attempts {
            let splits = self.given.end(attempt);
            if !splits.is_empty() {
                self.enumerator.return_splits(attempt.subtask, splits);
            }
        }
    }
}

/// Serves one enumerator's requests in order; a failure of the enumerator goes to `failures` too.
pub(super) fn serve_splits(
    operator: OperatorId,
    enumerator: Box<dyn SplitEnumerator>,
    failures: impl Fn(String) + Send + 'static,
) -> mpsc::Sender<SplitCommand> {
    let assignment = SplitAssignment {
        operator,
        enumerator,
        given: Given::default(),
    };
    coordinate(assignment, failures)
}

/// Runs a coordinator until the JobMaster drops the sender.
fn coordinate(
    mut coordinator: impl OperatorCoordinator,
    failures: impl Fn(String) + Send + 'static,
) -> mpsc::Sender<SplitCommand> {
    let (sender, mut commands) = mpsc::channel(SPLIT_QUEUE);
    // Ends with the JobMaster, which holds the only sender.
    tokio::spawn(async move {
        while let Some(command) = commands.recv().await {
            match command {
                SplitCommand::Return { attempts, done } => {
                    coordinator.attempts_over(&attempts);
                    // Nobody waits where the job has ended.
                    let _ = done.send(());
                }
                SplitCommand::Next(request) if coordinator.is_over(&request.attempt) => {
                    let message = format!("{} is over: another attempt has taken its place", request.attempt);
                    let _ = request.reply.send(Err(message));
                }
                SplitCommand::Next(request) => {
                    let split = coordinator.answer(&request).await;
                    if let Err(cause) = &split {
                        failures(cause.clone());
                    }
                    // The asker may have gone: its splits come back when it is replaced.
                    let _ = request.reply.send(split);
                }
            }
        }
    });
    sender
}

/// All sources take back what these attempts had; returns when they have.
pub(super) async fn return_splits(sources: Vec<mpsc::Sender<SplitCommand>>, attempts: Vec<ExecutionAttemptId>) {
    for source in sources {
        let (done, returned) = oneshot::channel();
        let attempts = attempts.clone();
        if source.send(SplitCommand::Return { attempts, done }).await.is_ok() {
            // A source that has ended has nothing to give any more.
            let _ = returned.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use selvedge_runtime::connector::ConnectorError;

    use super::*;

    /// Three numbers; what came back goes out first.
    #[derive(Debug, Default)]
    struct Numbers {
        last: u32,
        returned: Vec<InputSplit>,
    }

    #[async_trait]
    impl SplitEnumerator for Numbers {
        async fn next_split(&mut self, _: u32, _: &str) -> Result<Option<InputSplit>, ConnectorError> {
            if let Some(split) = self.returned.pop() {
                return Ok(Some(split));
            }
            self.last += 1;
            Ok((self.last <= 3).then(|| InputSplit(Bytes::from(self.last.to_string()))))
        }

        fn return_splits(&mut self, _: u32, splits: Vec<InputSplit>) {
            self.returned.extend(splits.into_iter().rev());
        }
    }

    async fn ask(
        splits: &mpsc::Sender<SplitCommand>,
        (subtask, attempt): (u32, u32),
        sequence: u64,
    ) -> Result<Option<String>, String> {
        let (reply, answer) = oneshot::channel();
        let request = SplitRequest {
            attempt: reader(subtask, attempt),
            sequence,
            host: "node".to_owned(),
            reply,
        };
        splits.send(SplitCommand::Next(request)).await.unwrap();
        let split = answer.await.unwrap()?;
        Ok(split.map(|split| String::from_utf8(split.0.to_vec()).unwrap()))
    }

    fn reader(subtask: u32, attempt: u32) -> ExecutionAttemptId {
        ExecutionAttemptId {
            vertex: "v".into(),
            subtask,
            attempt,
        }
    }

    fn split(number: &str) -> Result<Option<String>, String> {
        Ok(Some(number.to_owned()))
    }

    fn numbers() -> (mpsc::Sender<SplitCommand>, mpsc::Receiver<String>) {
        let (told, failures) = mpsc::channel(8);
        let failed = move |cause| told.try_send(cause).unwrap();
        let splits = serve_splits("read".into(), Box::new(Numbers::default()), failed);
        (splits, failures)
    }

    #[tokio::test]
    async fn the_same_question_gets_the_same_split_and_a_wrong_number_none() {
        let (splits, mut failures) = numbers();
        assert_eq!(ask(&splits, (0, 0), 0).await, split("1"));
        assert_eq!(ask(&splits, (0, 0), 0).await, split("1"), "the answer was lost");
        assert_eq!(
            ask(&splits, (1, 0), 0).await,
            split("2"),
            "another subtask has questions of its own"
        );
        assert_eq!(ask(&splits, (0, 0), 1).await, split("3"));
        for _ in 0..2 {
            assert_eq!(ask(&splits, (1, 0), 1).await, Ok(None));
        }
        let disorder = ask(&splits, (0, 0), 3).await.unwrap_err();
        assert!(disorder.contains("split 3, and 2 is the next"), "{disorder}");
        assert_eq!(failures.recv().await, Some(disorder));
    }

    #[tokio::test]
    async fn the_splits_of_an_attempt_that_is_over_go_to_others_and_it_gets_no_more() {
        let (splits, mut failures) = numbers();
        assert_eq!(ask(&splits, (0, 0), 0).await, split("1"));
        assert_eq!(ask(&splits, (1, 0), 0).await, split("2"));
        assert_eq!(ask(&splits, (0, 0), 1).await, split("3"));
        assert_eq!(ask(&splits, (1, 0), 1).await, Ok(None));
        return_splits(vec![splits.clone()], vec![reader(0, 0)]).await;
        let late = ask(&splits, (0, 0), 2).await.unwrap_err();
        assert!(late.contains("is over"), "{late}");
        assert_eq!(ask(&splits, (0, 1), 0).await, split("1"), "its questions start anew");
        assert_eq!(ask(&splits, (0, 1), 1).await, split("3"));
        assert_eq!(ask(&splits, (0, 1), 2).await, Ok(None));
        assert_eq!(ask(&splits, (1, 0), 1).await, Ok(None), "another attempt is untouched");
        assert!(
            failures.try_recv().is_err(),
            "a late question is no failure of the source"
        );
    }
}
