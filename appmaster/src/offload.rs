//! Deployments that are too large for a message travel as blobs, which the worker fetches before it answers.

use async_trait::async_trait;
use bytes::Bytes;
use prost::Message;
use selvedge_runtime::blob::BlobStore;
use selvedge_runtime::gateway::proto::{
    CanBeReleasedRequest, CanBeReleasedResponse, CancelTasksRequest, DisconnectJobMasterRequest,
    FreeInactiveSlotsRequest, FreeSlotRequest, HeartbeatFromJobMasterRequest, HeartbeatFromResourceManagerRequest,
    JobHeartbeatPayload, MetricsDump, OffloadedPayload, QueryMetricsRequest, ReadFileRequest, ReleasePartitionsRequest,
    RequestSlotRequest, ShutdownRequest, SlotReport, StartProfilingRequest, StartedProfiling, SubmitTasksRequest,
};
use selvedge_runtime::gateway::{FileContent, GatewayResult, TaskExecutorGateway};
use selvedge_runtime::rpc::ConnectionWatch;

/// Where large payloads are put, and where workers fetch them.
#[derive(Debug, Clone)]
pub(crate) struct Offload {
    pub(crate) store: BlobStore,
    /// host:port of the BlobServer.
    pub(crate) address: String,
    /// `blob.offload.minsize`, in bytes.
    pub(crate) min_size: usize,
}

impl Offload {
    /// The port of the BlobServer.
    pub(crate) fn port(&self) -> u16 {
        let port = self.address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        port.unwrap_or_default()
    }
}

/// A worker whose large deployments go beside the messages.
pub(crate) struct Offloading<G> {
    pub(crate) worker: G,
    pub(crate) offload: Offload,
}

#[async_trait]
impl<G: TaskExecutorGateway> TaskExecutorGateway for Offloading<G> {
    async fn submit_tasks(&self, request: SubmitTasksRequest) -> GatewayResult<()> {
        let size = request.encoded_len();
        if size < self.offload.min_size {
            return self.worker.submit_tasks(request).await;
        }
        let payload = Bytes::from(request.encode_to_vec());
        // Kept until the worker has answered: it has fetched the blob by then.
        let blob = self.offload.store.put(payload).await?;
        tracing::debug!("a deployment of {size} bytes travels as blob {}", blob.key());
        let reference = SubmitTasksRequest {
            job_id: request.job_id,
            job_master_id: request.job_master_id,
            offloaded: Some(OffloadedPayload {
                sha256: blob.key().to_wire(),
                size: size as u64,
            }),
            ..SubmitTasksRequest::default()
        };
        self.worker.submit_tasks(reference).await
    }

    async fn request_slot(&self, request: RequestSlotRequest) -> GatewayResult<()> {
        self.worker.request_slot(request).await
    }

    async fn cancel_tasks(&self, request: CancelTasksRequest) -> GatewayResult<()> {
        self.worker.cancel_tasks(request).await
    }

    async fn release_partitions(&self, request: ReleasePartitionsRequest) -> GatewayResult<()> {
        self.worker.release_partitions(request).await
    }

    async fn free_slot(&self, request: FreeSlotRequest) -> GatewayResult<()> {
        self.worker.free_slot(request).await
    }

    async fn free_inactive_slots(&self, request: FreeInactiveSlotsRequest) -> GatewayResult<()> {
        self.worker.free_inactive_slots(request).await
    }

    async fn heartbeat_from_resource_manager(
        &self,
        request: HeartbeatFromResourceManagerRequest,
    ) -> GatewayResult<SlotReport> {
        self.worker.heartbeat_from_resource_manager(request).await
    }

    async fn heartbeat_from_job_master(
        &self,
        request: HeartbeatFromJobMasterRequest,
    ) -> GatewayResult<JobHeartbeatPayload> {
        self.worker.heartbeat_from_job_master(request).await
    }

    async fn disconnect_job_master(&self, request: DisconnectJobMasterRequest) -> GatewayResult<()> {
        self.worker.disconnect_job_master(request).await
    }

    async fn can_be_released(&self, request: CanBeReleasedRequest) -> GatewayResult<CanBeReleasedResponse> {
        self.worker.can_be_released(request).await
    }

    async fn start_profiling(&self, request: StartProfilingRequest) -> GatewayResult<StartedProfiling> {
        self.worker.start_profiling(request).await
    }

    async fn query_metrics(&self, request: QueryMetricsRequest) -> GatewayResult<MetricsDump> {
        self.worker.query_metrics(request).await
    }

    async fn read_file(&self, request: ReadFileRequest) -> GatewayResult<FileContent> {
        self.worker.read_file(request).await
    }

    async fn shutdown(&self, request: ShutdownRequest) -> GatewayResult<()> {
        self.worker.shutdown(request).await
    }

    fn connection(&self) -> ConnectionWatch {
        self.worker.connection()
    }
}

#[cfg(test)]
mod tests {
    use selvedge_runtime::blob::{BlobKey, BlobServer, FetchTurns};

    use super::*;
    use crate::testing::idle_worker::IdleWorker;

    #[tokio::test]
    async fn a_large_deployment_is_fetched_by_the_worker_and_a_small_one_is_sent() {
        let directory = tempfile::tempdir().unwrap();
        let store = BlobStore::create(directory.path()).unwrap();
        let worker = IdleWorker {
            blobs: Some(BlobServer::new(store.clone(), FetchTurns { at_once: 1, waiting: 1 })),
            ..IdleWorker::default()
        };
        let offload = Offload {
            store: store.clone(),
            address: "master:1".to_owned(),
            min_size: 1000,
        };
        let gateway = Offloading { worker, offload };
        let deployment = |size| SubmitTasksRequest {
            job_id: Bytes::from_static(&[1; 16]),
            job_name: "x".repeat(size),
            ..SubmitTasksRequest::default()
        };
        for size in [10, 2000] {
            gateway.submit_tasks(deployment(size)).await.unwrap();
        }
        let submitted = gateway.worker.submitted.lock().unwrap().clone();
        assert_eq!(submitted[0], deployment(10));
        let reference = submitted[1].offloaded.clone().unwrap();
        assert_eq!(
            (&submitted[1].job_id, submitted[1].job_name.as_str()),
            (&deployment(0).job_id, "")
        );
        let fetched = gateway.worker.fetched.lock().unwrap().pop().unwrap();
        assert_eq!(SubmitTasksRequest::decode(fetched).unwrap(), deployment(2000));
        let key = BlobKey::from_wire(&reference.sha256).unwrap();
        assert!(store.open(key).await.is_err(), "it is deployed: nobody needs the blob");
    }
}
