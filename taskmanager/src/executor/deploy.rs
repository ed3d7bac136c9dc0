//! Tasks as the loop holds them, and how a submission becomes tasks.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use selvedge_core::job_graph::Partitioner;
use selvedge_core::resource::ResourceProfile;
use selvedge_core::status::FailureType;
use selvedge_core::{AllocationId, ExecutionAttemptId};
use selvedge_runtime::blob::{BlobCache, NamedBlob};
use selvedge_runtime::connector::report;
use selvedge_runtime::gateway::{GatewayError, GatewayResult, JobMasterGateway};
use selvedge_runtime::metrics::{GroupGuard, MetricGroup, MetricRegistry, TaskName};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::TaskExecutorConfig;
use super::event::{Notification, Submission};
use super::payload::BlobServerLink;
use crate::exchange::{
    Exchange, ExchangeError, JobKey, NetworkBudget, OutputGrant, Outputs, ResultPartition, Shipping,
};
use crate::memory::MemoryManager;
use crate::operator::{FoundResources, TaskArtifacts, TaskContext, TaskCounters, TaskIo};
use crate::task::{self, JobMasterSplits, OutputEdge, Task, TaskDeployment, TaskFailure, TaskInput};

/// A task that was deployed, until the JobMaster knows its end.
#[derive(Debug)]
pub(super) struct Deployed {
    /// What users see of the task.
    pub(super) name: String,
    pub(super) counters: Arc<TaskCounters>,
    pub(super) cancelled: CancellationToken,
    pub(super) failed_by: Arc<OnceLock<TaskFailure>>,
    allocation: AllocationId,
    credit: u64,
    /// What its output channels may keep to join.
    joining: u64,
    /// Its metrics end with it.
    _metrics: GroupGuard,
}

impl Deployed {
    /// Tells the task to end.
    pub(super) fn stop(&self, cause: Option<&str>) {
        if let Some(cause) = cause {
            let failure = TaskFailure {
                cause: cause.to_owned(),
                failure_type: FailureType::Environment,
            };
            // The first cause counts.
            drop(self.failed_by.set(failure));
        }
        self.cancelled.cancel();
    }

    /// Gives back what the exchange had granted for the task.
    pub(super) fn release(&mut self, budget: &mut NetworkBudget) {
        budget.release(self.allocation, std::mem::take(&mut self.credit));
        budget.release_output(self.allocation, std::mem::take(&mut self.joining));
    }
}

/// What a submission becomes: nothing of it runs yet.
pub(super) type Prepared = Vec<(ExecutionAttemptId, Task, Deployed)>;

/// Makes tasks of submissions.
pub(super) struct Deployer {
    pub(super) config: Arc<TaskExecutorConfig>,
    pub(super) exchange: Exchange,
    pub(super) budget: NetworkBudget,
    pub(super) memory: MemoryManager,
    pub(super) metrics: MetricRegistry,
    pub(super) notifications: mpsc::Sender<Notification>,
    pub(super) blobs: BlobCache,
    pub(super) blob_server: BlobServerLink,
    /// What tasks may know of the worker's external resources.
    pub(super) external_resources: FoundResources,
    pub(super) io: Arc<dyn TaskIo>,
}

/// What the tasks of one submission have in common.
struct OfJob {
    key: JobKey,
    name: String,
    artifacts: TaskArtifacts,
}

/// What the tasks of one slot have in common.
#[derive(Default)]
struct SlotShare {
    input_channels: usize,
    output_channels: usize,
    window: u64,
    /// Set when the credit of the inputs was granted.
    output: Option<OutputGrant>,
}

impl SlotShare {
    fn joining(&self, channels: usize) -> u64 {
        let of_each = self.output.as_ref().map_or(0, |grant| grant.coalesce_bytes);
        of_each * channels as u64
    }
}

