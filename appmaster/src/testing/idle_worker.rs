//! A worker that answers heartbeats and notes what is deployed to it.

use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use selvedge_runtime::blob::{BlobKey, BlobServer, FetchLimits, fetch};
use selvedge_runtime::gateway::proto::{
    CanBeReleasedRequest, CanBeReleasedResponse, CancelTasksRequest, DisconnectJobMasterRequest,
    FreeInactiveSlotsRequest, FreeSlotRequest, HeartbeatFromJobMasterRequest, HeartbeatFromResourceManagerRequest,
    JobHeartbeatPayload, MetricsDump, QueryMetricsRequest, ReadFileRequest, ReleasePartitionsRequest,
    RequestSlotRequest, ShutdownRequest, SlotReport, StartProfilingRequest, StartedProfiling, SubmitTasksRequest,
};
use selvedge_runtime::gateway::{FileContent, GatewayError, GatewayResult, TaskExecutorGateway};

const ONCE: FetchLimits = FetchLimits {
    retries: 0,
    patience: None,
};

/// What it was sent.
#[derive(Debug, Default)]
pub(crate) struct IdleWorker {
    /// Where it fetches what was too large for a message.
    pub(crate) blobs: Option<BlobServer>,
    pub(crate) submitted: Mutex<Vec<SubmitTasksRequest>>,
    pub(crate) fetched: Mutex<Vec<Bytes>>,
}

fn unasked<T>() -> GatewayResult<T> {
    Err(GatewayError::Rejected("the test does not ask for that".to_owned()))
}

#[async_trait]
impl TaskExecutorGateway for IdleWorker {
    async fn submit_tasks(&self, request: SubmitTasksRequest) -> GatewayResult<()> {
        if let (Some(offloaded), Some(server)) = (&request.offloaded, &self.blobs) {
            let key = BlobKey::from_wire(&offloaded.sha256)?;
            let content = fetch(server, key, offloaded.size, ONCE).await?;
            self.fetched.lock().unwrap().push(content);
        }
        self.submitted.lock().unwrap().push(request);
        Ok(())
    }

    async fn heartbeat_from_resource_manager(
        &self,
        _: HeartbeatFromResourceManagerRequest,
    ) -> GatewayResult<SlotReport> {
        Ok(SlotReport::default())
    }

    async fn request_slot(&self, _: RequestSlotRequest) -> GatewayResult<()> {
        unasked()
    }

    async fn cancel_tasks(&self, _: CancelTasksRequest) -> GatewayResult<()> {
        unasked()
    }

    async fn release_partitions(&self, _: ReleasePartitionsRequest) -> GatewayResult<()> {
        unasked()
    }

    async fn can_be_released(&self, _: CanBeReleasedRequest) -> GatewayResult<CanBeReleasedResponse> {
        Ok(CanBeReleasedResponse { can_be_released: true })
    }

    async fn free_slot(&self, _: FreeSlotRequest) -> GatewayResult<()> {
        unasked()
    }

    async fn free_inactive_slots(&self, _: FreeInactiveSlotsRequest) -> GatewayResult<()> {
        unasked()
    }

    async fn heartbeat_from_job_master(&self, _: HeartbeatFromJobMasterRequest) -> GatewayResult<JobHeartbeatPayload> {
        unasked()
    }

    async fn disconnect_job_master(&self, _: DisconnectJobMasterRequest) -> GatewayResult<()> {
        unasked()
    }

    async fn start_profiling(&self, _: StartProfilingRequest) -> GatewayResult<StartedProfiling> {
        unasked()
    }

    async fn query_metrics(&self, _: QueryMetricsRequest) -> GatewayResult<MetricsDump> {
        unasked()
    }

    async fn read_file(&self, _: ReadFileRequest) -> GatewayResult<FileContent> {
        unasked()
    }

    async fn shutdown(&self, _: ShutdownRequest) -> GatewayResult<()> {
        unasked()
    }
}
