//! Deployments that arrive as blobs, and what jobs bring along.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use selvedge_runtime::blob::{BlobKey, BlobServer, BlobStore, FetchTurns, StoredBlob};
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::grpc::serve_blobs;
use selvedge_runtime::gateway::proto::{JobArtifact, OffloadedPayload, SubmitTasksRequest};
use selvedge_runtime::gateway::{GatewayError, TaskExecutorGateway};
use selvedge_runtime::rpc::{PortRange, RpcServer, bind};
use tonic::service::Routes;

use super::TaskExecutorTimeouts;
use super::testing::{Master, allocation, submission, task};
use super::tests::{job_heartbeat, with_slot};
use crate::exchange::testing::{job, secret};

const TURNS: FetchTurns = FetchTurns { at_once: 4, waiting: 4 };

struct Blobs {
    store: BlobStore,
    _directory: tempfile::TempDir,
}

impl Blobs {
    /// Of whom workers are told that register at the master from now on.
    async fn of(master: &Master) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::create(directory.path()).unwrap();
        let server = RpcServer::new(bind("127.0.0.1", &PortRange::any()).await.unwrap()).unwrap();
        let server_address = server.address().to_string();
        let routes = Routes::new(serve_blobs(Arc::new(BlobServer::new(store.clone(), TURNS)), &secret(1)));
        tokio::spawn(server.serve(routes, std::future::pending()));
        master.script.lock().blob_server = server_address;
        Self {
            store,
            _directory: directory,
        }
    }

    /// Puts this there; what names it.
    async fn put(&self, content: Vec<u8>) -> (StoredBlob, OffloadedPayload) {
        let size = content.len() as u64;
        let blob = self.store.put(Bytes::from(content)).await.unwrap();
        let payload = OffloadedPayload {
            sha256: blob.key().to_wire(),
            size,
        };
        (blob, payload)
    }
}

fn reference(offloaded: OffloadedPayload) -> SubmitTasksRequest {
    SubmitTasksRequest {
        job_id: job(1).job_id.to_wire(),
        job_master_id: job(1).job_master_id.to_wire(),
        offloaded: Some(offloaded),
        ..SubmitTasksRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_that_arrives_as_a_blob_is_run() {
    let mut master = Master::start().await;
    let blobs = Blobs::of(&master).await;
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    let deployment = submission(job(1), vec![task("panic", allocation(1))]);
    let (blob, payload) = blobs.put(deployment.encode_to_vec()).await;
    worker.gateway.submit_tasks(reference(payload)).await.unwrap();
    drop(blob);
    let (names, _) = master.states(1).await;
    assert_eq!(names.last().unwrap(), "panic FAILED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blob_that_is_not_this_jobs_deployment_is_refused_and_nothing_runs() {
    let mut master = Master::start().await;
    let blobs = Blobs::of(&master).await;
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    let tasks = || vec![task("endless", allocation(1))];
    let (_other, of_other_job) = blobs.put(submission(job(2), tasks()).encode_to_vec()).await;
    let (_nonsense, nonsense) = blobs.put(vec![0xff; 100]).await;
    let (gone, missing) = blobs.put(submission(job(1), tasks()).encode_to_vec()).await;
    drop(gone);
    let oversize = OffloadedPayload {
        size: 1 << 40,
        ..missing.clone()
    };
    let cases = [
        (of_other_job, "is not the deployment of this job"),
        (nonsense, "is no deployment"),
        (missing, "there is no blob"),
        (
            oversize,
            "a deployment of 1099511627776 bytes, the limit is 1073741824 bytes",
        ),
    ];
    for (payload, expected) in cases {
        let error = worker.gateway.submit_tasks(reference(payload)).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(expected), "{text}");
        assert!(
            matches!(error, GatewayError::Rejected(_) | GatewayError::TooLarge(_)),
            "{text}"
        );
        let payload = worker.gateway.heartbeat_from_job_master(job_heartbeat()).await.unwrap();
        assert!(payload.running.is_empty(), "{expected}");
    }
}

fn brings(name: &str, content: &[u8]) -> SubmitTasksRequest {
    SubmitTasksRequest {
        artifacts: vec![JobArtifact {
            name: name.to_owned(),
            sha256: BlobKey::of(content).to_wire(),
            size: content.len() as u64,
        }],
        ..submission(job(1), vec![task("panic", allocation(1))])
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_whose_artifact_is_not_to_be_had_fails_with_its_name() {
    let mut master = Master::start().await;
    let _blobs = Blobs::of(&master).await;
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    worker
        .gateway
        .submit_tasks(brings("words.txt", b"to be"))
        .await
        .unwrap();
    let (names, reports) = master.states(1).await;
    assert_eq!(names.last().unwrap(), "panic FAILED");
    let cause = &reports.last().unwrap().cause;
    assert!(
        cause.contains("the artifact 'words.txt' is not to be had on this worker")
            && cause.contains("there is no blob"),
        "{cause}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_whose_artifact_is_there_is_planned() {
    let mut master = Master::start().await;
    let blobs = Blobs::of(&master).await;
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    let _kept = blobs.put(b"to be".to_vec()).await;
    worker
        .gateway
        .submit_tasks(brings("words.txt", b"to be"))
        .await
        .unwrap();
    let (_, reports) = master.states(1).await;
    let cause = &reports.last().unwrap().cause;
    assert!(cause.contains("the task panicked"), "{cause}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_artifact_whose_name_leads_elsewhere_is_refused_and_nothing_runs() {
    let mut master = Master::start().await;
    let _blobs = Blobs::of(&master).await;
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    for name in ["", "..", "../words", "a\0b"] {
        let refused = worker.gateway.submit_tasks(brings(name, b"to be")).await.unwrap_err();
        assert!(refused.to_string().contains("is no name of an artifact"), "{refused}");
    }
    let payload = worker.gateway.heartbeat_from_job_master(job_heartbeat()).await.unwrap();
    assert!(payload.running.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_to_be_fetched_is_put_off_while_the_worker_knows_no_blob_server() {
    let mut master = Master::start().await;
    master.script.lock().blob_server = "no address".to_owned();
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    let offloaded = OffloadedPayload {
        sha256: BlobKey::of(b"deployment").to_wire(),
        size: 10,
    };
    for submission in [reference(offloaded), brings("words.txt", b"to be")] {
        let error = worker.gateway.submit_tasks(submission).await.unwrap_err();
        assert!(
            matches!(&error, GatewayError::Busy(text) if text.contains("where the BlobServer is")),
            "{error}"
        );
    }
    let payload = worker.gateway.heartbeat_from_job_master(job_heartbeat()).await.unwrap();
    assert!(payload.running.is_empty());
}
