//! A server's end of Hadoop IPC, scripted by tests, behind an in-process network.

use std::{collections::BTreeSet, io, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use prost::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::mpsc,
    time::timeout,
};
use yarn_common::{
    sasl::{Challenge, Cipher, DigestMd5, Opener, Qop, Sealer, Side},
    token::{Token, TokenKind},
};

use crate::{
    ipc::{Connector, Entropy, IpcOptions, Stream},
    proto::common::{
        IpcConnectionContextProto, RequestHeaderProto, RpcRequestHeaderProto, RpcResponseHeaderProto, RpcSaslProto,
        rpc_response_header_proto::RpcStatusProto,
        rpc_sasl_proto::{SaslAuth, SaslState},
    },
};

pub(crate) const BOUND: Duration = Duration::from_secs(20);
pub(crate) const NONCE: &str = "MbauJ9HUEMrqsDhdhNFfSWXM7hWyN/VqDYgONTdo";

/// The token of the captured conversations.
pub(crate) fn token() -> Token {
    let identifier = hex::decode("0a0d0a0908011080d095ffbc3110011007").unwrap();
    Token::new(identifier, &b"0123456789abcdef0123"[..], TokenKind::AmRm, "")
}

/// Gives the same bytes each time: those of the captured client nonce.
#[derive(Debug)]
pub(crate) struct CapturedNonce;

impl Entropy for CapturedNonce {
    fn fill(&self, bytes: &mut [u8]) {
        let captured = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            "3fKeMB0raT/m3csL03ZWQ1KjBbc3+2W1kBfr1tD8",
        );
        bytes.copy_from_slice(&captured.unwrap()[..bytes.len()]);
    }
}

#[derive(Debug)]
struct Network {
    accepted: mpsc::UnboundedSender<Peer>,
    down: BTreeSet<&'static str>,
}

#[async_trait]
impl Connector for Network {
    async fn connect(&self, address: &str) -> io::Result<Box<dyn Stream>> {
        if self.down.contains(address) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let peer = Peer {
            address: address.to_owned(),
            stream: theirs,
            layer: None,
            raw: BytesMut::new(),
            plain: BytesMut::new(),
        };
        self.accepted.send(peer).map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(Box::new(ours))
    }
}

/// Where connections arrive.
pub(crate) struct Listener(mpsc::UnboundedReceiver<Peer>);

impl Listener {
    pub(crate) async fn accept(&mut self) -> Peer {
        timeout(BOUND, self.0.recv())
            .await
            .expect("a connection in time")
            .expect("a client")
    }

    /// Accepts a connection and lets the token in.
    pub(crate) async fn accept_token(&mut self) -> Peer {
        let mut peer = self.accept().await;
        peer.log_in(Qop::Auth).await;
        peer
    }
}

/// Options over a network of which some addresses refuse.
pub(crate) fn network(down: &[&'static str]) -> (IpcOptions, Listener) {
    let (accepted, listener) = mpsc::unbounded_channel();
    let connector = Arc::new(Network {
        accepted,
        down: down.iter().copied().collect(),
    });
    (
        IpcOptions {
            connector,
            call_timeout: BOUND,
            ..Default::default()
        },
        Listener(listener),
    )
}

/// The server's end of one connection.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: String,
    pub(crate) stream: DuplexStream,
    pub(crate) layer: Option<(Sealer, Opener)>,
    raw: BytesMut,
    plain: BytesMut,
}

/// A request that arrived.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) header: RpcRequestHeaderProto,
    pub(crate) method: String,
    pub(crate) request: Bytes,
}

impl Incoming {
    pub(crate) fn decode<M: Message + Default>(&self) -> M {
        M::decode(self.request.clone()).unwrap()
    }
}

impl Peer {
    /// Exactly this many raw bytes.
    pub(crate) async fn bytes(&mut self, count: usize) -> Bytes {
        while self.raw.len() < count {
            self.fill().await;
        }
        self.raw.split_to(count).freeze()
    }

