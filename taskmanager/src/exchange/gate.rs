//! The consuming end: what arrives for one task, over all of its channels.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::FlightData;
use parking_lot::Mutex;
use selvedge_runtime::clock::{thread_elapsed, thread_now};
use tokio::sync::Notify;

use super::batch;
use super::credit::CreditSink;
use super::elapsed::Elapsed;
use super::error::ExchangeError;
use super::gate_queue::{GateQueue, Popped};
use super::usage::NetworkUse;
use crate::operator::{TaskContext, TaskError};

/// What a gate yields.
#[derive(Debug)]
pub enum GateEvent {
    /// Records.
    Batch {
        /// The channel's position among those with which the gate was opened.
        channel: usize,
        /// The records.
        batch: RecordBatch,
    },
    /// A channel has ended.
    End {
        /// Its position.
        channel: usize,
    },
    /// All channels have ended.
    Finished,
    /// Nothing came in the given time.
    TimedOut,
}

/// The gate of one task. Its thread takes from it; dropping it gives up the channels.
pub struct InputGate {
    pub(super) shared: Arc<GateShared>,
    pub(super) schemas: Vec<SchemaRef>,
    pub(super) idle: Elapsed,
    pub(super) withdraw: Option<Box<dyn FnOnce() + Send>>,
}

/// One channel's way into a gate.
#[derive(Clone)]
pub(super) struct GateInput {
    pub(super) gate: Arc<GateShared>,
    pub(super) channel: usize,
}

pub(super) struct GateShared {
    usage: Arc<NetworkUse>,
    state: Mutex<GateState>,
    arrived: Notify,
}

struct GateState {
    queue: GateQueue<Payload>,
    producers: Vec<Option<Producer>>,
    failure: Option<(Arc<str>, ExchangeError)>,
    closed: bool,
}

/// Where a channel comes from.
#[derive(Clone)]
struct Producer {
    peer: Arc<str>,
    credits: Arc<dyn CreditSink>,
}

enum Payload {
    Encoded(FlightData),
    Local(RecordBatch),
}

impl GateShared {
    pub(super) fn new(windows: impl IntoIterator<Item = u64>, usage: Arc<NetworkUse>) -> Self {
        let windows: Vec<u64> = windows.into_iter().collect();
        let state = GateState {
            producers: vec![None; windows.len()],
            queue: GateQueue::new(windows),
            failure: None,
            closed: false,
        };
        Self {
            usage,
            state: Mutex::new(state),
            arrived: Notify::new(),
        }
    }
}

impl GateInput {
    /// The channel's producer is there: grants its first credit.
    pub(super) fn attach(&self, peer: Arc<str>, credits: Arc<dyn CreditSink>) {
        let window = {
            let mut state = self.gate.state.lock();
            state.producers[self.channel] = Some(Producer {
                peer,
                credits: credits.clone(),
            });
            state.queue.attach(self.channel)
        };
        credits.grant(window);
    }

    /// Takes a message of a remote producer, or tells how it broke the protocol.
    pub(super) fn push_message(&self, message: FlightData) -> Result<(), String> {
        let bytes = batch::message_size(&message);
        self.push(Payload::Encoded(message), bytes)
    }

    /// Takes a batch of a producer in this process.
    pub(super) fn push_batch(&self, batch: RecordBatch, bytes: u64) -> Result<(), String> {
        self.push(Payload::Local(batch), bytes)
    }

    fn push(&self, payload: Payload, bytes: u64) -> Result<(), String> {
        let mut state = self.gate.state.lock();
        if state.closed {
            return Ok(());
        }
        let pushed = state.queue.push(self.channel, payload, bytes);
        if pushed.is_ok() {
            // Within the lock: the task may take it at once.
            self.gate.usage.add(bytes);
        }
        drop(state);
        pushed.map_err(|credit| format!("it sent {bytes} bytes on a channel with a credit of {credit}"))?;
        self.gate.arrived.notify_one();
        Ok(())
    }

    /// The producer has sent everything.
    pub(super) fn end(&self) {
        self.gate.state.lock().queue.end(self.channel);
        self.gate.arrived.notify_one();
    }

