//! Frames: a length, a header, and up to two messages, each with its own length.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;

use super::{Protocol, RemoteException, WireError};
use crate::proto::common::{
    IpcConnectionContextProto, RequestHeaderProto, RpcKindProto, RpcRequestHeaderProto, RpcResponseHeaderProto,
    RpcSaslProto, UserInformationProto, rpc_request_header_proto::OperationProto,
};

/// Call ids that are not calls.
pub(super) const CONTEXT_CALL: i32 = -3;
pub(super) const PING_CALL: i32 = -4;
pub(super) const SASL_CALL: i32 = -33;

const LENGTH: usize = 4;
/// Holds a call with a small request.
const USUAL_FRAME: usize = 256;
/// A server that does not speak version 9 sends this instead of a length, then two strings.
const VERSION_MISMATCH: u32 = u32::MAX;
const MAX_MISMATCH_TEXT: usize = 64 * 1024;

/// The seven bytes that open a connection.
pub(super) fn preamble(sasl: bool) -> [u8; 7] {
    [b'h', b'r', b'p', b'c', 9, 0, if sasl { 0xdf } else { 0 }]
}

fn header(call_id: i32, client_id: &Bytes, retry: i32) -> RpcRequestHeaderProto {
    RpcRequestHeaderProto {
        rpc_kind: Some(RpcKindProto::RpcProtocolBuffer.into()),
        rpc_op: Some(OperationProto::RpcFinalPacket.into()),
        call_id,
        client_id: client_id.clone(),
        retry_count: Some(retry),
        ..Default::default()
    }
}

fn frame(write: impl FnOnce(&mut BytesMut)) -> BytesMut {
    let mut out = BytesMut::with_capacity(USUAL_FRAME);
    out.put_u32(0);
    write(&mut out);
    let length = (out.len() - LENGTH) as u32;
    out[..LENGTH].copy_from_slice(&length.to_be_bytes());
    out
}

/// A buffer grows, so encoding into one cannot fail.
fn put(out: &mut BytesMut, message: &impl Message) {
    message.encode_length_delimited(out).expect("a growing buffer has room");
}

/// A SASL message; a wrapped stream is made of these.
pub(super) fn sasl_frame(message: &RpcSaslProto) -> BytesMut {
    frame(|out| {
        put(out, &header(SASL_CALL, &Bytes::new(), -1));
        put(out, message);
    })
}

/// The connection context: the protocol, and the user where the login did not prove one.
pub(super) fn context_frame(client_id: &Bytes, protocol: Protocol, user: Option<&str>) -> BytesMut {
    let user_info = UserInformationProto {
        effective_user: user.map(str::to_owned),
        real_user: None,
    };
    let context = IpcConnectionContextProto {
        user_info: Some(user_info),
        protocol: Some(protocol.name.to_owned()),
    };
    frame(|out| {
        put(out, &header(CONTEXT_CALL, client_id, -1));
        put(out, &context);
    })
}

pub(super) fn ping_frame(client_id: &Bytes) -> BytesMut {
    frame(|out| put(out, &header(PING_CALL, client_id, -1)))
}

/// One call.
pub(super) struct CallFrame<'a> {
    pub(super) client_id: &'a Bytes,
    pub(super) call_id: i32,
    pub(super) retry: u32,
    pub(super) protocol: Protocol,
    pub(super) method: &'static str,
    pub(super) request: &'a [u8],
}

impl CallFrame<'_> {
    pub(super) fn encode(&self) -> BytesMut {
        let method = RequestHeaderProto {
            method_name: self.method.to_owned(),
            declaring_class_protocol_name: self.protocol.name.to_owned(),
            client_protocol_version: self.protocol.version,
        };
        frame(|out| {
            put(
                out,
                &header(self.call_id, self.client_id, self.retry.try_into().unwrap_or(i32::MAX)),
            );
            put(out, &method);
            prost::encode_length_delimiter(self.request.len(), out).expect("a growing buffer has room");
            out.put_slice(self.request);
        })
    }
}

/// An answer: its header, and the message behind it as long as it is not decoded.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) header: RpcResponseHeaderProto,
    rest: Bytes,
}

impl Response {
    pub(super) fn decode(mut frame: Bytes) -> Result<Self, WireError> {
        let header = take_delimited(&mut frame, "the response header")?;
        let header = RpcResponseHeaderProto::decode(header).map_err(|_| WireError::Malformed("the response header"))?;
        Ok(Self { header, rest: frame })
    }

    /// The call id as requests write it.
    pub(super) fn call_id(&self) -> i32 {
        self.header.call_id as i32
    }

    /// The bytes of the message, without its length.
    pub(super) fn message(mut self) -> Result<Bytes, WireError> {
        take_delimited(&mut self.rest, "the response message")
    }

    pub(super) fn exception(&self) -> RemoteException {
        let class = self.header.exception_class_name.as_deref().unwrap_or("unknown");
        RemoteException::new(class, self.header.error_msg.as_deref().unwrap_or_default())
    }
}

fn take_delimited(from: &mut Bytes, what: &'static str) -> Result<Bytes, WireError> {
    let length = prost::decode_length_delimiter(&mut *from).map_err(|_| WireError::Malformed(what))?;
    if length > from.len() {
        return Err(WireError::Malformed(what));
    }
    Ok(from.split_to(length))
}

/// Cuts one whole frame off the front, without its length. `None` when more bytes are needed.
pub(super) fn cut_frame(buffer: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, WireError> {
    let Some(first) = buffer.first_chunk::<LENGTH>() else {
        return Ok(None);
    };
    if first == b"HTTP" {
        return Err(WireError::Http);
    }
    let announced = u32::from_be_bytes(*first);
    if announced == VERSION_MISMATCH {
        return version_mismatch(&buffer[LENGTH..]);
    }
    let length = announced as usize;
    if length > limit {
        return Err(WireError::TooLarge { length, limit });
    }
    if buffer.len() < LENGTH + length {
        return Ok(None);
    }
    buffer.advance(LENGTH);
    Ok(Some(buffer.split_to(length).freeze()))
}

fn version_mismatch(after: &[u8]) -> Result<Option<Bytes>, WireError> {
    let mut rest = after;
    let mut texts = [const { String::new() }; 2];
    for text in &mut texts {
        let Some((length, behind)) = rest.split_first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*length) as usize;
        if length > MAX_MISMATCH_TEXT {
            return Err(WireError::Malformed("the version mismatch"));
        }
        let Some((bytes, behind)) = behind.split_at_checked(length) else {
            return Ok(None);
        };
        *text = String::from_utf8_lossy(bytes).into_owned();
        rest = behind;
    }
    let [class, message] = texts;
    Err(WireError::Version(RemoteException::new(class, &message)))
}
