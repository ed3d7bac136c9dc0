//! The graph by examples: its steps, its books, and its times.

use selvedge_core::ExecutionAttemptId;

use super::*;
use crate::testing::word_count;

fn graph() -> ExecutionGraph {
    let job_id = JobId::from_bytes([1; 16]);
    ExecutionGraph::new(job_id, Arc::new(word_count(2)), Timestamp::from_millis(5))
}

#[test]
fn every_subtask_has_an_execution_and_producers_come_first() {
    let graph = graph();
    let names: Vec<_> = graph
        .vertices()
        .map(|(vertex, runs)| (vertex.id.as_str(), runs.len()))
        .collect();
    assert_eq!(names, [("source", 2), ("sink", 2)]);
    assert_eq!(graph.state_counts(), BTreeMap::from([(ExecutionState::Created, 4)]));
}

#[test]
fn an_attempt_moves_only_as_the_table_allows() {
    let mut graph = graph();
    let id = graph.current_attempt(&"source".into(), 1).unwrap();
    let task = graph.task(&id).unwrap();
    let refused = graph
        .transition(task, ExecutionState::Running, Timestamp::from_millis(6))
        .unwrap_err();
    assert_eq!(refused.to_string(), "source_1_0 is CREATED and cannot become RUNNING");
    graph
        .transition(task, ExecutionState::Scheduled, Timestamp::from_millis(7))
        .unwrap();
    let entered = graph.run(task).timestamp(ExecutionState::Scheduled);
    assert_eq!(entered, Some(Timestamp::from_millis(7)));
    assert_eq!(
        graph.task(&ExecutionAttemptId { attempt: 3, ..id }),
        None,
        "not the current attempt"
    );
}

#[test]
fn counts_and_the_tasks_of_a_worker_follow_every_step() {
    let now = Timestamp::from_millis(6);
    let mut graph = graph();
    let task = graph.layout().task(&"sink".into(), 0).unwrap();
    graph.place(
        task,
        Arc::new(TaskLocation {
            resource_id: "worker".into(),
            host: "node".to_owned(),
            data_address: "node:1".to_owned(),
            allocation_id: selvedge_core::AllocationId::from_bytes([1; 16]),
        }),
    );
    assert_eq!(graph.unfinished_on(&"worker".into()), [task]);
    graph.transition(task, ExecutionState::Failed, now).unwrap();
    assert_eq!(graph.unfinished_on(&"worker".into()), []);
    let counts = [(ExecutionState::Created, 3), (ExecutionState::Failed, 1)];
    assert_eq!(graph.state_counts(), BTreeMap::from(counts));
    assert!(graph.start_over(task, now) && !graph.start_over(task, now));
    assert!(graph.all_in(ExecutionState::Created) && !graph.all_terminal());
    assert_eq!(graph.attempt(task).attempt, 1);
}

#[test]
fn so_many_former_attempts_are_kept_and_no_more() {
    let now = Timestamp::from_millis(6);
    let mut graph = graph().keeping_attempts(2);
    let task = graph.layout().task(&"sink".into(), 1).unwrap();
    for _ in 0..4 {
        graph.transition(task, ExecutionState::Failed, now).unwrap();
        assert!(graph.start_over(task, now));
    }
    let attempts = graph.attempts(&"sink".into(), 1);
    let numbers: Vec<_> = attempts.iter().map(|run| run.attempt).collect();
    assert_eq!(numbers, [2, 3, 4]);
    assert_eq!(graph.attempts(&"sink".into(), 2).len(), 0);
}

#[test]
fn attempts_go_on_counting_when_a_job_is_built_anew() {
    let now = Timestamp::from_millis(6);
    let mut graph = graph().keeping_attempts(2);
    let build = |graph: &mut ExecutionGraph, parallelism| {
        let tasks: Vec<_> = graph.layout().tasks().collect();
        for task in tasks {
            graph.transition(task, ExecutionState::Canceled, now).unwrap();
        }
        graph.build_anew(Arc::new(word_count(parallelism)), now);
        assert!(graph.all_in(ExecutionState::Created));
    };
    let attempts = |graph: &ExecutionGraph| {
        let ids = graph.executions().map(|(id, _)| (id.subtask, id.attempt));
        ids.collect::<Vec<_>>()
    };
    build(&mut graph, 1);
    assert_eq!(attempts(&graph), [(0, 1), (0, 1)]);
    build(&mut graph, 3);
    assert_eq!(attempts(&graph), [(0, 2), (1, 1), (2, 0), (0, 2), (1, 1), (2, 0)]);
    let known = |vertex: &str, subtask| graph.attempts(&vertex.into(), subtask).len();
    assert_eq!(
        (known("sink", 0), known("sink", 1)),
        (3, 1),
        "those of a subtask that was gone are not kept"
    );
    assert_eq!(
        graph.task_name(graph.layout().task(&"sink".into(), 2).unwrap()),
        "drop (3/3)"
    );
    // One that never began is the first attempt still.
    graph.build_anew(Arc::new(word_count(3)), now);
    assert_eq!(attempts(&graph)[1..3], [(1, 1), (2, 0)]);
}