    /// Nothing more will come, and the task cannot go on.
    pub(super) fn fail(&self, peer: &Arc<str>, error: &ExchangeError) {
        let mut state = self.gate.state.lock();
        state.failure.get_or_insert_with(|| (peer.clone(), error.clone()));
        drop(state);
        self.gate.arrived.notify_one();
    }
}

impl InputGate {
    /// What comes next on whichever channel; waits at most this long, for ever where `None`.
    pub fn next(&mut self, context: &TaskContext, timeout: Option<Duration>) -> Result<GateEvent, TaskError> {
        if context.cancelled.is_cancelled() {
            return Err(TaskError::Cancelled);
        }
        let popped = match self.poll()? {
            Some(popped) => popped,
            None => match self.wait(context, timeout)? {
                Some(popped) => popped,
                None => return Ok(GateEvent::TimedOut),
            },
        };
        match popped {
            Popped::Finished => Ok(GateEvent::Finished),
            Popped::End { channel } => Ok(GateEvent::End { channel }),
            Popped::Element {
                channel,
                element,
                bytes,
                credit,
            } => self.take(context, channel, element, bytes, credit),
        }
    }

    /// Bytes that wait to be taken.
    pub fn queued_bytes(&self) -> u64 {
        self.shared.state.lock().queue.queued_bytes()
    }

    fn poll(&self) -> Result<Option<Popped<Payload>>, TaskError> {
        let mut state = self.shared.state.lock();
        match &state.failure {
            Some((peer, error)) => Err(error.clone().into_task_error(peer)),
            None => {
                let popped = state.queue.pop();
                if let Some(Popped::Element { bytes, .. }) = &popped {
                    self.shared.usage.subtract(*bytes);
                }
                Ok(popped)
            }
        }
    }

    fn wait(&mut self, context: &TaskContext, timeout: Option<Duration>) -> Result<Option<Popped<Payload>>, TaskError> {
        let since = thread_now();
        let arrival = async {
            loop {
                self.shared.arrived.notified().await;
                if let Some(popped) = self.poll()? {
                    return Ok(Some(popped));
                }
            }
        };
        let waited = context.block_on(async {
            match timeout {
                Some(timeout) => tokio::time::timeout(timeout, arrival).await.unwrap_or(Ok(None)),
                None => arrival.await,
            }
        });
        self.idle.add(thread_elapsed(since), &context.counters.idle_ms);
        waited?
    }

    fn take(
        &self,
        context: &TaskContext,
        channel: usize,
        element: Payload,
        bytes: u64,
        credit: u64,
    ) -> Result<GateEvent, TaskError> {
        let producer = self.shared.state.lock().producers[channel].clone();
        let producer = producer.expect("a channel with an element has a producer");
        let batch = match element {
            Payload::Local(batch) => batch,
            Payload::Encoded(message) => decode(&message, self.schemas[channel].clone(), &producer.peer)?,
        };
        if credit > 0 {
            producer.credits.grant(credit);
        }
        let counters = &context.counters;
        counters
            .records_in
            .fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        counters.bytes_in.fetch_add(bytes, Ordering::Relaxed);
        Ok(GateEvent::Batch { channel, batch })
    }
}

fn decode(message: &FlightData, schema: SchemaRef, peer: &Arc<str>) -> Result<RecordBatch, TaskError> {
    batch::decode(message, schema).map_err(|error| {
        let error = ExchangeError::Codec {
            peer: peer.clone(),
            step: "decoded",
            reason: error.to_string().into(),
        };
        error.into_task_error(peer)
    })
}

impl Drop for InputGate {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state.lock();
            state.closed = true;
            self.shared.usage.subtract(state.queue.queued_bytes());
            state.queue.clear();
        }
        if let Some(withdraw) = self.withdraw.take() {
            withdraw();
        }
    }
}

impl fmt::Debug for InputGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InputGate")
            .field("channels", &self.schemas.len())
            .field("queued_bytes", &self.queued_bytes())
            .finish()
    }
}
