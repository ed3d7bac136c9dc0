//! How often, how long and where a failed call is tried again.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use prost::Message;
use tokio::time::{Instant, sleep};

use crate::ipc::{CallOptions, ExceptionKind, Identity, IpcClient, IpcError};

/// When a call that failed in transport is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The first pause; each further one is twice as long, with jitter.
    pub first_delay: Duration,
    /// The longest pause (`yarn.resourcemanager.connect.retry-interval.ms`).
    pub max_delay: Duration,
    /// No further try begins when so much time has passed since the first (`yarn.resourcemanager.connect.max-wait.ms`).
    pub max_wait: Duration,
    /// Seeds the jitter; for simulations.
    pub jitter_seed: Option<u64>,
}

impl RetryPolicy {
    /// Hadoop's patience with ResourceManagers: 15 minutes, pauses of up to 30 s.
    pub const RESOURCE_MANAGER: Self = Self {
        first_delay: Duration::from_millis(200),
        max_delay: Duration::from_secs(30),
        max_wait: Duration::from_secs(900),
        jitter_seed: None,
    };
    /// Hadoop's patience with NodeManagers: 3 minutes, pauses of up to 10 s.
    pub const NODE_MANAGER: Self = Self {
        first_delay: Duration::from_millis(200),
        max_delay: Duration::from_secs(10),
        max_wait: Duration::from_secs(180),
        jitter_seed: None,
    };

    /// The pauses between tries, without end.
    pub(crate) fn delays(&self) -> ExponentialBackoff {
        let builder = ExponentialBuilder::new()
            .with_min_delay(self.first_delay)
            .with_max_delay(self.max_delay)
            .without_max_times()
            .with_jitter();
        match self.jitter_seed {
            Some(seed) => builder.with_jitter_seed(seed).build(),
            None => builder.build(),
        }
    }
}

/// What a failure asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reaction {
    GiveUp,
    SameServer,
    NextServer,
}

fn reaction(error: &IpcError) -> Reaction {
    match error.remote().map(|exception| exception.kind()) {
        Some(ExceptionKind::Standby) => Reaction::NextServer,
        Some(ExceptionKind::Retriable) => Reaction::SameServer,
        Some(_) => Reaction::GiveUp,
        None if error.is_transport() => Reaction::NextServer,
        None => Reaction::GiveUp,
    }
}

/// One service at several addresses, of which one is active.
#[derive(Debug)]
pub(crate) struct Servers {
    clients: Vec<IpcClient>,
    /// Shared by calls side by side: where one finds the active server, the next begin.
    current: AtomicUsize,
    policy: RetryPolicy,
}

/// An answer, or the last failure, with the number of tries before it.
pub(crate) struct Outcome<A> {
    pub(crate) result: Result<A, IpcError>,
    pub(crate) retries: u32,
}

impl Servers {
    /// `clients` must not be empty.
    pub(crate) fn new(clients: Vec<IpcClient>, policy: RetryPolicy) -> Self {
        Self {
            clients,
            current: AtomicUsize::new(0),
            policy,
        }
    }

    /// Logs in with another identity from the next connection on.
    pub(crate) fn set_identity(&self, identity: &Identity) {
        for client in &self.clients {
            client.set_identity(identity.clone());
        }
    }

    /// Calls the active server, looking for it where necessary. The identical request is sent each time.
    pub(crate) async fn call<Q: Message, A: Message + Default>(&self, method: &'static str, request: &Q) -> Outcome<A> {
        let started = Instant::now();
        let mut delays = self.policy.delays();
        let mut retries = 0;
        loop {
            let options = CallOptions {
                retry: retries,
                ..Default::default()
            };
            let current = self.current.load(Ordering::Relaxed);
            let error = match self.clients[current].call(method, request, options).await {
                Ok(answer) => {
                    return Outcome {
                        result: Ok(answer),
                        retries,
                    };
                }
                Err(error) => error,
            };
            let pause = match reaction(&error) {
                Reaction::GiveUp => {
                    return Outcome {
                        result: Err(error),
                        retries,
                    };
                }
                Reaction::SameServer => true,
                Reaction::NextServer => {
                    let next = (current + 1) % self.clients.len();
                    // Another call may have moved on already.
                    let _ = self
                        .current
                        .compare_exchange(current, next, Ordering::Relaxed, Ordering::Relaxed);
                    // Every address gets its turn before the first pause.
                    (retries as usize + 1).is_multiple_of(self.clients.len())
                }
            };
            let delay = if pause {
                delays.next().unwrap_or(self.policy.max_delay)
            } else {
                Duration::ZERO
            };
            if started.elapsed() + delay > self.policy.max_wait {
                return Outcome {
                    result: Err(error),
                    retries,
                };
            }
            tracing::warn!(%error, method, ?delay, "trying again");
            sleep(delay).await;
            retries += 1;
        }
    }
}
