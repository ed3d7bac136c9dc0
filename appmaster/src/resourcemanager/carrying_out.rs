//! What plans say is done here: slots are asked for, workers are asked for and released.

use std::time::Duration;

use selvedge_core::ResourceId;
use selvedge_core::status::ApplicationStatus;
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::{ReadFileRequest, StartProfilingRequest};
use selvedge_runtime::gateway::{FileContent, GatewayError, GatewayResult};
use selvedge_runtime::profiling::{ProfilingInfo, ProfilingMode};
use tokio::time::Instant;

use super::service::{OwnEvent, Service};
use super::slot_manager::Unfulfillable;
use super::tracker::WorkerKind;
use super::workers::Workers;
use super::{Reply, ResourceManagerError, ResourceNotice, UnwantedNodes, WorkerSpec};

/// How long workers may take to hear that the cluster ends.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(3);

impl Service {
    /// Gives slots, tells jobs what they cannot have, and sees how many workers are needed.
    pub(super) fn check_slots(&mut self, now: Instant) {
        let plan = self.slots.plan(now, &mut self.environment.rng);
        if !plan.allocations.is_empty() || !plan.unfulfillable.is_empty() {
            tracing::debug!("{plan}");
        }
        for allocation in plan.allocations {
            if let Some(contact) = self.jobs.get(&allocation.job_id) {
                self.workers.request_slot(allocation, contact);
            }
        }
        for unfulfillable in plan.unfulfillable {
            self.tell_unfulfillable(unfulfillable);
        }
        self.needed_workers = self.needed(plan.workers, plan.alone);
        if !self.tracker.is_settled(&self.needed_workers, now) {
            self.declaration.note(now);
        }
    }

    fn tell_unfulfillable(&self, unfulfillable: Unfulfillable) {
        let Unfulfillable {
            job_id,
            shortage,
            required,
            acquired,
        } = unfulfillable;
        tracing::warn!(job = %job_id, "the job cannot have what it needs: {shortage}");
        let notice = ResourceNotice::NotEnoughResources {
            shortage,
            required,
            acquired,
        };
        self.notify_job(&job_id, notice);
    }

    /// Tells the driver how many workers are needed.
    pub(super) fn declare_workers(&mut self, now: Instant) {
        if !self.is_active() {
            return;
        }
        let needed = self.needed_workers.clone();
        for (kind, plan) in self.tracker.plan(&needed, now) {
            let spec = self.sizes[kind.0].spec.clone();
            if plan.request > 0 {
                let memory = spec.process.total_process().mebibytes();
                tracing::info!("{} workers of {memory} MiB are asked for", plan.request);
            }
            for _ in 0..plan.request {
                self.request_worker(kind, spec.clone());
            }
            if plan.cancel > 0 {
                self.cancel_requests(kind, spec, plan.cancel);
            }
            for resource_id in plan.release {
                tracing::info!("worker {resource_id} is not needed any more");
                self.release(resource_id);
            }
        }
    }

    fn request_worker(&self, kind: WorkerKind, spec: WorkerSpec) {
        let (driver, events) = (self.environment.driver.clone(), self.to_own_events.clone());
        tokio::spawn(async move {
            if let Err(error) = driver.request_worker(spec).await {
                let _ = events.send(OwnEvent::RequestFailed(kind, error.to_string())).await;
            }
        });
    }

    fn cancel_requests(&self, kind: WorkerKind, spec: WorkerSpec, asked: u32) {
        let (driver, events) = (self.environment.driver.clone(), self.to_own_events.clone());
        tokio::spawn(async move {
            let cancelled = driver.cancel_requests(spec, asked).await;
            let told = OwnEvent::RequestsCancelled { kind, asked, cancelled };
            let _ = events.send(told).await;
        });
    }

    pub(super) fn block_nodes(&mut self, nodes: Vec<String>, duration: Duration, cause: &str) {
        let until = self.now() + duration;
        let mut new = false;
        for node in nodes {
            tracing::warn!("node {node} is blocked for {} s: {cause}", duration.as_secs());
            new |= self.slots.block_node(node, until);
        }
        if new {
            self.tell_blocked();
        }
    }

    pub(super) fn unblock_nodes(&mut self, now: Instant) {
        let mut nodes = self.slots.unblock_nodes(now);
        nodes.extend(self.avoidance.expired(now));
        if !nodes.is_empty() {
            tracing::info!("no longer blocked: {}", nodes.join(", "));
            self.tell_blocked();
        }
    }

    pub(super) fn tell_blocked(&mut self) {
        self.changed();
        let driver = self.environment.driver.clone();
        let nodes = UnwantedNodes {
            blocked: self.slots.blocked_nodes(),
            avoided: self.avoidance.nodes(),
        };
        // The last word is to be heard last.
        let earlier = self.telling_blocked.take();
        self.telling_blocked = Some(tokio::spawn(async move {
            if let Some(earlier) = earlier {
                let _ = earlier.await;
            }
            driver.block_nodes(nodes).await;
        }));
    }

