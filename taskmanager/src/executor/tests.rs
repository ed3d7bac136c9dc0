//! A worker against a scripted master, over gRPC on loopback.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::read_file_request::Kind;
use selvedge_runtime::gateway::proto::{
    CancelTasksRequest, DisconnectJobMasterRequest, FreeSlotRequest, HeartbeatFromJobMasterRequest,
    HeartbeatFromResourceManagerRequest, ReadFileRequest, ShutdownRequest,
};
use selvedge_runtime::gateway::{GatewayError, TaskExecutorGateway};

use super::testing::{
    HEARTBEAT_TIMEOUT, INSTANCE, Master, SkippingClock, Told, Worker, allocation, demand, join, leader, submission,
    task,
};
use super::{TaskExecutorConfig, TaskExecutorError, TaskExecutorTimeouts};
use crate::exchange::testing::{attempt, job};

#[tokio::test]
async fn a_worker_whose_external_resource_is_not_there_tells_the_master_why_it_will_not_come() {
    let mut master = Master::start().await;
    let mut config = master.config(TaskExecutorTimeouts::default(), Arc::default());
    config.discoveries = vec![selvedge_core::resource::Discovery {
        resource: "gpu".to_owned(),
        amount: 1,
        script: "/no/such/find.sh".into(),
        arguments: Vec::new(),
    }];
    let error = super::TaskExecutor::start(config).await.unwrap_err();
    assert!(matches!(error, TaskExecutorError::Discovery { .. }), "{error}");
    let Told::Unfit(told) = master.next().await else {
        panic!("it tells nothing else");
    };
    assert_eq!(told.resource_id, "container_1");
    for part in ["container_1 on node-1", "external resource gpu", "/no/such/find.sh"] {
        assert!(told.cause.contains(part), "{part}: {}", told.cause);
    }
}

/// A worker that has registered and whose first slot the job has taken.
pub(super) async fn with_slot(master: &mut Master, timeouts: TaskExecutorTimeouts) -> Worker {
    with_slot_of(master, |config| config.timeouts = timeouts).await
}

async fn with_slot_of(master: &mut Master, change: impl FnOnce(&mut TaskExecutorConfig)) -> Worker {
    let worker = registered_with(master, change).await;
    worker
        .gateway
        .request_slot(demand(master, 0, allocation(1)))
        .await
        .unwrap();
    job_is_joined(master, 0).await;
    worker
}

/// The worker makes itself known to the job and offers it the slot.
async fn job_is_joined(master: &mut Master, slot_index: u32) {
    match master.next().await {
        Told::JobRegistered(worker) => assert_eq!(
            (worker.host.as_str(), worker.resource_id.as_str()),
            ("node-1", "container_1")
        ),
        other => panic!("{other:?}"),
    }
    match master.next().await {
        Told::Offered(offer) => {
            assert_eq!(offer.slots[0].slot_index, slot_index);
            assert_eq!(offer.slots[0].allocation_id, allocation(1).to_wire());
        }
        other => panic!("{other:?}"),
    }
}

async fn registered(master: &mut Master, timeouts: TaskExecutorTimeouts) -> Worker {
    registered_with(master, |config| config.timeouts = timeouts).await
}

pub(super) async fn registered_with(master: &mut Master, change: impl FnOnce(&mut TaskExecutorConfig)) -> Worker {
    let worker = master.worker_with(TaskExecutorTimeouts::default(), change).await;
    let Told::Registered(registration) = master.next().await else {
        panic!("not registered");
    };
    assert_eq!(registration.resource_id, "container_1");
    assert_eq!(registration.rpc_address, worker.handle.addresses().rpc);
    assert_eq!(registration.slots.len(), 2);
    worker.until_registered().await;
    worker
}

