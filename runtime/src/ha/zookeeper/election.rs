//! This process among the contenders: waits for the latch, holds it as long as the lease allows, begins again.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use rand::SeedableRng;
use rand::rngs::StdRng;
use selvedge_core::LeaderSessionId;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use zookeeper_client::{Client, CreateMode, Error, LockOptions, LockPrefix, OwnedLockClient, SessionState};

use super::super::lease::Lease;
use super::super::{HaError, LeaderComponent, LeaderElection, LeaderInformation, Leadership};
use super::session::Sessions;
use super::{ZooKeeperSettings, information};

/// The name of latch nodes, which is Curator's.
const LATCH: &str = "latch-";

/// A term of leadership.
#[derive(Debug, Clone)]
struct Term {
    session: LeaderSessionId,
    /// Its node is deleted when the last clone of the pointer is dropped.
    lock: Arc<OwnedLockClient>,
    lease: Lease,
}

/// The election as the process sees it.
#[derive(Debug)]
pub(super) struct Election {
    shared: Arc<Shared>,
    contender: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    settings: ZooKeeperSettings,
    leadership: watch::Sender<Leadership>,
    term: Mutex<Option<Term>>,
}

impl Election {
    pub(super) fn enter(settings: ZooKeeperSettings, seed: u64, sessions: Sessions) -> Arc<Self> {
        let shared = Arc::new(Shared {
            settings,
            leadership: watch::Sender::new(Leadership::Standby),
            term: Mutex::new(None),
        });
        let contender = Contender {
            shared: shared.clone(),
            rng: StdRng::seed_from_u64(seed),
        };
        // Ends by `leave`, or when the services are gone.
        let contender = tokio::spawn(contender.run(sessions));
        Arc::new(Self {
            shared,
            contender: Mutex::new(Some(contender)),
        })
    }

    /// Stops contending without telling anybody.
    pub(super) fn abandon(&self) {
        if let Some(contender) = self.contender.lock().take() {
            contender.abort();
        }
        drop(self.shared.step_down("its services are gone"));
    }

    /// Stops contending. Where this process leads, its node is gone when this returns, and the next one leads.
    pub(super) async fn leave(&self) {
        let contender = self.contender.lock().take();
        if let Some(contender) = contender {
            contender.abort();
            // An aborted task says so.
            let _ = contender.await;
        }
        let Some(term) = self.shared.step_down("it gives up") else {
            return;
        };
        if let Err(error) = term.lock.client().delete(term.lock.lock_path(), None).await {
            tracing::warn!("the latch {} stays for a while: {error}", term.lock.lock_path());
        }
    }
}

impl Shared {
    fn step_down(&self, cause: &str) -> Option<Term> {
        let term = self.term.lock().take()?;
        tracing::warn!(session = %term.session, "this process leads no more: {cause}");
        self.leadership.send_replace(Leadership::Standby);
        Some(term)
    }

    /// The term of this session, where it holds at this moment.
    fn term_of(&self, session: LeaderSessionId) -> Result<Term, HaError> {
        let term = self.term.lock().clone();
        let term = term.filter(|term| term.lease.holds(Instant::now()));
        let leader = term.as_ref().map(|term| term.session);
        let term = term.filter(|term| term.session == session);
        term.ok_or(HaError::NotLeader { session, leader })
    }
}

#[async_trait]
impl LeaderElection for Election {
    fn leadership(&self) -> watch::Receiver<Leadership> {
        self.shared.leadership.subscribe()
    }

    fn has_leadership(&self, session: LeaderSessionId) -> bool {
        self.shared.term_of(session).is_ok()
    }

    async fn publish_as(
        &self,
        session: LeaderSessionId,
        component: LeaderComponent,
        information: LeaderInformation,
    ) -> Result<(), HaError> {
        let term = self.shared.term_of(session)?;
        let published = information::publish(&self.shared.settings, &term.lock, component, &information).await;
        published.map_err(|error| error.unwrap_or(HaError::NotLeader { session, leader: None }))
    }

    async fn withdraw(&self, session: LeaderSessionId, component: LeaderComponent) -> Result<(), HaError> {
        let term = self.shared.term_of(session)?;
        let withdrawn = information::withdraw(&self.shared.settings, &term.lock, component).await;
        withdrawn.map_err(|error| error.unwrap_or(HaError::NotLeader { session, leader: None }))
    }
}

struct Contender {
    shared: Arc<Shared>,
    rng: StdRng,
}

