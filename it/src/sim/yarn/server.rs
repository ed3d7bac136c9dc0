//! The servers: Hadoop IPC over simulated sockets, without security, and the heartbeats of the nodes.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{MissedTickBehavior, interval, sleep};
use turmoil::net::{TcpListener, TcpStream};
use yarn_rpc::proto::common::rpc_response_header_proto::RpcStatusProto;
use yarn_rpc::proto::common::rpc_sasl_proto::SaslState;
use yarn_rpc::proto::common::{
    IpcConnectionContextProto, RequestHeaderProto, RpcRequestHeaderProto, RpcResponseHeaderProto, RpcSaslProto,
};
use yarn_rpc::proto::yarn::{
    AllocateRequestProto, ContainerIdProto, FinishApplicationMasterRequestProto, FinishApplicationMasterResponseProto,
    GetContainerStatusesRequestProto, GetContainerStatusesResponseProto, RegisterApplicationMasterRequestProto,
    StartContainersRequestProto, StartContainersResponseProto, StopContainersRequestProto, StopContainersResponseProto,
};

use super::cluster::{Refusal, STANDBY};
use super::heartbeats::{Fate, HeartbeatFault};
use super::{NODE_PORT, SCHEDULER_PORT, SharedCluster, answers};

const SASL_CALL: i32 = -33;
/// The call in which a client says who it is.
const CONTEXT_CALL: i32 = -3;
/// "hrpc", the version, a class of service, whether SASL follows.
const PREAMBLE: usize = 7;
/// YARN's default is a second.
const NODE_HEARTBEAT: Duration = Duration::from_millis(500);

type Answer = Result<Vec<u8>, Refusal>;

/// The host of a ResourceManager: as long as it is active, it serves ApplicationMasters and hears the heartbeats of the nodes.
pub(crate) async fn serve_resource_manager(cluster: SharedCluster, host: &'static str) -> turmoil::Result {
    let nodes: Vec<String> = cluster.lock().nodes.keys().cloned().collect();
    let beats = cluster.clone();
    tokio::spawn(async move {
        let mut beat = interval(NODE_HEARTBEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            for node in nodes.iter().filter(|_| beats.lock().is_active(host)) {
                beats.lock().node_heartbeat(node, now());
            }
        }
    });
    let called = (cluster.clone(), host.to_owned());
    serve(SCHEDULER_PORT, called, move |caller, method, request| {
        if !cluster.lock().is_active(host) {
            let message = "Operation category WRITE is not supported in state standby";
            return Err(Refusal::new(STANDBY, message));
        }
        scheduler(&cluster, caller, method, request)
    })
    .await
}

/// The host of a NodeManager.
pub(crate) async fn serve_node(cluster: SharedCluster, name: String) -> turmoil::Result {
    let (launches, node) = (cluster.clone(), name.clone());
    tokio::spawn(async move {
        let mut look = interval(NODE_HEARTBEAT / 5);
        loop {
            look.tick().await;
            launches.lock().launch_due(&node, now());
        }
    });
    let called = (cluster.clone(), name.clone());
    serve(NODE_PORT, called, move |_, method, request| {
        containers(&cluster, &name, method, request)
    })
    .await
}

fn now() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}

fn scheduler(cluster: &SharedCluster, caller: Option<&str>, method: &str, request: Bytes) -> Answer {
    let mut cluster = cluster.lock();
    cluster.check_attempt(caller.and_then(|caller| caller.parse().ok()))?;
    match method {
        "registerApplicationMaster" => {
            let request: RegisterApplicationMasterRequestProto = decode(request)?;
            Ok(cluster.register(request)?.encode_to_vec())
        }
        "allocate" => {
            let request: AllocateRequestProto = decode(request)?;
            Ok(cluster.allocate(request)?.encode_to_vec())
        }
        "finishApplicationMaster" => {
            let request: FinishApplicationMasterRequestProto = decode(request)?;
            cluster.finish(request)?;
            let answer = FinishApplicationMasterResponseProto {
                is_unregistered: Some(true),
            };
            Ok(answer.encode_to_vec())
        }
        other => Err(unknown(other)),
    }
}

fn containers(cluster: &SharedCluster, node: &str, method: &str, request: Bytes) -> Answer {
    match method {
        "startContainers" => Ok(start(cluster, node, decode(request)?).encode_to_vec()),
        "stopContainers" => {
            let request: StopContainersRequestProto = decode(request)?;
            for container in &request.container_id {
                cluster.lock().stop(node, container.id() as u64);
            }
            let answer = StopContainersResponseProto {
                succeeded_requests: request.container_id,
                failed_requests: Vec::new(),
            };
            Ok(answer.encode_to_vec())
        }
        "getContainerStatuses" => {
            let request: GetContainerStatusesRequestProto = decode(request)?;
            let answer = statuses(cluster, node, request.container_id);
            Ok(answer.encode_to_vec())
        }
        other => Err(unknown(other)),
    }
}

fn statuses(cluster: &SharedCluster, node: &str, asked: Vec<ContainerIdProto>) -> GetContainerStatusesResponseProto {
    let cluster = cluster.lock();
    let (known, unknown): (Vec<_>, Vec<_>) = asked
        .into_iter()
        .partition(|container| cluster.has_process(node, container.id() as u64));
    let refused = |container: ContainerIdProto| {
        let message = format!("Container {} is not handled by this NodeManager", container.id());
        answers::refused(
            container,
            &Refusal::new("org.apache.hadoop.yarn.exceptions.YarnException", message),
        )
    };
    GetContainerStatusesResponseProto {
        status: known.into_iter().map(answers::running).collect(),
        failed_requests: unknown.into_iter().map(refused).collect(),
    }
}

