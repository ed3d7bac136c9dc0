//! What a server sends over Hadoop IPC: arbitrary bytes, and damaged samples of logins, answers and messages.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use decoder_fuzz::Target;
use prost::Message;
use tokio::io::AsyncWriteExt;
use tokio::runtime::{Builder, Runtime};
use yarn_common::token::{Token, TokenKind};
use yarn_rpc::ipc::{CallOptions, Connector, Identity, IpcClient, IpcOptions, Protocol, Stream};
use yarn_rpc::proto::common::rpc_response_header_proto::RpcStatusProto;
use yarn_rpc::proto::common::rpc_sasl_proto::{SaslAuth, SaslState};
use yarn_rpc::proto::common::{RpcResponseHeaderProto, RpcSaslProto};
use yarn_rpc::proto::yarn::{
    AllocateRequestProto, AllocateResponseProto, ContainerProto, ContainerStatusProto,
    GetApplicationReportResponseProto, RegisterApplicationMasterResponseProto, StartContainersRequestProto,
    StartContainersResponseProto,
};
use yarn_rpc::types::{Container, ContainerStatus};

const ALLOCATE_REQUEST: &str = "0a400a02080112012a1a2b08800810011a140a096d656d6f72792d6d621080081a024d6920001a0e0a067663\
    6f72657310011a002000200228013a040801100040001a0020002d0000803e";
const START_REQUEST: &str = "0abb010a8e010a3c0a0361707012350a250a046864667312026e6e18d43e22162f757365722f616c6963652f61\
    70702e7461722e677a10d20918fbd095ffbc312001280212074844545300000022060a01411201622a362e2f6170702f62696e2f776f726b6572\
    20313e3c4c4f475f4449523e2f7374646f757420323e3c4c4f475f4449523e2f7374646572723205080112012a12280a0201021201031a0e436f\
    6e7461696e6572546f6b656e220f3132372e302e302e313a3435343534";
/// What a connection and its task hold, whatever arrives.
const CONNECTION: u64 = 512 * 1024;

/// Every connection gets the same bytes and then its end.
#[derive(Debug)]
struct Script(Vec<u8>);

#[async_trait]
impl Connector for Script {
    async fn connect(&self, _address: &str) -> io::Result<Box<dyn Stream>> {
        let (ours, mut theirs) = tokio::io::duplex(self.0.len() + 64 * 1024);
        theirs.write_all(&self.0).await?;
        theirs.shutdown().await?;
        // The client may go on writing: what it sends is read by nobody, as long as there is room.
        tokio::spawn(async move {
            let _ = tokio::io::copy(&mut theirs, &mut tokio::io::sink()).await;
        });
        Ok(Box::new(ours))
    }
}

/// Time that passes by itself when nothing else is to do: a wait for more bytes ends at once.
fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

fn call(runtime: &Runtime, identity: &Identity, bytes: &[u8]) {
    runtime.block_on(async {
        let options = IpcOptions {
            connector: Arc::new(Script(bytes.to_vec())),
            simple_user: Some("alice".to_owned()),
            ..Default::default()
        };
        let client = IpcClient::new("rm:8030", Protocol::APPLICATION_MASTER, identity.clone(), options);
        let request = AllocateRequestProto::default();
        let answer: Result<AllocateResponseProto, _> = client.call("allocate", &request, CallOptions::default()).await;
        if let Err(error) = answer {
            assert!(!error.to_string().is_empty());
        }
    });
}

fn frame(header: &RpcResponseHeaderProto, message: &impl Message) -> Vec<u8> {
    let body = [
        header.encode_length_delimited_to_vec(),
        message.encode_length_delimited_to_vec(),
    ]
    .concat();
    [&(body.len() as u32).to_be_bytes()[..], &body].concat()
}

fn header(call_id: i32, status: RpcStatusProto) -> RpcResponseHeaderProto {
    RpcResponseHeaderProto {
        call_id: call_id as u32,
        status: status.into(),
        server_ipc_version_num: Some(9),
        ..Default::default()
    }
}

