//! The producing worker's side of a stream to another worker.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow_flight::FlightData;
use arrow_flight::flight_service_client::FlightServiceClient;
use backon::{ExponentialBuilder, Retryable};
use futures::{StreamExt, stream};
use parking_lot::Mutex;
use prost::Message;
use selvedge_runtime::rpc::{ApplicationSecret, MAX_MESSAGE_BYTES, RpcChannel};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status, Streaming};

use super::channel::{ChannelId, JobKey, Peer};
use super::credit::CreditGate;
use super::error::ExchangeError;
use super::release::ReleasedPartitions;
use super::send_pool::SendPermit;
use super::wire::{self, Credits};

/// Attempts to reach a worker that was just deployed to.
const CONNECT_ATTEMPTS: usize = 5;

/// The stream of one job to one other worker; carries all channels between the two.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Not bounded by a number: what task threads put here is bounded by their slot's pool.
    queue: UnboundedSender<Queued>,
    state: Mutex<OutgoingState>,
}

#[derive(Debug, Default)]
struct OutgoingState {
    /// By channel number.
    channels: BTreeMap<u32, OutgoingChannel>,
    /// The number of the next one.
    next: u32,
    failure: Option<ExchangeError>,
}

#[derive(Debug)]
struct OutgoingChannel {
    id: ChannelId,
    credit: Arc<CreditGate>,
}

/// A message, and its place in the pool where it is a batch.
type Queued = (FlightData, Option<SendPermit>);

/// What the connection's own task needs.
pub(super) struct Connection {
    outgoing: Arc<Outgoing>,
    messages: Arc<Mutex<UnboundedReceiver<Queued>>>,
    /// Whether anything left the queue: then the stream cannot be opened again without loss.
    started: Arc<AtomicBool>,
    /// Ends the request side too when the connection is given up: the transport alone would keep it open.
    closed: CancellationToken,
    peer: Peer,
    job: JobKey,
    worker: String,
}

impl Outgoing {
    /// A stream that is not connected yet, and what connects it.
    pub(super) fn new(peer: Peer, job: JobKey, worker: String) -> (Arc<Self>, Connection) {
        let (queue, messages) = unbounded_channel();
        let outgoing = Arc::new(Self {
            queue,
            state: Mutex::default(),
        });
        let connection = Connection {
            outgoing: outgoing.clone(),
            messages: Arc::new(Mutex::new(messages)),
            started: Arc::default(),
            closed: CancellationToken::new(),
            peer,
            job,
            worker,
        };
        (outgoing, connection)
    }

    /// Opens a channel: its number and its account.
    pub(super) fn open(&self, id: &ChannelId) -> (u32, Arc<CreditGate>) {
        let credit = Arc::new(CreditGate::default());
        let mut state = self.state.lock();
        let number = state.next;
        state.next = number.saturating_add(1);
        let channel = OutgoingChannel {
            id: id.clone(),
            credit: credit.clone(),
        };
        state.channels.insert(number, channel);
        match state.failure.clone() {
            Some(failure) => credit.fail(failure),
            // Within the lock, so that the numbers reach the consumer in their order.
            None => self.send(wire::open(number, id)),
        }
        (number, credit)
    }

    /// Queues a message. One for a failed stream vanishes; its sender learns of it from its account.
    pub(super) fn send(&self, message: FlightData) {
        drop(self.queue.send((message, None)));
    }

    /// The same for a batch, which holds its place in the pool until it has left.
    pub(super) fn send_batch(&self, message: FlightData, permit: SendPermit) {
        drop(self.queue.send((message, Some(permit))));
    }

    /// All channels fail, those to come too.
    pub(super) fn fail(&self, error: &ExchangeError) {
        let mut state = self.state.lock();
        state.failure.get_or_insert_with(|| error.clone());
        for channel in state.channels.values() {
            channel.credit.fail(error.clone());
        }
    }

    /// Forgets the channels of these partitions; whoever still sends on one fails.
    pub(super) fn release(&self, partitions: &[ReleasedPartitions]) {
        let is_released = |id: &ChannelId| partitions.iter().any(|released| released.cover(id));
        let mut state = self.state.lock();
        for (_, channel) in state.channels.extract_if(.., |_, channel| is_released(&channel.id)) {
            channel.credit.fail(ExchangeError::PartitionReleased(channel.id));
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.state.lock().channels.len()
    }

    fn grant(&self, credits: &Credits) {
        let state = self.state.lock();
        for (number, bytes) in &credits.by_channel {
            if let Some(channel) = state.channels.get(number) {
                channel.credit.grant(*bytes);
            }
        }
    }
}

impl Connection {
    /// Carries messages until the stream ends, and tells why it did.
    pub(super) async fn run(&self, secret: &ApplicationSecret, window: u32) -> ExchangeError {
        let lost = |reason: String| ExchangeError::PeerLost {
            peer: self.peer.to_string().into(),
            reason: reason.into(),
        };
        let channel = match RpcChannel::data(&self.peer.data_address, secret, window) {
            Ok(channel) => channel,
            Err(error) => return lost(format!("'{}' is no address: {error}", self.peer.data_address)),
        };
        match self.connect(&channel).await {
            Ok(mut responses) => lost(self.receive(&mut responses).await),
            Err(status) => lost(describe(&status)),
        }
    }

    pub(super) const fn job(&self) -> &JobKey {
        &self.job
    }

    /// Whether it is this stream's.
    pub(super) fn carries(&self, outgoing: &Arc<Outgoing>) -> bool {
        Arc::ptr_eq(&self.outgoing, outgoing)
    }

    pub(super) fn close(&self, error: &ExchangeError) {
        self.closed.cancel();
        self.outgoing.fail(error);
    }

    async fn connect(&self, channel: &RpcChannel) -> Result<Streaming<FlightData>, Status> {
        let retry = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(50))
            .with_max_times(CONNECT_ATTEMPTS)
            .with_jitter();
        (|| self.exchange(channel))
            .retry(retry)
            .when(|status| status.code() == Code::Unavailable && !self.started.load(Ordering::Relaxed))
            .await
    }

    async fn exchange(&self, channel: &RpcChannel) -> Result<Streaming<FlightData>, Status> {
        let mut client = FlightServiceClient::with_interceptor(channel.channel(), channel.interceptor())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let (messages, started) = (self.messages.clone(), self.started.clone());
        // The message that leaves now: the transport asks for the next one when it has room again.
        let mut leaving: Option<SendPermit> = None;
        let requests = stream::poll_fn(move |context| {
            let polled = messages.lock().poll_recv(context);
            drop(leaving.take());
            polled.map(|next| {
                started.store(true, Ordering::Relaxed);
                next.map(|(message, permit)| {
                    leaving = permit;
                    message
                })
            })
        });
        let mut request = Request::new(requests.take_until(self.closed.clone().cancelled_owned()));
        wire::sign(&mut request, &self.job, &self.worker);
        Ok(client.do_exchange(request).await?.into_inner())
    }

    /// Takes credits until the stream ends; why it did.
    async fn receive(&self, responses: &mut Streaming<FlightData>) -> String {
        loop {
            match responses.message().await {
                Ok(Some(message)) => match Credits::decode(message.app_metadata) {
                    Ok(credits) => self.outgoing.grant(&credits),
                    Err(error) => return format!("its credits cannot be read: {error}"),
                },
                Ok(None) => return "it closed the stream".to_owned(),
                Err(status) => return describe(&status),
            }
        }
    }
}

/// A status for people: its message with the cause that the transport knows.
pub(super) fn describe(status: &Status) -> String {
    selvedge_runtime::connector::report(status)
}
