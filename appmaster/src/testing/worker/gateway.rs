//! What the worker answers.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use selvedge_core::JobId;
use selvedge_runtime::clock::SystemClock;
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::read_file_request::Kind;
use selvedge_runtime::gateway::proto::{
    CanBeReleasedRequest, CanBeReleasedResponse, CancelTasksRequest, DisconnectJobMasterRequest, ExecutionAttempt,
    FreeInactiveSlotsRequest, FreeSlotRequest, HeartbeatFromJobMasterRequest, HeartbeatFromResourceManagerRequest,
    JobHeartbeatPayload, MetricsDump, QueryMetricsRequest, ReadFileRequest, ReleasePartitionsRequest,
    RequestSlotRequest, ShutdownRequest, SlotReport, StartProfilingRequest, StartedProfiling, SubmitTasksRequest,
    TaskMetrics,
};
use selvedge_runtime::gateway::{FileContent, GatewayError, GatewayResult, TaskExecutorGateway};
use selvedge_runtime::metrics::{self, MetricRegistry, Scope, TaskName};
use serde_json::json;

use super::{Handler, Taken};

#[async_trait]
impl TaskExecutorGateway for Handler {
    async fn request_slot(&self, mut request: RequestSlotRequest) -> GatewayResult<()> {
        let worker = self.0.clone();
        {
            let mut state = worker.state.lock().unwrap();
            if request.dynamic {
                let mut made = worker.start.spec.number_of_slots..;
                request.slot_index = made.find(|index| !state.slots.contains_key(index)).unwrap();
            }
            if state.slots.contains_key(&request.slot_index) {
                return Err(GatewayError::Rejected("the slot is taken".into()));
            }
            let taken = Taken {
                job_id: request.job_id.clone(),
                allocation_id: request.allocation_id.clone(),
                profile: request.profile.clone().unwrap(),
            };
            state.slots.insert(request.slot_index, taken);
            state.job_master = Some((request.job_master_address.clone(), request.job_master_id.clone()));
        }
        tokio::spawn(async move {
            match worker.offer(request).await {
                // A test may ask for slots without a JobMaster.
                Ok(()) | Err(GatewayError::Fenced(_)) => {}
                Err(error) => panic!("the JobMaster was not offered its slot: {error}"),
            }
        });
        Ok(())
    }

    async fn submit_tasks(&self, mut request: SubmitTasksRequest) -> GatewayResult<()> {
        let tasks = std::mem::take(&mut request.tasks);
        self.0.state.lock().unwrap().deployments.push(tasks.len());
        for task in tasks {
            let attempt = task.attempt.clone().unwrap().into();
            self.0.state.lock().unwrap().tasks.insert(attempt);
            self.0.state.lock().unwrap().job_of_tasks = request.job_id.clone();
            tokio::spawn(self.0.clone().run(request.clone(), task));
        }
        Ok(())
    }

    async fn cancel_tasks(&self, request: CancelTasksRequest) -> GatewayResult<()> {
        let attempts = request.attempts.into_iter().map(Into::into);
        self.0.state.lock().unwrap().to_cancel.extend(attempts);
        self.0.cancelled.notify_waiters();
        Ok(())
    }

    async fn release_partitions(&self, request: ReleasePartitionsRequest) -> GatewayResult<()> {
        self.0.state.lock().unwrap().released.extend(request.partitions);
        Ok(())
    }

    async fn free_slot(&self, _request: FreeSlotRequest) -> GatewayResult<()> {
        Ok(())
    }

    async fn free_inactive_slots(&self, request: FreeInactiveSlotsRequest) -> GatewayResult<()> {
        assert_eq!(
            request.resource_manager_id,
            self.0.state.lock().unwrap().resource_manager_id
        );
        self.0.free_slots(&request.job_id, false).await;
        Ok(())
    }

