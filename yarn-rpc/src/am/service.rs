//! The task that beats by itself: it sends what the handles ask, and tells what the answers bring.
//!
//! ```text
//!   handles ──ask, release──► exchange (shared) ──request──► heartbeat ──► ResourceManager
//!      │                          ▲                             │
//!      └──wake──► pacing ─────────┴──────────answer─────────────┴──► events, never waited for
//! ```

use std::sync::Arc;

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    Allocation, AmClient, AmError, AmEvent, AmEvents, AmHandle, Pace,
    handle::{Finish, Shared},
    link::Link,
    pacing::Pacing,
};
use crate::ipc::ExceptionKind;

impl AmClient {
    /// Makes a task of a registered client: it beats at this pace, releases what was not asked for, and tells news.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(self, pace: Pace) -> (AmHandle, AmEvents) {
        let Self { link, exchange } = self;
        let shared = Arc::new(Shared::new(exchange));
        let handle = AmHandle::new(shared.clone(), link.nm_tokens().clone());
        let (events, receiver) = mpsc::unbounded_channel();
        let beat = Beat {
            link,
            shared,
            events,
            pacing: Pacing::new(pace, Instant::now()),
        };
        tokio::spawn(async move {
            let shared = beat.shared.clone();
            beat.run().await;
            shared.close();
        });
        (handle, AmEvents(receiver))
    }
}

struct Beat {
    link: Link,
    shared: Arc<Shared>,
    /// Unbounded: a reader that is slow must not hold up the heartbeat, on which the attempt's life depends. What
    /// gathers is bounded by what the ResourceManager has to tell.
    events: mpsc::UnboundedSender<AmEvent>,
    pacing: Pacing,
}

impl Beat {
    async fn run(mut self) {
        loop {
            if let Some(finish) = self.shared.take_finish() {
                return self.finish(finish).await;
            }
            if self.shared.is_abandoned() {
                tracing::warn!("nobody holds the ApplicationMaster's handle any more; its heartbeats end");
                return;
            }
            tokio::select! {
                biased;
                () = self.shared.wake.notified() => self.pacing.news(Instant::now()),
                () = sleep_until(self.pacing.due()) => {
                    if let Err(error) = self.beat().await {
                        return self.fail(error);
                    }
                }
            }
        }
    }

    /// One heartbeat. An error ends the service.
    async fn beat(&mut self) -> Result<(), AmError> {
        if let Some(url) = self.shared.take_tracking_url() {
            self.link.remember_tracking_url(&url);
        }
        let mut shared = self.shared.clone();
        match self.link.allocate(&mut shared).await {
            Ok(news) => self.tell(news),
            Err(error) => self.recover(error)?,
        }
        let (awaits_news, has_news) = {
            let exchange = self.shared.exchange();
            (exchange.awaits_news(), exchange.has_news())
        };
        let now = Instant::now();
        self.pacing.answered(now, awaits_news);
        if has_news {
            self.pacing.news(now);
        }
        Ok(())
    }

    /// Takes out what was refused; an error with another cause is returned.
    fn recover(&self, error: AmError) -> Result<(), AmError> {
        if error.is_terminal() {
            return Err(error);
        }
        let kind = error
            .exception()
            .map_or(ExceptionKind::Other, |exception| exception.kind());
        if error.exception().is_none() {
            return Err(error);
        }
        let withdrawn = self.shared.exchange().withdraw(kind);
        if withdrawn.is_empty() {
            return Err(error);
        }
        tracing::warn!(%error, ?withdrawn, "the ResourceManager refused a heartbeat; going on without what it carried");
        self.send(AmEvent::Refused {
            withdrawn,
            error: Arc::new(error),
        });
        Ok(())
    }

    fn tell(&self, news: Allocation) {
        if news.resynchronised {
            self.send(AmEvent::Resynchronised);
        }
        news.updated_nodes
            .into_iter()
            .for_each(|node| self.send(AmEvent::NodeUpdated(node)));
        news.completed
            .into_iter()
            .for_each(|status| self.send(AmEvent::Completed(status)));
        for granted in news.allocated {
            if granted.expected {
                self.send(AmEvent::Allocated(granted.container));
            } else {
                tracing::debug!(container = %granted.container.id, "releasing a container that nobody asked for");
                self.shared.exchange().release(granted.container.id);
            }
        }
        news.recovered
            .into_iter()
            .for_each(|container| self.send(AmEvent::Recovered(container)));
        news.updated
            .into_iter()
            .for_each(|updated| self.send(AmEvent::Updated(updated)));
        news.update_errors
            .into_iter()
            .for_each(|error| self.send(AmEvent::UpdateFailed(error)));
        news.rejected
            .into_iter()
            .for_each(|rejected| self.send(AmEvent::Rejected(rejected)));
        if let Some(preemption) = news.preemption {
            self.send(AmEvent::Preemption(preemption));
        }
        if let Some(priority) = news.application_priority.filter(|_| news.priority_changed) {
            self.send(AmEvent::PriorityChanged(priority));
        }
        if let Some(collector) = news.collector.filter(|_| news.collector_changed) {
            self.send(AmEvent::CollectorChanged(collector));
        }
    }

    async fn finish(mut self, finish: Finish) {
        let mut shared = self.shared.clone();
        let finished = self
            .link
            .finish(&mut shared, finish.status, &finish.diagnostics, &finish.tracking_url);
        // Whoever asked may have given up.
        let _ = finish.done.send(finished.await);
    }

    fn fail(&self, error: AmError) {
        tracing::error!(%error, "the heartbeats to the ResourceManager end");
        self.send(AmEvent::Failed(Arc::new(error.clone())));
        if let Some(finish) = self.shared.take_finish() {
            // As above.
            let _ = finish.done.send(Err(error));
        }
    }

    fn send(&self, event: AmEvent) {
        // A program that wants no news has dropped the receiver.
        let _ = self.events.send(event);
    }
}
