//! Calls that no JobMaster takes: each is refused with an error of its own, and changes nothing.

use std::time::Duration;

use bytes::Bytes;
use selvedge_core::InstanceId;
use selvedge_core::status::JobStatus;
use selvedge_runtime::clock::SystemClock;
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::{
    ConfirmTaskManagerRequest, FailSlotRequest, OfferSlotsRequest, ProcessIdentity, RequestNextInputSplitRequest,
    SlotOffer, TaskStateTransition, UpdateTaskExecutionStatesRequest,
};
use selvedge_runtime::gateway::{JobMasterGateway, handshake};
use selvedge_runtime::metrics::{MetricRegistry, Scope};
use selvedge_runtime::rpc::ApplicationSecret;

use super::*;
use crate::testing::connectors::NotingConnectors;
use crate::testing::word_count;

const JOB: JobId = JobId::from_bytes([1; 16]);
const MASTER: LeaderSessionId = LeaderSessionId::from_bytes([2; 16]);
const BOUND: Duration = Duration::from_secs(60);

/// A job that runs, without workers.
async fn running() -> (JobMasters, JobMasterHandle) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let settings = MasterSettings::read(&selvedge_core::config::shipped()).unwrap();
    let secret = ApplicationSecret::from_bytes(&[7; 32]).unwrap();
    let environment = Environment {
        connectors: Arc::new(NotingConnectors::default()),
        workers: WorkerConnector::new(secret, settings.ask_timeout),
        resource_manager: ResourceManagerHandle::of_nobody(),
        rpc_address: "127.0.0.1:1".to_owned(),
        metrics: MetricRegistry::new(clock.clone()).group(&Scope::job_manager("127.0.0.1")),
        clock,
        settings,
        plugins: ActivePlugins::default(),
    };
    let graph = Arc::new(word_count(1));
    let (handle, _) = start(JOB, MASTER, graph, JobOrigin::Submitted, environment);
    let masters = JobMasters::new(false);
    masters.add(handle.clone());
    let runs = async {
        while handle.details().await.unwrap().status() != JobStatus::Running {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, runs).await.expect("the job runs");
    (masters, handle)
}

/// The job and the token that a call carries.
type Ids = (Bytes, Bytes);

fn right() -> Ids {
    (JOB.to_wire(), MASTER.to_wire())
}

fn registration((job_id, job_master_id): Ids) -> RegisterTaskManagerRequest {
    RegisterTaskManagerRequest {
        job_id,
        job_master_id,
        resource_id: "a".to_owned(),
        rpc_address: "127.0.0.1:1".to_owned(),
        data_address: "127.0.0.1:2".to_owned(),
        host: "node".to_owned(),
        process: Some(handshake::of_worker(InstanceId::from_bytes([5; 16]))),
        connection: 1,
    }
}

fn offers((job_id, job_master_id): Ids, allocation_id: Bytes) -> OfferSlotsRequest {
    OfferSlotsRequest {
        job_id,
        job_master_id,
        resource_id: "a".to_owned(),
        slots: vec![SlotOffer {
            allocation_id,
            slot_index: 0,
            profile: None,
        }],
    }
}

fn states((job_id, job_master_id): Ids, transition: TaskStateTransition) -> UpdateTaskExecutionStatesRequest {
    UpdateTaskExecutionStatesRequest {
        job_id,
        job_master_id,
        resource_id: "a".to_owned(),
        transitions: vec![transition],
    }
}

fn transition() -> TaskStateTransition {
    TaskStateTransition {
        attempt: Some((&source(0)).into()),
        state: "FAILED".to_owned(),
        ..TaskStateTransition::default()
    }
}

fn source(attempt: u32) -> ExecutionAttemptId {
    ExecutionAttemptId {
        vertex: "source".into(),
        subtask: 0,
        attempt,
    }
}

fn split((job_id, job_master_id): Ids, attempt: Option<&ExecutionAttemptId>) -> RequestNextInputSplitRequest {
    RequestNextInputSplitRequest {
        job_id,
        job_master_id,
        attempt: attempt.map(Into::into),
        operator_id: "generate".to_owned(),
        sequence: 0,
    }
}

fn lost_slot((job_id, job_master_id): Ids, allocation_id: Bytes) -> FailSlotRequest {
    FailSlotRequest {
        job_id,
        job_master_id,
        resource_id: "a".to_owned(),
        allocation_id,
        cause: "it is gone".to_owned(),
    }
}

fn confirmation((job_id, job_master_id): Ids) -> ConfirmTaskManagerRequest {
    ConfirmTaskManagerRequest {
        job_id,
        job_master_id,
        resource_id: "a".to_owned(),
    }
}

/// Every call of the gateway, with these ids.
async fn every_call(masters: &JobMasters, ids: &Ids) -> Vec<(&'static str, GatewayResult<()>)> {
    let allocation = AllocationId::from_bytes([1; 16]).to_wire();
    let ids = || ids.clone();
    let registered = masters.register_task_manager(registration(ids())).await.map(drop);
    let offered = masters.offer_slots(offers(ids(), allocation.clone())).await.map(drop);
    let told = masters.update_task_execution_states(states(ids(), transition())).await;
    let asked = masters
        .request_next_input_split(split(ids(), Some(&source(0))))
        .await
        .map(drop);
    vec![
        ("register", registered),
        ("offer", offered),
        ("states", told),
        ("split", asked),
        ("fail slot", masters.fail_slot(lost_slot(ids(), allocation)).await),
        ("confirm", masters.confirm_task_manager(confirmation(ids())).await),
    ]
}

