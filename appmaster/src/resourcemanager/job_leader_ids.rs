//! The JobMasters of jobs, and the election that says which of them lead: the shell around `job_leaders.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use selvedge_core::{JobId, LeaderSessionId};
use selvedge_runtime::ha::{HaServices, LeaderComponent};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::job_leaders::Claim;
use super::service::{OwnEvent, Service};
use super::slot_manager::Need;
use super::{JobMasterContact, Reply, ResourceManagerError, ResourceNotice};

/// Follows by leader retrieval who leads the jobs; ends with the ResourceManager.
pub(super) struct JobLeaderIds {
    ha: Arc<dyn HaServices>,
    events: mpsc::Sender<OwnEvent>,
    tasks: JoinSet<()>,
    jobs: BTreeMap<JobId, AbortHandle>,
}

/// A JobMaster that waits until the election names it.
pub(super) struct PendingClaim {
    job_id: JobId,
    contact: JobMasterContact,
    reply: Reply<Result<(), ResourceManagerError>>,
}

impl JobLeaderIds {
    pub(super) fn new(ha: Arc<dyn HaServices>, events: mpsc::Sender<OwnEvent>) -> Self {
        Self {
            ha,
            events,
            tasks: JoinSet::new(),
            jobs: BTreeMap::new(),
        }
    }

    /// Each leader of the job comes as an event from now on. The present one, where the job was not followed before.
    fn follow(&mut self, job: JobId) -> Option<Option<LeaderSessionId>> {
        if self.jobs.contains_key(&job) {
            return None;
        }
        while self.tasks.try_join_next().is_some() {}
        let mut retrieval = self.ha.retrieval(LeaderComponent::JobMaster(job));
        let present = retrieval.current().map(|leader| leader.session);
        let events = self.events.clone();
        let following = self.tasks.spawn(async move {
            loop {
                // Whatever has changed since: the same once more does no harm.
                let leader = retrieval.current().map(|leader| leader.session);
                if events.send(OwnEvent::JobLeaderIs(job, leader)).await.is_err() {
                    return;
                }
                retrieval.changed().await;
            }
        });
        self.jobs.insert(job, following);
        Some(present)
    }

    fn forget(&mut self, job: &JobId) {
        if let Some(following) = self.jobs.remove(job) {
            following.abort();
        }
    }
}

impl Service {
    /// A JobMaster says that it leads its job. It is answered when the election says so too.
    pub(super) fn register_job_master(
        &mut self,
        job_id: JobId,
        contact: JobMasterContact,
        reply: Reply<Result<(), ResourceManagerError>>,
    ) {
        let now = self.now();
        if let Some(leader) = self.leader_ids.follow(job_id) {
            self.leaders.follow(job_id, now);
            self.leaders.leader_is(job_id, leader, now);
        }
        self.claims.push(PendingClaim { job_id, contact, reply });
        self.settle_claims(job_id);
    }

    /// The election names a leader, or none.
    pub(super) fn job_leader_is(&mut self, job_id: JobId, leader: Option<LeaderSessionId>) {
        if let Some(lost) = self.leaders.leader_is(job_id, leader, self.now()) {
            let cause = match leader {
                Some(leader) => format!("JobMaster {lost} does not lead the job any more: {leader} does"),
                None => format!("JobMaster {lost} does not lead the job any more"),
            };
            tracing::info!(job = %job_id, "{cause}");
            self.notify_job(&job_id, ResourceNotice::Disconnected { cause });
        }
        self.settle_claims(job_id);
    }

    /// Takes those that lead; others wait on, or are refused.
    fn settle_claims(&mut self, job_id: JobId) {
        let (of_job, others) = std::mem::take(&mut self.claims)
            .into_iter()
            .partition::<Vec<_>, _>(|claim| claim.job_id == job_id);
        self.claims = others;
        for claim in of_job {
            let job_master_id = claim.contact.job_master_id;
            if claim.contact.notices.is_closed() {
                let job_master = job_master_id;
                let ended = ResourceManagerError::JobMasterEnded {
                    job: job_id,
                    job_master,
                };
                let _ = claim.reply.send(Err(ended));
                continue;
            }
            match self.leaders.claim(job_id, job_master_id) {
                Ok(Claim::Holds) => {
                    self.take_job_master(job_id, claim.contact);
                    let _ = claim.reply.send(Ok(()));
                }
                Ok(Claim::Waits) if claim.reply.is_closed() => {}
                Ok(Claim::Waits) => self.claims.push(claim),
                Err(error) => drop(claim.reply.send(Err(error))),
            }
        }
        if !self.leaders.had_job_master(&job_id) && !self.has_claims(&job_id) {
            self.leaders.forget(&job_id);
            self.leader_ids.forget(&job_id);
        }
    }