impl Deployer {
    /// All tasks of the submission, or none.
    pub(super) fn prepare(
        &mut self,
        submission: Submission,
        job_master: &Arc<dyn JobMasterGateway>,
    ) -> GatewayResult<Prepared> {
        let of_job = OfJob {
            key: submission.job,
            artifacts: self.artifacts(submission.job, submission.artifacts)?,
            name: submission.job_name,
        };
        let shares = self.grant(&submission.tasks).map_err(|error| refuse(&error))?;
        let mut prepared = Prepared::new();
        for deployment in submission.tasks {
            let share = &shares[&deployment.allocation];
            match self.task(&of_job, deployment, share, job_master) {
                Ok(task) => prepared.push(task),
                Err(error) => {
                    self.take_back(&shares);
                    return Err(error);
                }
            }
        }
        Ok(prepared)
    }

    /// Tasks in this slot share so much of what the worker has, in place of a default slot's part.
    pub(super) fn divide(&mut self, slot: AllocationId, profile: &ResourceProfile) {
        let weights = &self.config.consumer_weights;
        self.memory.set_slot(slot, profile, weights);
        self.budget.set_share(slot, profile.network);
    }

    /// The slot has ended.
    pub(super) fn forget_slot(&mut self, slot: AllocationId) {
        self.memory.forget_slot(slot);
        self.budget.forget_share(slot);
    }

    fn grant(&mut self, tasks: &[TaskDeployment]) -> Result<BTreeMap<AllocationId, SlotShare>, ExchangeError> {
        let mut shares = BTreeMap::<AllocationId, SlotShare>::new();
        for task in tasks {
            let share = shares.entry(task.allocation).or_default();
            share.input_channels += task.input_channels();
            share.output_channels += task.output_channels();
        }
        let slots: Vec<AllocationId> = shares.keys().copied().collect();
        for slot in slots {
            let share = shares.get_mut(&slot).expect("the slot was just listed");
            match self.budget.grant(slot, share.input_channels) {
                Ok(window) => {
                    share.window = window;
                    share.output = Some(self.budget.grant_output(slot, share.output_channels));
                }
                Err(error) => {
                    // What was not granted yet has a window of zero.
                    self.take_back(&shares);
                    return Err(error);
                }
            }
        }
        Ok(shares)
    }

    fn take_back(&mut self, shares: &BTreeMap<AllocationId, SlotShare>) {
        for (slot, share) in shares {
            self.budget.release(*slot, share.window * share.input_channels as u64);
            self.budget.release_output(*slot, share.joining(share.output_channels));
        }
    }

    fn task(
        &self,
        of_job: &OfJob,
        deployment: TaskDeployment,
        share: &SlotShare,
        job_master: &Arc<dyn JobMasterGateway>,
    ) -> GatewayResult<(ExecutionAttemptId, Task, Deployed)> {
        let job = of_job.key;
        let context = self.context(of_job, &deployment);
        let attempt = context.attempt.clone();
        let deployed = Deployed {
            name: context.task_name.clone(),
            counters: context.counters.clone(),
            cancelled: context.cancelled.clone(),
            failed_by: Arc::default(),
            allocation: deployment.allocation,
            credit: share.window * deployment.input_channels() as u64,
            joining: share.joining(deployment.output_channels()),
            _metrics: begin_metrics(&context),
        };
        let splits = JobMasterSplits::new(context.clone(), job, job_master.clone());
        let output_schema = deployment.outputs.first().map(|edge| edge.schema.clone());
        let grant = share
            .output
            .as_ref()
            .expect("each slot of the submission was granted its share");
        let outputs = self.outputs(job, &context, deployment.outputs, grant)?;
        let task = Task {
            chain: deployment.chain,
            input: self.input(job, &attempt, deployment.inputs, share.window)?,
            outputs: Outputs::new(context.clone(), outputs),
            output_schema,
            splits: Box::new(splits),
            planner: self.config.planner.clone(),
            clock: self.config.clock.clone(),
            failed_by: deployed.failed_by.clone(),
            listener: self.listener(job, context.clone()),
            context,
        };
        Ok((attempt, task, deployed))
    }

