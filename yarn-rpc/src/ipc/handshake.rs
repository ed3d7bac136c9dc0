//! From a fresh byte stream to a connection that takes calls: preamble, login, connection context.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use yarn_common::{
    sasl::{Challenge, DigestMd5, DigestSession, GssapiLogin, Opener, SaslError, Sealer},
    token::Token,
};

use super::{
    Identity, IpcError, IpcOptions, KerberosLogin, LoginError, Protocol, Stream, WireError,
    buffers::{Inbound, Outbound},
    frame::{self, SASL_CALL},
};
use crate::proto::common::{
    RpcSaslProto,
    rpc_response_header_proto::RpcStatusProto,
    rpc_sasl_proto::{SaslAuth, SaslState},
};

/// Everything that a login needs to know.
#[derive(Clone, Copy)]
pub(super) struct Greeting<'a> {
    pub(super) address: &'a str,
    pub(super) identity: &'a Identity,
    pub(super) protocol: Protocol,
    pub(super) client_id: &'a Bytes,
    pub(super) options: &'a IpcOptions,
}

/// A connection that takes calls. The context may still wait in `outbound`: it travels with the first call.
pub(super) struct Established {
    pub(super) stream: Box<dyn Stream>,
    pub(super) inbound: Inbound,
    pub(super) outbound: Outbound,
}

impl Greeting<'_> {
    /// Greets the server and logs in.
    pub(super) async fn establish(&self, stream: Box<dyn Stream>) -> Result<Established, IpcError> {
        let inbound = Inbound::new(self.options.max_response);
        let established = Established {
            stream,
            inbound,
            outbound: Outbound::default(),
        };
        let mut login = Login {
            greeting: *self,
            on: established,
        };
        let user = match self.identity {
            Identity::Simple { user } => {
                login.push(&frame::preamble(false))?;
                Some(user.as_str())
            }
            Identity::Token(_) | Identity::Kerberos(_) => login.with_sasl().await?,
        };
        login.push(&frame::context_frame(self.client_id, self.protocol, user))?;
        Ok(login.on)
    }

    fn lost(&self, reason: impl ToString) -> IpcError {
        IpcError::ConnectionLost {
            address: self.address.to_owned(),
            reason: reason.to_string(),
        }
    }

    fn failed(&self, source: impl Into<LoginError>) -> IpcError {
        IpcError::Login {
            address: self.address.to_owned(),
            source: source.into(),
        }
    }

    fn wire(&self, source: WireError) -> IpcError {
        IpcError::Wire {
            address: self.address.to_owned(),
            source,
        }
    }
}

struct Login<'a> {
    greeting: Greeting<'a>,
    on: Established,
}

impl<'a> Login<'a> {
    fn push(&mut self, bytes: &[u8]) -> Result<(), IpcError> {
        let pushed = self.on.outbound.push(bytes);
        pushed.map_err(|error| self.greeting.wire(error))
    }

