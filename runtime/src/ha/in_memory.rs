//! An election inside one process, for simulations and tests of several masters, and for the one that always leads.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use rand::SeedableRng;
use rand::rngs::StdRng;
use selvedge_core::LeaderSessionId;
use tokio::sync::watch;

use super::{
    HaData, HaError, HaServices, LeaderComponent, LeaderElection, LeaderInformation, LeaderRetrieval, Leadership,
};

/// The contenders of one cluster. The first in line leads; who gives up or loses leadership goes to the end of the line.
#[derive(Debug, Clone)]
pub struct InMemoryEnsemble(Arc<Mutex<State>>);

struct State {
    rng: StdRng,
    next_member: u64,
    /// In the order in which they lead.
    line: Vec<u64>,
    leadership: BTreeMap<u64, watch::Sender<Leadership>>,
    /// What was published.
    published: BTreeMap<LeaderComponent, watch::Sender<Option<LeaderInformation>>>,
    /// By whom.
    publishers: BTreeMap<LeaderComponent, u64>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

impl InMemoryEnsemble {
    /// An ensemble without contenders; sessions are drawn from a generator with this seed.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            rng: StdRng::seed_from_u64(seed),
            next_member: 0,
            line: Vec::new(),
            leadership: BTreeMap::new(),
            published: BTreeMap::new(),
            publishers: BTreeMap::new(),
        })))
    }

    /// The services of one more process.
    pub fn join(&self) -> InMemoryHaServices {
        let mut state = self.0.lock();
        state.next_member += 1;
        let member = state.next_member;
        state.leadership.insert(member, watch::Sender::new(Leadership::Standby));
        InMemoryHaServices(Arc::new(Member {
            ensemble: self.clone(),
            member,
        }))
    }

    /// Makes a contender the leader, under a new session, in place of whoever leads.
    pub fn grant(&self, to: &InMemoryHaServices) {
        let mut state = self.0.lock();
        let member = to.0.member;
        if let Some(at) = state.line.iter().position(|other| *other == member) {
            state.line.remove(at);
            state.line.insert(0, member);
        }
        state.stand_down(member);
        state.elect();
    }

    /// Takes leadership away; the next in line leads. A contender that is alone gets a new session.
    pub fn revoke(&self, from: &InMemoryHaServices) {
        let mut state = self.0.lock();
        let member = from.0.member;
        if let Some(at) = state.line.iter().position(|other| *other == member) {
            let member = state.line.remove(at);
            state.line.push(member);
        }
        state.stand_down(member);
        state.elect();
    }

    /// Deletes what is published of a component, as somebody else may who has access to the service.
    pub fn delete(&self, component: LeaderComponent) {
        self.0.lock().published(component).send_replace(None);
    }
}

impl State {
    /// Whoever leads besides the first in line stops; the first in line leads.
    fn elect(&mut self) {
        let first = self.line.first().copied();
        let others: Vec<_> = self.line.iter().skip(1).copied().collect();
        for member in others {
            self.stand_down(member);
        }
        let Some(first) = first else { return };
        let Some(leadership) = self.leadership.get(&first) else {
            return;
        };
        if leadership.borrow().session().is_none() {
            let session = LeaderSessionId::random(&mut self.rng);
            leadership.send_replace(Leadership::Leader(session));
        }
    }

    fn stand_down(&mut self, member: u64) {
        let Some(leadership) = self.leadership.get(&member) else {
            return;
        };
        if leadership.borrow().session().is_none() {
            return;
        }
        leadership.send_replace(Leadership::Standby);
        // As ephemeral nodes go with their session.
        for (component, _) in self.publishers.extract_if(.., |_, publisher| *publisher == member) {
            if let Some(published) = self.published.get(&component) {
                published.send_replace(None);
            }
        }
    }

    fn leader_check(&self, member: u64, session: LeaderSessionId) -> Result<(), HaError> {
        let leader = self
            .leadership
            .get(&member)
            .and_then(|leadership| leadership.borrow().session());
        if leader == Some(session) {
            return Ok(());
        }
        Err(HaError::NotLeader { session, leader })
    }

    fn published(&mut self, component: LeaderComponent) -> &watch::Sender<Option<LeaderInformation>> {
        self.published.entry(component).or_default()
    }
}

/// One process's services.
#[derive(Debug, Clone)]
pub struct InMemoryHaServices(Arc<Member>);

#[derive(Debug)]
struct Member {
    ensemble: InMemoryEnsemble,
    member: u64,
}

#[async_trait]
impl LeaderElection for Member {
    fn leadership(&self) -> watch::Receiver<Leadership> {
        let state = self.ensemble.0.lock();
        let leadership = state.leadership.get(&self.member);
        // A member that has left stands by for ever.
        leadership.map_or_else(|| watch::channel(Leadership::Standby).1, watch::Sender::subscribe)
    }

    fn has_leadership(&self, session: LeaderSessionId) -> bool {
        self.ensemble.0.lock().leader_check(self.member, session).is_ok()
    }

    async fn publish_as(
        &self,
        session: LeaderSessionId,
        component: LeaderComponent,
        information: LeaderInformation,
    ) -> Result<(), HaError> {
        let mut state = self.ensemble.0.lock();
        state.leader_check(self.member, session)?;
        state.publishers.insert(component, self.member);
        state.published(component).send_replace(Some(information));
        Ok(())
    }

    async fn withdraw(&self, session: LeaderSessionId, component: LeaderComponent) -> Result<(), HaError> {
        let mut state = self.ensemble.0.lock();
        state.leader_check(self.member, session)?;
        state.publishers.remove(&component);
        state.published(component).send_replace(None);
        Ok(())
    }
}

#[async_trait]
impl HaServices for InMemoryHaServices {
    fn election(&self) -> Arc<dyn LeaderElection> {
        let mut state = self.0.ensemble.0.lock();
        if state.leadership.contains_key(&self.0.member) && !state.line.contains(&self.0.member) {
            state.line.push(self.0.member);
            state.elect();
        }
        self.0.clone()
    }

    fn retrieval(&self, component: LeaderComponent) -> LeaderRetrieval {
        LeaderRetrieval::of(self.0.ensemble.0.lock().published(component).subscribe())
    }

    async fn close(&self, _data: HaData) {
        let mut state = self.0.ensemble.0.lock();
        state.stand_down(self.0.member);
        state.line.retain(|member| *member != self.0.member);
        state.leadership.remove(&self.0.member);
        state.elect();
    }
}
