//! Connections over real sockets: they are noticed when they end, and made again.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tonic::service::Routes;

use super::{ApplicationSecret, PortRange, RpcChannel, RpcServer, bind};
use crate::gateway::grpc::{ResourceManagerClient, serve_resource_manager};
use crate::gateway::proto::{
    ConfirmTaskExecutorRequest, DisconnectTaskExecutorRequest, NotifySlotAvailableRequest, NotifyWorkerUnfitRequest,
    RegisterTaskExecutorRequest, RegisterTaskExecutorResponse, SendSlotReportRequest,
};
use crate::gateway::{GatewayError, GatewayResult, ResourceManagerGateway, after_reset};
use crate::machine::Listener;

/// Long enough for any machine; what is waited for comes at once.
const BOUND: Duration = Duration::from_secs(20);

/// Confirms everybody, and answers a registration when it is told to.
#[derive(Default)]
struct Confirming {
    asked: Notify,
    answer: Notify,
}

#[async_trait]
impl ResourceManagerGateway for Confirming {
    async fn register_task_executor(
        &self,
        _: RegisterTaskExecutorRequest,
    ) -> GatewayResult<RegisterTaskExecutorResponse> {
        self.asked.notify_one();
        self.answer.notified().await;
        Ok(RegisterTaskExecutorResponse::default())
    }

    async fn notify_slot_available(&self, _: NotifySlotAvailableRequest) -> GatewayResult<()> {
        Ok(())
    }

    async fn send_slot_report(&self, _: SendSlotReportRequest) -> GatewayResult<()> {
        Ok(())
    }

    async fn disconnect_task_executor(&self, _: DisconnectTaskExecutorRequest) -> GatewayResult<()> {
        Ok(())
    }

    async fn notify_worker_unfit(&self, _: NotifyWorkerUnfitRequest) -> GatewayResult<()> {
        Ok(())
    }

    async fn confirm_task_executor(&self, _: ConfirmTaskExecutorRequest) -> GatewayResult<()> {
        Ok(())
    }
}

fn secret() -> ApplicationSecret {
    ApplicationSecret::from_bytes(&[1; 32]).unwrap()
}

/// A server at any free port, and its task: aborting it is the end of its process.
async fn serve() -> (String, JoinHandle<()>) {
    serve_on(bind("127.0.0.1", &PortRange::any()).await.unwrap())
}

fn serve_on(listener: Listener) -> (String, JoinHandle<()>) {
    let server = RpcServer::new(listener).unwrap();
    let address = server.address().to_string();
    let routes = Routes::new(serve_resource_manager(Arc::new(Confirming::default()), &secret()));
    let task = tokio::spawn(async move { server.serve(routes, std::future::pending()).await.unwrap() });
    (address, task)
}

fn client(address: &str, deadline: Duration) -> ResourceManagerClient {
    ResourceManagerClient::new(&RpcChannel::control(address, &secret(), deadline).unwrap())
}

async fn confirm(client: &ResourceManagerClient) -> GatewayResult<()> {
    let ask = || client.confirm_task_executor(ConfirmTaskExecutorRequest::default());
    tokio::time::timeout(BOUND, after_reset(ask)).await.expect("it hangs")
}

#[tokio::test]
async fn an_idle_connection_whose_server_ends_is_told_and_cannot_be_made_again() {
    let (address, server) = serve().await;
    let client = client(&address, BOUND);
    let mut connection = client.connection();
    confirm(&client).await.unwrap();
    server.abort();
    tokio::time::timeout(BOUND, connection.lost())
        .await
        .expect("the loss is not told");
    let error = confirm(&client).await.unwrap_err();
    assert!(
        matches!(&error, GatewayError::Unreachable(text) if text.contains("refused")),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_is_back_at_its_address_is_reached_at_once() {
    let first = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    first.set_nonblocking(true).unwrap();
    // The port is nobody else's meanwhile.
    let second = first.try_clone().unwrap();
    let listener = |socket| Listener::Tcp(TcpListener::from_std(socket).unwrap());
    let (address, server) = serve_on(listener(first));
    let client = client(&address, BOUND);
    let mut connection = client.connection();
    confirm(&client).await.unwrap();
    server.abort();
    tokio::time::timeout(BOUND, connection.lost())
        .await
        .expect("the loss is not told");
    let (_, _server) = serve_on(listener(second));
    confirm(&client).await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_under_way_ends_with_its_connection() {
    let (address, server) = serve().await;
    let client = client(&address, BOUND);
    confirm(&client).await.unwrap();
    let registration = client.register_task_executor(RegisterTaskExecutorRequest::default());
    let (answer, ()) = tokio::join!(registration, async { server.abort() });
    let error = answer.unwrap_err();
    assert!(matches!(error, GatewayError::Broken(_)), "{error}");
}

#[tokio::test]
async fn a_call_that_came_before_the_end_is_answered_within_the_grace() {
    let registrar = Arc::new(Confirming::default());
    let server = RpcServer::new(bind("127.0.0.1", &PortRange::any()).await.unwrap()).unwrap();
    let client = client(&server.address().to_string(), BOUND);
    let routes = Routes::new(serve_resource_manager(registrar.clone(), &secret()));
    let (end, ended) = oneshot::channel::<()>();
    let serving = server.grace(BOUND).serve(routes, async move { drop(ended.await) });
    let ending = async {
        registrar.asked.notified().await;
        drop(end);
        registrar.answer.notify_one();
    };
    let registration = client.register_task_executor(RegisterTaskExecutorRequest::default());
    let (served, answer, ()) = tokio::join!(serving, registration, ending);
    served.unwrap();
    answer.unwrap();
}

#[tokio::test]
async fn a_silent_server_is_not_an_unreachable_one() {
    let (address, _server) = serve().await;
    let client = client(&address, Duration::from_millis(50));
    let error = client
        .register_task_executor(RegisterTaskExecutorRequest::default())
        .await;
    let error = error.unwrap_err();
    assert!(matches!(error, GatewayError::TimedOut(_)), "{error}");
    assert!(error.retryable());
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_refused_with_both_sizes_and_the_next_one_passes() {
    let (address, _server) = serve().await;
    let client = client(&address, BOUND);
    let oversize = ConfirmTaskExecutorRequest {
        resource_id: "x".repeat(super::MAX_MESSAGE_BYTES),
        ..ConfirmTaskExecutorRequest::default()
    };
    let error = client.confirm_task_executor(oversize).await.unwrap_err();
    let (found, limit) = (
        (super::MAX_MESSAGE_BYTES + 5).to_string(),
        super::MAX_MESSAGE_BYTES.to_string(),
    );
    assert!(matches!(&error, GatewayError::TooLarge(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains(&found) && text.contains(&limit), "{text}");
    confirm(&client).await.unwrap();
}
