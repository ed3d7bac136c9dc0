//! Tells everybody where the leader is: its components, and the JobMaster of each job as long as that runs.

use std::sync::Arc;

use selvedge_core::{JobId, LeaderSessionId};
use selvedge_runtime::ha::{HaError, LeaderComponent, LeaderElection, LeaderInformation};
use tokio::sync::watch;

use crate::jobmaster::RunningJobs;

/// Tells under one leadership.
#[derive(Debug)]
pub(super) struct Announcer {
    pub(super) election: Arc<dyn LeaderElection>,
    pub(super) session: LeaderSessionId,
    pub(super) rest_address: String,
    pub(super) rpc_address: String,
}

impl Announcer {
    /// Runs until the leadership is over; nothing more is told then.
    ///
    /// # Errors
    /// What cannot be told while the process still leads: nobody would find it.
    pub(super) async fn run(self, jobs: watch::Receiver<RunningJobs>) -> Result<(), String> {
        match self.tell_all(jobs).await {
            Ok(()) => Ok(()),
            // The revocation is on its way.
            Err(error @ HaError::NotLeader { .. }) => {
                tracing::warn!("addresses are told no more: {error}");
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    async fn tell_all(&self, mut jobs: watch::Receiver<RunningJobs>) -> Result<(), HaError> {
        self.tell(LeaderComponent::RestServer, &self.rest_address).await?;
        self.tell(LeaderComponent::Dispatcher, &self.rpc_address).await?;
        self.tell(LeaderComponent::ResourceManager, &self.rpc_address).await?;
        let mut told = RunningJobs::new();
        loop {
            let present = jobs.borrow_and_update().clone();
            for (job, job_master) in &present {
                if told.get(job) != Some(job_master) {
                    self.tell_job(*job, *job_master).await?;
                }
            }
            for job in told.keys().filter(|job| !present.contains_key(job)) {
                let component = LeaderComponent::JobMaster(*job);
                self.election.withdraw(self.session, component).await?;
            }
            told = present;
            if jobs.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    async fn tell_job(&self, job: JobId, job_master: LeaderSessionId) -> Result<(), HaError> {
        let component = LeaderComponent::JobMaster(job);
        let information = LeaderInformation {
            session: job_master,
            address: self.rpc_address.clone(),
        };
        self.election.publish_as(self.session, component, information).await?;
        tracing::debug!(session = %self.session, "{component} is JobMaster {job_master}");
        Ok(())
    }

    async fn tell(&self, component: LeaderComponent, address: &str) -> Result<(), HaError> {
        self.election.publish(self.session, component, address).await?;
        tracing::debug!(session = %self.session, "{component} is at {address}");
        Ok(())
    }
}
