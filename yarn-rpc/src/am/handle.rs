//! What a started client is spoken to through, and the news that it tells.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, mpsc, oneshot};
use yarn_common::{
    id::ContainerId,
    resource::{Priority, Resource},
};

use super::{
    AmError, AskError, AskKey, Collector, ConstrainedAsk, ContainerAsk, ContainerUpdate, NmTokenCache, RejectedAsk,
    UpdateError, UpdatedContainer, Withdrawn, exchange::Exchange, link::Holder,
};
use crate::types::{Container, ContainerStatus, FinalStatus, NodeUpdate, Preemption};

/// News from the ResourceManager.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AmEvent {
    /// A container that was asked for. Start it or release it: unused it expires after ten minutes. Surplus ones are
    /// released by the client and not told.
    Allocated(Container),
    /// A container has ended; told once.
    Completed(ContainerStatus),
    /// A change of a container was granted.
    Updated(UpdatedContainer),
    /// A change of a container was refused.
    UpdateFailed(UpdateError),
    /// An ask with a placement constraint was given up.
    Rejected(RejectedAsk),
    /// The state of a node has changed.
    NodeUpdated(NodeUpdate),
    /// The scheduler wants resources back.
    Preemption(Preemption),
    /// A running container of an earlier attempt that was found again late.
    Recovered(Container),
    /// The application's priority has changed.
    PriorityChanged(Priority),
    /// Timeline data go elsewhere now.
    CollectorChanged(Collector),
    /// The ResourceManager had forgotten this attempt: it was registered again and everything was said again.
    /// Containers that were granted and not yet started are gone.
    Resynchronised,
    /// The ResourceManager refused a heartbeat for these; they were taken out, and the heartbeats go on.
    Refused {
        /// What was taken out.
        withdrawn: Vec<Withdrawn>,
        /// Why.
        error: Arc<AmError>,
    },
    /// The heartbeats have ended; the last event.
    Failed(Arc<AmError>),
}

/// The news of a started client, in order.
///
/// They wait in memory until they are taken, so that a slow reader never holds up a heartbeat.
#[derive(Debug)]
pub struct AmEvents(pub(super) mpsc::UnboundedReceiver<AmEvent>);

impl AmEvents {
    /// The next event; `None` when the heartbeats have ended.
    pub async fn next(&mut self) -> Option<AmEvent> {
        self.0.recv().await
    }

    /// The next event if one waits.
    pub fn try_next(&mut self) -> Option<AmEvent> {
        self.0.try_recv().ok()
    }

    /// As [`futures_core::Stream::poll_next`](https://docs.rs/futures-core) would: for those who select over streams,
    /// `futures::stream::poll_fn(move |cx| events.poll_next(cx))` makes one.
    pub fn poll_next(&mut self, context: &mut std::task::Context<'_>) -> std::task::Poll<Option<AmEvent>> {
        self.0.poll_recv(context)
    }
}

/// What handles and the heartbeat share.
#[derive(Debug)]
pub(super) struct Shared {
    exchange: Mutex<Exchange>,
    /// What the heartbeat is told beside the content.
    wishes: Mutex<Wishes>,
    pub(super) wake: Notify,
}

#[derive(Debug, Default)]
struct Wishes {
    finish: Option<Finish>,
    tracking_url: Option<String>,
    abandoned: bool,
    ended: bool,
}

/// The end that was asked for.
#[derive(Debug)]
pub(super) struct Finish {
    pub(super) status: FinalStatus,
    pub(super) diagnostics: String,
    pub(super) tracking_url: String,
    pub(super) done: oneshot::Sender<Result<(), AmError>>,
}

impl Shared {
    pub(super) fn new(exchange: Exchange) -> Self {
        Self {
            exchange: Mutex::new(exchange),
            wishes: Mutex::default(),
            wake: Notify::new(),
        }
    }

    pub(super) fn exchange(&self) -> MutexGuard<'_, Exchange> {
        // Every change is made by one call that leaves the table whole or panics on a broken invariant.
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take_finish(&self) -> Option<Finish> {
        self.wishes().finish.take()
    }

    /// The heartbeats have ended: whoever still waits for the end is told so.
    pub(super) fn close(&self) {
        let mut wishes = self.wishes();
        wishes.ended = true;
        wishes.finish = None;
    }

    pub(super) fn take_tracking_url(&self) -> Option<String> {
        self.wishes().tracking_url.take()
    }

    /// No handle is left, so nobody can end the application in order.
    pub(super) fn is_abandoned(&self) -> bool {
        self.wishes().abandoned
    }
}

impl Holder for Arc<Shared> {
    fn with<R>(&mut self, action: impl FnOnce(&mut Exchange) -> R) -> R {
        action(&mut self.exchange())
    }
}

/// Speaks to a started client. Clones speak to the same; when the last is dropped, the heartbeats end and YARN gives
/// up the attempt after its expiry interval.
#[derive(Clone, Debug)]
pub struct AmHandle {
    guard: Arc<Guard>,
    nm_tokens: NmTokenCache,
}