#[tokio::test]
async fn a_heartbeat_tells_what_the_parts_of_the_worker_take() {
    for own_process in [true, false] {
        let master = Master::start().await;
        let timeouts = TaskExecutorTimeouts::default();
        let worker = master
            .worker_with(timeouts, |config| config.own_process = own_process)
            .await;
        worker.until_registered().await;
        let heartbeat = HeartbeatFromResourceManagerRequest {
            resource_manager_id: leader().to_wire(),
            instance_id: INSTANCE.to_wire(),
        };
        let report = worker.gateway.heartbeat_from_resource_manager(heartbeat).await.unwrap();
        let memory = report.memory.unwrap();
        assert_eq!(
            (memory.managed, memory.network, memory.task),
            (0, 0, 0),
            "no task is there"
        );
        let reserve = memory.framework + memory.code + memory.slack;
        assert!(reserve >= memory.process, "{memory:?}");
        assert_eq!(memory.process > 0, own_process, "{memory:?}");
        worker.handle.stop().await;
    }
}

pub(super) fn job_heartbeat() -> HeartbeatFromJobMasterRequest {
    HeartbeatFromJobMasterRequest {
        job_id: job(1).job_id.to_wire(),
        job_master_id: job(1).job_master_id.to_wire(),
        instance_id: INSTANCE.to_wire(),
        // It says nothing of any slot that a test's worker has.
        slots: None,
    }
}

fn disconnect() -> DisconnectJobMasterRequest {
    DisconnectJobMasterRequest {
        job_id: job(1).job_id.to_wire(),
        job_master_id: job(1).job_master_id.to_wire(),
        cause: "the job has ended".to_owned(),
    }
}

