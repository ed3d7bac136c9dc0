//! Which ResourceManager is asked: the active one, found by asking, kept until it fails.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use backon::Retryable;
use url::Url;

use super::RetryPolicy;
use crate::answer::Answer;
use crate::error::{RestError, RestErrorKind};
use crate::http::{Call, Http};

/// A standby redirects to the active; more hops mean that they disagree.
const MAX_REDIRECTS: usize = 4;

#[derive(Debug, Clone)]
pub(super) struct ResourceManager {
    pub(super) base: Url,
    pub(super) origin: Option<String>,
}

#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) http: Http,
    resource_managers: Vec<ResourceManager>,
    pub(super) retry: RetryPolicy,
    active: Mutex<Url>,
    /// Whether any ResourceManager ever answered: before that, a refused connection is a wrong address.
    was_reached: AtomicBool,
}

/// An answer and who gave it.
pub(super) struct Served {
    pub(super) answer: Answer,
    pub(super) base: Url,
}

impl Cluster {
    pub(super) fn new(http: Http, resource_managers: Vec<ResourceManager>, retry: RetryPolicy) -> Option<Self> {
        let active = Mutex::new(resource_managers.first()?.base.clone());
        Some(Self {
            http,
            resource_managers,
            retry,
            active,
            was_reached: AtomicBool::new(false),
        })
    }

    pub(super) fn active(&self) -> Url {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A good answer to `call`, from whichever ResourceManager is active.
    pub(super) async fn ask(&self, call: &Call) -> Result<Served, RestError> {
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

    async fn ask_each(&self, call: &Call) -> Result<Served, RestError> {
        let mut errors = Vec::new();
        for resource_manager in self.active_first() {
            match self.ask_one(call, resource_manager).await {
                Ok(served) => return Ok(served),
                Err(error) if error.was_never_served() || (call.repeatable && error.is_transient()) => {
                    errors.push(error);
                }
                Err(error) => return Err(error),
            }
        }
        match errors.pop() {
            Some(only) if errors.is_empty() => Err(only),
            last => {
                errors.extend(last);
                Err(call.error(&self.active(), RestErrorKind::AllFailed(errors)))
            }
        }
    }

    async fn ask_one(&self, call: &Call, resource_manager: ResourceManager) -> Result<Served, RestError> {
        let ResourceManager { mut base, mut origin } = resource_manager;
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.http.send(call, &base, origin.as_deref()).await?;
            self.was_reached.store(true, Ordering::Relaxed);
            if let Some(active) = answer.redirected_base(call, &base) {
                tracing::debug!(standby = %base, %active, "redirected to the active ResourceManager");
                origin = Some(format!("a redirect of the standby at {base}"));
                base = active;
                continue;
            }
            if let Some(kind) = self.http.refusal(&answer) {
                return Err(call.error(&base, kind));
            }
            *self.active.lock().unwrap_or_else(PoisonError::into_inner) = base.clone();
            return Ok(Served { answer, base });
        }
        Err(call.error(&base, RestErrorKind::TooManyRedirects(MAX_REDIRECTS)))
    }

    fn active_first(&self) -> Vec<ResourceManager> {
        let active = self.active();
        let known = self.resource_managers.iter().find(|one| one.base == active).cloned();
        let first = known.unwrap_or_else(|| ResourceManager {
            base: active.clone(),
            origin: None,
        });
        let others = self.resource_managers.iter().filter(|one| one.base != active).cloned();
        std::iter::once(first).chain(others).collect()
    }
}
