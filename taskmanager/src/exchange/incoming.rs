//! A stream of another worker, as the consuming worker takes it in.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow_flight::FlightData;
use parking_lot::Mutex;
use prost::Message;
use tonic::{Status, Streaming};

use super::channel::{ChannelId, JobKey};
use super::client::describe;
use super::error::ExchangeError;
use super::gate::GateInput;
use super::release::ReleasedPartitions;
use super::service::{Exchange, ProducerEnd};
use super::stream_credit::{StreamChannel, StreamCredits};
use super::wire::{self, Element, ElementKind};

/// One stream of another worker.
pub(super) struct Incoming {
    pub(super) exchange: Exchange,
    pub(super) peer: Arc<str>,
    pub(super) credits: Arc<StreamCredits>,
    pub(super) channels: Arc<IncomingChannels>,
}

/// Its channels that have not ended.
pub(super) struct IncomingChannels {
    pub(super) job: JobKey,
    state: Mutex<OpenChannels>,
}

#[derive(Default)]
struct OpenChannels {
    /// All below this number have been opened.
    opened: u32,
    open: BTreeMap<u32, IncomingChannel>,
}

struct IncomingChannel {
    id: ChannelId,
    input: Arc<OnceLock<GateInput>>,
}

impl IncomingChannels {
    pub(super) fn new(job: JobKey) -> Arc<Self> {
        let state = Mutex::default();
        Arc::new(Self { job, state })
    }

    /// Forgets the channels of these partitions.
    pub(super) fn release(&self, partitions: &[ReleasedPartitions]) {
        let is_released = |id: &ChannelId| partitions.iter().any(|released| released.cover(id));
        self.state.lock().open.retain(|_, channel| !is_released(&channel.id));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.state.lock().open.len()
    }
}

impl Incoming {
    /// Takes everything off the stream until it ends.
    pub(super) async fn run(self, mut messages: Streaming<FlightData>) {
        let error = tokio::select! {
            biased;
            error = self.exchange.job_over(&self.channels.job) => Some(error),
            error = self.receive(&mut messages) => error,
        };
        let ended = error.as_ref().map(Status::from);
        self.credits.end(ended);
        self.lose_channels(&error.unwrap_or_else(|| self.lost("it closed the stream before its tasks had finished")));
    }

    async fn receive(&self, messages: &mut Streaming<FlightData>) -> Option<ExchangeError> {
        loop {
            match messages.message().await {
                Ok(Some(message)) => {
                    if let Err(error) = self.accept(message) {
                        return Some(error);
                    }
                }
                Ok(None) => return None,
                Err(status) => return Some(self.lost(&describe(&status))),
            }
        }
    }

    fn accept(&self, mut message: FlightData) -> Result<(), ExchangeError> {
        let metadata = std::mem::take(&mut message.app_metadata);
        let element = Element::decode(metadata).map_err(|error| self.violation(&error.to_string()))?;
        match element.kind() {
            ElementKind::Open => self.open(element),
            ElementKind::Batch => match self.input(element.channel)? {
                Some(input) => input.push_message(message).map_err(|reason| self.violation(&reason)),
                None => Ok(()),
            },
            ElementKind::End => {
                if let Some(input) = self.input(element.channel)? {
                    input.end();
                    self.channels.state.lock().open.remove(&element.channel);
                }
                Ok(())
            }
            ElementKind::Unknown => Err(self.violation(&format!("element kind {} is not known", element.kind))),
        }
    }

    fn open(&self, element: Element) -> Result<(), ExchangeError> {
        let id = element.name.and_then(wire::ChannelName::into_id);
        let id = id.ok_or_else(|| self.violation("it opened a channel without a name"))?;
        let channel = IncomingChannel {
            id: id.clone(),
            input: Arc::default(),
        };
        let producer = ProducerEnd {
            peer: self.peer.clone(),
            input: channel.input.clone(),
            credits: Arc::new(StreamChannel {
                credits: self.credits.clone(),
                channel: element.channel,
            }),
        };
        {
            let mut state = self.channels.state.lock();
            state.opened = state.opened.max(element.channel.saturating_add(1));
            state.open.insert(element.channel, channel);
        }
        match self.exchange.offer_producer(self.channels.job, id, producer) {
            Err(released @ ExchangeError::PartitionReleased(_)) => {
                // Its producer is being told: the other channels of the stream go on.
                tracing::debug!("{}: {released}", self.peer);
                self.channels.state.lock().open.remove(&element.channel);
                Ok(())
            }
            offered => offered,
        }
    }

    /// Where a channel leads; nowhere, where it has ended or is released.
    fn input(&self, number: u32) -> Result<Option<GateInput>, ExchangeError> {
        let state = self.channels.state.lock();
        match state.open.get(&number) {
            Some(channel) => match channel.input.get() {
                Some(input) => Ok(Some(input.clone())),
                None => Err(self.violation(&format!("it sent on channel {} without credit", channel.id))),
            },
            None if number < state.opened => Ok(None),
            None => Err(self.violation(&format!("it sent on channel {number}, which it has not opened"))),
        }
    }

    fn lose_channels(&self, error: &ExchangeError) {
        let open = std::mem::take(&mut self.channels.state.lock().open);
        for channel in open.into_values() {
            self.exchange
                .lose_producer(self.channels.job, &channel.id, &channel.input, &self.peer, error);
        }
    }

    fn lost(&self, reason: &str) -> ExchangeError {
        ExchangeError::PeerLost {
            peer: self.peer.clone(),
            reason: reason.into(),
        }
    }

    fn violation(&self, reason: &str) -> ExchangeError {
        ExchangeError::Protocol {
            peer: self.peer.clone(),
            reason: reason.into(),
        }
    }
}