#[test]
fn the_time_in_each_status_adds_up() {
    let at = Timestamp::from_millis;
    let mut graph = graph();
    let steps = [
        (JobStatus::Created, 7),
        (JobStatus::Running, 10),
        (JobStatus::Restarting, 110),
        (JobStatus::Running, 150),
    ];
    for (status, millis) in steps {
        graph.transition_job(status, at(millis)).unwrap();
    }
    let times = |graph: &ExecutionGraph, status, now| {
        let times = [
            graph.current_time_in(status, at(now)),
            graph.total_time_in(status, at(now)),
        ];
        times.map(|time| time.as_millis())
    };
    assert_eq!(times(&graph, JobStatus::Running, 170), [20, 120]);
    assert_eq!(times(&graph, JobStatus::Restarting, 170), [0, 40]);
    graph.transition_job(JobStatus::Finished, at(200)).unwrap();
    assert_eq!(times(&graph, JobStatus::Running, 900), [0, 150], "it has ended");
    assert_eq!(times(&graph, JobStatus::Finished, 900), [0, 0]);
}

#[test]
fn a_job_that_ended_stays_as_it_is() {
    let mut graph = graph();
    graph
        .transition_job(JobStatus::Failed, Timestamp::from_millis(9))
        .unwrap();
    assert_eq!(graph.end_time(), Some(Timestamp::from_millis(9)));
    assert!(
        graph
            .transition_job(JobStatus::Running, Timestamp::from_millis(10))
            .is_err()
    );
}

#[test]
fn what_is_archived_of_a_running_job_stays_and_survives_its_json() {
    let at = Timestamp::from_millis;
    let mut graph = graph();
    graph.transition_job(JobStatus::Created, at(7)).unwrap();
    let archived = graph.archive();
    graph.transition_job(JobStatus::Running, at(8)).unwrap();
    graph.record_mut().restarts += 1;
    assert_eq!((archived.status(), archived.restarts), (JobStatus::Created, 0));
    let json = serde_json::to_value(&*archived).unwrap();
    let read: ArchivedExecutionGraph = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(read.total_time_in(JobStatus::Initializing, at(9)).as_millis(), 2);
    assert_eq!(serde_json::to_value(&read).unwrap(), json);
    let ended = graph.into_archived();
    assert_eq!((ended.status(), ended.restarts), (JobStatus::Running, 1));
}

#[test]
fn a_batch_job_deploys_until_its_first_task_runs_and_a_streaming_job_until_the_last_does() {
    let at = Timestamp::from_millis;
    let batch = word_count(2);
    let mut streaming = batch.clone();
    let chain = serde_json::json!([{"id": "generate", "operator": "generator-source",
        "fields": [{"name": "word", "generator": {"type": "sequence", "start": 0}}]}]);
    streaming.vertices[0].chain = serde_json::from_value(chain).unwrap();
    for (job, times) in [(batch, [10, 10]), (streaming, [0, 30])] {
        let mut graph = ExecutionGraph::new(JobId::from_bytes([1; 16]), Arc::new(job), at(5));
        let tasks: Vec<_> = graph.layout().tasks().collect();
        for task in &tasks {
            graph.transition(*task, ExecutionState::Scheduled, at(10)).unwrap();
            graph.transition(*task, ExecutionState::Deploying, at(20)).unwrap();
        }
        assert_eq!(graph.deploying_since(), Some(at(20)));
        graph
            .transition(tasks[0], ExecutionState::Initializing, at(30))
            .unwrap();
        let after_first = graph.deploying_spent().as_millis();
        for task in &tasks[1..] {
            graph.transition(*task, ExecutionState::Initializing, at(50)).unwrap();
        }
        assert_eq!(graph.deploying_since(), None);
        assert_eq!([after_first, graph.deploying_spent().as_millis()], times);
    }
}
