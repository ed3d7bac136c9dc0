//! Tells everybody where the leader is: its components, and the JobMaster of each job as long as that runs. What somebody else
//! takes away or changes is told again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::select_all;
use selvedge_core::LeaderSessionId;
use selvedge_runtime::ha::{HaError, HaServices, LeaderComponent, LeaderElection, LeaderInformation, LeaderRetrieval};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::jobmaster::RunningJobs;

/// When what others see is compared with what was told: so soon after something was told, then after twice as long each time.
/// A change that came before it was followed is found so.
const COMPARE_AFTER: Duration = Duration::from_secs(1);
/// The longest time between two.
const COMPARE_EVERY: Duration = Duration::from_secs(60);

/// Tells under one leadership.
#[derive(Debug)]
pub(super) struct Announcer {
    pub(super) election: Arc<dyn LeaderElection>,
    pub(super) ha: Arc<dyn HaServices>,
    pub(super) session: LeaderSessionId,
    pub(super) rest_address: String,
    pub(super) rpc_address: String,
}

/// What everybody was told of a component, and what everybody sees.
struct Told {
    information: LeaderInformation,
    seen: LeaderRetrieval,
}

/// When what others see is compared with what was told.
#[derive(Clone, Copy)]
struct Compare {
    at: Instant,
    pause: Duration,
}

impl Compare {
    /// Something was told.
    fn sooner(self) -> Self {
        let soon = Self::after(COMPARE_AFTER);
        Self {
            at: self.at.min(soon.at),
            ..soon
        }
    }

    fn later(self) -> Self {
        Self::after((self.pause * 2).min(COMPARE_EVERY))
    }

    fn after(pause: Duration) -> Self {
        let at = Instant::now() + pause;
        Self { at, pause }
    }
}

type AllTold = BTreeMap<LeaderComponent, Told>;

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
        let mut told = AllTold::new();
        for (component, address) in [
            (LeaderComponent::RestServer, &self.rest_address),
            (LeaderComponent::Dispatcher, &self.rpc_address),
            (LeaderComponent::ResourceManager, &self.rpc_address),
        ] {
            self.tell(&mut told, component, self.session, address).await?;
        }
        let mut compare = Compare::after(COMPARE_AFTER);
        loop {
            let present = jobs.borrow_and_update().clone();
            if self.tell_jobs(&mut told, &present).await? {
                compare = compare.sooner();
            }
            tokio::select! {
                biased;
                changed = jobs.changed() => if changed.is_err() {
                    return Ok(());
                },
                component = changed_by_others(&mut told) => {
                    self.tell_again(&told, component).await?;
                    compare = compare.sooner();
                }
                () = sleep_until(compare.at) => {
                    compare = compare.later();
                    self.tell_what_differs(&told).await?;
                }
            }
        }
    }

    async fn tell_what_differs(&self, told: &AllTold) -> Result<(), HaError> {
        for (component, Told { information, seen }) in told {
            if seen.current().as_ref() != Some(information) {
                self.tell_again(told, *component).await?;
            }
        }
        Ok(())
    }

    /// Tells of the jobs that are new, or have another JobMaster, and takes back those that have gone. Whether any is new.
    async fn tell_jobs(&self, told: &mut AllTold, present: &RunningJobs) -> Result<bool, HaError> {
        let mut any = false;
        for (job, job_master) in present {
            let component = LeaderComponent::JobMaster(*job);
            let known = told.get(&component).map(|told| told.information.session);
            if known != Some(*job_master) {
                self.tell(told, component, *job_master, &self.rpc_address).await?;
                any = true;
            }
        }
        let is_gone = |component: &LeaderComponent| match component {
            LeaderComponent::JobMaster(job) => !present.contains_key(job),
            _ => false,
        };
        let gone: Vec<_> = told.keys().filter(|component| is_gone(component)).copied().collect();
        for component in gone {
            told.remove(&component);
            self.election.withdraw(self.session, component).await?;
        }
        Ok(any)
    }

    async fn tell(
        &self,
        told: &mut AllTold,
        component: LeaderComponent,
        session: LeaderSessionId,
        address: &str,
    ) -> Result<(), HaError> {
        let address = address.to_owned();
        let information = LeaderInformation { session, address };
        self.election
            .publish_as(self.session, component, information.clone())
            .await?;
        tracing::debug!(session = %self.session, "{component} is at {}, as {session}", information.address);
        let seen = self.ha.retrieval(component);
        told.insert(component, Told { information, seen });
        Ok(())
    }

    async fn tell_again(&self, told: &AllTold, component: LeaderComponent) -> Result<(), HaError> {
        let Some(Told { information, .. }) = told.get(&component) else {
            return Ok(());
        };
        // Nobody sees anything either where the connection is lost; but then this process leads no more, and tells nothing.
        self.election
            .publish_as(self.session, component, information.clone())
            .await?;
        tracing::warn!(
            "where the leader of {component} is was changed by somebody else, or deleted: it was told again"
        );
        Ok(())
    }
}