    pub(super) fn give_up_overdue(&mut self, now: Instant) {
        for resource_id in self.tracker.overdue(now) {
            let cause = format!(
                "worker {resource_id} did not register within {} s",
                self.environment.settings.registration_timeout.as_secs()
            );
            tracing::warn!("{cause}");
            // One of an earlier attempt has no start that could fail.
            if let Some(node) = self.tracker.ended(&resource_id, now) {
                self.start_failed_on(&node, now);
                self.notify_all(&ResourceNotice::StartFailed { cause });
            }
            self.release(resource_id);
        }
    }

    /// Asks workers that nobody uses whether they may be released.
    pub(super) fn ask_idle(&mut self, now: Instant) {
        for resource_id in self.slots.releasable(now) {
            let Some(idle_since) = self.slots.idle_since(&resource_id) else {
                continue;
            };
            if self.environment.settings.slots.wait_for_results {
                self.workers.ask_release(resource_id, idle_since);
            } else {
                self.release_idle(resource_id);
            }
        }
    }

    pub(super) fn release_answered(
        &mut self,
        resource_id: ResourceId,
        idle_since: Instant,
        outcome: GatewayResult<bool>,
    ) {
        let is_idle = self.slots.idle_since(&resource_id) == Some(idle_since);
        match outcome {
            Ok(true) if is_idle => self.release_idle(resource_id),
            Ok(true) => {}
            Ok(false) => tracing::debug!("worker {resource_id} is kept: what it holds has not been read"),
            // Whether it lives, its heartbeats tell.
            Err(error) => tracing::debug!("worker {resource_id} did not say whether it may be released: {error}"),
        }
    }

    fn release_idle(&mut self, resource_id: ResourceId) {
        tracing::info!(
            "worker {resource_id} has been idle for {} s: it is released",
            self.environment.settings.slots.idle_timeout.as_secs()
        );
        let (gateway, leader) = (self.workers.gateway(&resource_id), self.leader);
        self.workers.remove(&resource_id);
        self.slots.remove_worker(&resource_id);
        self.tracker.released(&resource_id);
        self.changed();
        let driver = self.environment.driver.clone();
        tokio::spawn(async move {
            if let Ok(gateway) = gateway {
                Workers::shut_down(gateway, leader, "no job has used it for a while".to_owned()).await;
            }
            driver.release_worker(&resource_id).await;
        });
    }

    pub(super) fn read_file(
        &self,
        resource_id: ResourceId,
        file: ReadFileRequest,
        reply: Reply<Result<FileContent, ResourceManagerError>>,
    ) {
        let gateway = self.workers.gateway(&resource_id);
        tokio::spawn(async move {
            let read = async {
                let read = gateway?.read_file(file).await;
                read.map_err(|source| ResourceManagerError::Worker {
                    worker: resource_id,
                    source,
                })
            };
            let _ = reply.send(read.await);
        });
    }

    pub(super) fn start_profiling(
        &self,
        resource_id: ResourceId,
        mode: ProfilingMode,
        duration: Duration,
        reply: Reply<Result<ProfilingInfo, ResourceManagerError>>,
    ) {
        let gateway = self.workers.gateway(&resource_id);
        let request = StartProfilingRequest {
            resource_manager_id: self.leader.to_wire(),
            mode: mode.to_string(),
            duration_seconds: u32::try_from(duration.as_secs()).unwrap_or(u32::MAX),
        };
        tokio::spawn(async move {
            let start = async {
                let started = gateway?.start_profiling(request).await.and_then(|started| {
                    let told = serde_json::from_slice(&started.info);
                    told.map_err(|error| GatewayError::Internal(format!("the profile that it tells is none: {error}")))
                });
                started.map_err(|source| ResourceManagerError::Worker {
                    worker: resource_id,
                    source,
                })
            };
            let _ = reply.send(start.await);
        });
    }

    pub(super) async fn stop(&mut self, status: ApplicationStatus, diagnostics: &str) {
        let leader = self.leader;
        let workers = self.workers.all();
        let shut_downs = workers.into_iter().map(|(resource_id, gateway)| {
            let driver = self.environment.driver.clone();
            async move {
                Workers::shut_down(gateway, leader, "the cluster ends".to_owned()).await;
                driver.release_worker(&resource_id).await;
            }
        });
        // A worker that does not answer is ended by its driver.
        let _ = tokio::time::timeout(SHUTDOWN_PATIENCE, futures::future::join_all(shut_downs)).await;
        if let Err(error) = self.environment.driver.deregister(status, diagnostics).await {
            tracing::error!("the end of the application could not be told: {error}");
        }
    }
}