async fn slot_is_free(master: &mut Master, index: u32) {
    match master.next().await {
        Told::SlotFree(free) => assert_eq!(free.slot_index, index),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_walks_from_registration_to_its_result() {
    let mut master = Master::start().await;
    master.script.lock().splits = vec!["10", "200"];
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    let (mut source, mut sink) = (task("numbers", allocation(1)), task("keep", allocation(1)));
    join(&mut source, &mut sink, &worker);
    let tasks = vec![source, sink];
    worker.gateway.submit_tasks(submission(job(1), tasks)).await.unwrap();
    let (names, ended) = master.states(2).await;
    for vertex in ["numbers", "keep"] {
        let own: Vec<_> = names.iter().filter_map(|name| name.strip_prefix(vertex)).collect();
        assert_eq!(own, [" INITIALIZING", " RUNNING", " FINISHED"], "{vertex}");
    }
    let sink = ended.iter().find(|end| !end.committables.is_empty()).unwrap();
    assert_eq!(sink.committables[0], "210");
    assert_eq!(sink.metrics.as_ref().unwrap().records_in, 210);
    assert_eq!(worker.planner.seen.lock().len(), 210);
    let free = FreeSlotRequest {
        job_id: job(1).job_id.to_wire(),
        allocation_id: allocation(1).to_wire(),
        cause: "the job has ended".to_owned(),
        job_master_id: job(1).job_master_id.to_wire(),
    };
    worker.gateway.free_slot(free).await.unwrap();
    slot_is_free(&mut master, 0).await;
    worker.handle.stop().await;
    match master.next().await {
        Told::WorkerEnds(cause) => assert_eq!(cause, "the worker was stopped"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_the_job_does_not_accept_is_free_again() {
    let mut master = Master::start().await;
    master.script.lock().accept_slots = false;
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    slot_is_free(&mut master, 0).await;
    let error = worker
        .gateway
        .heartbeat_from_job_master(job_heartbeat())
        .await
        .unwrap_err();
    assert!(matches!(error, GatewayError::Fenced(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_and_reports_are_repeated_until_they_are_answered() {
    let mut master = Master::start().await;
    let worker = registered(&mut master, TaskExecutorTimeouts::default()).await;
    master.script.lock().busy_for = 2;
    worker
        .gateway
        .request_slot(demand(&master, 1, allocation(1)))
        .await
        .unwrap();
    job_is_joined(&mut master, 1).await;
    master.script.lock().busy_for = 2;
    let tasks = vec![task("panic", allocation(1))];
    worker.gateway.submit_tasks(submission(job(1), tasks)).await.unwrap();
    let (names, ended) = master.states(1).await;
    assert_eq!(names, ["panic INITIALIZING", "panic RUNNING", "panic FAILED"]);
    assert_eq!(ended[0].cause, "the task panicked: the operator has a fault");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_task_is_in_the_heartbeat_and_ends_on_demand() {
    let mut master = Master::start().await;
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    let tasks = vec![task("endless", allocation(1))];
    worker.gateway.submit_tasks(submission(job(1), tasks)).await.unwrap();
    let payload = worker.gateway.heartbeat_from_job_master(job_heartbeat()).await.unwrap();
    let running = vec![(&attempt("endless", 0)).into()];
    assert_eq!(payload.running, running);
    assert_eq!(payload.metrics.len(), 1);
    let cancel = CancelTasksRequest {
        job_id: job(1).job_id.to_wire(),
        job_master_id: job(1).job_master_id.to_wire(),
        attempts: running,
    };
    worker.gateway.cancel_tasks(cancel).await.unwrap();
    let (names, _) = master.states(1).await;
    assert_eq!(names.last().unwrap(), "endless CANCELED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freed_slot_fails_what_runs_in_it() {
    let mut master = Master::start().await;
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    let tasks = vec![task("stuck", allocation(1))];
    worker.gateway.submit_tasks(submission(job(1), tasks)).await.unwrap();
    let free = FreeSlotRequest {
        job_id: job(1).job_id.to_wire(),
        allocation_id: allocation(1).to_wire(),
        cause: "the slot is needed elsewhere".to_owned(),
        job_master_id: job(1).job_master_id.to_wire(),
    };
    worker.gateway.free_slot(free).await.unwrap();
    let (names, ended) = master.states(1).await;
    assert_eq!(names.last().unwrap(), "stuck FAILED");
    assert_eq!(ended[0].cause, "the slot is needed elsewhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submission_is_taken_whole_or_not_at_all() {
    let mut master = Master::start().await;
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    let good = || task("endless", allocation(1));
    let mut unreadable = task("numbers", allocation(1));
    unreadable.chain = "nonsense".into();
    let mut without_input = task("keep", allocation(1));
    without_input.inputs.clear();
    let cases = [
        (task("numbers", allocation(7)), "has no slot with allocation"),
        (good(), "is deployed already"),
        (unreadable, "the chain of task numbers_0_0 cannot be read"),
        (without_input, "has neither a source nor inputs"),
    ];
    for (bad, expected) in cases {
        let request = submission(job(1), vec![good(), bad]);
        let error = worker.gateway.submit_tasks(request).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        let payload = worker.gateway.heartbeat_from_job_master(job_heartbeat()).await.unwrap();
        assert!(payload.running.is_empty(), "{expected}");
    }
    let error = worker
        .gateway
        .submit_tasks(submission(job(2), vec![good()]))
        .await
        .unwrap_err();
    assert!(matches!(error, GatewayError::Fenced(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_without_its_master_ends_here() {
    for by_heartbeat in [false, true] {
        let mut master = Master::start().await;
        let clock = Arc::new(SkippingClock::default());
        let worker = with_slot_of(&mut master, |config| config.clock = clock.clone()).await;
        let tasks = vec![task("stuck", allocation(1))];
        worker.gateway.submit_tasks(submission(job(1), tasks)).await.unwrap();
        if by_heartbeat {
            clock.skip(HEARTBEAT_TIMEOUT);
        } else {
            worker.gateway.disconnect_job_master(disconnect()).await.unwrap();
        }
        // The worker may find its ResourceManager silent too, and register again.
        worker.until_reports(|slots| slots[0].job_id.is_empty()).await;
        worker.handle.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_resource_manager_is_silent_registers_again() {
    let mut master = Master::start().await;
    master.script.lock().heartbeat_timeout = Duration::from_millis(50);
    let worker = master.worker(TaskExecutorTimeouts::default()).await;
    for _ in 0..3 {
        assert!(matches!(master.next().await, Told::Registered(_)));
    }
    worker.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_resource_manager_is_refused() {
    let mut master = Master::start().await;
    let worker = registered(&mut master, TaskExecutorTimeouts::default()).await;
    let mut foreign = demand(&master, 0, allocation(1));
    foreign.resource_manager_id = job(3).job_master_id.to_wire();
    let error = worker.gateway.request_slot(foreign).await.unwrap_err();
    assert!(matches!(error, GatewayError::Fenced(_)), "{error}");
    let mut shutdown = ShutdownRequest {
        resource_manager_id: job(3).job_master_id.to_wire(),
        cause: "idle".to_owned(),
    };
    assert!(worker.gateway.shutdown(shutdown.clone()).await.is_err());
    shutdown.resource_manager_id = leader().to_wire();
    worker.gateway.shutdown(shutdown).await.unwrap();
    assert!(worker.handle.terminated().await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_cannot_register_ends_with_the_reason() {
    let master = Master::start().await;
    master.script.lock().refuse_worker = true;
    let worker = master.worker(TaskExecutorTimeouts::default()).await;
    let error = worker.handle.terminated().await.unwrap_err().to_string();
    assert!(
        error.contains("does not accept worker container_1: refused: no such container"),
        "{error}"
    );
    let timeouts = TaskExecutorTimeouts {
        registration: Duration::from_secs(3),
        ..TaskExecutorTimeouts::default()
    };
    master.script.lock().refuse_worker = false;
    master.script.lock().busy_for = u32::MAX;
    let worker = master.worker(timeouts).await;
    let error = worker.handle.terminated().await.unwrap_err();
    assert!(matches!(error, TaskExecutorError::Registration { .. }), "{error}");
    assert!(error.to_string().contains("busy: come again"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_does_not_end_ends_the_worker() {
    let mut master = Master::start().await;
    let timeouts = TaskExecutorTimeouts {
        cancellation: Duration::from_millis(50),
        cancellation_interval: Duration::from_millis(10),
        ..TaskExecutorTimeouts::default()
    };
    let worker = with_slot(&mut master, timeouts).await;
    let tasks = vec![task("deaf", allocation(1))];
    worker.gateway.submit_tasks(submission(job(1), tasks)).await.unwrap();
    // A task that is cancelled before it runs does end.
    let begun = async {
        while worker.planner.seen.lock().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), begun).await.unwrap();
    worker.gateway.disconnect_job_master(disconnect()).await.unwrap();
    let error = worker.handle.terminated().await.unwrap_err();
    assert!(matches!(error, TaskExecutorError::StuckTask { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("task 'deaf' (deaf_0_0) did not end within 50ms"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_sent_and_a_missing_file_is_told() {
    let master = Master::start().await;
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("taskmanager.log");
    std::fs::write(&log, "x".repeat(3 << 20)).unwrap();
    let worker = master
        .worker_with(TaskExecutorTimeouts::default(), |config| config.log_file = Some(log))
        .await;
    let read = |kind: Kind, name: &str| {
        let (kind, name) = (kind.into(), name.to_owned());
        worker.gateway.read_file(ReadFileRequest { kind, name })
    };
    for (kind, name) in [(Kind::Log, ""), (Kind::Named, "taskmanager.log")] {
        let sent = read(kind, name).await.unwrap();
        assert_eq!(sent.length, 3 << 20);
        let chunks: Vec<_> = sent.chunks.try_collect().await.unwrap();
        assert_eq!(chunks.iter().map(|chunk| chunk.len()).sum::<usize>(), 3 << 20);
        assert!(chunks.len() >= 3, "{}", chunks.len());
    }
    std::fs::write(dir.path().join("taskmanager.out"), "").unwrap();
    std::fs::create_dir(dir.path().join("below")).unwrap();
    let list = read(Kind::LogList, "").await.unwrap();
    let list: Vec<_> = list.chunks.try_collect().await.unwrap();
    let list: serde_json::Value = serde_json::from_slice(&list.concat()).unwrap();
    let seen = |index: usize| {
        (
            list["logs"][index]["name"].as_str(),
            list["logs"][index]["size"].as_u64(),
        )
    };
    assert_eq!(seen(0), (Some("taskmanager.log"), Some(3 << 20)), "{list}");
    assert_eq!(seen(1), (Some("taskmanager.out"), Some(0)), "{list}");
    assert!(
        list["logs"][0]["mtime"].as_u64() > Some(0) && list["logs"][2].is_null(),
        "{list}"
    );
    for (kind, name, expected) in [
        (Kind::Stdout, "", "standard output does not go to a file"),
        (Kind::Named, "../secret", "'../secret' is no name of a log file"),
        (Kind::Named, "/etc/passwd", "is no name of a log file"),
        (Kind::Named, "gone.log", "cannot be opened"),
    ] {
        let error = read(kind, name).await.err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