fn start(cluster: &SharedCluster, node: &str, request: StartContainersRequestProto) -> StartContainersResponseProto {
    let mut answer = StartContainersResponseProto::default();
    for request in request.start_container_request {
        let token = request.container_token.unwrap_or_default();
        let Some((container, identifier)) = answers::grant_of(&token.identifier) else {
            continue;
        };
        let number = container.id() as u64;
        let command = request.container_launch_context.unwrap_or_default().command.join(" ");
        match cluster.lock().start(node, number, identifier, command, now()) {
            Ok(()) => answer.succeeded_requests.push(container),
            Err(refusal) => answer.failed_requests.push(answers::refused(container, &refusal)),
        }
    }
    answer
}

fn decode<M: Message + Default>(request: Bytes) -> Result<M, Refusal> {
    M::decode(request).map_err(|error| Refusal::new("java.io.IOException", error.to_string()))
}

fn unknown(method: &str) -> Refusal {
    let class = "org.apache.hadoop.ipc.RpcNoSuchMethodException";
    Refusal::new(class, format!("Unknown method {method}"))
}

/// Serves until the host is stopped.
async fn serve(
    port: u16,
    (cluster, host): (SharedCluster, String),
    answer: impl Fn(Option<&str>, &str, Bytes) -> Answer + Clone + Send + Sync + 'static,
) -> turmoil::Result {
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let conversation = Conversation {
            cluster: cluster.clone(),
            host: host.clone(),
            answer: answer.clone(),
            caller: None,
        };
        // A caller that goes away in the middle is at its end.
        tokio::spawn(async move { drop(conversation.hold(stream).await) });
    }
}

/// One connection.
struct Conversation<A> {
    cluster: SharedCluster,
    /// Who is called.
    host: String,
    answer: A,
    /// Who the client says it is.
    caller: Option<String>,
}

impl<A: Fn(Option<&str>, &str, Bytes) -> Answer> Conversation<A> {
    async fn hold(mut self, mut stream: TcpStream) -> io::Result<()> {
        stream.read_exact(&mut [0; PREAMBLE]).await?;
        loop {
            let length = stream.read_u32().await?;
            let mut frame = BytesMut::zeroed(length as usize);
            stream.read_exact(&mut frame).await?;
            for answer in self.answers_to(frame.freeze()).await? {
                stream.write_all(&answer).await?;
            }
        }
    }

    async fn answers_to(&mut self, mut frame: Bytes) -> io::Result<Vec<Vec<u8>>> {
        let header = RpcRequestHeaderProto::decode_length_delimited(&mut frame)?;
        if header.call_id == SASL_CALL {
            // A server without tokens: the client says in its context who it is.
            let success = RpcSaslProto {
                state: SaslState::Success.into(),
                ..Default::default()
            };
            return Ok(vec![framed(&succeeded(SASL_CALL), &success.encode_to_vec())]);
        }
        if header.call_id == CONTEXT_CALL {
            let context = IpcConnectionContextProto::decode_length_delimited(&mut frame)?;
            self.caller = context.user_info.and_then(|user| user.effective_user);
        }
        if header.call_id < 0 {
            return Ok(Vec::new());
        }
        let method = RequestHeaderProto::decode_length_delimited(&mut frame)?.method_name;
        prost::decode_length_delimiter(&mut frame)?;
        let carry_out = || self.carry_out(header.call_id, &method, frame.clone());
        let fate = self.cluster.lock().fate_of(&self.host, &method);
        match fate {
            Fate::Answered => Ok(vec![carry_out()]),
            Fate::CutOff => {
                carry_out();
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Fate::Heartbeat(HeartbeatFault::Unanswered) => {
                carry_out();
                Ok(Vec::new())
            }
            Fate::Heartbeat(HeartbeatFault::Repeated) => Ok(vec![carry_out(), carry_out()]),
            Fate::Heartbeat(HeartbeatFault::Late(delay)) => {
                let start = self.cluster.lock().identifier;
                sleep(delay).await;
                // What waits at a ResourceManager that stops is gone with it.
                if self.cluster.lock().identifier != start {
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                Ok(vec![carry_out()])
            }
        }
    }

    fn carry_out(&self, call_id: i32, method: &str, request: Bytes) -> Vec<u8> {
        match (self.answer)(self.caller.as_deref(), method, request) {
            Ok(message) => framed(&succeeded(call_id), &message),
            Err(refusal) => framed_header(&RpcResponseHeaderProto {
                status: RpcStatusProto::Error.into(),
                exception_class_name: Some(refusal.class.to_owned()),
                error_msg: Some(refusal.message),
                ..succeeded(call_id)
            }),
        }
    }
}

fn succeeded(call_id: i32) -> RpcResponseHeaderProto {
    RpcResponseHeaderProto {
        call_id: call_id as u32,
        status: RpcStatusProto::Success.into(),
        server_ipc_version_num: Some(9),
        ..Default::default()
    }
}

fn framed(header: &RpcResponseHeaderProto, message: &[u8]) -> Vec<u8> {
    let mut body = header.encode_length_delimited_to_vec();
    prost::encode_length_delimiter(message.len(), &mut body).expect("a growing buffer has room");
    body.extend_from_slice(message);
    [&(body.len() as u32).to_be_bytes()[..], &body].concat()
}

fn framed_header(header: &RpcResponseHeaderProto) -> Vec<u8> {
    let body = header.encode_length_delimited_to_vec();
    [&(body.len() as u32).to_be_bytes()[..], &body].concat()
}
