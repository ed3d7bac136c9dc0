//! The consuming worker's side of streams from other workers, as a Flight service of which only DoExchange is served.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, HandshakeResponse,
    PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::stream::BoxStream;
use prost::Message;
use tonic::{Request, Response, Status, Streaming};

use super::channel::{ChannelId, JobKey};
use super::client::describe;
use super::error::ExchangeError;
use super::gate::GateInput;
use super::service::{Exchange, ProducerEnd};
use super::stream_credit::{StreamChannel, StreamCredits};
use super::wire::{self, Element, ElementKind};

/// One stream of another worker.
struct Incoming {
    exchange: Exchange,
    job: JobKey,
    peer: Arc<str>,
    credits: Arc<StreamCredits>,
    channels: BTreeMap<u32, IncomingChannel>,
}

struct IncomingChannel {
    id: ChannelId,
    input: Arc<OnceLock<GateInput>>,
    ended: bool,
}

impl Incoming {
    /// Takes everything off the stream until it ends.
    async fn run(mut self, mut messages: Streaming<FlightData>) {
        let (exchange, job) = (self.exchange.clone(), self.job);
        let error = tokio::select! {
            biased;
            error = exchange.job_over(&job) => Some(error),
            error = self.receive(&mut messages) => error,
        };
        let ended = error.as_ref().map(Status::from);
        self.credits.end(ended);
        self.lose_channels(&error.unwrap_or_else(|| self.lost("it closed the stream before its tasks had finished")));
    }

    async fn receive(&mut self, messages: &mut Streaming<FlightData>) -> Option<ExchangeError> {
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

    fn accept(&mut self, mut message: FlightData) -> Result<(), ExchangeError> {
        let metadata = std::mem::take(&mut message.app_metadata);
        let element = Element::decode(metadata).map_err(|error| self.violation(&error.to_string()))?;
        match element.kind() {
            ElementKind::Open => self.open(element),
            ElementKind::Batch => {
                let input = self.input(element.channel)?;
                input.push_message(message).map_err(|reason| self.violation(&reason))
            }
            ElementKind::End => {
                self.input(element.channel)?.end();
                if let Some(channel) = self.channels.get_mut(&element.channel) {
                    channel.ended = true;
                }
                Ok(())
            }
            ElementKind::Unknown => Err(self.violation(&format!("element kind {} is not known", element.kind))),
        }
    }

    fn open(&mut self, element: Element) -> Result<(), ExchangeError> {
        let id = element.name.and_then(wire::ChannelName::into_id);
        let id = id.ok_or_else(|| self.violation("it opened a channel without a name"))?;
        let channel = IncomingChannel {
            id: id.clone(),
            input: Arc::default(),
            ended: false,
        };
        let producer = ProducerEnd {
            peer: self.peer.clone(),
            input: channel.input.clone(),
            credits: Arc::new(StreamChannel {
                credits: self.credits.clone(),
                channel: element.channel,
            }),
        };
        self.channels.insert(element.channel, channel);
        self.exchange.offer_producer(self.job, id, producer)
    }

    fn input(&self, channel: u32) -> Result<&GateInput, ExchangeError> {
        let channel = self
            .channels
            .get(&channel)
            .ok_or_else(|| self.violation(&format!("it sent on channel {channel}, which it has not opened")))?;
        channel
            .input
            .get()
            .ok_or_else(|| self.violation(&format!("it sent on channel {} without credit", channel.id)))
    }

    fn lose_channels(&self, error: &ExchangeError) {
        let open = self.channels.values().filter(|channel| !channel.ended);
        for channel in open {
            self.exchange
                .lose_producer(self.job, &channel.id, &channel.input, &self.peer, error);
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

/// The Flight service of a worker.
pub(super) struct FlightExchange(pub(super) Exchange);

type Answer<T> = Result<Response<T>, Status>;
type Messages<T> = BoxStream<'static, Result<T, Status>>;

fn not_served<T>() -> Answer<T> {
    Err(Status::unimplemented(
        "a worker's Flight service exchanges data between workers: it serves DoExchange only",
    ))
}

#[tonic::async_trait]
impl FlightService for FlightExchange {
    type HandshakeStream = Messages<HandshakeResponse>;
    type ListFlightsStream = Messages<FlightInfo>;
    type DoGetStream = Messages<FlightData>;
    type DoPutStream = Messages<PutResult>;
    type DoExchangeStream = Messages<FlightData>;
    type DoActionStream = Messages<arrow_flight::Result>;
    type ListActionsStream = Messages<ActionType>;

    async fn do_exchange(&self, request: Request<Streaming<FlightData>>) -> Answer<Self::DoExchangeStream> {
        let (job, worker) = wire::signature(request.metadata())?;
        self.0.admit(&job).map_err(|error| Status::from(&error))?;
        let incoming = Incoming {
            exchange: self.0.clone(),
            job,
            peer: format!("worker {worker}").into(),
            credits: Arc::default(),
            channels: BTreeMap::new(),
        };
        let credits = incoming.credits.clone();
        tokio::spawn(incoming.run(request.into_inner()));
        Ok(Response::new(credits.messages()))
    }

    async fn handshake(&self, _: Request<Streaming<HandshakeRequest>>) -> Answer<Self::HandshakeStream> {
        not_served()
    }

    async fn list_flights(&self, _: Request<Criteria>) -> Answer<Self::ListFlightsStream> {
        not_served()
    }

    async fn get_flight_info(&self, _: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        not_served()
    }

    async fn poll_flight_info(&self, _: Request<FlightDescriptor>) -> Answer<PollInfo> {
        not_served()
    }

    async fn get_schema(&self, _: Request<FlightDescriptor>) -> Answer<SchemaResult> {
        not_served()
    }

    async fn do_get(&self, _: Request<Ticket>) -> Answer<Self::DoGetStream> {
        not_served()
    }

    async fn do_put(&self, _: Request<Streaming<FlightData>>) -> Answer<Self::DoPutStream> {
        not_served()
    }

    async fn do_action(&self, _: Request<Action>) -> Answer<Self::DoActionStream> {
        not_served()
    }

    async fn list_actions(&self, _: Request<Empty>) -> Answer<Self::ListActionsStream> {
        not_served()
    }
}
