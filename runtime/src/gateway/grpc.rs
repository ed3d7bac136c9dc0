//! The gateways over gRPC: clients that implement the traits, and servers that put an implementation behind a service.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use super::proto::blob_service_client::BlobServiceClient;
use super::proto::blob_service_server::{BlobService, BlobServiceServer};
use super::proto::job_master_service_client::JobMasterServiceClient;
use super::proto::job_master_service_server::{JobMasterService, JobMasterServiceServer};
use super::proto::resource_manager_service_client::ResourceManagerServiceClient;
use super::proto::resource_manager_service_server::{ResourceManagerService, ResourceManagerServiceServer};
use super::proto::task_executor_service_client::TaskExecutorServiceClient;
use super::proto::task_executor_service_server::{TaskExecutorService, TaskExecutorServiceServer};
use super::{
    BlobGateway, FileContent, GatewayError, GatewayResult, JobMasterGateway, ResourceManagerGateway,
    TaskExecutorGateway, proto,
};
use crate::rpc::{ApplicationSecret, ConnectionWatch, MAX_MESSAGE_BYTES, RpcChannel, SecretInterceptor};

type Intercepted = InterceptedService<Channel, SecretInterceptor>;

/// Refuses a message that the other side would not take: there, it would only break the stream.
fn fitting<M: Message>(message: M) -> GatewayResult<M> {
    match message.encoded_len() {
        size if size > MAX_MESSAGE_BYTES => Err(GatewayError::TooLarge(format!(
            "a message of {size} bytes, the limit is {MAX_MESSAGE_BYTES} bytes"
        ))),
        _ => Ok(message),
    }
}

/// The client and the server side of one gateway. A method with `-> Response` answers with a message, one without with
/// `Empty`.
macro_rules! gateway {
    (
        $(#[$doc:meta])*
        $gateway:ident => $client:ident($inner:ident), $serve:ident($service:ident, $server:ident)
        unit { $($unit:ident($unit_request:ident);)* }
        value { $($value:ident($value_request:ident) -> $response:ident;)* }
        $(file { $file:ident($file_request:ident) -> $stream:ident; })?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $client {
            inner: $inner<Intercepted>,
            channel: RpcChannel,
        }

        impl $client {
            /// A client over a channel of the RPC factory; cheap to clone.
            pub fn new(channel: &RpcChannel) -> Self {
                let inner = $inner::with_interceptor(channel.channel(), channel.interceptor())
                    .max_decoding_message_size(MAX_MESSAGE_BYTES)
                    .max_encoding_message_size(MAX_MESSAGE_BYTES);
                let channel = channel.clone();
                Self { inner, channel }
            }
        }

        #[async_trait]
        impl $gateway for $client {
            $(async fn $unit(&self, request: proto::$unit_request) -> GatewayResult<()> {
                self.inner.clone().$unit(fitting(request)?).await?;
                Ok(())
            })*
            $(async fn $value(&self, request: proto::$value_request) -> GatewayResult<proto::$response> {
                Ok(self.inner.clone().$value(fitting(request)?).await?.into_inner())
            })*
            $(async fn $file(&self, request: proto::$file_request) -> GatewayResult<FileContent> {
                let mut chunks = self.inner.clone().$file(fitting(request)?).await?.into_inner();
                let length = chunks.message().await?.unwrap_or_default().length;
                let chunks = chunks.map_ok(|chunk| chunk.data).map_err(GatewayError::from).boxed();
                Ok(FileContent { length, chunks })
            })?

            fn connection(&self) -> ConnectionWatch {
                self.channel.connection()
            }
        }

        #[async_trait]
        impl $service for Served<dyn $gateway> {
            $(async fn $unit(&self, request: Request<proto::$unit_request>) -> Result<Response<proto::Empty>, Status> {
                self.0.$unit(request.into_inner()).await?;
                Ok(Response::new(proto::Empty {}))
            })*
            $(async fn $value(
                &self,
                request: Request<proto::$value_request>,
            ) -> Result<Response<proto::$response>, Status> {
                Ok(Response::new(self.0.$value(request.into_inner()).await?))
            })*
            $(
                type $stream = futures::stream::BoxStream<'static, Result<proto::FileChunk, Status>>;

                async fn $file(
                    &self,
                    request: Request<proto::$file_request>,
                ) -> Result<Response<Self::$stream>, Status> {
                    let FileContent { length, chunks } = self.0.$file(request.into_inner()).await?;
                    let head = proto::FileChunk { length, ..proto::FileChunk::default() };
                    let pieces = chunks.map_ok(|data| proto::FileChunk { data, length: 0 }).map_err(Status::from);
                    Ok(Response::new(futures::stream::iter([Ok(head)]).chain(pieces).boxed()))
                }
            )?
        }

        /// Puts the gateway behind its gRPC service; callers need the application's secret.
        pub fn $serve(
            gateway: Arc<dyn $gateway>,
            secret: &ApplicationSecret,
        ) -> InterceptedService<$server<Served<dyn $gateway>>, SecretInterceptor> {
            let server = $server::new(Served(gateway))
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES);
            InterceptedService::new(server, secret.interceptor())
        }
    };
}