    /// Logs in with a token or a ticket. The result is the user to name in the context: none where the login proves the
    /// caller.
    async fn with_sasl(&mut self) -> Result<Option<&'a str>, IpcError> {
        self.push(&frame::preamble(true))?;
        self.send(SaslState::Negotiate, None, Vec::new()).await?;
        let offer = self.receive().await?;
        match offer.state() {
            // A server without logins: another SASL message would be fatal.
            SaslState::Success => self.simple_user().map(Some),
            SaslState::Negotiate => self.choose(offer.auths).await,
            _ => Err(self.out_of_turn(&offer)),
        }
    }

    /// Takes the first login that the server offers and that we can do.
    async fn choose(&mut self, offered: Vec<SaslAuth>) -> Result<Option<&'a str>, IpcError> {
        for auth in &offered {
            match (auth.method.as_str(), auth.mechanism.as_str(), self.greeting.identity) {
                ("TOKEN", "DIGEST-MD5", Identity::Token(token)) => {
                    self.digest(auth.clone(), token).await?;
                    return Ok(None);
                }
                ("KERBEROS", "GSSAPI", Identity::Kerberos(kerberos)) => {
                    self.gssapi(auth.clone(), kerberos).await?;
                    return Ok(kerberos.effective_user.as_deref());
                }
                ("SIMPLE", ..) if self.greeting.options.simple_user.is_some() => {
                    let user = self.simple_user()?;
                    // The server sends no answer to this one.
                    self.send(SaslState::Initiate, Some(Bytes::new()), vec![auth.clone()])
                        .await?;
                    return Ok(Some(user));
                }
                _ => {}
            }
        }
        let offered: Vec<_> = offered
            .iter()
            .map(|auth| format!("{} {}", auth.method, auth.mechanism))
            .collect();
        Err(self.greeting.failed(LoginError::NothingInCommon {
            offered: offered.join(", ").replace(" ,", ",").trim().to_owned(),
            ours: match self.greeting.identity {
                Identity::Kerberos(_) => "KERBEROS GSSAPI",
                _ => "TOKEN DIGEST-MD5",
            },
        }))
    }

    /// The login with a ticket. Its steps may ask the key distribution centre, so they run where blocking is allowed.
    async fn gssapi(&mut self, mut auth: SaslAuth, kerberos: &KerberosLogin) -> Result<(), IpcError> {
        let (service, host) = (auth.protocol().to_owned(), auth.server_id().to_owned());
        kerberos
            .check_principal(self.greeting.address, &service, &host)
            .map_err(|error| self.greeting.failed(error))?;
        let (provider, weakest) = (kerberos.provider.clone(), self.greeting.options.weakest_protection);
        let begin = move || {
            let context = provider
                .initiate(&service, &host)
                .map_err(|error| SaslError::Gss(error.to_string()))?;
            let mut login = GssapiLogin::new(context, weakest);
            let token = login.begin()?;
            Ok((login, token))
        };
        let (mut login, token) = blocking(self.greeting, begin).await?;
        auth.challenge = None;
        self.send(SaslState::Initiate, Some(token.into()), vec![auth]).await?;
        loop {
            let message = self.receive().await?;
            match message.state() {
                SaslState::Challenge => {
                    let challenge = message.token.unwrap_or_default();
                    let respond = move || {
                        let answer = login.respond(&challenge)?;
                        Ok((login, answer))
                    };
                    let (again, answer) = blocking(self.greeting, respond).await?;
                    login = again;
                    self.send(SaslState::Response, Some(answer.into()), Vec::new()).await?;
                }
                SaslState::Success => {
                    let agreed = login.finish().map_err(|error| self.greeting.failed(error))?;
                    self.protect(agreed);
                    return Ok(());
                }
                _ => return Err(self.out_of_turn(&message)),
            }
        }
    }

    fn simple_user(&self) -> Result<&'a str, IpcError> {
        self.greeting
            .options
            .simple_user
            .as_deref()
            .ok_or_else(|| self.greeting.failed(LoginError::NoUser))
    }

    async fn digest(&mut self, mut auth: SaslAuth, token: &Token) -> Result<(), IpcError> {
        let digest = DigestMd5::for_token(token).with_weak_ciphers(self.greeting.options.allow_weak_ciphers);
        // The challenge may already be in the offer; it is not echoed.
        let mut session = None;
        let mut answer = Vec::new();
        if let Some(challenge) = auth.challenge.take() {
            let (response, started) = self.respond(&digest, &challenge)?;
            (answer, session) = (response, Some(started));
        }
        self.send(SaslState::Initiate, Some(answer.into()), vec![auth]).await?;
        let mut layer: Option<Option<(Sealer, Opener)>> = None;
        loop {
            let message = self.receive().await?;
            let content = message.token.as_deref().unwrap_or_default();
            match (message.state(), &session) {
                (SaslState::Challenge, None) => {
                    let (response, started) = self.respond(&digest, content)?;
                    session = Some(started);
                    self.send(SaslState::Response, Some(response.into()), Vec::new())
                        .await?;
                }
                (SaslState::Challenge, Some(started)) if layer.is_none() => {
                    layer = Some(started.verify(content).map_err(|error| self.greeting.failed(error))?);
                    self.send(SaslState::Response, Some(Bytes::new()), Vec::new()).await?;
                }
                (SaslState::Success, Some(started)) => {
                    let agreed = match layer {
                        Some(agreed) => agreed,
                        None => started.verify(content).map_err(|error| self.greeting.failed(error))?,
                    };
                    self.protect(agreed);
                    return Ok(());
                }
                _ => return Err(self.out_of_turn(&message)),
            }
        }
    }

    fn respond(&self, digest: &DigestMd5, challenge: &[u8]) -> Result<(Vec<u8>, DigestSession), IpcError> {
        let mut random = [0; 30];
        self.greeting.options.entropy.fill(&mut random);
        let nonce = STANDARD.encode(random);
        let challenge = Challenge::parse(challenge).map_err(|error| self.greeting.failed(error))?;
        let (response, session) = digest
            .respond(&challenge, &nonce)
            .map_err(|error| self.greeting.failed(error))?;
        let (agreed, weakest) = (session.qop(), self.greeting.options.weakest_protection);
        if agreed < weakest {
            return Err(self.greeting.failed(LoginError::TooWeak { agreed, weakest }));
        }
        Ok((response, session))
    }

    fn protect(&mut self, layer: Option<(Sealer, Opener)>) {
        if let Some((sealer, opener)) = layer {
            self.on.outbound.protect(sealer);
            self.on.inbound.protect(opener);
        }
    }

    fn out_of_turn(&self, message: &RpcSaslProto) -> IpcError {
        self.greeting
            .failed(LoginError::OutOfTurn(format!("SASL {:?}", message.state())))
    }

    async fn send(&mut self, state: SaslState, token: Option<Bytes>, auths: Vec<SaslAuth>) -> Result<(), IpcError> {
        let message = RpcSaslProto {
            version: None,
            state: state.into(),
            token,
            auths,
        };
        self.push(&frame::sasl_frame(&message))?;
        let written = self.on.stream.write_all_buf(self.on.outbound.bytes()).await;
        written.map_err(|error| self.greeting.lost(error))
    }

    async fn receive(&mut self) -> Result<RpcSaslProto, IpcError> {
        let response = loop {
            if let Some(response) = self.on.inbound.next().map_err(|error| self.greeting.wire(error))? {
                break response;
            }
            let read = self.on.stream.read_buf(self.on.inbound.buffer()).await;
            if read.map_err(|error| self.greeting.lost(error))? == 0 {
                return Err(self.greeting.lost("the server closed it during the login"));
            }
        };
        if response.header.status() != RpcStatusProto::Success {
            let exception = response.exception();
            return Err(IpcError::Remote {
                address: self.greeting.address.to_owned(),
                exception,
            });
        }
        if response.call_id() != SASL_CALL {
            return Err(self.greeting.failed(LoginError::OutOfTurn(format!(
                "an answer to call {}",
                response.call_id()
            ))));
        }
        let message = response.message().map_err(|error| self.greeting.wire(error))?;
        RpcSaslProto::decode(message).map_err(|_| self.greeting.wire(WireError::Malformed("a SASL message")))
    }
}

/// A step of a login that may block.
async fn blocking<T: Send + 'static>(
    greeting: Greeting<'_>,
    step: impl FnOnce() -> Result<T, SaslError> + Send + 'static,
) -> Result<T, IpcError> {
    let done = tokio::task::spawn_blocking(step).await;
    let result = done.unwrap_or_else(|error| Err(SaslError::Gss(error.to_string())));
    result.map_err(|error| greeting.failed(error))
}
