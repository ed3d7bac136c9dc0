//! Which of several servers is asked: the active one, found by asking all in turn, kept until it fails.
//!
//! ```text
//! unknown ── probe: the first, and after 300 ms of silence or a failure the next one beside it ──► active
//! active  ── standby, redirect, no connection ──► the others, one by one ──► active
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use backon::Retryable;
use futures::stream::{FuturesUnordered, StreamExt};
use reqwest::Response;
use serde_json::Value;
use url::Url;

use crate::answer::Answer;
use crate::builder::{Base, BuildError};
use crate::error::{RestError, RestErrorKind};
use crate::http::{Call, Http, Target};
use crate::retry::RetryPolicy;

/// A standby redirects to the active; more hops mean that they disagree.
const MAX_REDIRECTS: usize = 4;
/// How long one server may be silent before the next is asked beside it, where nothing else is said.
pub(crate) const HEDGE_AFTER: Duration = Duration::from_millis(300);

#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) http: Http,
    servers: Vec<Target>,
    pub(crate) retry: RetryPolicy,
    /// What to ask all of them while the active one is not known; without it they are asked in their order.
    probe: Option<Probe>,
    active: Mutex<Option<Target>>,
    /// Whether any server ever answered: before that, a refused connection is a wrong address.
    was_reached: AtomicBool,
}

/// How the active one is found.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) call: Call,
    /// How long one may be silent before the next is asked beside it.
    pub(crate) hedge_after: Duration,
}

/// A whole answer and who gave it.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) answer: Answer,
    pub(crate) target: Target,
}

impl Served {
    pub(crate) fn base(&self) -> &Base {
        &self.target.base
    }
}

/// What came back: read, or still to be read.
pub(crate) enum Reply {
    Whole(Served),
    Open(Response, Target),
}

impl Cluster {
    pub(crate) fn new(
        http: Http,
        servers: Vec<Target>,
        retry: RetryPolicy,
        probe: Option<Probe>,
    ) -> Result<Self, BuildError> {
        if servers.is_empty() {
            return Err(BuildError::NoAddress);
        }
        retry.check()?;
        Ok(Self {
            http,
            probe: probe.filter(|_| servers.len() > 1),
            servers,
            retry,
            active: Mutex::new(None),
            was_reached: AtomicBool::new(false),
        })
    }

    /// The active one as far as is known, else the first.
    pub(crate) fn active(&self) -> Target {
        self.known_active().unwrap_or_else(|| self.servers[0].clone())
    }

    pub(crate) fn active_base(&self) -> Base {
        self.active().base
    }

    fn known_active(&self) -> Option<Target> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_active(&self, target: Option<Target>) {
        *self.active.lock().unwrap_or_else(PoisonError::into_inner) = target;
    }

    /// A good answer to `call`, from whichever server is active.
    pub(crate) async fn ask(&self, call: &Call) -> Result<Served, RestError> {
        match self.reply(call).await? {
            Reply::Whole(served) => Ok(served),
            Reply::Open(response, target) => {
                let answer = self.http.read(call, &target, response).await?;
                Ok(Served { answer, target })
            }
        }
    }

    /// The same, its body unread where the call is streamed and the answer good.
    pub(crate) async fn reply(&self, call: &Call) -> Result<Reply, RestError> {
        let may_succeed_later = |error: &RestError| {
            let does_no_harm = call.repeatable || error.was_never_served();
            does_no_harm && error.is_transient() && self.was_reached.load(Ordering::Relaxed)
        };
        (|| self.ask_each(call))
            .retry(self.retry.backoff())
            .when(may_succeed_later)
            .notify(|error, delay| tracing::warn!(%error, ?delay, "asking again"))
            .await
    }

