//! Credits on their way back to a producer's worker, joined while the stream is busy: memory is one number a channel.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_flight::FlightData;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tonic::Status;

use super::credit::CreditSink;
use super::wire::{self, Credits};

/// The response side of one incoming stream.
#[derive(Debug, Default)]
pub(super) struct StreamCredits {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    granted: BTreeMap<u32, u64>,
    /// How the stream ends, when all is said.
    end: Option<Option<Status>>,
}

impl StreamCredits {
    fn grant(&self, channel: u32, bytes: u64) {
        *self.state.lock().granted.entry(channel).or_default() += bytes;
        self.changed.notify_one();
    }

    /// Ends the stream, with an error or without.
    pub(super) fn end(&self, status: Option<Status>) {
        self.state.lock().end.get_or_insert(status);
        self.changed.notify_one();
    }

    /// The messages to the producer's worker.
    pub(super) fn messages(self: Arc<Self>) -> BoxStream<'static, Result<FlightData, Status>> {
        stream::unfold(Some(self), |credits| async move {
            let credits = credits?;
            loop {
                match credits.next() {
                    Some(Ok(message)) => return Some((Ok(message), Some(credits))),
                    Some(Err(Some(status))) => return Some((Err(status), None)),
                    Some(Err(None)) => return None,
                    None => credits.changed.notified().await,
                }
            }
        })
        .boxed()
    }

    fn next(&self) -> Option<Result<FlightData, Option<Status>>> {
        let mut state = self.state.lock();
        if state.granted.is_empty() {
            return state.end.clone().map(Err);
        }
        let by_channel = std::mem::take(&mut state.granted);
        Some(Ok(wire::credits(&Credits { by_channel })))
    }
}

/// One channel of the stream, as its gate sees it.
pub(super) struct StreamChannel {
    pub(super) credits: Arc<StreamCredits>,
    pub(super) channel: u32,
}

impl CreditSink for StreamChannel {
    fn grant(&self, bytes: u64) {
        self.credits.grant(self.channel, bytes);
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[tokio::test]
    async fn credits_are_joined_until_they_are_sent_and_the_end_comes_last() {
        let credits = Arc::new(StreamCredits::default());
        for (channel, bytes) in [(1, 10), (2, 5), (1, 7)] {
            credits.grant(channel, bytes);
        }
        credits.end(Some(Status::aborted("over")));
        let messages: Vec<_> = credits.messages().collect().await;
        let [Ok(first), Err(status)] = &messages[..] else {
            panic!("{messages:?}");
        };
        let sent = Credits::decode(first.app_metadata.clone()).unwrap();
        assert_eq!(sent.by_channel, BTreeMap::from([(1, 17), (2, 5)]));
        assert_eq!(status.message(), "over");
    }
}
