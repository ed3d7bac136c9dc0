//! What others ask a JobMaster. Part of its shell.

use std::time::Duration;

use selvedge_core::{ExecutionAttemptId, OperatorId};
use selvedge_runtime::connector::InputSplit;
use selvedge_runtime::gateway::GatewayError;
use tokio::sync::oneshot;

use super::root_cause::FailureKind;
use super::service::Service;
use super::splits::{SplitCommand, SplitRequest};
use super::state::{Action, Now};
use super::{Reply, Request};
use crate::stores::JobSummary;

/// While someone looks at a running job, its figures are at most this old.
const FIGURES_AGE: Duration = Duration::from_millis(500);

impl Service {
    pub(super) fn on_request(&mut self, request: Request) -> Vec<Action> {
        let now = self.now();
        match request {
            Request::Details(reply) => {
                self.refresh_figures(now);
                let _ = reply.send(self.state.graph.archive());
            }
            Request::Suspend => return self.state.suspend(now),
            Request::Summary(reply) => {
                let _ = reply.send(JobSummary::from(&*self.state.graph));
            }
            Request::Cancel(reply) => {
                let (answer, actions) = match self.state.cancel(now) {
                    Ok(actions) => (Ok(()), actions),
                    Err(error) => (Err(error), Vec::new()),
                };
                let _ = reply.send(answer);
                return actions;
            }
            Request::Fail { cause, reply } => {
                let failure = self.state.job_failure(cause, FailureKind::Cause, now);
                let actions = self.state.fail(failure, now);
                let _ = reply.send(());
                return actions;
            }
            Request::Requirements(reply) => {
                let _ = reply.send(self.state.requirements());
            }
            Request::WithRequirements(requirements, reply) => {
                let _ = reply.send(self.state.with_requirements(requirements));
            }
            Request::Require(graph, reply) => {
                self.state.require(graph);
                let _ = reply.send(());
            }
            Request::RegisterTaskManager(request, reply) => {
                let mut actions = Vec::new();
                let _ = reply.send(self.register(request, now, &mut actions));
                return actions;
            }
            Request::OfferSlots {
                resource_id,
                offers,
                reply,
            } => {
                let (answer, actions) = self.offered(&resource_id, offers, now);
                let _ = reply.send(answer);
                return actions;
            }
            Request::TaskReports { reports, reply } => {
                let actions = reports
                    .into_iter()
                    .flat_map(|report| self.state.task_reported(report, now))
                    .collect();
                let _ = reply.send(());
                return actions;
            }
            Request::NextSplit {
                attempt,
                operator,
                sequence,
                reply,
            } => self.next_split(attempt, operator, sequence, reply),
            Request::FailSlot {
                allocation_id,
                cause,
                reply,
            } => {
                let actions = self.state.slot_failed(&allocation_id, &cause, now);
                let _ = reply.send(());
                return actions;
            }
        }
        Vec::new()
    }

    fn refresh_figures(&mut self, now: Now) {
        if now.monotonic.duration_since(self.figures_asked) >= FIGURES_AGE {
            self.figures_asked = now.monotonic;
            self.workers.wake();
        }
    }

    fn next_split(
        &self,
        attempt: ExecutionAttemptId,
        operator: OperatorId,
        sequence: u64,
        reply: Reply<Result<Option<InputSplit>, GatewayError>>,
    ) {
        let host = match self.state.graph.execution(&attempt) {
            Some(run) if !run.state().is_terminal() => run.location.as_ref().map(|at| at.host.clone()),
            _ => None,
        };
        let (Some(host), Some(requests)) = (host, self.splits.get(&operator).cloned()) else {
            let message = format!("{attempt} is not a running task that reads splits of '{operator}'");
            let _ = reply.send(Err(GatewayError::Fenced(message)));
            return;
        };
        tokio::spawn(async move {
            let (answer, split) = oneshot::channel();
            let gone = || GatewayError::Fenced("the job has ended".to_owned());
            let asked = requests
                .send(SplitCommand::Next(SplitRequest {
                    attempt,
                    sequence,
                    host,
                    reply: answer,
                }))
                .await;
            let split = match asked {
                Ok(()) => split
                    .await
                    .map_err(|_| gone())
                    .and_then(|split| split.map_err(GatewayError::Rejected)),
                Err(_) => Err(gone()),
            };
            let _ = reply.send(split);
        });
    }
}