    async fn ask_each(&self, call: &Call) -> Result<Reply, RestError> {
        if self.known_active().is_none() {
            let found = match &self.probe {
                Some(probe) => self.probe_all(probe).await,
                None => None,
            };
            self.set_active(found);
        }
        let mut errors = Vec::new();
        for target in self.active_first() {
            match self.ask_one(call, target).await {
                Ok(reply) => return Ok(reply),
                Err(error) if error.was_never_served() || (call.repeatable && error.is_transient()) => {
                    errors.push(error);
                }
                Err(error) => return Err(error),
            }
        }
        let asked = self.active_base();
        self.set_active(None);
        match errors.pop() {
            Some(only) if errors.is_empty() => Err(only),
            last => {
                errors.extend(last);
                Err(call.error(&asked, RestErrorKind::AllFailed(errors)))
            }
        }
    }

    async fn ask_one(&self, call: &Call, mut target: Target) -> Result<Reply, RestError> {
        for _ in 0..=MAX_REDIRECTS {
            let response = self.http.start(call, &target).await?;
            self.was_reached.store(true, Ordering::Relaxed);
            if call.streamed && response.status().is_success() {
                self.set_active(Some(target.clone()));
                return Ok(Reply::Open(response, target));
            }
            let answer = self.http.read(call, &target, response).await?;
            if call.redirect_is_answer && answer.status.is_redirection() {
                self.set_active(Some(target.clone()));
                return Ok(Reply::Whole(Served { answer, target }));
            }
            if let Some(active) = answer.redirected_base(call, &target.base) {
                tracing::debug!(standby = %target.base.url, active = %active.url, "redirected to the active server");
                target = self.redirected(&target, active);
                continue;
            }
            if let Some(kind) = self.http.refusal(&answer) {
                return Err(call.error(&target.base, kind));
            }
            self.set_active(Some(target.clone()));
            return Ok(Reply::Whole(Served { answer, target }));
        }
        Err(call.error(&target.base, RestErrorKind::TooManyRedirects(MAX_REDIRECTS)))
    }

    fn redirected(&self, standby: &Target, active: Base) -> Target {
        let same = |server: &&Target| server.base.url.origin() == active.url.origin();
        match self.servers.iter().find(same) {
            Some(server) => Target {
                base: active,
                ..server.clone()
            },
            None => Target {
                base: active,
                origin: Some(format!("a redirect of the standby at {}", standby.base.url)),
                redirected: true,
            },
        }
    }

    fn active_first(&self) -> Vec<Target> {
        let active = self.known_active();
        let is_active = |server: &&Target| active.as_ref().is_some_and(|active| active.base == server.base);
        let others = self.servers.iter().filter(|server| !is_active(server)).cloned();
        active.iter().cloned().chain(others).collect()
    }

    /// Asks the servers who is active, each a little later than the one before it, or as soon as that one has failed.
    /// The first that is active wins, or the first that one of them names. `None`: they do not say.
    async fn probe_all(&self, probe: &Probe) -> Option<Target> {
        let mut waiting = self.servers.iter();
        let mut asked = FuturesUnordered::new();
        let ask = |server| self.probe_one(&probe.call, server);
        asked.push(ask(waiting.next()?));
        loop {
            tokio::select! {
                biased;
                answer = asked.next(), if !asked.is_empty() => match answer.flatten() {
                    Some(active) => return Some(active),
                    None => asked.extend(waiting.next().map(ask)),
                },
                () = tokio::time::sleep(probe.hedge_after), if waiting.len() > 0 => {
                    asked.extend(waiting.next().map(ask));
                }
                else => return None,
            }
        }
    }

    async fn probe_one(&self, probe: &Call, server: &Target) -> Option<Target> {
        let answer = self.http.send(probe, server).await.ok()?;
        self.was_reached.store(true, Ordering::Relaxed);
        if let Some(active) = answer.redirected_base(probe, &server.base) {
            return Some(self.redirected(server, active));
        }
        let body: Value = answer.json(probe, &server.base).ok()?;
        let state = body.pointer("/clusterInfo/haState").and_then(Value::as_str);
        (state == Some("ACTIVE")).then(|| server.clone())
    }

    pub(crate) fn active_url(&self) -> Url {
        self.active_base().url
    }
}
