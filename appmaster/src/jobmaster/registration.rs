//! Workers that come to the job, for the first time or again.

use selvedge_core::ResourceId;
use selvedge_runtime::gateway::proto::{RegisterTaskManagerRequest, RegisterTaskManagerResponse};
use selvedge_runtime::gateway::{GatewayError, GatewayResult, handshake};

use super::root_cause::FailureKind;
use super::service::Service;
use super::state::{AcceptedSlots, Action, Now, SlotOffer, WorkerAddress};
use super::workers::{Registering, WorkerLink};

impl Service {
    /// A worker makes itself known. What it had of the job before, and has given up, is lost.
    pub(super) fn register(
        &mut self,
        request: RegisterTaskManagerRequest,
        now: Now,
        actions: &mut Vec<Action>,
    ) -> GatewayResult<RegisterTaskManagerResponse> {
        handshake::check("worker", request.process.as_ref())?;
        let gateway = self.environment.workers.connect(&request.rpc_address)?;
        let resource_id: ResourceId = request.resource_id.into();
        let link = WorkerLink {
            instance_id: request.process.unwrap_or_default().instance_id,
            number: request.connection,
        };
        match self.workers.registering(&resource_id, &link) {
            Registering::First => {}
            Registering::Again => return Ok(self.registered()),
            Registering::Late => {
                let message = format!(
                    "{resource_id} has registered again since, the call is for its connection {}",
                    link.number
                );
                return Err(GatewayError::Fenced(message));
            }
            Registering::Anew => {
                let cause =
                    format!("TaskManager {resource_id} has lost the job, with its slots and tasks, and begins anew");
                actions.extend(self.worker_lost(&resource_id, &cause, FailureKind::Symptom, now));
            }
        }
        tracing::info!(job = %self.job_id, "{resource_id} on {} registered", request.host);
        self.workers.add(&resource_id, link, gateway);
        let address = WorkerAddress {
            host: request.host,
            data_address: request.data_address,
        };
        self.state.workers.insert(resource_id, address);
        Ok(self.registered())
    }

    /// A worker that was given up, or has not come yet, has nothing to offer.
    pub(super) fn offered(
        &mut self,
        resource_id: &ResourceId,
        offers: Vec<SlotOffer>,
        now: Now,
    ) -> (GatewayResult<AcceptedSlots>, Vec<Action>) {
        if !self.state.workers.contains_key(resource_id) {
            let message = format!(
                "TaskManager {resource_id} is not registered at the JobMaster of job {}",
                self.job_id
            );
            return (Err(GatewayError::Fenced(message)), Vec::new());
        }
        let (allocations, actions) = self.state.offer_slots(resource_id, offers.into_iter(), now);
        let version = self.state.pool.ledger().version();
        (Ok(AcceptedSlots { allocations, version }), actions)
    }

    fn registered(&self) -> RegisterTaskManagerResponse {
        let heartbeat = self.environment.settings.heartbeat;
        RegisterTaskManagerResponse {
            heartbeat_interval_ms: heartbeat.interval.as_millis() as u64,
            heartbeat_timeout_ms: heartbeat.timeout.as_millis() as u64,
            process: Some(handshake::of_master()),
        }
    }
}
