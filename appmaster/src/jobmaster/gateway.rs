//! The JobMasters of this process behind one gRPC service: the job id selects one, its fencing token must fit.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use async_trait::async_trait;
use selvedge_core::resource::{ProfileSpec, ResourceProfile};
use selvedge_core::{AllocationId, JobId, LeaderSessionId};
use selvedge_runtime::connector::Committable;
use selvedge_runtime::gateway::convert::{WireId, failure_type, required_attempt};
use selvedge_runtime::gateway::proto::{
    ConfirmTaskManagerRequest, FailSlotRequest, OfferSlotsRequest, OfferSlotsResponse, RegisterTaskManagerRequest,
    RegisterTaskManagerResponse, RequestNextInputSplitRequest, RequestNextInputSplitResponse, TaskStateTransition,
    UpdateTaskExecutionStatesRequest,
};
use selvedge_runtime::gateway::{GatewayError, GatewayResult, JobMasterGateway, proto};
use selvedge_runtime::host_name;
use tokio::sync::watch;

use super::state::SlotOffer;
use super::task_events::TaskReport;
use super::{JobMasterHandle, Request};

/// The jobs that run, each with the id of its JobMaster.
pub(crate) type RunningJobs = BTreeMap<JobId, LeaderSessionId>;

/// The running JobMasters by job.
#[derive(Clone, Debug)]
pub struct JobMasters {
    /// Whether the hosts of workers are looked up.
    host_names: bool,
    masters: Arc<RwLock<BTreeMap<JobId, JobMasterHandle>>>,
    /// Which jobs there are, for who tells where they are.
    jobs: watch::Sender<RunningJobs>,
}

impl JobMasters {
    /// None yet. Where `host_names` is set, workers that are known by an address get its name.
    pub(crate) fn new(host_names: bool) -> Self {
        Self {
            host_names,
            masters: Arc::default(),
            jobs: watch::Sender::default(),
        }
    }

    pub(crate) fn add(&self, handle: JobMasterHandle) {
        let (job, job_master) = (handle.job_id, handle.job_master_id);
        self.masters().insert(job, handle);
        self.jobs.send_modify(|jobs| {
            jobs.insert(job, job_master);
        });
    }

    pub(crate) fn remove(&self, job: &JobId) {
        self.masters().remove(job);
        self.jobs.send_modify(|jobs| {
            jobs.remove(job);
        });
    }

    /// The jobs that have a JobMaster, now and from now on.
    pub(crate) fn jobs(&self) -> watch::Receiver<RunningJobs> {
        self.jobs.subscribe()
    }

    fn masters(&self) -> RwLockWriteGuard<'_, BTreeMap<JobId, JobMasterHandle>> {
        self.masters.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leadership is lost: all jobs are suspended. Returns when all JobMasters are gone.
    pub(crate) async fn suspend_all(&self) {
        let all = std::mem::take(&mut *self.masters());
        futures::future::join_all(all.values().map(JobMasterHandle::suspend)).await;
    }

    /// The JobMaster that a call means: the one place where stale calls are dropped.
    fn find(&self, job: &[u8], token: &[u8]) -> GatewayResult<JobMasterHandle> {
        let job = JobId::from_wire(job)?;
        let token = LeaderSessionId::from_wire(token)?;
        let masters = self.masters.read().unwrap_or_else(PoisonError::into_inner);
        let Some(handle) = masters.get(&job) else {
            return Err(GatewayError::Fenced(format!("no JobMaster runs job {job}")));
        };
        if handle.job_master_id != token {
            let message = format!(
                "JobMaster of job {job} is {}, the call is for {token}",
                handle.job_master_id
            );
            tracing::warn!(%job, "dropped a stale call: {message}");
            return Err(GatewayError::Fenced(message));
        }
        Ok(handle.clone())
    }
}

#[async_trait]
impl JobMasterGateway for JobMasters {
    async fn register_task_manager(
        &self,
        request: RegisterTaskManagerRequest,
    ) -> GatewayResult<RegisterTaskManagerResponse> {
        let handle = self.find(&request.job_id, &request.job_master_id)?;
        let mut request = request;
        if self.host_names {
            request.host = host_name::look_up(&request.host).await;
        }
        handle
            .worker_call(|reply| Request::RegisterTaskManager(request, reply))
            .await?
    }

    async fn offer_slots(&self, request: OfferSlotsRequest) -> GatewayResult<OfferSlotsResponse> {
        let handle = self.find(&request.job_id, &request.job_master_id)?;
        let offers = request.slots.iter().map(slot_offer);
        let offers = offers.collect::<GatewayResult<Vec<_>>>()?;
        let resource_id = request.resource_id.into();
        let accepted = handle
            .worker_call(|reply| Request::OfferSlots {
                resource_id,
                offers,
                reply,
            })
            .await??;
        Ok(OfferSlotsResponse {
            accepted_allocation_ids: accepted.allocations.iter().map(WireId::to_wire).collect(),
            version: accepted.version,
        })
    }

    async fn update_task_execution_states(&self, request: UpdateTaskExecutionStatesRequest) -> GatewayResult<()> {
        let handle = self.find(&request.job_id, &request.job_master_id)?;
        let reports = request
            .transitions
            .into_iter()
            .map(task_report)
            .collect::<GatewayResult<_>>()?;
        handle
            .worker_call(|reply| Request::TaskReports { reports, reply })
            .await
    }

    async fn request_next_input_split(
        &self,
        request: RequestNextInputSplitRequest,
    ) -> GatewayResult<RequestNextInputSplitResponse> {
        let handle = self.find(&request.job_id, &request.job_master_id)?;
        let attempt = required_attempt(request.attempt)?;
        let operator = request.operator_id.into();
        let sequence = request.sequence;
        let split = handle
            .worker_call(|reply| Request::NextSplit {
                attempt,
                operator,
                sequence,
                reply,
            })
            .await??;
        Ok(RequestNextInputSplitResponse {
            split: split.map(|split| split.0).unwrap_or_default(),
        })
    }

    async fn fail_slot(&self, request: FailSlotRequest) -> GatewayResult<()> {
        let handle = self.find(&request.job_id, &request.job_master_id)?;
        let allocation_id = AllocationId::from_wire(&request.allocation_id)?;
        let cause = request.cause;
        handle
            .worker_call(|reply| Request::FailSlot {
                allocation_id,
                cause,
                reply,
            })
            .await
    }

    async fn confirm_task_manager(&self, request: ConfirmTaskManagerRequest) -> GatewayResult<()> {
        self.find(&request.job_id, &request.job_master_id).map(drop)
    }
}

fn slot_offer(slot: &proto::SlotOffer) -> GatewayResult<SlotOffer> {
    let profile = slot.profile.as_ref().map(ResourceProfile::from);
    Ok(SlotOffer {
        allocation_id: AllocationId::from_wire(&slot.allocation_id)?,
        slot_index: slot.slot_index,
        profile: profile.map_or(ProfileSpec::Infinite, ProfileSpec::Exactly),
    })
}

fn task_report(transition: TaskStateTransition) -> GatewayResult<TaskReport> {
    let unknown_state = |error: selvedge_core::status::UnknownState| GatewayError::Rejected(error.to_string());
    Ok(TaskReport {
        attempt: required_attempt(transition.attempt)?,
        state: transition.state.parse().map_err(unknown_state)?,
        cause: transition.cause,
        failure_type: failure_type(transition.failure_type)?,
        metrics: transition.metrics,
        committables: transition.committables.into_iter().map(Committable).collect(),
    })
}
