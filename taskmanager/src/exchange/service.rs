//! The exchange of one worker: opens both ends of channels, knows the streams, begins and ends jobs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use arrow::datatypes::SchemaRef;
use arrow_flight::flight_service_server::FlightServiceServer;
use parking_lot::Mutex;
use selvedge_core::{ExecutionAttemptId, ResourceId};
use selvedge_runtime::rpc::{ApplicationSecret, MAX_MESSAGE_BYTES, RpcServer, ServerError};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::service::interceptor::InterceptedService;

use super::ExchangeConfig;
use super::batch::BatchEncoder;
use super::budget::OutputGrant;
use super::channel::{ChannelId, JobKey, Peer};
use super::client::{Connection, Outgoing};
use super::credit::{CreditGate, CreditSink};
use super::elapsed::Elapsed;
use super::error::ExchangeError;
use super::gate::{GateInput, GateShared, InputGate};
use super::incoming::IncomingChannels;
use super::partition::ResultPartition;
use super::partitioner::{Selector, Shipping};
use super::send_pool::SendPool;
use super::sender::{ChannelSender, Route};
use super::server::FlightExchange;
use super::state::{Met, Rendezvous};
use super::usage::NetworkUse;
use crate::operator::TaskContext;

/// One input channel of a task.
#[derive(Debug, Clone)]
pub struct InputChannelSpec {
    /// The edge's position in the JobGraph.
    pub edge: u32,
    /// Who sends.
    pub producer: ExecutionAttemptId,
    /// The edge's schema.
    pub schema: SchemaRef,
}

/// One output channel of a task.
#[derive(Debug, Clone)]
pub struct OutputChannelSpec {
    /// Who receives.
    pub consumer: ExecutionAttemptId,
    /// Its worker.
    pub peer: Peer,
}

/// The exchange of one worker; cheap to clone.
#[derive(Clone)]
pub struct Exchange(Arc<Shared>);

struct Shared {
    worker: ResourceId,
    config: ExchangeConfig,
    secret: ApplicationSecret,
    io: Handle,
    usage: Arc<NetworkUse>,
    rendezvous: Mutex<Rendezvous<ProducerEnd, GateInput>>,
    outgoing: Mutex<BTreeMap<(JobKey, Peer), Arc<Outgoing>>>,
    /// Streams of other workers; each goes with its stream.
    incoming: Mutex<Vec<Weak<IncomingChannels>>>,
    job_ended: Notify,
    shutdown: CancellationToken,
}

/// The producing end of a channel, as its consumer knows it.
#[derive(Clone)]
pub(super) struct ProducerEnd {
    pub(super) peer: Arc<str>,
    pub(super) input: Arc<OnceLock<GateInput>>,
    pub(super) credits: Arc<dyn CreditSink>,
}

impl ProducerEnd {
    fn meet(self, input: GateInput) {
        if self.input.set(input.clone()).is_ok() {
            input.attach(self.peer, self.credits);
        }
    }
}

impl Exchange {
    /// The exchange of this worker. Its streams run on `io`.
    pub fn new(worker: ResourceId, config: ExchangeConfig, secret: ApplicationSecret, io: Handle) -> Self {
        Self(Arc::new(Shared {
            worker,
            config,
            secret,
            io,
            usage: Arc::default(),
            rendezvous: Mutex::new(Rendezvous::new()),
            outgoing: Mutex::default(),
            incoming: Mutex::default(),
            job_ended: Notify::new(),
            shutdown: CancellationToken::new(),
        }))
    }

    /// What it holds now.
    pub fn usage(&self) -> &Arc<NetworkUse> {
        &self.0.usage
    }

    /// Serves other workers' streams until [`Self::shut_down`].
    pub async fn serve(self, server: RpcServer) -> Result<(), ServerError> {
        let service = FlightServiceServer::new(FlightExchange(self.clone()))
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let guarded = InterceptedService::new(service, self.0.secret.interceptor());
        server
            .window(self.0.config.window())
            .serve(Routes::new(guarded), self.0.shutdown.cancelled())
            .await
    }

    /// The worker takes part in this job. What an earlier leader of it had here is over.
    pub fn begin_job(&self, job: JobKey) {
        let stale = self.0.rendezvous.lock().begin_job(job);
        if let Some(stale) = stale {
            self.forget(stale);
        }
    }

    /// The job is over here: its streams are closed, and later ones refused.
    pub fn end_job(&self, job: JobKey) {
        self.0.rendezvous.lock().end_job(job);
        self.forget(job);
    }

    fn forget(&self, job: JobKey) {
        self.0.outgoing.lock().retain(|(key, _), _| *key != job);
        self.0.job_ended.notify_waiters();
    }

