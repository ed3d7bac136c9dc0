//! Calls with ids that are none: each is refused, and changes nothing.

use bytes::Bytes;
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::{
    CanBeReleasedRequest, CancelTasksRequest, DisconnectJobMasterRequest, FreeSlotRequest,
    HeartbeatFromJobMasterRequest, HeartbeatFromResourceManagerRequest, ReleasePartitionsRequest, ReleasedPartitions,
    RequestSlotRequest, ShutdownRequest, StartProfilingRequest, SubmitTasksRequest,
};
use selvedge_runtime::gateway::{GatewayError, GatewayResult, TaskExecutorGateway};

use super::TaskExecutorTimeouts;
use super::testing::{INSTANCE, Master, Worker, leader};
use super::tests::with_slot;
use crate::exchange::testing::job;

/// Every call that carries ids, with these of the ResourceManager and of a JobMaster.
async fn every_call(worker: &Worker, resource_manager: &Bytes, job_master: &Bytes) -> Vec<GatewayResult<()>> {
    let job_id = job(1).job_id.to_wire();
    let (resource_manager_id, job_master_id) = (|| resource_manager.clone(), || job_master.clone());
    let gateway = &worker.gateway;
    let slot = RequestSlotRequest {
        resource_manager_id: resource_manager_id(),
        job_id: job_id.clone(),
        job_master_id: job_master_id(),
        allocation_id: Bytes::from_static(&[2; 16]),
        slot_index: 1,
        ..RequestSlotRequest::default()
    };
    let submit = SubmitTasksRequest {
        job_id: job_id.clone(),
        job_master_id: job_master_id(),
        ..SubmitTasksRequest::default()
    };
    let cancel = CancelTasksRequest {
        job_id: job_id.clone(),
        job_master_id: job_master_id(),
        ..CancelTasksRequest::default()
    };
    let partitions = ReleasePartitionsRequest {
        job_id: job_id.clone(),
        job_master_id: job_master_id(),
        ..ReleasePartitionsRequest::default()
    };
    let free = FreeSlotRequest {
        job_id: job_id.clone(),
        job_master_id: job_master_id(),
        allocation_id: Bytes::from_static(&[1; 16]),
        ..FreeSlotRequest::default()
    };
    let beat = HeartbeatFromResourceManagerRequest {
        resource_manager_id: resource_manager_id(),
        instance_id: INSTANCE.to_wire(),
    };
    let job_beat = HeartbeatFromJobMasterRequest {
        job_id: job_id.clone(),
        job_master_id: job_master_id(),
        instance_id: INSTANCE.to_wire(),
        slots: None,
    };
    let disconnect = DisconnectJobMasterRequest {
        job_id,
        job_master_id: job_master_id(),
        ..DisconnectJobMasterRequest::default()
    };
    let release = CanBeReleasedRequest {
        resource_manager_id: resource_manager_id(),
    };
    let profiling = StartProfilingRequest {
        resource_manager_id: resource_manager_id(),
        mode: "CPU".to_owned(),
        duration_seconds: 1,
    };
    let shutdown = ShutdownRequest {
        resource_manager_id: resource_manager_id(),
        ..ShutdownRequest::default()
    };
    vec![
        gateway.request_slot(slot).await,
        gateway.submit_tasks(submit).await,
        gateway.cancel_tasks(cancel).await,
        gateway.release_partitions(partitions).await,
        gateway.free_slot(free).await,
        gateway.heartbeat_from_resource_manager(beat).await.map(drop),
        gateway.heartbeat_from_job_master(job_beat).await.map(drop),
        gateway.disconnect_job_master(disconnect).await,
        gateway.can_be_released(release).await.map(drop),
        gateway.start_profiling(profiling).await.map(drop),
        gateway.shutdown(shutdown).await,
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_with_a_foreign_or_broken_id_is_refused_and_changes_nothing() {
    let mut master = Master::start().await;
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    let slots = async || {
        let beat = HeartbeatFromResourceManagerRequest {
            resource_manager_id: leader().to_wire(),
            instance_id: INSTANCE.to_wire(),
        };
        worker
            .gateway
            .heartbeat_from_resource_manager(beat)
            .await
            .unwrap()
            .slots
    };
    let before = slots().await;
    let foreign = Bytes::from_static(&[77; 16]);
    for (call, outcome) in every_call(&worker, &foreign, &foreign).await.into_iter().enumerate() {
        assert!(matches!(outcome, Err(GatewayError::Fenced(_))), "{call}: {outcome:?}");
    }
    let broken = Bytes::from_static(b"abc");
    for (call, outcome) in every_call(&worker, &broken, &broken).await.into_iter().enumerate() {
        assert!(
            matches!(&outcome, Err(GatewayError::Rejected(message)) if message.starts_with("3 bytes are no")),
            "{call}: {outcome:?}"
        );
    }
    assert_eq!(slots().await, before);
    worker.handle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_whose_attempts_are_not_all_named_are_refused() {
    let mut master = Master::start().await;
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    let request = |subtasks: &[u32]| ReleasePartitionsRequest {
        job_id: job(1).job_id.to_wire(),
        job_master_id: job(1).job_master_id.to_wire(),
        partitions: vec![ReleasedPartitions {
            edge: 0,
            vertex: "numbers".to_owned(),
            subtasks: subtasks.to_vec(),
            attempts: vec![0],
        }],
    };
    let refused = worker.gateway.release_partitions(request(&[0, 1])).await;
    assert_eq!(
        refused,
        Err(GatewayError::Rejected(
            "2 subtasks of numbers with 1 attempts are to be released".to_owned()
        ))
    );
    assert_eq!(worker.gateway.release_partitions(request(&[0])).await, Ok(()));
    worker.handle.stop().await;
}