async fn seen(handle: &JobMasterHandle) -> String {
    format!("{:?}", handle.details().await.unwrap())
}

#[tokio::test]
async fn a_call_for_another_job_or_master_or_with_broken_ids_changes_nothing() {
    let (masters, handle) = running().await;
    let before = seen(&handle).await;
    let (job, token) = right();
    let other = JobId::from_bytes([9; 16]).to_wire();
    let short = Bytes::from_static(b"abc");
    for (ids, expected) in [
        (
            (other.clone(), token.clone()),
            "stale or unknown: no JobMaster runs job 0909",
        ),
        ((job.clone(), other), "stale or unknown: JobMaster of job 0101"),
        ((short.clone(), token), "refused: 3 bytes are no JobId"),
        ((job, short), "refused: 3 bytes are no LeaderSessionId"),
    ] {
        for (call, outcome) in every_call(&masters, &ids).await {
            let message = outcome.expect_err(call).to_string();
            assert!(message.starts_with(expected), "{call}: {message}");
        }
    }
    assert_eq!(seen(&handle).await, before);
}

#[tokio::test]
async fn what_a_job_does_not_know_and_what_cannot_be_is_refused_and_changes_nothing() {
    let (masters, handle) = running().await;
    let before = seen(&handle).await;
    let of_another_build = RegisterTaskManagerRequest {
        process: Some(ProcessIdentity {
            build: "another".to_owned(),
            ..handshake::of_worker(InstanceId::from_bytes([5; 16]))
        }),
        ..registration(right())
    };
    let nowhere = RegisterTaskManagerRequest {
        rpc_address: "nowhere at all".to_owned(),
        ..registration(right())
    };
    let (nameless, sleeping, odd) = (
        TaskStateTransition {
            attempt: None,
            ..transition()
        },
        TaskStateTransition {
            state: "SLEEPING".to_owned(),
            ..transition()
        },
        TaskStateTransition {
            failure_type: 9,
            ..transition()
        },
    );
    let allocation = AllocationId::from_bytes([1; 16]).to_wire();
    let update = async |transition| masters.update_task_execution_states(states(right(), transition)).await;
    let next_split = async |attempt| {
        masters
            .request_next_input_split(split(right(), attempt))
            .await
            .map(drop)
    };
    let short = Bytes::from_static(b"abc");
    for (outcome, expected) in [
        (
            masters.register_task_manager(of_another_build).await.map(drop),
            "another",
        ),
        (
            masters.register_task_manager(nowhere).await.map(drop),
            "'nowhere at all' is not a worker's address",
        ),
        (
            masters.offer_slots(offers(right(), allocation)).await.map(drop),
            "TaskManager a is not registered",
        ),
        (
            masters.offer_slots(offers(right(), short.clone())).await.map(drop),
            "3 bytes are no AllocationId",
        ),
        (update(nameless).await, "names no execution attempt"),
        (update(sleeping).await, "SLEEPING"),
        (update(odd).await, "9 is no type of a failure"),
        (next_split(None).await, "names no execution attempt"),
        (next_split(Some(&source(7))).await, "source_0_7 is not a running task"),
        (next_split(Some(&source(0))).await, "source_0_0 is not a running task"),
        (
            masters.fail_slot(lost_slot(right(), short)).await,
            "3 bytes are no AllocationId",
        ),
    ] {
        let error = outcome.expect_err(expected);
        assert!(
            matches!(error, GatewayError::Fenced(_) | GatewayError::Rejected(_))
                && error.to_string().contains(expected),
            "{error}"
        );
    }
    // What may be told twice is no error where nobody knows it: an attempt, a slot.
    let old = TaskStateTransition {
        attempt: Some((&source(7)).into()),
        ..transition()
    };
    update(old).await.unwrap();
    let unknown = AllocationId::from_bytes([8; 16]).to_wire();
    masters.fail_slot(lost_slot(right(), unknown)).await.unwrap();
    assert_eq!(seen(&handle).await, before);
}

#[tokio::test]
async fn a_registration_that_was_overtaken_by_a_later_one_is_refused() {
    let (masters, handle) = running().await;
    let with = |connection| RegisterTaskManagerRequest {
        connection,
        ..registration(right())
    };
    masters.register_task_manager(with(2)).await.unwrap();
    masters.register_task_manager(with(2)).await.unwrap();
    let late = masters.register_task_manager(with(1)).await.unwrap_err();
    assert!(
        matches!(&late, GatewayError::Fenced(message) if message.contains("its connection 1")),
        "{late}"
    );
    masters.register_task_manager(with(3)).await.unwrap();
    assert_eq!(handle.details().await.unwrap().status(), JobStatus::Running);
}