#[derive(Debug)]
struct Guard(Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.wishes().abandoned = true;
        self.0.wake.notify_one();
    }
}

impl AmHandle {
    pub(super) fn new(shared: Arc<Shared>, nm_tokens: NmTokenCache) -> Self {
        Self {
            guard: Arc::new(Guard(shared)),
            nm_tokens,
        }
    }

    /// The NM tokens received so far; give a clone to [`NmClient`](crate::nm::NmClient).
    pub fn nm_tokens(&self) -> &NmTokenCache {
        &self.nm_tokens
    }

    /// Sets an ask, and beats at once. The count replaces the one that stands under the same key at the same place;
    /// 0 takes the wish back.
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn ask(&self, ask: ContainerAsk) -> Result<(), AskError> {
        self.change(|exchange| exchange.ask(ask))
    }

    /// Asks for so many more containers like this under its key and at its place, beside those outstanding.
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn ask_more(&self, mut ask: ContainerAsk) -> Result<(), AskError> {
        self.change(|exchange| {
            let present = exchange.asks.outstanding_at(ask.key, &ask.locality);
            ask.count = ask.count.saturating_add(present);
            exchange.ask(ask)
        })
    }

    /// Asks for containers under a placement constraint. For more of them later, take another key: see
    /// [`ConstrainedAsk::count`].
    ///
    /// # Errors
    /// See [`AskError`].
    pub fn ask_constrained(&self, ask: ConstrainedAsk) -> Result<(), AskError> {
        self.change(|exchange| exchange.ask_constrained(ask))
    }

    /// Asks for a change of a container.
    ///
    /// # Errors
    /// [`AskError::Update`].
    pub fn update(&self, container: &Container, update: &ContainerUpdate) -> Result<(), AskError> {
        self.change(|exchange| exchange.update(container, update))
    }

    /// A key of this priority that no ask uses.
    pub fn free_key(&self, priority: i32) -> AskKey {
        self.shared().exchange().asks.free_key(priority)
    }

    /// Gives a container back, running or not.
    pub fn release(&self, container: ContainerId) {
        self.change(|exchange| exchange.release(container));
    }

    /// Sets the hosts and racks that get no containers of this application.
    pub fn set_blacklist(&self, hosts: BTreeSet<String>) {
        self.change(|exchange| exchange.set_blacklist(hosts));
    }

    /// Changes the address of the user interface.
    pub fn set_tracking_url(&self, url: impl Into<String>) {
        let url = url.into();
        self.shared().wishes().tracking_url = Some(url.clone());
        self.change(|exchange| exchange.set_tracking_url(url));
    }

    /// Says how far the application is, from 0 to 1; told with the next heartbeat, which is not hurried.
    pub fn set_progress(&self, progress: f32) {
        self.shared().exchange().set_progress(progress);
    }

    /// How many containers are asked for and have not come.
    pub fn outstanding(&self) -> u32 {
        self.shared().exchange().outstanding()
    }

    /// How many are outstanding under a key.
    pub fn outstanding_under(&self, key: AskKey) -> u32 {
        self.shared().exchange().outstanding_under(key)
    }

    /// What the application may still get, as the last heartbeat told.
    pub fn headroom(&self) -> Option<Resource> {
        self.shared().exchange().view().headroom.clone()
    }

    /// How many nodes the cluster has, as a heartbeat told.
    pub fn cluster_nodes(&self) -> Option<u32> {
        self.shared().exchange().view().cluster_nodes
    }

    /// The application's priority, as a heartbeat told.
    pub fn application_priority(&self) -> Option<Priority> {
        self.shared().exchange().view().priority
    }

    /// Where timeline data go, as a heartbeat told.
    pub fn collector(&self) -> Option<Collector> {
        self.shared().exchange().view().collector.clone()
    }

    /// Ends the application: no heartbeat follows, and the call returns once the ResourceManager has stored the final
    /// status. Only then may the process exit. `tracking_url` is where its history is; it may be empty.
    ///
    /// # Errors
    /// See [`AmError`]; [`AmError::Ended`] where the heartbeats have ended before.
    pub async fn unregister(&self, status: FinalStatus, diagnostics: &str, tracking_url: &str) -> Result<(), AmError> {
        let (done, answer) = oneshot::channel();
        let finish = Finish {
            status,
            diagnostics: diagnostics.to_owned(),
            tracking_url: tracking_url.to_owned(),
            done,
        };
        {
            let mut wishes = self.shared().wishes();
            if wishes.ended {
                return Err(AmError::Ended);
            }
            wishes.finish = Some(finish);
        }
        self.shared().wake.notify_one();
        answer.await.unwrap_or(Err(AmError::Ended))
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.guard.0
    }

    fn change<R>(&self, action: impl FnOnce(&mut Exchange) -> R) -> R {
        let result = action(&mut self.shared().exchange());
        self.shared().wake.notify_one();
        result
    }
}