impl Contender {
    async fn run(mut self, mut sessions: Sessions) {
        loop {
            // Ends with the services.
            let Ok(client) = sessions.wait_for(Option::is_some).await.map(|client| client.clone()) else {
                return;
            };
            let Some(client) = client else { continue };
            match self.lead_once(&client).await {
                Ok(()) => {}
                Err(error @ (Error::AuthFailed | Error::NoAuth | Error::InvalidAcl)) => {
                    self.shared.refused(&error);
                    return;
                }
                // The session has ended: the next one comes.
                Err(Error::SessionExpired | Error::ClientClosed) => {
                    drop(client);
                    if sessions.changed().await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    let latch = self.shared.settings.latch_path();
                    tracing::warn!("contending for leadership at {latch} in ZooKeeper failed: {error}");
                    tokio::time::sleep(self.shared.settings.retry_wait).await;
                }
            }
        }
    }

    /// Waits for the latch and leads until that is over.
    async fn lead_once(&mut self, client: &Client) -> Result<(), Error> {
        connected(client).await?;
        let settings = &self.shared.settings;
        let directory = settings.latch_path();
        let parents = CreateMode::Persistent.with_acls(settings.acls());
        let options = LockOptions::new(settings.acls()).with_ancestor_options(parents)?;
        let prefix = LockPrefix::new_curator(&directory, LATCH)?;
        let lock = client.lock(prefix, b"", options).await?;
        let lock = Arc::new(lock.into_owned());
        let sent = Instant::now();
        if client.check_stat(lock.lock_path()).await?.is_none() {
            return Ok(());
        }
        let lease = Lease::new(client.session_timeout(), sent);
        let session = LeaderSessionId::random(&mut self.rng);
        tracing::info!(%session, latch = lock.lock_path(), "this process leads");
        *self.shared.term.lock() = Some(Term { session, lock, lease });
        self.shared.leadership.send_replace(Leadership::Leader(session));
        let cause = self.hold(client).await;
        drop(self.shared.step_down(&cause));
        Ok(())
    }

    /// Renews the lease until it ends, or something else ends the leadership; tells what.
    async fn hold(&self, client: &Client) -> String {
        let mut state = client.state_watcher();
        let Some((path, mut lease)) = self.shared.held() else {
            return "its term is over".to_owned();
        };
        let mut due = Instant::now() + lease.interval();
        loop {
            let renewal = async {
                tokio::time::sleep_until(due).await;
                let sent = Instant::now();
                (sent, client.check_stat(&path).await)
            };
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(lease.ends()) => {
                    return "ZooKeeper has not answered for one session time-out".to_owned();
                }
                now = state.changed() => match now {
                    SessionState::Disconnected if self.shared.settings.tolerate_suspended_connections => {
                        tracing::warn!("the connection to ZooKeeper is lost: this process leads on until its lease ends");
                    }
                    SessionState::SyncConnected => {}
                    lost => return format!("its session with ZooKeeper is {lost}"),
                },
                (sent, answer) = renewal => {
                    match answer {
                        Ok(Some(_)) => {
                            lease.renew(sent);
                            self.shared.renewed(lease);
                        }
                        Ok(None) => return format!("its latch {path} is gone"),
                        Err(error) => tracing::debug!("the lease was not renewed: {error}"),
                    }
                    due = Instant::now() + lease.interval();
                }
            }
        }
    }
}

impl Shared {
    fn refused(&self, error: &Error) {
        let cause = format!(
            "ZooKeeper refuses to let this process contend for leadership at {}: {error}; see \
             high-availability.zookeeper.client.acl and high-availability.zookeeper.client.authorization",
            self.settings.latch_path()
        );
        self.leadership.send_replace(Leadership::Broken(cause));
    }

    fn held(&self) -> Option<(String, Lease)> {
        let term = self.term.lock();
        term.as_ref().map(|term| (term.lock.lock_path().to_owned(), term.lease))
    }

    fn renewed(&self, lease: Lease) {
        if let Some(term) = self.term.lock().as_mut() {
            term.lease = lease;
        }
    }
}

/// Waits until the client has a connection.
async fn connected(client: &Client) -> Result<(), Error> {
    let mut state = client.state_watcher();
    let mut now = client.state();
    while now == SessionState::Disconnected {
        now = state.changed().await;
    }
    match now {
        SessionState::AuthFailed => Err(Error::AuthFailed),
        ended if ended.is_terminated() => Err(Error::SessionExpired),
        _ => Ok(()),
    }
}