/// Waits until everybody sees something else of a component than was told, or nothing.
async fn changed_by_others(told: &mut AllTold) -> LeaderComponent {
    let changes = told.iter_mut().map(|(component, Told { information, seen })| {
        Box::pin(async move {
            while seen.changed().await.as_ref() == Some(&*information) {}
            *component
        })
    });
    // Those of the process itself are always there.
    select_all(changes).await.0
}

#[cfg(test)]
mod tests {
    use selvedge_runtime::ha::{InMemoryEnsemble, InMemoryHaServices};

    use super::*;

    const BOUND: Duration = Duration::from_secs(120);
    const BY_OTHERS: &str = "by somebody else";

    /// What is logged of what is done to an election after a leader has told everybody where it is. Whether it goes on telling.
    async fn logged(disturb: impl FnOnce(&InMemoryEnsemble, &InMemoryHaServices)) -> (String, bool) {
        let log = tempfile::NamedTempFile::new().unwrap();
        let writer = Arc::new(log.reopen().unwrap());
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(writer);
        let _logged = tracing::subscriber::set_default(subscriber.finish());
        let ensemble = InMemoryEnsemble::new(1);
        let ha = ensemble.join();
        let election = ha.election();
        let session = election.leadership().borrow().session().unwrap();
        let announcer = Announcer {
            election,
            ha: Arc::new(ha.clone()),
            session,
            rest_address: "here:8081".to_owned(),
            rpc_address: "here:6123".to_owned(),
        };
        let (_jobs, jobs) = watch::channel(RunningJobs::default());
        let announcing = tokio::spawn(announcer.run(jobs));
        // The last that is told.
        let mut seen = ha.retrieval(LeaderComponent::ResourceManager);
        let told = tokio::time::timeout(BOUND, seen.changed()).await.unwrap();
        disturb(&ensemble, &ha);
        let is_told_again = async { while seen.changed().await != told {} };
        let goes_on = tokio::select! {
            ended = announcing => {
                ended.unwrap().unwrap();
                false
            }
            () = is_told_again => true,
        };
        (std::fs::read_to_string(log.path()).unwrap(), goes_on)
    }

    #[tokio::test]
    async fn what_somebody_else_deletes_is_told_again_and_said() {
        let (log, goes_on) = logged(|ensemble, _| ensemble.delete(LeaderComponent::ResourceManager)).await;
        assert!(goes_on && log.contains(BY_OTHERS), "{log}");
    }

    #[tokio::test]
    async fn nobody_is_blamed_where_a_session_ends() {
        let (log, goes_on) = logged(|ensemble, ha| ensemble.revoke(ha)).await;
        assert!(!goes_on && log.contains("addresses are told no more"), "{log}");
        assert!(!log.contains(BY_OTHERS), "{log}");
    }
}
