//! What ZooKeeper knows, pure: which sessions live, who is in the line, what was published.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::SeedableRng;
use rand::rngs::StdRng;
use selvedge_core::LeaderSessionId;
use selvedge_runtime::ha::LeaderInformation;

use super::{Answer, Request, SESSION_TIMEOUT, View};

/// The server and the world share it.
pub(crate) type SharedEnsemble = Arc<Mutex<Ensemble>>;

/// One without sessions; tokens of leaders come from a generator with this seed.
pub(crate) fn ensemble(seed: u64) -> SharedEnsemble {
    Arc::new(Mutex::new(Ensemble::new(seed)))
}

/// The state of the ensemble.
#[derive(Debug)]
pub(crate) struct Ensemble {
    rng: StdRng,
    next_session: u64,
    /// Living sessions, and when they were heard last.
    sessions: BTreeMap<u64, Duration>,
    /// Sessions that are heard no more, and end by that.
    unheard: BTreeSet<u64>,
    /// Contenders; the first leads.
    line: Vec<u64>,
    /// Who leads, and under which token.
    leader: Option<(u64, LeaderSessionId)>,
    /// What was published by which session.
    published: BTreeMap<String, (u64, LeaderInformation)>,
}

impl Ensemble {
    fn new(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            next_session: 1,
            sessions: BTreeMap::new(),
            unheard: BTreeSet::new(),
            line: Vec::new(),
            leader: None,
            published: BTreeMap::new(),
        }
    }

    /// `None` where the request is not heard.
    pub(super) fn answer(&mut self, request: Request, now: Duration) -> Option<Answer> {
        let session = match request {
            Request::Open => {
                let session = self.next_session;
                self.next_session += 1;
                self.sessions.insert(session, now);
                return Some(Answer::Opened { session });
            }
            Request::Look { session }
            | Request::Contend { session }
            | Request::Publish { session, .. }
            | Request::Close { session } => session,
        };
        if self.unheard.contains(&session) {
            return None;
        }
        let Some(heard) = self.sessions.get_mut(&session) else {
            return Some(Answer::Expired);
        };
        *heard = now;
        match request {
            Request::Contend { .. } if !self.line.contains(&session) => {
                self.line.push(session);
                self.elect();
            }
            Request::Publish {
                leader,
                component,
                told,
                ..
            } => {
                if self.leader != Some((session, leader)) {
                    return Some(Answer::NotLeader);
                }
                self.publish(session, component, told);
            }
            Request::Close { .. } => self.end(session),
            Request::Open | Request::Look { .. } | Request::Contend { .. } => {}
        }
        Some(Answer::Seen(self.view(session)))
    }

    /// Ends the sessions that have been silent for too long.
    pub(super) fn expire_silent(&mut self, now: Duration) {
        let silent = self
            .sessions
            .iter()
            .filter(|(_, heard)| **heard + SESSION_TIMEOUT < now);
        for session in silent.map(|(session, _)| *session).collect::<Vec<_>>() {
            self.end(session);
        }
    }

    /// Hears the leader's session no more, so that it expires. Not before its time: no client could know otherwise whether it
    /// still leads.
    pub(crate) fn expire_leader(&mut self) {
        self.unheard.extend(self.leader.map(|(session, _)| session));
    }

    /// What is there of masters.
    pub(crate) fn left_behind(&self) -> Vec<String> {
        self.published.keys().cloned().collect()
    }

    fn publish(&mut self, session: u64, component: String, told: Option<LeaderInformation>) {
        match told {
            None => {
                self.published.remove(&component);
            }
            Some(information) => {
                self.published.insert(component, (session, information));
            }
        }
    }

    fn end(&mut self, session: u64) {
        tracing::info!(session, "the session is over");
        self.sessions.remove(&session);
        self.unheard.remove(&session);
        self.line.retain(|other| *other != session);
        self.published.retain(|_, (owner, _)| *owner != session);
        self.elect();
    }

    fn elect(&mut self) {
        let first = self.line.first().copied();
        if self.leader.map(|(session, _)| session) != first {
            self.leader = first.map(|session| (session, LeaderSessionId::random(&mut self.rng)));
        }
    }

    fn view(&self, session: u64) -> View {
        let published = self.published.iter();
        View {
            leads: self
                .leader
                .filter(|(leader, _)| *leader == session)
                .map(|(_, token)| token),
            published: published
                .map(|(component, (_, at))| (component.clone(), at.clone()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::ZERO;

    fn open(ensemble: &mut Ensemble) -> u64 {
        match ensemble.answer(Request::Open, START) {
            Some(Answer::Opened { session }) => session,
            other => panic!("{other:?}"),
        }
    }

    fn seen(ensemble: &mut Ensemble, request: Request, now: Duration) -> View {
        match ensemble.answer(request, now) {
            Some(Answer::Seen(view)) => view,
            other => panic!("{other:?}"),
        }
    }

    fn publish(session: u64, leader: LeaderSessionId) -> Request {
        Request::Publish {
            session,
            leader,
            component: "rest_server".to_owned(),
            told: Some(LeaderInformation {
                session: leader,
                address: "am-1:8081".to_owned(),
            }),
        }
    }

    #[test]
    fn the_next_in_line_leads_when_a_session_has_expired_and_what_was_published_is_gone() {
        let mut ensemble = Ensemble::new(1);
        let (first, second) = (open(&mut ensemble), open(&mut ensemble));
        let led = seen(&mut ensemble, Request::Contend { session: first }, START)
            .leads
            .unwrap();
        let next = seen(&mut ensemble, Request::Contend { session: second }, START);
        assert_eq!(next.leads, None);
        assert_eq!(seen(&mut ensemble, publish(first, led), START).published.len(), 1);
        assert_eq!(ensemble.answer(publish(second, led), START), Some(Answer::NotLeader));
        let later = SESSION_TIMEOUT * 2;
        ensemble.answer(Request::Look { session: second }, later);
        ensemble.expire_silent(later);
        assert_eq!(ensemble.answer(publish(first, led), later), Some(Answer::Expired));
        let seen = seen(&mut ensemble, Request::Look { session: second }, later);
        assert!(seen.published.is_empty());
        assert!(seen.leads.is_some_and(|leads| leads != led));
    }

    #[test]
    fn the_session_of_a_leader_can_be_made_to_expire_in_its_time() {
        let mut ensemble = Ensemble::new(1);
        let session = open(&mut ensemble);
        ensemble.answer(Request::Contend { session }, START);
        ensemble.expire_leader();
        assert_eq!(ensemble.answer(Request::Look { session }, SESSION_TIMEOUT), None);
        ensemble.expire_silent(SESSION_TIMEOUT);
        assert_eq!(ensemble.line, [session], "a client may still believe that it leads");
        let later = SESSION_TIMEOUT + Duration::from_millis(1);
        ensemble.expire_silent(later);
        assert_eq!(ensemble.answer(Request::Look { session }, later), Some(Answer::Expired));
        assert_eq!(ensemble.leader, None);
    }
}