    /// Closes all streams and refuses new ones.
    pub fn shut_down(&self) {
        self.0.shutdown.cancel();
        self.0.outgoing.lock().clear();
    }

    /// Opens the gate of a task, each channel with `window` bytes of credit.
    pub fn open_gate(
        &self,
        job: JobKey,
        consumer: &ExecutionAttemptId,
        channels: Vec<InputChannelSpec>,
        window: u64,
    ) -> Result<InputGate, ExchangeError> {
        let shared = Arc::new(GateShared::new(channels.iter().map(|_| window), self.0.usage.clone()));
        let (mut schemas, mut ids) = (Vec::new(), Vec::new());
        for spec in channels {
            schemas.push(spec.schema);
            ids.push(ChannelId {
                edge: spec.edge,
                producer: spec.producer,
                consumer: consumer.clone(),
            });
        }
        for (channel, id) in ids.iter().enumerate() {
            let gate = shared.clone();
            self.offer_consumer(job, id.clone(), GateInput { gate, channel })?;
        }
        let exchange = self.clone();
        let withdraw = move || exchange.withdraw(job, &ids);
        Ok(InputGate {
            shared,
            schemas,
            idle: Elapsed::default(),
            withdraw: Some(Box::new(withdraw)),
        })
    }

    /// Opens one output edge of a task, with at least one channel.
    pub fn open_partition(
        &self,
        job: JobKey,
        context: &TaskContext,
        edge: u32,
        channels: Vec<OutputChannelSpec>,
        shipping: Shipping,
        grant: &OutputGrant,
    ) -> Result<ResultPartition, ExchangeError> {
        let selector = Selector::new(shipping, context.attempt.subtask);
        let senders: Result<Vec<_>, _> = channels
            .into_iter()
            .map(|spec| self.open_sender(job, &context.attempt, edge, spec, &grant.pool))
            .collect();
        Ok(ResultPartition::new(
            context.clone(),
            selector,
            senders?,
            grant.coalesce_bytes,
            &self.0.config,
            &self.0.usage,
        ))
    }

    fn open_sender(
        &self,
        job: JobKey,
        producer: &ExecutionAttemptId,
        edge: u32,
        spec: OutputChannelSpec,
        pool: &Arc<SendPool>,
    ) -> Result<ChannelSender, ExchangeError> {
        let peer: Arc<str> = format!("{} on {}", spec.consumer, spec.peer).into();
        let id = ChannelId {
            edge,
            producer: producer.clone(),
            consumer: spec.consumer,
        };
        if self.0.rendezvous.lock().is_released(job, &id) {
            return Err(ExchangeError::PartitionReleased(id));
        }
        if spec.peer.resource_id == self.0.worker {
            return self.open_local(job, id, peer);
        }
        let outgoing = self.outgoing(job, spec.peer);
        let (number, credit) = outgoing.open(&id);
        let encoder = Box::new(BatchEncoder::new());
        let route = Route::Remote {
            number,
            outgoing,
            pool: pool.clone(),
            encoder,
        };
        Ok(ChannelSender { peer, credit, route })
    }

    fn open_local(&self, job: JobKey, id: ChannelId, peer: Arc<str>) -> Result<ChannelSender, ExchangeError> {
        let credit = Arc::new(CreditGate::default());
        let input = Arc::<OnceLock<GateInput>>::default();
        let producer = ProducerEnd {
            peer: format!("{} on this worker", id.producer).into(),
            input: input.clone(),
            credits: Arc::new(credit.clone()),
        };
        self.offer_producer(job, id, producer)?;
        let route = Route::Local(input);
        Ok(ChannelSender { peer, credit, route })
    }

    /// The job's stream to that worker, opened at the first call.
    fn outgoing(&self, job: JobKey, peer: Peer) -> Arc<Outgoing> {
        let mut streams = self.0.outgoing.lock();
        if let Some(outgoing) = streams.get(&(job, peer.clone())) {
            return outgoing.clone();
        }
        let (outgoing, connection) = Outgoing::new(peer.clone(), job, self.0.worker.0.clone());
        streams.insert((job, peer), outgoing.clone());
        self.0.io.spawn(self.clone().carry(connection));
        outgoing
    }

    async fn carry(self, connection: Connection) {
        let error = tokio::select! {
            biased;
            error = self.job_over(connection.job()) => error,
            error = connection.run(&self.0.secret, self.0.config.window()) => error,
        };
        // Tasks that come later begin with a stream of their own: the other worker may take part again by then.
        let mut streams = self.0.outgoing.lock();
        streams.retain(|_, outgoing| !connection.carries(outgoing));
        drop(streams);
        connection.close(&error);
    }

