//! The gateways: what components say to each other across processes. The messages are the protocol's own
//! ([`proto`], generated from `proto/gateway.proto`); a component turns them into its typed events at its edge.
//!
//! Each trait stands for a room that others call. Its gRPC client implements it ([`grpc`]), and its server side is the
//! same trait put behind a tonic service, so a caller cannot tell whether the callee is remote.

pub mod convert;
pub mod grpc;
pub mod handshake;
mod reset;
mod status;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use thiserror::Error;

/// Messages and services of `proto/gateway.proto`.
#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    reason = "generated"
)]
pub mod proto {
    tonic::include_proto!("selvedge.gateway.v1");
}

pub use reset::after_reset;

use crate::rpc::ConnectionWatch;
use proto::{
    CanBeReleasedRequest, CanBeReleasedResponse, CancelTasksRequest, ConfirmTaskExecutorRequest,
    ConfirmTaskManagerRequest, DisconnectJobMasterRequest, DisconnectTaskExecutorRequest, FailSlotRequest,
    FreeInactiveSlotsRequest, FreeSlotRequest, GetBlobRequest, HeartbeatFromJobMasterRequest,
    HeartbeatFromResourceManagerRequest, JobHeartbeatPayload, MetricsDump, NotifySlotAvailableRequest,
    NotifyWorkerUnfitRequest, OfferSlotsRequest, OfferSlotsResponse, QueryMetricsRequest, ReadFileRequest,
    RegisterTaskExecutorRequest, RegisterTaskExecutorResponse, RegisterTaskManagerRequest, RegisterTaskManagerResponse,
    ReleasePartitionsRequest, RequestNextInputSplitRequest, RequestNextInputSplitResponse, RequestSlotRequest,
    SendSlotReportRequest, ShutdownRequest, SlotReport, StartProfilingRequest, StartedProfiling, SubmitTasksRequest,
    UpdateTaskExecutionStatesRequest,
};

/// Why a call to another component failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The callee is another leader than the caller thinks, or does not know the job, slot or task.
    #[error("stale or unknown: {0}")]
    Fenced(String),
    /// The callee refuses what is asked.
    #[error("refused: {0}")]
    Rejected(String),
    /// The callee's queue is full: call again later.
    #[error("busy: {0}")]
    Busy(String),
    /// No connection to the callee can be made.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// The connection ended before the answer came; the callee may have done what was asked.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The callee did not answer in time.
    #[error("no answer in time: {0}")]
    TimedOut(String),
    /// The message, or its answer, is larger than the limit; both sizes are told.
    #[error("too large: {0}")]
    TooLarge(String),
    /// The callee does not accept the caller's secret.
    #[error("not authorised: {0}")]
    Unauthorised(String),
    /// A fault of the callee.
    #[error("internal error: {0}")]
    Internal(String),
}

impl GatewayError {
    /// Whether the same call may succeed later.
    pub const fn retryable(&self) -> bool {
        matches!(
            self,
            Self::Busy(_) | Self::Unreachable(_) | Self::Broken(_) | Self::TimedOut(_)
        )
    }
}

/// The answer of a gateway.
pub type GatewayResult<T> = Result<T, GatewayError>;

/// The ResourceManager, as TaskExecutors see it.
#[async_trait]
pub trait ResourceManagerGateway: Send + Sync + 'static {
    /// Makes the worker and its slots known.
    async fn register_task_executor(
        &self,
        request: RegisterTaskExecutorRequest,
    ) -> GatewayResult<RegisterTaskExecutorResponse>;
    /// A slot that a job had is free again.
    async fn notify_slot_available(&self, request: NotifySlotAvailableRequest) -> GatewayResult<()>;
    /// Says how all slots of a registered worker are.
    async fn send_slot_report(&self, request: SendSlotReportRequest) -> GatewayResult<()>;
    /// The worker ends by its own decision.
    async fn disconnect_task_executor(&self, request: DisconnectTaskExecutorRequest) -> GatewayResult<()>;
    /// The worker cannot run on its node as it is configured.
    async fn notify_worker_unfit(&self, request: NotifyWorkerUnfitRequest) -> GatewayResult<()>;
    /// Whether this is still the worker's ResourceManager, after a connection broke.
    async fn confirm_task_executor(&self, request: ConfirmTaskExecutorRequest) -> GatewayResult<()>;
    /// Tells when the connection breaks.
    fn connection(&self) -> ConnectionWatch {
        ConnectionWatch::in_process()
    }
}