    async fn fill(&mut self) {
        let read = timeout(BOUND, self.stream.read_buf(&mut self.raw))
            .await
            .expect("bytes in time")
            .unwrap();
        assert_ne!(read, 0, "the client closed the connection");
    }

    /// True when the client has closed the connection.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        timeout(BOUND, self.stream.read_to_end(&mut rest))
            .await
            .is_ok_and(|read| read.is_ok())
            && rest.is_empty()
    }

    async fn raw_frame(&mut self) -> Bytes {
        let length = self.bytes(4).await;
        let length = u32::from_be_bytes(length[..].try_into().unwrap());
        self.bytes(length as usize).await
    }

    /// The next frame, unwrapped if the connection is protected.
    pub(crate) async fn frame(&mut self) -> Bytes {
        if self.layer.is_none() {
            return self.raw_frame().await;
        }
        loop {
            if let Some(length) = self
                .plain
                .first_chunk::<4>()
                .map(|length| u32::from_be_bytes(*length) as usize)
                && self.plain.len() >= 4 + length
            {
                return self.plain.split_to(4 + length).freeze().slice(4..);
            }
            let mut frame = self.raw_frame().await;
            let header = RpcRequestHeaderProto::decode_length_delimited(&mut frame).unwrap();
            let message = RpcSaslProto::decode_length_delimited(&mut frame).unwrap();
            assert_eq!((header.call_id, message.state()), (-33, SaslState::Wrap));
            let (_, opener) = self.layer.as_mut().unwrap();
            self.plain
                .extend_from_slice(&opener.open(&message.token.unwrap()).unwrap());
        }
    }

    pub(crate) async fn sasl(&mut self) -> RpcSaslProto {
        let mut frame = self.raw_frame().await;
        let header = RpcRequestHeaderProto::decode_length_delimited(&mut frame).unwrap();
        assert_eq!(header.call_id, -33);
        RpcSaslProto::decode_length_delimited(&mut frame).unwrap()
    }

    pub(crate) async fn context(&mut self) -> IpcConnectionContextProto {
        let mut frame = self.frame().await;
        let header = RpcRequestHeaderProto::decode_length_delimited(&mut frame).unwrap();
        assert_eq!(header.call_id, -3);
        IpcConnectionContextProto::decode_length_delimited(&mut frame).unwrap()
    }

    pub(crate) async fn call(&mut self) -> Incoming {
        let mut frame = self.frame().await;
        let header = RpcRequestHeaderProto::decode_length_delimited(&mut frame).unwrap();
        assert!(header.call_id >= 0, "call id {}", header.call_id);
        let method = RequestHeaderProto::decode_length_delimited(&mut frame)
            .unwrap()
            .method_name;
        let length = prost::decode_length_delimiter(&mut frame).unwrap();
        assert_eq!(length, frame.len());
        Incoming {
            header,
            method,
            request: frame,
        }
    }

    /// Answers the next call, which must be this method, and returns what it asked.
    pub(crate) async fn serve<Q: Message + Default>(&mut self, method: &str, answer: &impl Message) -> Q {
        let call = self.call().await;
        assert_eq!(call.method, method);
        self.reply(&call, answer).await;
        call.decode()
    }

    /// Refuses the next call, which must be this method.
    pub(crate) async fn refuse<Q: Message + Default>(&mut self, method: &str, class: &str, message: &str) -> Q {
        let call = self.call().await;
        assert_eq!(call.method, method);
        self.fail(call.header.call_id, RpcStatusProto::Error, class, message)
            .await;
        call.decode()
    }

    pub(crate) async fn reply(&mut self, call: &Incoming, answer: &impl Message) {
        let header = response(call.header.call_id, RpcStatusProto::Success);
        self.send(&header, Some(&answer.encode_length_delimited_to_vec())).await;
    }

    pub(crate) async fn fail(&mut self, call_id: i32, status: RpcStatusProto, class: &str, message: &str) {
        let header = RpcResponseHeaderProto {
            exception_class_name: Some(class.to_owned()),
            error_msg: Some(format!("{message}\n\tat a.B.c(B.java:1)")),
            ..response(call_id, status)
        };
        self.send(&header, None).await;
    }

    async fn send(&mut self, header: &RpcResponseHeaderProto, message: Option<&[u8]>) {
        let frame = frame(header, message);
        let Some((sealer, _)) = &mut self.layer else {
            return self.write(&frame).await;
        };
        // In parts, since a protected stream does not keep the borders of frames.
        let mut wrapped = Vec::new();
        for part in frame.chunks(7) {
            let token = Some(sealer.seal(part).unwrap());
            let wrap = RpcSaslProto {
                state: SaslState::Wrap.into(),
                token,
                ..Default::default()
            };
            let header = RpcResponseHeaderProto {
                call_id: -33_i32 as u32,
                status: RpcStatusProto::Success.into(),
                ..Default::default()
            };
            wrapped.extend(self::frame(&header, Some(&wrap.encode_length_delimited_to_vec())));
        }
        self.write(&wrapped).await;
    }

    pub(crate) async fn send_sasl(&mut self, state: SaslState, token: Option<Vec<u8>>, auths: Vec<SaslAuth>) {
        let message = RpcSaslProto {
            state: state.into(),
            token: token.map(Bytes::from),
            auths,
            ..Default::default()
        };
        let header = response(-33, RpcStatusProto::Success);
        self.write(&frame(&header, Some(&message.encode_length_delimited_to_vec())))
            .await;
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The server's side of a login with the captured token, and the context behind it.
    pub(crate) async fn log_in(&mut self, qop: Qop) {
        self.log_in_as(qop, &token()).await;
    }

    /// The same with another token.
    pub(crate) async fn log_in_with(&mut self, token: &Token) {
        self.log_in_as(Qop::Auth, token).await;
    }

    async fn log_in_as(&mut self, qop: Qop, token: &Token) {
        assert_eq!(self.bytes(7).await, &b"hrpc\x09\x00\xdf"[..]);
        assert_eq!(self.sasl().await.state(), SaslState::Negotiate);
        let text = challenge(qop);
        self.send_sasl(
            SaslState::Negotiate,
            None,
            vec![token_auth(Some(text.clone().into_bytes()))],
        )
        .await;
        let initiate = self.sasl().await;
        assert_eq!(initiate.state(), SaslState::Initiate);
        assert_eq!(initiate.auths, [token_auth(None)]);
        let challenge = Challenge::parse(text.as_bytes()).unwrap();
        let accepted = DigestMd5::for_token(token).accept(&challenge, &initiate.token.unwrap());
        let (proof, chosen, key) = accepted.unwrap();
        assert_eq!(chosen, qop);
        self.send_sasl(SaslState::Success, Some(proof), Vec::new()).await;
        self.layer = key.layer(qop, Cipher::TripleDes, Side::Server);
        assert_eq!(self.context().await.user_info.unwrap().effective_user, None);
    }
}

