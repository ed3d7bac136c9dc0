//! What the master answers.

use std::net::TcpListener as StdListener;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::grpc::{serve_job_master, serve_resource_manager};
use selvedge_runtime::gateway::proto::{
    ConfirmTaskExecutorRequest, ConfirmTaskManagerRequest, DisconnectTaskExecutorRequest, FailSlotRequest,
    NotifySlotAvailableRequest, NotifyWorkerUnfitRequest, OfferSlotsRequest, OfferSlotsResponse,
    RegisterTaskExecutorRequest, RegisterTaskExecutorResponse, RegisterTaskManagerRequest, RegisterTaskManagerResponse,
    RequestNextInputSplitRequest, RequestNextInputSplitResponse, SendSlotReportRequest,
    UpdateTaskExecutionStatesRequest,
};
use selvedge_runtime::gateway::{GatewayError, GatewayResult, JobMasterGateway, ResourceManagerGateway};
use selvedge_runtime::machine::Listener;
use selvedge_runtime::rpc::RpcServer;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tonic::service::Routes;

use super::{Script, Told, leader};
use crate::exchange::testing::secret;

/// Both of the master's gateways.
pub(super) struct Gateways {
    pub(super) script: Arc<Mutex<Script>>,
    pub(super) told: UnboundedSender<Told>,
}

impl Gateways {
    pub(super) fn serve(self: Arc<Self>, listener: &StdListener) -> JoinHandle<()> {
        let listener = listener.try_clone().unwrap();
        listener.set_nonblocking(true).unwrap();
        let server = RpcServer::new(Listener::Tcp(TcpListener::from_std(listener).unwrap())).unwrap();
        let routes = Routes::new(serve_resource_manager(self.clone(), &secret(1)))
            .add_service(serve_job_master(self, &secret(1)));
        tokio::spawn(async move { server.serve(routes, std::future::pending()).await.unwrap() })
    }

    fn tell(&self, told: Told) -> GatewayResult<()> {
        let mut script = self.script.lock();
        if script.busy_for > 0 {
            script.busy_for -= 1;
            return Err(GatewayError::Busy("come again".to_owned()));
        }
        drop(self.told.send(told));
        Ok(())
    }

    fn heartbeat_timeout(&self) -> u64 {
        self.script.lock().heartbeat_timeout.as_millis() as u64
    }
}

#[async_trait]
impl ResourceManagerGateway for Gateways {
    async fn register_task_executor(
        &self,
        request: RegisterTaskExecutorRequest,
    ) -> GatewayResult<RegisterTaskExecutorResponse> {
        if self.script.lock().refuse_worker {
            return Err(GatewayError::Rejected("no such container".to_owned()));
        }
        self.tell(Told::Registered(request))?;
        let (process, blob_server) = {
            let script = self.script.lock();
            (script.process.clone(), script.blob_server.clone())
        };
        Ok(RegisterTaskExecutorResponse {
            resource_manager_id: leader().to_wire(),
            heartbeat_interval_ms: 0,
            heartbeat_timeout_ms: self.heartbeat_timeout(),
            process: Some(process),
            blob_server_address: blob_server,
            resource_id: "master-1".to_owned(),
        })
    }

    async fn notify_slot_available(&self, request: NotifySlotAvailableRequest) -> GatewayResult<()> {
        self.tell(Told::SlotFree(request))
    }

    async fn send_slot_report(&self, _: SendSlotReportRequest) -> GatewayResult<()> {
        Ok(())
    }

    async fn disconnect_task_executor(&self, request: DisconnectTaskExecutorRequest) -> GatewayResult<()> {
        self.tell(Told::WorkerEnds(request.cause))
    }

    async fn notify_worker_unfit(&self, request: NotifyWorkerUnfitRequest) -> GatewayResult<()> {
        self.tell(Told::Unfit(request))
    }

    async fn confirm_task_executor(&self, request: ConfirmTaskExecutorRequest) -> GatewayResult<()> {
        assert_eq!(request.resource_manager_id, leader().to_wire());
        self.tell(Told::AskedAgain)
    }
}

#[async_trait]
impl JobMasterGateway for Gateways {
    async fn register_task_manager(
        &self,
        request: RegisterTaskManagerRequest,
    ) -> GatewayResult<RegisterTaskManagerResponse> {
        self.tell(Told::JobRegistered(request))?;
        Ok(RegisterTaskManagerResponse {
            heartbeat_interval_ms: 0,
            heartbeat_timeout_ms: self.heartbeat_timeout(),
            process: Some(self.script.lock().process.clone()),
        })
    }

    async fn offer_slots(&self, request: OfferSlotsRequest) -> GatewayResult<OfferSlotsResponse> {
        let offered = request.slots.iter().map(|slot| slot.allocation_id.clone());
        let accept = self.script.lock().accept_slots;
        let accepted_allocation_ids = offered.filter(|_| accept).collect();
        self.tell(Told::Offered(request))?;
        Ok(OfferSlotsResponse {
            accepted_allocation_ids,
            version: 1,
        })
    }

    async fn update_task_execution_states(&self, request: UpdateTaskExecutionStatesRequest) -> GatewayResult<()> {
        self.tell(Told::States(request.transitions))
    }

    async fn request_next_input_split(
        &self,
        _: RequestNextInputSplitRequest,
    ) -> GatewayResult<RequestNextInputSplitResponse> {
        let split = self.script.lock().splits.pop().unwrap_or_default();
        let split = Bytes::from_static(split.as_bytes());
        Ok(RequestNextInputSplitResponse { split })
    }

    async fn fail_slot(&self, _: FailSlotRequest) -> GatewayResult<()> {
        self.tell(Told::SlotFailed)
    }

    async fn confirm_task_manager(&self, _: ConfirmTaskManagerRequest) -> GatewayResult<()> {
        self.tell(Told::JobAskedAgain)
    }
}
