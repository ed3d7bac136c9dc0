//! A JobMaster's decisions without its shell: what the benchmarks of the scheduler measure. Workers are gateways that do
//! nothing with the calls that they get.

use std::sync::Arc;
use std::time::Duration;

use selvedge_core::resource::ProfileSpec;
use selvedge_core::status::{ExecutionState, FailureType, JobStatus};
use selvedge_core::{AllocationId, JobGraph, JobId, LeaderSessionId, ResourceId};
use selvedge_runtime::clock::Timestamp;
use selvedge_runtime::gateway::proto::SubmitTasksRequest;
use tokio::time::Instant;

use super::RestartSettings;
use super::deployment::JobHeader;
use super::failover::{Failover, Scope};
use super::plugins::ActivePlugins;
use super::root_cause::FailureKind;
use super::scheduler::SchedulerKind;
use super::state::{Action, JobState, Now, SlotOffer, WorkerAddress};
use super::task_events::TaskReport;
use crate::settings::{FailoverSettings, SchedulingSettings};

/// A job that is decided about, and whose workers do nothing.
#[derive(Debug)]
pub struct SchedulerProbe {
    state: JobState,
    header: JobHeader,
    now: Now,
}

/// What a deployment sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Calls, one for each worker.
    pub calls: usize,
    /// Tasks in them.
    pub tasks: usize,
}

impl SchedulerProbe {
    /// The JobMaster of a graph that has been checked, restarted without a pause as often as it fails.
    pub fn new(graph: Arc<JobGraph>, now: Instant) -> Self {
        let failover = FailoverSettings {
            restart: RestartSettings::FixedDelay {
                attempts: u32::MAX,
                delay: Duration::ZERO,
            },
            full: false,
            history_size: 16,
            attempts_kept: 16,
        };
        let scheduling = SchedulingSettings {
            scheduler: SchedulerKind::Default,
            slot_request_timeout: Duration::from_secs(300),
            slot_idle_timeout: Duration::from_secs(50),
        };
        let now = Now {
            wall: Timestamp::from_millis(1),
            monotonic: now,
        };
        let (job, leader) = (JobId::from_bytes([1; 16]), LeaderSessionId::from_bytes([2; 16]));
        let header = JobHeader::new(job, leader, &graph);
        let failover = Failover::new(&graph, failover, 1);
        Self {
            state: JobState::new(
                header.job_id,
                graph,
                scheduling,
                failover,
                ActivePlugins::default(),
                now,
            ),
            header,
            now,
        }
    }

    /// Schedules all tasks, takes the slots of workers with so many each, and hands every worker's call to `gateway`.
    pub fn schedule_and_deploy(&mut self, slots: u32, gateway: &mut dyn FnMut(SubmitTasksRequest)) -> Sent {
        let mut actions = self.state.prepared(Ok(()), self.now);
        let mut number = 0u64;
        while self.state.pool.len() < self.state.pool.required() as usize {
            let worker = ResourceId(format!(
                "container_1700000000000_0001_01_{:06}",
                number / u64::from(slots)
            ));
            let address = WorkerAddress {
                host: "node.example".to_owned(),
                data_address: format!("node.example:{}", 1024 + number / u64::from(slots)),
            };
            self.state.workers.insert(worker.clone(), address);
            let offers = (0..slots).map(|slot_index| {
                number += 1;
                SlotOffer {
                    allocation_id: AllocationId::from_bytes(u128::from(number).to_be_bytes()),
                    slot_index,
                    profile: ProfileSpec::Infinite,
                }
            });
            let offers: Vec<_> = offers.collect();
            actions.extend(self.state.offer_slots(&worker, offers.into_iter(), self.now).1);
        }
        self.send(actions, gateway)
    }

    fn send(&self, actions: Vec<Action>, gateway: &mut dyn FnMut(SubmitTasksRequest)) -> Sent {
        let mut sent = Sent::default();
        for action in actions {
            let Action::Deploy(deployment) = action else {
                continue;
            };
            for tasks in deployment.workers.into_values() {
                sent.calls += 1;
                sent.tasks += tasks.len();
                gateway(self.header.submission(tasks, &deployment.peer_groups));
            }
        }
        sent
    }

    /// Every task reports that it runs.
    pub fn run_all(&mut self) {
        let attempts: Vec<_> = self.state.graph.executions().map(|(attempt, _)| attempt).collect();
        for attempt in attempts {
            let report = TaskReport {
                attempt,
                state: ExecutionState::Running,
                cause: String::new(),
                failure_type: FailureType::default(),
                metrics: None,
                committables: Vec::new(),
            };
            self.state.task_reported(report, self.now);
        }
    }

    /// How many tasks are restarted when this one fails.
    pub fn tasks_to_restart(&self, task: usize) -> usize {
        self.state.failover.tasks_to_restart(Scope::Tasks(&[task.into()])).len()
    }

    /// Fails the whole job, which cancels all tasks; they end, and are scheduled and deployed anew.
    pub fn fail_globally(&mut self, gateway: &mut dyn FnMut(SubmitTasksRequest)) -> Sent {
        let failure = self
            .state
            .job_failure("global".to_owned(), FailureKind::Cause, self.now);
        let mut actions = self.state.fail_or_restart(failure, Vec::new(), Scope::Job, self.now);
        let mut answers = Vec::new();
        while let Some(action) = actions.pop() {
            answers.extend(match action {
                Action::CancelTasks { attempts, .. } => self.state.tasks_are_gone(&attempts, self.now),
                Action::ReturnSplits { number, .. } => self.state.splits_returned(number, self.now),
                deploy => {
                    return self.send(vec![deploy], gateway);
                }
            });
            actions.append(&mut answers);
        }
        Sent::default()
    }

    /// Whether all tasks run.
    pub fn is_running(&self) -> bool {
        self.state.graph.status() == JobStatus::Running && self.state.graph.all_in(ExecutionState::Running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::word_count;

    #[test]
    fn every_task_reaches_a_gateway_once_and_again_after_a_global_failure() {
        let mut probe = SchedulerProbe::new(Arc::new(word_count(10)), Instant::now());
        let mut groups = Vec::new();
        let sent = probe.schedule_and_deploy(4, &mut |call| groups.push(call.peer_groups.len()));
        assert_eq!((sent.calls, sent.tasks, groups), (3, 20, vec![2; 3]));
        probe.run_all();
        assert!(probe.is_running());
        assert_eq!(probe.tasks_to_restart(7), 20);
        let again = probe.fail_globally(&mut |_| ());
        assert_eq!((again, probe.is_running()), (sent, false));
    }
}