fn answer() -> AllocateResponseProto {
    let status = ContainerStatusProto {
        diagnostics: Some("killed".to_owned()),
        exit_status: Some(-104),
        ..Default::default()
    };
    AllocateResponseProto {
        response_id: Some(1),
        num_cluster_nodes: Some(2),
        allocated_containers: vec![ContainerProto::default(); 2],
        completed_container_statuses: vec![status],
        ..Default::default()
    }
}

#[test]
fn answers_to_calls() {
    let failed = RpcResponseHeaderProto {
        exception_class_name: Some("org.apache.hadoop.ipc.StandbyException".to_owned()),
        error_msg: Some("standby\n\tat a.B.c(B.java:1)".to_owned()),
        ..header(0, RpcStatusProto::Error)
    };
    let empty = AllocateResponseProto::default();
    let samples = [
        frame(&header(0, RpcStatusProto::Success), &answer()),
        frame(&failed, &empty),
        frame(&header(-33, RpcStatusProto::Fatal), &empty),
        b"\xff\xff\xff\xff\0\0\0\x01x\0\0\0\x01y".to_vec(),
        b"HTTP/1.1 404 Not Found\r\n\r\n".to_vec(),
    ];
    let runtime = runtime();
    let identity = Identity::Simple {
        user: "alice".to_owned(),
    };
    let target = Target::new("answers_to_calls", samples).cases(1000).base(CONNECTION);
    target.run(|bytes| call(&runtime, &identity, bytes));
}

#[test]
fn logins() {
    let challenge = "realm=\"default\",nonce=\"bm9uY2U=\",qop=\"auth-conf\",charset=utf-8,cipher=\"3des\",\
                     algorithm=md5-sess";
    let auth = |challenge: Option<&'static str>| SaslAuth {
        method: "TOKEN".to_owned(),
        mechanism: "DIGEST-MD5".to_owned(),
        protocol: Some(String::new()),
        server_id: Some("default".to_owned()),
        challenge: challenge.map(Into::into),
    };
    let message = |state: SaslState, token: Option<&'static str>, auths: Vec<SaslAuth>| {
        let message = RpcSaslProto {
            state: state.into(),
            token: token.map(Into::into),
            auths,
            ..Default::default()
        };
        frame(&header(-33, RpcStatusProto::Success), &message)
    };
    let proof = Some("rspauth=00000000000000000000000000000000");
    let samples = [
        [
            message(SaslState::Negotiate, None, vec![auth(Some(challenge))]),
            message(SaslState::Success, proof, vec![]),
        ]
        .concat(),
        [
            message(SaslState::Negotiate, None, vec![auth(None)]),
            message(SaslState::Challenge, Some(challenge), vec![]),
            message(SaslState::Challenge, proof, vec![]),
        ]
        .concat(),
        [
            message(SaslState::Success, None, vec![]),
            frame(&header(0, RpcStatusProto::Success), &answer()),
        ]
        .concat(),
    ];
    let runtime = runtime();
    let identity = Identity::Token(Token::new(&b"identifier"[..], &b"password"[..], TokenKind::AmRm, ""));
    let target = Target::new("logins", samples).cases(1000).base(CONNECTION);
    target.run(|bytes| call(&runtime, &identity, bytes));
}

#[test]
fn messages() {
    let start = hex::decode(START_REQUEST).unwrap();
    let samples = [hex::decode(ALLOCATE_REQUEST).unwrap(), start, answer().encode_to_vec()];
    // An empty element takes two bytes on the wire, and some hundred as a structure.
    Target::new("messages", samples).base(256 * 1024).run(|bytes| {
        drop(AllocateRequestProto::decode(bytes));
        drop(StartContainersRequestProto::decode(bytes));
        drop(StartContainersResponseProto::decode(bytes));
        drop(RegisterApplicationMasterResponseProto::decode(bytes));
        drop(GetApplicationReportResponseProto::decode(bytes));
        if let Ok(read) = AllocateResponseProto::decode(bytes) {
            for container in read.allocated_containers {
                drop(Container::try_from(container));
            }
            for status in read.completed_container_statuses {
                drop(ContainerStatus::try_from(status));
            }
        }
    });
}