    async fn heartbeat_from_resource_manager(
        &self,
        _request: HeartbeatFromResourceManagerRequest,
    ) -> GatewayResult<SlotReport> {
        Ok(SlotReport {
            resource_id: self.0.start.resource_id.0.clone(),
            slots: self.0.slot_statuses(),
            memory: None,
        })
    }

    async fn heartbeat_from_job_master(
        &self,
        request: HeartbeatFromJobMasterRequest,
    ) -> GatewayResult<JobHeartbeatPayload> {
        let held = request.slots.unwrap_or_default().allocation_ids;
        self.0.state.lock().unwrap().held = held.into_iter().collect();
        let running: Vec<_> = self.0.state.lock().unwrap().tasks.iter().map(Into::into).collect();
        let figures = |attempt: &ExecutionAttempt| TaskMetrics {
            attempt: Some(attempt.clone()),
            records_in: 7,
            ..TaskMetrics::default()
        };
        let metrics = running.iter().map(figures).collect();
        Ok(JobHeartbeatPayload {
            resource_id: self.0.start.resource_id.0.clone(),
            running,
            metrics,
        })
    }

    async fn disconnect_job_master(&self, request: DisconnectJobMasterRequest) -> GatewayResult<()> {
        self.0.free_slots(&request.job_id, true).await;
        Ok(())
    }

    async fn can_be_released(&self, _request: CanBeReleasedRequest) -> GatewayResult<CanBeReleasedResponse> {
        let can_be_released = self.0.state.lock().unwrap().slots.is_empty();
        Ok(CanBeReleasedResponse { can_be_released })
    }

    async fn start_profiling(&self, request: StartProfilingRequest) -> GatewayResult<StartedProfiling> {
        if request.resource_manager_id != self.0.state.lock().unwrap().resource_manager_id {
            return Err(GatewayError::Fenced("another ResourceManager".to_owned()));
        }
        if request.duration_seconds > 60 {
            return Err(GatewayError::Rejected("it is still under profiling".to_owned()));
        }
        let info = json!({"status": "RUNNING", "mode": request.mode, "triggerTime": 1, "finishedTime": null,
            "duration": request.duration_seconds, "message": null, "outputFile": null});
        Ok(StartedProfiling {
            info: info.to_string().into(),
        })
    }

    async fn query_metrics(&self, _request: QueryMetricsRequest) -> GatewayResult<MetricsDump> {
        let registry = MetricRegistry::new(Arc::new(SystemClock));
        let worker = Scope::task_manager("127.0.0.1", &self.0.start.resource_id);
        registry.group(&worker).child("Status").gauge("Answer", || 42_u64);
        let state = self.0.state.lock().unwrap();
        let job = state.job_of_tasks.clone();
        for attempt in &state.tasks {
            let task = worker.task(&TaskName {
                job_id: JobId::from_wire(&job)?,
                job_name: "test",
                attempt,
                task_name: attempt.vertex.as_str(),
            });
            let subtask = attempt.subtask;
            registry
                .group(&task)
                .gauge("numRecordsIn", move || 7 + u64::from(subtask));
        }
        Ok(metrics::dump(registry.read()))
    }

    async fn read_file(&self, request: ReadFileRequest) -> GatewayResult<FileContent> {
        let what = match request.kind() {
            Kind::ThreadDump => "what runs in",
            Kind::ProfileList => "the profiles of",
            Kind::Profile if request.name == "gone" => {
                return Err(GatewayError::Rejected("there is no profile 'gone'".to_owned()));
            }
            Kind::Profile => "the profile of",
            _ => "the log of",
        };
        let line = match request.name.as_str() {
            "" => format!("{what} {}\n", self.0.start.resource_id),
            name => format!("{what} {} {name}\n", self.0.start.resource_id),
        };
        Ok(FileContent {
            length: line.len() as u64,
            chunks: futures::stream::iter([Ok(Bytes::from(line))]).boxed(),
        })
    }

    async fn shutdown(&self, _request: ShutdownRequest) -> GatewayResult<()> {
        self.0.ended.send_replace(Some("told to end".to_owned()));
        Ok(())
    }
}
