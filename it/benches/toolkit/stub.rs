//! A ResourceManager that answers at once, always the same: what is left of a call is the client's cost.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use bytes::{Buf, Bytes};
use prost::Message;
use yarn_common::id::{ApplicationAttemptId, ApplicationId, NodeId};
use yarn_common::resource::Resource;
use yarn_common::token::{Token, TokenKind};
use yarn_rpc::proto::common::rpc_response_header_proto::RpcStatusProto;
use yarn_rpc::proto::common::rpc_sasl_proto::SaslState;
use yarn_rpc::proto::common::{RequestHeaderProto, RpcRequestHeaderProto, RpcResponseHeaderProto, RpcSaslProto};
use yarn_rpc::proto::yarn::{
    AllocateRequestProto, AllocateResponseProto, ContainerProto, ContainerStateProto, ContainerStatusProto,
    FinishApplicationMasterResponseProto, GetNewApplicationResponseProto, PriorityProto,
    RegisterApplicationMasterResponseProto,
};

const SASL_CALL: i32 = -33;
/// Half of them granted containers, half of them completed ones.
pub(crate) const UPDATES: u64 = 1000;

pub(crate) struct Stub {
    pub(crate) address: String,
    updates: Arc<AtomicBool>,
}

impl Stub {
    /// Serves until the process ends.
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let updates = Arc::new(AtomicBool::new(false));
        let answers = Arc::new(Answers::new(updates.clone()));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answers = answers.clone();
                // A client that goes away in the middle is at its end.
                thread::spawn(move || drop(serve(&stream, &answers)));
            }
        });
        Ok(Self { address, updates })
    }

    /// Whether a heartbeat's answer holds 1,000 updates of containers or none.
    pub(crate) fn answer_with_updates(&self, updates: bool) {
        self.updates.store(updates, Ordering::SeqCst);
    }
}

fn serve(stream: &TcpStream, answers: &Answers) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut input, mut output) = (BufReader::new(stream), BufWriter::new(stream));
    // "hrpc", the version, a class of service, whether SASL follows.
    input.read_exact(&mut [0; 7])?;
    loop {
        let mut length = [0; 4];
        input.read_exact(&mut length)?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        input.read_exact(&mut frame)?;
        if let Some(answer) = answers.answer(frame.into())? {
            output.write_all(&answer)?;
        }
        // Pipelined calls are answered together.
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
}

struct Answers {
    updates: Arc<AtomicBool>,
    /// How many containers were granted. Each has an id of its own: news that were told before are none.
    granted: AtomicU64,
}

impl Answers {
    fn new(updates: Arc<AtomicBool>) -> Self {
        Self {
            updates,
            granted: AtomicU64::new(0),
        }
    }

    fn answer(&self, mut frame: Bytes) -> io::Result<Option<Vec<u8>>> {
        let header = RpcRequestHeaderProto::decode_length_delimited(&mut frame)?;
        if header.call_id == SASL_CALL {
            // A server without tokens: the client says in its context who it is.
            let success = RpcSaslProto {
                state: SaslState::Success.into(),
                ..Default::default()
            };
            return Ok(Some(framed(SASL_CALL, &success.encode_to_vec())));
        }
        if header.call_id < 0 {
            return Ok(None);
        }
        let method = RequestHeaderProto::decode_length_delimited(&mut frame)?.method_name;
        let message = match method.as_str() {
            "registerApplicationMaster" => registered().encode_to_vec(),
            "allocate" => self.allocated(frame)?,
            "finishApplicationMaster" => FinishApplicationMasterResponseProto {
                is_unregistered: Some(true),
            }
            .encode_to_vec(),
            "getNewApplication" => GetNewApplicationResponseProto {
                application_id: Some(attempt().application().into()),
                maximum_capability: Some((&Resource::new(8192, 4)).into()),
            }
            .encode_to_vec(),
            other => return Err(io::Error::other(format!("the stub does not know {other}"))),
        };
        Ok(Some(framed(header.call_id, &message)))
    }

    fn allocated(&self, mut request: Bytes) -> io::Result<Vec<u8>> {
        let length = prost::decode_length_delimiter(&mut request)?;
        let request = AllocateRequestProto::decode(request.take(length))?;
        let own = AllocateResponseProto {
            response_id: Some((request.response_id() + 1) & i32::MAX),
            num_cluster_nodes: Some(1),
            limit: Some((&Resource::new(8192, 4)).into()),
            ..Default::default()
        };
        if !self.updates.load(Ordering::SeqCst) {
            return Ok(own.encode_to_vec());
        }
        let before = self.granted.fetch_add(UPDATES / 2, Ordering::SeqCst);
        let mut answer = own.encode_to_vec();
        with_updates(before + 1).encode(&mut answer)?;
        Ok(answer)
    }
}

fn framed(call_id: i32, message: &[u8]) -> Vec<u8> {
    let header = RpcResponseHeaderProto {
        call_id: call_id as u32,
        status: RpcStatusProto::Success.into(),
        server_ipc_version_num: Some(9),
        ..Default::default()
    };
    let mut body = header.encode_length_delimited_to_vec();
    prost::encode_length_delimiter(message.len(), &mut body).expect("a growing buffer has room");
    body.extend_from_slice(message);
    [&(body.len() as u32).to_be_bytes()[..], &body].concat()
}

fn attempt() -> ApplicationAttemptId {
    ApplicationAttemptId::new(ApplicationId::new(1_700_000_000_000, 1), 1)
}

fn registered() -> RegisterApplicationMasterResponseProto {
    RegisterApplicationMasterResponseProto {
        maximum_capability: Some((&Resource::new(8192, 4)).into()),
        queue: Some("default".to_owned()),
        ..Default::default()
    }
}

/// As large as a real one, for containers from the number `first` on: identifiers and passwords of the usual length.
fn with_updates(first: u64) -> AllocateResponseProto {
    let granted = |number: u64| ContainerProto {
        id: Some(attempt().container(number).into()),
        node_id: Some((&NodeId::new("127.0.0.2", 45454)).into()),
        node_http_address: Some("127.0.0.2:8042".to_owned()),
        resource: Some((&Resource::new(64, 1)).into()),
        priority: Some(PriorityProto { priority: Some(1) }),
        container_token: Some((&Token::new(vec![7; 140], vec![7; 20], TokenKind::Container, "127.0.0.2:45454")).into()),
        ..Default::default()
    };
    let ended = |number: u64| ContainerStatusProto {
        container_id: Some(attempt().container(number).into()),
        state: Some(ContainerStateProto::CComplete.into()),
        diagnostics: Some(String::new()),
        exit_status: Some(0),
        ..Default::default()
    };
    AllocateResponseProto {
        allocated_containers: (first..).take(UPDATES as usize / 2).map(granted).collect(),
        completed_container_statuses: (first..).take(UPDATES as usize / 2).map(ended).collect(),
        ..Default::default()
    }
}