    /// What the job brings along: its tasks wait for it, not the caller.
    fn artifacts(&self, job: JobKey, named: Vec<NamedBlob>) -> GatewayResult<TaskArtifacts> {
        if named.is_empty() {
            return Ok(TaskArtifacts::default());
        }
        let server = Arc::new(self.blob_server.server()?);
        Ok(TaskArtifacts::new(self.blobs.of_job(job.job_id), server, named))
    }

    fn context(&self, of_job: &OfJob, deployment: &TaskDeployment) -> TaskContext {
        let OfJob { key, name, artifacts } = of_job;
        TaskContext {
            job_id: key.job_id,
            job_name: name.clone(),
            artifacts: artifacts.clone(),
            attempt: deployment.attempt.clone(),
            task_name: deployment.task_name.clone(),
            parallelism: deployment.parallelism,
            max_parallelism: deployment.max_parallelism,
            memory: self.memory.task(deployment.allocation),
            file_systems: self.config.file_systems.clone(),
            external_resources: self.external_resources.clone(),
            temp_dirs: self.config.temp_dirs.as_slice().into(),
            io: self.io.clone(),
            counters: Arc::default(),
            metrics: self.metrics(*key, name, deployment),
            cancelled: CancellationToken::new(),
        }
    }

    fn metrics(&self, job: JobKey, job_name: &str, deployment: &TaskDeployment) -> MetricGroup {
        let task = self.config.metric_scope().task(&TaskName {
            job_id: job.job_id,
            job_name,
            attempt: &deployment.attempt,
            task_name: &deployment.task_name,
        });
        self.metrics.group(&task)
    }

    fn input(
        &self,
        job: JobKey,
        attempt: &ExecutionAttemptId,
        inputs: Vec<task::InputEdge>,
        window: u64,
    ) -> GatewayResult<Option<TaskInput>> {
        let Some(schema) = inputs.first().map(|edge| edge.schema.clone()) else {
            return Ok(None);
        };
        let channels = inputs.into_iter().flat_map(|edge| edge.channels).collect();
        let gate = self.exchange.open_gate(job, attempt, channels, window);
        let gate = gate.map_err(|error| refuse(&error))?;
        Ok(Some(TaskInput { gate, schema }))
    }

    fn outputs(
        &self,
        job: JobKey,
        context: &TaskContext,
        edges: Vec<OutputEdge>,
        grant: &OutputGrant,
    ) -> GatewayResult<Vec<ResultPartition>> {
        let open = |edge: OutputEdge| {
            let shipping = self.shipping(&edge)?;
            self.exchange
                .open_partition(job, context, edge.edge, edge.channels, shipping, grant)
                .map_err(|error| refuse(&error))
        };
        edges.into_iter().map(open).collect()
    }

    fn shipping(&self, edge: &OutputEdge) -> GatewayResult<Shipping> {
        Ok(match &edge.partitioner {
            Partitioner::Forward => Shipping::Forward,
            Partitioner::Rebalance => Shipping::Rebalance,
            Partitioner::Broadcast => Shipping::Broadcast,
            Partitioner::Hash { keys } => {
                let channels = u32::try_from(edge.channels.len()).unwrap_or(u32::MAX);
                let planner = &self.config.planner;
                let partitioner = planner.hash_partitioner(&edge.schema, keys, edge.key_groups, channels);
                Shipping::Content(partitioner.map_err(|error| refuse(&error))?)
            }
        })
    }

    fn listener(&self, job: JobKey, context: TaskContext) -> Box<dyn Fn(task::TaskTransition) + Send> {
        let notifications = self.notifications.clone();
        Box::new(move |transition| {
            let notification = Notification::Task(job, context.attempt.clone(), transition);
            // Fails only when the worker is gone, and then nobody is to be told.
            drop(context.wait(notifications.send(notification)));
        })
    }
}

/// The task's metrics are its own from now on, until the answer is dropped.
fn begin_metrics(context: &TaskContext) -> GroupGuard {
    let guard = context.metrics.take_over();
    task::metrics::register(&context.metrics, &context.counters);
    guard
}

fn refuse(error: &(dyn std::error::Error + 'static)) -> GatewayError {
    GatewayError::Rejected(report(error))
}