pub(crate) fn challenge(qop: Qop) -> String {
    let cipher = if qop == Qop::AuthConf {
        ",cipher=\"3des,rc4\""
    } else {
        ""
    };
    format!("realm=\"default\",nonce=\"{NONCE}\",qop=\"{qop}\",charset=utf-8{cipher},algorithm=md5-sess")
}

pub(crate) fn token_auth(challenge: Option<Vec<u8>>) -> SaslAuth {
    SaslAuth {
        method: "TOKEN".to_owned(),
        mechanism: "DIGEST-MD5".to_owned(),
        protocol: Some(String::new()),
        server_id: Some("default".to_owned()),
        challenge: challenge.map(Bytes::from),
    }
}

fn response(call_id: i32, status: RpcStatusProto) -> RpcResponseHeaderProto {
    RpcResponseHeaderProto {
        call_id: call_id as u32,
        status: status.into(),
        server_ipc_version_num: Some(9),
        ..Default::default()
    }
}

pub(crate) fn frame(header: &RpcResponseHeaderProto, message: Option<&[u8]>) -> Vec<u8> {
    let mut body = header.encode_length_delimited_to_vec();
    body.extend_from_slice(message.unwrap_or_default());
    [&(body.len() as u32).to_be_bytes()[..], &body].concat()
}
