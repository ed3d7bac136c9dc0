//! A worker whose masters end, blink or are of another build.

use std::time::Duration;

use selvedge_core::InstanceId;
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::HeartbeatFromResourceManagerRequest;
use selvedge_runtime::gateway::{GatewayError, TaskExecutorGateway};

use super::TaskExecutorTimeouts;
use super::testing::{INSTANCE, Master, Told, allocation, leader, submission, task};
use super::tests::{job_heartbeat, with_slot};
use crate::exchange::testing::job;

fn heartbeat(instance: InstanceId) -> HeartbeatFromResourceManagerRequest {
    HeartbeatFromResourceManagerRequest {
        resource_manager_id: leader().to_wire(),
        instance_id: instance.to_wire(),
    }
}

/// Waits for a condition on what the worker answers.
async fn until<T, F: Future<Output = T>>(ask: impl Fn() -> F, is_so: impl Fn(&T) -> bool) {
    let asked = async {
        while !is_so(&ask().await) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asked).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_master_has_ended_notices_at_once() {
    let mut master = Master::start().await;
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    let tasks = vec![task("endless", allocation(1))];
    worker.gateway.submit_tasks(submission(job(1), tasks)).await.unwrap();
    worker.gateway.heartbeat_from_job_master(job_heartbeat()).await.unwrap();
    // The heartbeat's time-out is a minute: only the connection can tell.
    master.end();
    let by_job_master = || worker.gateway.heartbeat_from_job_master(job_heartbeat());
    until(by_job_master, |answer| matches!(answer, Err(GatewayError::Fenced(_)))).await;
    let by_resource_manager = || worker.gateway.heartbeat_from_resource_manager(heartbeat(INSTANCE));
    until(by_resource_manager, |answer| {
        matches!(answer, Err(GatewayError::Busy(_)))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_break_and_are_made_again_change_nothing() {
    let mut master = Master::start().await;
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    let tasks = vec![task("stuck", allocation(1))];
    worker.gateway.submit_tasks(submission(job(1), tasks)).await.unwrap();
    while !matches!(master.next().await, Told::States(states) if states.iter().any(|state| state.state == "RUNNING")) {}
    for _ in 0..2 {
        master.cut_connections().await;
        // Both are asked whether they know the worker still, once or more: an answer that was cut off is asked for again.
        let (mut resource_manager, mut job_master) = (false, false);
        while !(resource_manager && job_master) {
            match master.next().await {
                Told::AskedAgain => resource_manager = true,
                Told::JobAskedAgain => job_master = true,
                Told::States(_) => {}
                told => panic!("{told:?}"),
            }
        }
    }
    let payload = worker.gateway.heartbeat_from_job_master(job_heartbeat()).await.unwrap();
    assert_eq!(payload.running.len(), 1);
    worker
        .gateway
        .heartbeat_from_resource_manager(heartbeat(INSTANCE))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_for_another_instance_is_refused() {
    let mut master = Master::start().await;
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    let earlier = InstanceId::from_bytes([1; 16]);
    let error = worker
        .gateway
        .heartbeat_from_resource_manager(heartbeat(earlier))
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, GatewayError::Fenced(_)), "{text}");
    assert!(
        text.contains(&INSTANCE.to_string()) && text.contains(&earlier.to_string()),
        "{text}"
    );
    let mut request = job_heartbeat();
    request.instance_id = earlier.to_wire();
    let error = worker.gateway.heartbeat_from_job_master(request).await.unwrap_err();
    assert!(matches!(error, GatewayError::Fenced(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_of_another_build_ends_the_worker_with_both_builds_named() {
    let master = Master::start().await;
    master.script.lock().process.build = "yesterday".to_owned();
    let worker = master.worker(TaskExecutorTimeouts::default()).await;
    let error = worker.handle.terminated().await.unwrap_err().to_string();
    let own = selvedge_runtime::gateway::handshake::BUILD;
    assert!(error.contains("build yesterday") && error.contains(own), "{error}");
}