/// A gateway behind a gRPC service.
#[derive(Debug)]
pub struct Served<G: ?Sized>(Arc<G>);

gateway! {
    /// The ResourceManager of another process.
    ResourceManagerGateway => ResourceManagerClient(ResourceManagerServiceClient),
        serve_resource_manager(ResourceManagerService, ResourceManagerServiceServer)
    unit {
        notify_slot_available(NotifySlotAvailableRequest);
        send_slot_report(SendSlotReportRequest);
        disconnect_task_executor(DisconnectTaskExecutorRequest);
        confirm_task_executor(ConfirmTaskExecutorRequest);
        notify_worker_unfit(NotifyWorkerUnfitRequest);
    }
    value {
        register_task_executor(RegisterTaskExecutorRequest) -> RegisterTaskExecutorResponse;
    }
}

gateway! {
    /// The JobMasters of another process.
    JobMasterGateway => JobMasterClient(JobMasterServiceClient),
        serve_job_master(JobMasterService, JobMasterServiceServer)
    unit {
        update_task_execution_states(UpdateTaskExecutionStatesRequest);
        fail_slot(FailSlotRequest);
        confirm_task_manager(ConfirmTaskManagerRequest);
    }
    value {
        register_task_manager(RegisterTaskManagerRequest) -> RegisterTaskManagerResponse;
        offer_slots(OfferSlotsRequest) -> OfferSlotsResponse;
        request_next_input_split(RequestNextInputSplitRequest) -> RequestNextInputSplitResponse;
    }
}

gateway! {
    /// A TaskExecutor of another process.
    TaskExecutorGateway => TaskExecutorClient(TaskExecutorServiceClient),
        serve_task_executor(TaskExecutorService, TaskExecutorServiceServer)
    unit {
        request_slot(RequestSlotRequest);
        submit_tasks(SubmitTasksRequest);
        cancel_tasks(CancelTasksRequest);
        release_partitions(ReleasePartitionsRequest);
        free_slot(FreeSlotRequest);
        free_inactive_slots(FreeInactiveSlotsRequest);
        disconnect_job_master(DisconnectJobMasterRequest);
        shutdown(ShutdownRequest);
    }
    value {
        heartbeat_from_resource_manager(HeartbeatFromResourceManagerRequest) -> SlotReport;
        heartbeat_from_job_master(HeartbeatFromJobMasterRequest) -> JobHeartbeatPayload;
        can_be_released(CanBeReleasedRequest) -> CanBeReleasedResponse;
        start_profiling(StartProfilingRequest) -> StartedProfiling;
        query_metrics(QueryMetricsRequest) -> MetricsDump;
    }
    file { read_file(ReadFileRequest) -> ReadFileStream; }
}

gateway! {
    /// The BlobServer of another process.
    BlobGateway => BlobClient(BlobServiceClient), serve_blobs(BlobService, BlobServiceServer)
    unit {}
    value {}
    file { get_blob(GetBlobRequest) -> GetBlobStream; }
}
