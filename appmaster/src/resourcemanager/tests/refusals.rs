//! Calls that the ResourceManager does not take: each is refused with an error of its own, and changes nothing.

use selvedge_runtime::gateway::proto::{
    ConfirmTaskExecutorRequest, DisconnectTaskExecutorRequest, ProcessIdentity, SendSlotReportRequest, SlotReport,
};
use selvedge_runtime::gateway::{GatewayError, GatewayResult};

use super::*;

#[tokio::test]
async fn a_job_master_that_does_not_lead_its_job_is_refused_and_changes_nothing() {
    let bed = bed(StandaloneDriver, &[]).await;
    let ((first, _first), (second, _second)) = (contact(1), contact(2));
    bed.join(1, &first).await;
    bed.declare(1, &first, 3).await.unwrap();
    let stale = Err(ResourceManagerError::StaleJobMaster {
        job: job(1),
        known: first.job_master_id,
        given: second.job_master_id,
    });
    assert_eq!(bed.handle.register_job_master(job(1), second.clone()).await, stale);
    assert_eq!(bed.declare(1, &second, 1).await, stale);
    let given = second.job_master_id;
    assert_eq!(bed.handle.disconnect_job_master(job(1), given).await, stale);
    let unknown = bed.handle.disconnect_job_master(job(2), given).await;
    assert_eq!(unknown, Err(ResourceManagerError::UnknownJob(job(2))));
    bed.until(|overview| overview.usage.pending_slots == 3).await;
}

/// Every call that carries the ResourceManager's id, with this one.
async fn every_fenced_call(bed: &Bed, id: &bytes::Bytes) -> Vec<(&'static str, GatewayResult<()>)> {
    let available = NotifySlotAvailableRequest {
        resource_manager_id: id.clone(),
        resource_id: "a".to_owned(),
        slot_index: 0,
        allocation_id: AllocationId::from_bytes([1; 16]).to_wire(),
    };
    let report = SendSlotReportRequest {
        resource_manager_id: id.clone(),
        report: Some(SlotReport {
            resource_id: "a".to_owned(),
            ..SlotReport::default()
        }),
    };
    let leaves = DisconnectTaskExecutorRequest {
        resource_manager_id: id.clone(),
        resource_id: "a".to_owned(),
        cause: "it ends".to_owned(),
    };
    let confirm = ConfirmTaskExecutorRequest {
        resource_manager_id: id.clone(),
        resource_id: "a".to_owned(),
    };
    vec![
        ("slot available", bed.gateway.notify_slot_available(available).await),
        ("slot report", bed.gateway.send_slot_report(report).await),
        ("leave", bed.gateway.disconnect_task_executor(leaves).await),
        ("confirm", bed.gateway.confirm_task_executor(confirm).await),
    ]
}

#[tokio::test]
async fn a_call_for_another_resource_manager_or_with_a_broken_id_is_refused_and_changes_nothing() {
    let bed = bed(StandaloneDriver, &[]).await;
    bed.gateway.register_task_executor(registration("a")).await.unwrap();
    let other = LeaderSessionId::from_bytes([9; 16]).to_wire();
    for (id, expected) in [
        (other, "stale or unknown: the ResourceManager is 0303"),
        (
            bytes::Bytes::from_static(b"abc"),
            "refused: 3 bytes are no LeaderSessionId",
        ),
    ] {
        for (call, outcome) in every_fenced_call(&bed, &id).await {
            let message = outcome.expect_err(call).to_string();
            assert!(message.starts_with(expected), "{call}: {message}");
        }
    }
    let worker = bed.handle.task_manager(&"a".into()).await.unwrap();
    assert_eq!(
        (worker.slots.total, worker.slots.free),
        (1, 0),
        "it is there, and its slot is taken"
    );
}

