//! A process's part: it looks often, leads while its lease lasts, and opens another session when one is over.
//!
//! The server counts from when it hears, which is not before the client has spoken: one session time-out after sending the last
//! request that was answered, nobody else can lead yet.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use selvedge_core::LeaderSessionId;
use selvedge_runtime::ha::{
    HaData, HaError, HaServices, LeaderComponent, LeaderElection, LeaderInformation, LeaderRetrieval, Leadership,
};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::server::ask;
use super::{Answer, Request, SESSION_TIMEOUT, View};

/// How often a session looks.
const LOOK: Duration = Duration::from_millis(500);
const CLOSING: Duration = Duration::from_secs(2);

/// High availability by the simulated ZooKeeper.
#[derive(Debug, Clone)]
pub(crate) struct ZooKeeperServices {
    member: Arc<Member>,
    looking: AbortHandle,
}

#[derive(Debug)]
struct Member {
    state: Mutex<State>,
    leadership: watch::Sender<Leadership>,
}

#[derive(Debug)]
struct State {
    session: Option<u64>,
    contends: bool,
    /// Until then nobody else can lead.
    lease: Instant,
    published: BTreeMap<String, watch::Sender<Option<LeaderInformation>>>,
}

impl ZooKeeperServices {
    /// Begins to look; to be called on the host of the process.
    pub(crate) fn start() -> Self {
        let state = State {
            session: None,
            contends: false,
            lease: Instant::now(),
            published: BTreeMap::new(),
        };
        let member = Arc::new(Member {
            state: Mutex::new(state),
            leadership: watch::Sender::new(Leadership::Standby),
        });
        let looking = tokio::spawn(member.clone().look()).abort_handle();
        Self { member, looking }
    }
}

impl Member {
    /// Ends with the process.
    async fn look(self: Arc<Self>) {
        loop {
            let request = self.next_request();
            let sent = Instant::now();
            let lease = self.state.lock().lease.max(sent + LOOK);
            match timeout_at(lease, ask(&request)).await {
                Ok(Ok(answer)) => self.answered(answer, sent),
                Ok(Err(_)) | Err(_) => self.check_lease(),
            }
            sleep(LOOK).await;
            self.check_lease();
        }
    }

    fn next_request(&self) -> Request {
        let state = self.state.lock();
        match (state.session, state.contends) {
            (None, _) => Request::Open,
            (Some(session), true) => Request::Contend { session },
            (Some(session), false) => Request::Look { session },
        }
    }

    fn answered(&self, answer: Answer, sent: Instant) {
        match answer {
            Answer::Opened { session } => {
                let mut state = self.state.lock();
                state.session = Some(session);
                state.lease = sent + SESSION_TIMEOUT;
            }
            Answer::Seen(view) => {
                self.state.lock().lease = sent + SESSION_TIMEOUT;
                self.see(view);
            }
            Answer::Expired => self.expired(),
            Answer::NotLeader => {}
        }
    }

    fn see(&self, view: View) {
        self.stand(view.leads.map_or(Leadership::Standby, Leadership::Leader));
        for (component, known) in &self.state.lock().published {
            tell_if_new(known, view.published.get(component).cloned());
        }
    }

    fn expired(&self) {
        tracing::warn!("the session with ZooKeeper is over");
        self.state.lock().session = None;
        self.stand(Leadership::Standby);
    }

    /// Whoever has not been answered for so long cannot know that it leads.
    fn check_lease(&self) {
        if Instant::now() >= self.state.lock().lease && self.leadership.borrow().session().is_some() {
            tracing::warn!("ZooKeeper does not answer: leadership is given up");
            self.stand(Leadership::Standby);
        }
    }

    fn stand(&self, leadership: Leadership) {
        tell_if_new(&self.leadership, leadership);
    }

    async fn tell(
        &self,
        leader: LeaderSessionId,
        component: LeaderComponent,
        told: Option<LeaderInformation>,
    ) -> Result<(), HaError> {
        let not_leader = || HaError::NotLeader {
            session: leader,
            leader: self.leadership.borrow().session(),
        };
        loop {
            let session = self.state.lock().session;
            let Some(session) = session.filter(|_| self.has_leadership(leader)) else {
                return Err(not_leader());
            };
            let request = Request::Publish {
                session,
                leader,
                component: component.to_string(),
                told: told.clone(),
            };
            match timeout(LOOK, ask(&request)).await {
                Ok(Ok(Answer::Seen(_))) => return Ok(()),
                Ok(Ok(_)) => return Err(not_leader()),
                Ok(Err(_)) | Err(_) => sleep(LOOK).await,
            }
        }
    }
}

fn tell_if_new<T: PartialEq>(sender: &watch::Sender<T>, seen: T) {
    sender.send_if_modified(|known| {
        let is_new = *known != seen;
        *known = seen;
        is_new
    });
}

#[async_trait]
impl LeaderElection for Member {
    fn leadership(&self) -> watch::Receiver<Leadership> {
        self.leadership.subscribe()
    }

    fn has_leadership(&self, session: LeaderSessionId) -> bool {
        self.leadership.borrow().session() == Some(session) && Instant::now() < self.state.lock().lease
    }

    async fn publish_as(
        &self,
        session: LeaderSessionId,
        component: LeaderComponent,
        information: LeaderInformation,
    ) -> Result<(), HaError> {
        self.tell(session, component, Some(information)).await
    }

    async fn withdraw(&self, session: LeaderSessionId, component: LeaderComponent) -> Result<(), HaError> {
        self.tell(session, component, None).await
    }
}

#[async_trait]
impl HaServices for ZooKeeperServices {
    fn election(&self) -> Arc<dyn LeaderElection> {
        self.member.state.lock().contends = true;
        self.member.clone()
    }

    fn retrieval(&self, component: LeaderComponent) -> LeaderRetrieval {
        let mut state = self.member.state.lock();
        let known = state.published.entry(component.to_string()).or_default();
        LeaderRetrieval::of(known.subscribe())
    }

    async fn close(&self, _: HaData) {
        self.looking.abort();
        self.member.stand(Leadership::Standby);
        let session = self.member.state.lock().session.take();
        if let Some(session) = session {
            let closed: Result<io::Result<_>, _> = timeout(CLOSING, ask(&Request::Close { session })).await;
            if !matches!(closed, Ok(Ok(_))) {
                tracing::warn!("ZooKeeper is not told: the session is over when it has been silent for long enough");
            }
        }
    }
}