    fn has_claims(&self, job_id: &JobId) -> bool {
        self.claims.iter().any(|claim| claim.job_id == *job_id)
    }

    fn take_job_master(&mut self, job_id: JobId, contact: JobMasterContact) {
        let job_master_id = contact.job_master_id;
        tracing::info!(job = %job_id, "JobMaster {job_master_id} registered");
        let known = self.jobs.insert(job_id, contact.clone());
        if known.is_none_or(|known| known.job_master_id != job_master_id) {
            let (notices, events) = (contact.notices, self.to_own_events.clone());
            // Ends with the JobMaster.
            tokio::spawn(async move {
                notices.closed().await;
                let _ = events.send(OwnEvent::JobMasterEnded(job_id, job_master_id)).await;
            });
        }
    }

    pub(super) fn declare(
        &mut self,
        job_id: JobId,
        job_master_id: LeaderSessionId,
        needs: Vec<Need>,
    ) -> Result<(), ResourceManagerError> {
        self.leaders.check(job_id, job_master_id)?;
        let slots: u64 = needs.iter().map(|(_, count)| u64::from(*count)).sum();
        tracing::info!(job = %job_id, "the job needs {slots} slots");
        self.slots.declare(job_id, needs);
        // What a job waits for need not wait for more.
        let now = self.now();
        self.check.hurry(now);
        Ok(())
    }

    /// A JobMaster ends in order, perhaps before the election has named it, or after it has dropped it.
    pub(super) fn disconnect_job_master(
        &mut self,
        job_id: &JobId,
        job_master_id: LeaderSessionId,
    ) -> Result<(), ResourceManagerError> {
        let is_its = |claim: &PendingClaim| (claim.job_id, claim.contact.job_master_id) == (*job_id, job_master_id);
        let waited = self.claims.extract_if(.., |claim| is_its(claim)).count() > 0;
        if waited && !self.leaders.had_job_master(job_id) {
            if !self.has_claims(job_id) {
                self.forget_job(job_id);
            }
            return Ok(());
        }
        self.leaders.check_last(*job_id, job_master_id)?;
        self.forget_job(job_id);
        Ok(())
    }

    /// A JobMaster has ended without a word. What the job needs stays, as another one may take the job over.
    pub(super) fn job_master_ended(&mut self, job_id: JobId, job_master_id: LeaderSessionId) {
        if self.leaders.ended(job_id, job_master_id, self.now()) {
            tracing::warn!(job = %job_id, "JobMaster {job_master_id} has ended without disconnecting");
        }
        self.settle_claims(job_id);
    }

    /// No JobMaster that leads the job has come in time.
    pub(super) fn give_up_jobs(&mut self) {
        for job_id in self.leaders.expired(self.now()) {
            tracing::warn!(job = %job_id, "no JobMaster has come for the job: its slots are not kept any longer");
            self.forget_job(&job_id);
        }
    }

    /// The job has nobody here; what it had of slots is free.
    fn forget_job(&mut self, job_id: &JobId) {
        self.leaders.forget(job_id);
        self.leader_ids.forget(job_id);
        for claim in self.claims.extract_if(.., |claim| claim.job_id == *job_id) {
            let not_leading = ResourceManagerError::NotLeading {
                job: *job_id,
                job_master: claim.contact.job_master_id,
            };
            let _ = claim.reply.send(Err(not_leading));
        }
        self.jobs.remove(job_id);
        for worker in self.slots.workers_of(job_id) {
            self.workers.free_inactive_slots(worker, *job_id);
        }
        self.slots.remove_job(job_id);
        self.changed();
    }
}