#[tokio::test]
async fn what_a_worker_says_of_unknown_workers_and_slots_is_refused_and_changes_nothing() {
    let bed = bed(StandaloneDriver, &[]).await;
    bed.gateway.register_task_executor(registration("a")).await.unwrap();
    let available = |worker: &str, allocation| NotifySlotAvailableRequest {
        resource_manager_id: bed.leader(),
        resource_id: worker.to_owned(),
        slot_index: 0,
        allocation_id: AllocationId::from_bytes([allocation; 16]).to_wire(),
    };
    let report = |worker: &str, slots| SendSlotReportRequest {
        resource_manager_id: bed.leader(),
        report: Some(SlotReport {
            resource_id: worker.to_owned(),
            slots,
            memory: None,
        }),
    };
    let no_profile = SlotStatus {
        profile: None,
        ..held_slot()
    };
    let leaves = DisconnectTaskExecutorRequest {
        resource_manager_id: bed.leader(),
        resource_id: "z".to_owned(),
        cause: "it ends".to_owned(),
    };
    for (outcome, expected) in [
        (
            bed.gateway.notify_slot_available(available("z", 1)).await,
            "stale or unknown: no TaskManager z",
        ),
        (
            bed.gateway.notify_slot_available(available("a", 9)).await,
            "refused: no job has a slot of TaskManager a",
        ),
        (
            bed.gateway.send_slot_report(report("z", vec![])).await,
            "stale or unknown: no TaskManager z",
        ),
        (
            bed.gateway.send_slot_report(report("a", vec![no_profile])).await,
            "refused: a slot without a profile",
        ),
        (
            bed.gateway.disconnect_task_executor(leaves).await,
            "stale or unknown: no TaskManager z",
        ),
    ] {
        let message = outcome.unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
    let worker = bed.handle.task_manager(&"a".into()).await.unwrap();
    assert_eq!((worker.slots.total, worker.slots.free), (1, 0));
    bed.gateway.send_slot_report(report("a", vec![])).await.unwrap();
    let worker = bed.handle.task_manager(&"a".into()).await.unwrap();
    assert_eq!(
        (worker.slots.free, worker.slots.free_resource),
        (1, profile()),
        "what it says is right"
    );
}

#[tokio::test]
async fn a_registration_that_cannot_be_used_is_refused_and_no_worker_is_there() {
    let bed = bed(StandaloneDriver, &[]).await;
    let without_slots = RegisterTaskExecutorRequest {
        number_of_slots: 0,
        ..registration("a")
    };
    let without_total = RegisterTaskExecutorRequest {
        total_resource: None,
        ..registration("a")
    };
    let without_address = RegisterTaskExecutorRequest {
        rpc_address: "nowhere at all".to_owned(),
        ..registration("a")
    };
    let of_nobody = RegisterTaskExecutorRequest {
        process: None,
        ..registration("a")
    };
    let of_another_build = RegisterTaskExecutorRequest {
        process: Some(ProcessIdentity {
            build: "another".to_owned(),
            ..handshake::of_worker(InstanceId::from_bytes([5; 16]))
        }),
        ..registration("a")
    };
    let with_a_broken_slot = RegisterTaskExecutorRequest {
        slots: vec![SlotStatus {
            job_id: bytes::Bytes::from_static(b"abc"),
            ..held_slot()
        }],
        ..registration("a")
    };
    let without_default_slot = RegisterTaskExecutorRequest {
        default_slot: None,
        ..registration("a")
    };
    for (request, expected) in [
        (of_nobody, ""),
        (of_another_build, ""),
        (with_a_broken_slot, "3 bytes are no JobId"),
        (without_default_slot, "the registration of a has no default slot"),
        (without_slots, "TaskManager a has no slots"),
        (without_total, "the registration of a has no total resource"),
        (without_address, "'nowhere at all' is not a worker's address"),
    ] {
        let refused = bed.gateway.register_task_executor(request).await.unwrap_err();
        assert!(
            matches!(&refused, GatewayError::Rejected(message) if message.starts_with(expected)),
            "{refused}"
        );
    }
    assert_eq!(bed.handle.overview().await, Ok(ResourceOverview::default()));
}
