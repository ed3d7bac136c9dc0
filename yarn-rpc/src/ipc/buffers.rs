//! Both directions of a connection as buffers: frames in and out, protected where the login agreed so.

use bytes::{Bytes, BytesMut};
use prost::Message;
use yarn_common::sasl::{Opener, Sealer};

use super::{
    WireError,
    frame::{self, Response, SASL_CALL},
};
use crate::proto::common::{RpcSaslProto, rpc_response_header_proto::RpcStatusProto, rpc_sasl_proto::SaslState};

/// What a peer that names no limit must accept, less what the protection adds.
const MAX_WRAPPED: usize = 65536 - WRAP_OVERHEAD;
/// More than a protected message adds to what it holds.
const WRAP_OVERHEAD: usize = 64;

/// Bytes received, cut into answers.
#[derive(Debug)]
pub(super) struct Inbound {
    raw: BytesMut,
    /// What protected messages hold; their borders mean nothing for the frames inside.
    plain: BytesMut,
    opener: Option<Opener>,
    limit: usize,
}

impl Inbound {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            raw: BytesMut::new(),
            plain: BytesMut::new(),
            opener: None,
            limit,
        }
    }

    /// Where received bytes go. It grows by what arrives, never by what a length announces.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        self.raw.reserve(8 * 1024);
        &mut self.raw
    }

    /// From here on everything is protected.
    pub(super) fn protect(&mut self, opener: Opener) {
        self.opener = Some(opener);
    }

    /// The next answer, or `None` when more bytes are needed.
    pub(super) fn next(&mut self) -> Result<Option<Response>, WireError> {
        if self.opener.is_none() {
            return frame::cut_frame(&mut self.raw, self.limit)?
                .map(Response::decode)
                .transpose();
        }
        loop {
            if let Some(whole) = frame::cut_frame(&mut self.plain, self.limit)? {
                return Response::decode(whole).map(Some);
            }
            let Some(wrapped) = frame::cut_frame(&mut self.raw, self.limit + WRAP_OVERHEAD)? else {
                return Ok(None);
            };
            let response = Response::decode(wrapped)?;
            if response.call_id() != SASL_CALL || response.header.status() != RpcStatusProto::Success {
                // A server that gives up may say so in the clear; its exception is no answer to any call.
                return Ok(Some(response));
            }
            let message =
                RpcSaslProto::decode(response.message()?).map_err(|_| WireError::Malformed("a SASL message"))?;
            self.unwrap(message)?;
        }
    }

    fn unwrap(&mut self, message: RpcSaslProto) -> Result<(), WireError> {
        if message.state() != SaslState::Wrap {
            return Err(WireError::Malformed("a SASL message within a protected stream"));
        }
        if let Some(opener) = &mut self.opener {
            self.plain
                .extend_from_slice(&opener.open(&message.token.unwrap_or_default())?);
        }
        Ok(())
    }
}

/// Bytes to send.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    bytes: BytesMut,
    sealer: Option<Sealer>,
}

impl Outbound {
    /// From here on everything is protected.
    pub(super) fn protect(&mut self, sealer: Sealer) {
        self.sealer = Some(sealer);
    }

    /// Queues bytes as they are or protected.
    ///
    /// # Errors
    /// [`WireError::Protection`] where the protection cannot go on.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let Some(sealer) = &mut self.sealer else {
            self.bytes.extend_from_slice(bytes);
            return Ok(());
        };
        let limit = sealer.max_message().unwrap_or(MAX_WRAPPED).min(MAX_WRAPPED);
        for part in bytes.chunks(limit) {
            let token: Bytes = sealer.seal(part)?;
            let wrap = RpcSaslProto {
                state: SaslState::Wrap.into(),
                token: Some(token),
                ..Default::default()
            };
            self.bytes.extend_from_slice(&frame::sasl_frame(&wrap));
        }
        Ok(())
    }

    /// What waits to be written; a writer takes it from the front.
    pub(super) fn bytes(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}
