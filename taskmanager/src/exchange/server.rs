//! The consuming worker's side of streams from other workers, as a Flight service of which only DoExchange is served.

use std::sync::Arc;

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, HandshakeResponse,
    PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::stream::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use super::incoming::Incoming;
use super::service::Exchange;
use super::wire;

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
            peer: format!("worker {worker}").into(),
            credits: Arc::default(),
            channels: self.0.new_incoming(job),
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
