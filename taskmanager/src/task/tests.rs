use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use selvedge_core::status::{ExecutionState, FailureType};
use selvedge_runtime::clock::SystemClock;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::testing::{Listed, TestPlanner, spec};
use super::{Task, TaskFailure, TaskInput, TaskRunner, TaskTransition, ThreadRunner};
use crate::exchange::testing::{WINDOW, Worker, attempt, channel_from, context, grant, int_schema, job, secret};
use crate::exchange::{InputGate, Outputs, ResultPartition, Shipping};
use crate::operator::TaskContext;

struct Fixture {
    planner: Arc<TestPlanner>,
    failed_by: Arc<OnceLock<TaskFailure>>,
}

impl Fixture {
    fn new() -> Self {
        Self {
            planner: Arc::default(),
            failed_by: Arc::default(),
        }
    }

    fn start(
        &self,
        context: &TaskContext,
        operator: &str,
        gate: Option<InputGate>,
        outputs: Vec<ResultPartition>,
    ) -> UnboundedReceiver<TaskTransition> {
        let (sender, states) = unbounded_channel();
        let task = Task {
            context: context.clone(),
            chain: vec![spec(operator)],
            input: gate.map(|gate| TaskInput {
                gate,
                schema: int_schema(),
            }),
            output_schema: (!outputs.is_empty()).then(int_schema),
            outputs: Outputs::new(context.clone(), outputs),
            splits: Box::new(Listed(VecDeque::from(["10", "200"]))),
            planner: self.planner.clone(),
            clock: Arc::new(SystemClock),
            failed_by: self.failed_by.clone(),
            listener: Box::new(move |transition| drop(sender.send(transition))),
        };
        ThreadRunner::default().start(task).unwrap();
        states
    }
}

async fn all(mut states: UnboundedReceiver<TaskTransition>) -> Vec<TaskTransition> {
    let collect = async {
        let mut all = Vec::new();
        while let Some(transition) = states.recv().await {
            all.push(transition);
        }
        all
    };
    tokio::time::timeout(Duration::from_secs(20), collect)
        .await
        .expect("it hangs")
}

fn names(transitions: &[TaskTransition]) -> Vec<&str> {
    transitions.iter().map(|transition| transition.state.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tasks_move_all_records_and_tell_their_states_in_order() {
    let worker = Worker::start("w", secret(1)).await;
    let (source, sink) = (context(attempt("source", 0)), context(attempt("sink", 0)));
    let channels = vec![worker.channel_to(&sink.attempt)];
    let partition = worker
        .exchange
        .open_partition(job(1), &source, 0, channels, Shipping::Forward, &grant())
        .unwrap();
    let inputs = vec![channel_from(0, &source.attempt)];
    let gate = worker
        .exchange
        .open_gate(job(1), &sink.attempt, inputs, WINDOW)
        .unwrap();
    let fixture = Fixture::new();
    let sinks = fixture.start(&sink, "keep", Some(gate), Vec::new());
    let sources = fixture.start(&source, "numbers", None, vec![partition]);
    assert_eq!(names(&all(sources).await), ["INITIALIZING", "RUNNING", "FINISHED"]);
    let states = all(sinks).await;
    assert_eq!(names(&states), ["INITIALIZING", "RUNNING", "FINISHED"]);
    assert!(states.is_sorted_by_key(|transition| transition.at));
    assert_eq!(states[2].committables[0].0, "210");
    assert_eq!(fixture.planner.seen.lock().len(), 210);
    let figures = source.counters.snapshot(&source.attempt);
    assert_eq!((figures.records_out, figures.bytes_out), (210, 1680));
    assert_eq!(sink.counters.snapshot(&sink.attempt).records_in, 210);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_fails_the_task_with_its_message() {
    let states = all(Fixture::new().start(&context(attempt("v", 0)), "panic", None, Vec::new())).await;
    assert_eq!(names(&states), ["INITIALIZING", "RUNNING", "FAILED"]);
    let failure = states[2].failure.clone().unwrap();
    assert_eq!(
        (failure.cause.as_str(), failure.failure_type),
        ("the task panicked: the operator has a fault", FailureType::Recoverable)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_ends_when_it_is_cancelled_wherever_it_is() {
    for operator in ["endless", "stuck"] {
        let task = context(attempt("v", 0));
        let mut states = Fixture::new().start(&task, operator, None, Vec::new());
        while states.recv().await.unwrap().state != ExecutionState::Running {}
        task.cancelled.cancel();
        assert_eq!(names(&all(states).await), ["CANCELED"], "{operator}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_whose_slot_was_lost_fails_with_that_cause() {
    let (task, fixture) = (context(attempt("v", 0)), Fixture::new());
    let states = fixture.start(&task, "stuck", None, Vec::new());
    let freed = TaskFailure {
        cause: "its slot was freed".to_owned(),
        failure_type: FailureType::Environment,
    };
    fixture.failed_by.set(freed.clone()).unwrap();
    task.cancelled.cancel();
    let states = all(states).await;
    assert_eq!(states.last().unwrap().state, ExecutionState::Failed);
    assert_eq!(states.last().unwrap().failure, Some(freed));
}