/// The JobMasters of a process, as TaskExecutors see them; the job id in each request selects one.
#[async_trait]
pub trait JobMasterGateway: Send + Sync + 'static {
    /// Makes a worker known to the job.
    async fn register_task_manager(
        &self,
        request: RegisterTaskManagerRequest,
    ) -> GatewayResult<RegisterTaskManagerResponse>;
    /// Offers slots that the ResourceManager gave to the job.
    async fn offer_slots(&self, request: OfferSlotsRequest) -> GatewayResult<OfferSlotsResponse>;
    /// Reports states of execution attempts, in order.
    async fn update_task_execution_states(&self, request: UpdateTaskExecutionStatesRequest) -> GatewayResult<()>;
    /// Asks for more input.
    async fn request_next_input_split(
        &self,
        request: RequestNextInputSplitRequest,
    ) -> GatewayResult<RequestNextInputSplitResponse>;
    /// The worker lost or gave up a slot.
    async fn fail_slot(&self, request: FailSlotRequest) -> GatewayResult<()>;
    /// Whether this is still the worker's JobMaster, after a connection broke.
    async fn confirm_task_manager(&self, request: ConfirmTaskManagerRequest) -> GatewayResult<()>;
    /// Tells when the connection breaks.
    fn connection(&self) -> ConnectionWatch {
        ConnectionWatch::in_process()
    }
}

/// A stream of pieces of a file.
pub type FileStream = futures::stream::BoxStream<'static, GatewayResult<bytes::Bytes>>;

/// A file as it was when it was opened.
pub struct FileContent {
    /// Bytes of all pieces.
    pub length: u64,
    /// The pieces.
    pub chunks: FileStream,
}

impl std::fmt::Debug for FileContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileContent")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// A TaskExecutor, as ResourceManager and JobMaster see it.
#[async_trait]
pub trait TaskExecutorGateway: Send + Sync + 'static {
    /// Gives a slot to a job.
    async fn request_slot(&self, request: RequestSlotRequest) -> GatewayResult<()>;
    /// Deploys all tasks of a job for this worker: accepted whole or not at all.
    async fn submit_tasks(&self, request: SubmitTasksRequest) -> GatewayResult<()>;
    /// Cancels tasks; their CANCELED comes as a state update.
    async fn cancel_tasks(&self, request: CancelTasksRequest) -> GatewayResult<()>;
    /// Forgets what attempts have sent that nobody reads.
    async fn release_partitions(&self, request: ReleasePartitionsRequest) -> GatewayResult<()>;
    /// Frees a slot and fails what runs in it.
    async fn free_slot(&self, request: FreeSlotRequest) -> GatewayResult<()>;
    /// Frees what a job was given and has not taken.
    async fn free_inactive_slots(&self, request: FreeInactiveSlotsRequest) -> GatewayResult<()>;
    /// The ResourceManager's heartbeat.
    async fn heartbeat_from_resource_manager(
        &self,
        request: HeartbeatFromResourceManagerRequest,
    ) -> GatewayResult<SlotReport>;
    /// A JobMaster's heartbeat.
    async fn heartbeat_from_job_master(
        &self,
        request: HeartbeatFromJobMasterRequest,
    ) -> GatewayResult<JobHeartbeatPayload>;
    /// The job has ended or is given up.
    async fn disconnect_job_master(&self, request: DisconnectJobMasterRequest) -> GatewayResult<()>;
    /// The worker's metrics and those of its tasks.
    async fn query_metrics(&self, request: QueryMetricsRequest) -> GatewayResult<MetricsDump>;
    /// Whether nobody has still to read what the worker holds.
    async fn can_be_released(&self, request: CanBeReleasedRequest) -> GatewayResult<CanBeReleasedResponse>;
    /// Has the worker's process sampled for a while.
    async fn start_profiling(&self, request: StartProfilingRequest) -> GatewayResult<StartedProfiling>;
    /// The worker's own log or output, or a profile of it.
    async fn read_file(&self, request: ReadFileRequest) -> GatewayResult<FileContent>;
    /// Ends the worker.
    async fn shutdown(&self, request: ShutdownRequest) -> GatewayResult<()>;
    /// Tells when the connection breaks.
    fn connection(&self) -> ConnectionWatch {
        ConnectionWatch::in_process()
    }
}

/// The BlobServer, as workers see it.
#[async_trait]
pub trait BlobGateway: Send + Sync + 'static {
    /// The content of a blob.
    async fn get_blob(&self, request: GetBlobRequest) -> GatewayResult<FileContent>;
    /// Tells when the connection breaks.
    fn connection(&self) -> ConnectionWatch {
        ConnectionWatch::in_process()
    }
}