    /// Waits until the job is over here, or the worker is.
    pub(super) async fn job_over(&self, job: &JobKey) -> ExchangeError {
        let ended = async {
            loop {
                let changed = self.0.job_ended.notified();
                tokio::pin!(changed);
                // Before the check, so that an end between the two is not missed.
                changed.as_mut().enable();
                if let Err(error) = self.admit(job) {
                    return error;
                }
                changed.await;
            }
        };
        tokio::select! {
            biased;
            () = self.0.shutdown.cancelled() => ExchangeError::ShuttingDown(self.0.worker.clone()),
            error = ended => error,
        }
    }

    /// Whether a stream of the job is welcome.
    pub(super) fn admit(&self, job: &JobKey) -> Result<(), ExchangeError> {
        if self.0.shutdown.is_cancelled() {
            return Err(ExchangeError::ShuttingDown(self.0.worker.clone()));
        }
        if self.0.rendezvous.lock().admits(job) {
            return Ok(());
        }
        Err(ExchangeError::JobEnded {
            job: *job,
            worker: self.0.worker.clone(),
        })
    }

    pub(super) fn offer_producer(
        &self,
        job: JobKey,
        channel: ChannelId,
        producer: ProducerEnd,
    ) -> Result<(), ExchangeError> {
        // The ends meet within the lock: a stream that breaks meanwhile finds them either both or neither.
        let mut rendezvous = self.0.rendezvous.lock();
        match rendezvous.offer_producer(job, channel.clone(), producer.clone()) {
            Met::Nobody => Ok(()),
            Met::Other(input) => {
                producer.meet(input);
                Ok(())
            }
            Met::Lost(_) | Met::Duplicate => Err(ExchangeError::DuplicateChannel(channel)),
            Met::Released => Err(ExchangeError::PartitionReleased(channel)),
        }
    }

    fn offer_consumer(&self, job: JobKey, channel: ChannelId, input: GateInput) -> Result<(), ExchangeError> {
        let mut rendezvous = self.0.rendezvous.lock();
        match rendezvous.offer_consumer(job, channel.clone(), input.clone()) {
            Met::Nobody => Ok(()),
            Met::Other(producer) => {
                producer.meet(input);
                Ok(())
            }
            Met::Lost(producer) => {
                let error = ExchangeError::PeerLost {
                    peer: producer.peer.clone(),
                    reason: "its stream ended before this task was deployed".into(),
                };
                input.fail(&producer.peer, &error);
                Ok(())
            }
            Met::Duplicate => Err(ExchangeError::DuplicateChannel(channel)),
            Met::Released => {
                let peer = channel.producer.to_string().into();
                input.fail(&peer, &ExchangeError::PartitionReleased(channel));
                Ok(())
            }
        }
    }

    /// A stream broke: the channel's consumer fails, now or when it comes.
    pub(super) fn lose_producer(
        &self,
        job: JobKey,
        channel: &ChannelId,
        input: &OnceLock<GateInput>,
        peer: &Arc<str>,
        error: &ExchangeError,
    ) {
        let mut rendezvous = self.0.rendezvous.lock();
        match input.get() {
            Some(input) => input.fail(peer, error),
            None => rendezvous.lose_producer(job, channel),
        }
    }

    pub(super) fn rendezvous(&self) -> &Mutex<Rendezvous<ProducerEnd, GateInput>> {
        &self.0.rendezvous
    }

    /// The channels of a new stream of another worker.
    pub(super) fn new_incoming(&self, job: JobKey) -> Arc<IncomingChannels> {
        let channels = IncomingChannels::new(job);
        let mut incoming = self.0.incoming.lock();
        incoming.retain(|stream| stream.strong_count() > 0);
        incoming.push(Arc::downgrade(&channels));
        channels
    }

    /// The channels of the job's streams from other workers.
    pub(super) fn incoming(&self, job: JobKey) -> Vec<Arc<IncomingChannels>> {
        let streams = self.0.incoming.lock();
        let of_job = streams
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|stream| stream.job == job);
        of_job.collect()
    }

    /// The job's streams to other workers.
    pub(super) fn outgoing_of(&self, job: JobKey) -> Vec<Arc<Outgoing>> {
        let streams = self.0.outgoing.lock();
        let of_job = streams.iter().filter(|((key, _), _)| *key == job);
        of_job.map(|(_, outgoing)| outgoing.clone()).collect()
    }

    fn withdraw(&self, job: JobKey, channels: &[ChannelId]) {
        let mut rendezvous = self.0.rendezvous.lock();
        for channel in channels {
            rendezvous.withdraw_consumer(job, channel);
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange of {}", self.0.worker)
    }
}
