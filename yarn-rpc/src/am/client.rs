//! The ApplicationMaster's side of its conversation with the ResourceManager.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::{Instant, sleep};
use yarn_common::{id::ContainerId, token::Token};

use super::{Allocation, AmError, AskTable, NmTokenCache, Registration, events, exchange::Exchange};
use crate::{
    ipc::{ExceptionKind, Identity, IpcClient, IpcError, IpcOptions, Protocol},
    proto::yarn::{
        AllocateResponseProto, AmCommandProto, FinalApplicationStatusProto, FinishApplicationMasterRequestProto,
        FinishApplicationMasterResponseProto, RegisterApplicationMasterRequestProto,
        RegisterApplicationMasterResponseProto,
    },
    retry::{Outcome, RetryPolicy, Servers},
    types::FinalStatus,
};

/// A ResourceManager that forgets us more often than this within one heartbeat is broken.
const MAX_RESYNCS: usize = 3;
const FINISH_POLL: Duration = Duration::from_millis(100);
const FINISH_PATIENCE: Duration = Duration::from_secs(60);

/// How an [`AmClient`] finds and treats the ResourceManager.
#[derive(Clone, Debug)]
pub struct AmOptions {
    /// Scheduler addresses (`host:port`, default port 8030), one per ResourceManager.
    pub addresses: Vec<String>,
    /// The AMRM token from the container's credentials file.
    pub token: Token,
    /// How long to look for an active ResourceManager.
    pub retry: RetryPolicy,
    /// Time-outs and limits of the connection.
    pub ipc: IpcOptions,
}

impl AmOptions {
    /// Hadoop's defaults.
    pub fn new(addresses: Vec<String>, token: Token) -> Self {
        Self {
            addresses,
            token,
            retry: RetryPolicy::RESOURCE_MANAGER,
            ipc: IpcOptions::default(),
        }
    }
}

/// Speaks ApplicationMasterProtocol: register, heartbeat, finish.
///
/// Heartbeats must not stop for longer than `yarn.am.liveness-monitor.expiry-interval-ms`, else the ResourceManager
/// ends the attempt. `allocate` and `finish` may be cancelled: the next call goes on where the cancelled one stood. A
/// cancelled `register` cannot be repeated, since the ResourceManager takes only one from each attempt.
#[derive(Debug)]
pub struct AmClient {
    servers: Servers,
    exchange: Exchange,
    nm_tokens: NmTokenCache,
    /// What was registered, to be said again after the ResourceManager restarts.
    introduction: Option<RegisterApplicationMasterRequestProto>,
    registered: bool,
}

impl AmClient {
    /// A client that connects with its first call.
    ///
    /// # Errors
    /// [`AmError::NoAddress`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(options: AmOptions) -> Result<Self, AmError> {
        if options.addresses.is_empty() {
            return Err(AmError::NoAddress);
        }
        let identity = Identity::Token(options.token);
        let connect = |address: String| {
            IpcClient::new(
                address,
                Protocol::APPLICATION_MASTER,
                identity.clone(),
                options.ipc.clone(),
            )
        };
        let clients = options.addresses.into_iter().map(connect).collect();
        Ok(Self {
            servers: Servers::new(clients, options.retry),
            exchange: Exchange::default(),
            nm_tokens: NmTokenCache::new(),
            introduction: None,
            registered: false,
        })
    }

    /// The NM tokens received so far; give a clone to [`NmClient`](crate::nm::NmClient).
    pub fn nm_tokens(&self) -> &NmTokenCache {
        &self.nm_tokens
    }

    /// The containers wanted. Changes travel with the next heartbeat.
    pub fn asks(&mut self) -> &mut AskTable {
        &mut self.exchange.asks
    }

    /// Gives a container back, running or not, with the next heartbeat.
    pub fn release(&mut self, container: ContainerId) {
        self.exchange.release(container);
    }

    /// Sets the hosts and racks that get no containers of this application, from the next heartbeat on.
    pub fn set_blacklist(&mut self, hosts: BTreeSet<String>) {
        self.exchange.set_blacklist(hosts);
    }

    /// Changes the address of the user interface with the next heartbeat.
    pub fn set_tracking_url(&mut self, url: impl Into<String>) {
        let url = url.into();
        if let Some(introduction) = &mut self.introduction {
            introduction.tracking_url = Some(url.clone());
        }
        self.exchange.set_tracking_url(url);
    }

    /// True when the next heartbeat carries more than a sign of life, so that it is worth sending at once.
    pub fn has_news(&self) -> bool {
        self.exchange.has_news()
    }

    /// Registers this attempt. `rpc_port` and `tracking_url` are what YARN shows to users; the URL may be empty.
    ///
    /// # Errors
    /// See [`AmError`].
    pub async fn register(
        &mut self,
        host: &str,
        rpc_port: Option<u16>,
        tracking_url: &str,
    ) -> Result<Registration, AmError> {
        let introduction = RegisterApplicationMasterRequestProto {
            host: Some(host.to_owned()),
            rpc_port: Some(rpc_port.map_or(-1, i32::from)),
            tracking_url: Some(tracking_url.to_owned()),
            placement_constraints: Vec::new(),
        };
        let registration = self.introduce(&introduction).await?;
        self.introduction = Some(introduction);
        self.registered = true;
        Ok(registration)
    }

    /// Sends a heartbeat with everything that changed since the last one, and returns the news.
    ///
    /// After a transport error the ResourceManager is looked for at every address until the retry policy gives up. If
    /// it has forgotten this attempt, the client registers again and repeats what it wants.
    ///
    /// # Errors
    /// See [`AmError`]. An ask that is refused stays in the table and has to be taken out.
    pub async fn allocate(&mut self, progress: f32) -> Result<Allocation, AmError> {
        let mut resynchronised = false;
        for _ in 0..MAX_RESYNCS {
            resynchronised |= self.ensure_registered().await?;
            let request = self.exchange.request(progress);
            let outcome: Outcome<AllocateResponseProto> = self.servers.call("allocate", &request).await;
            match self.heard(outcome)? {
                Some(response) => return self.news(response, resynchronised),
                None => self.forgotten(),
            }
        }
        Err(AmError::Resync(MAX_RESYNCS))
    }

    /// Unregisters with the final status and returns once the ResourceManager has stored it. Only then may the process
    /// exit; exiting earlier counts as a failed attempt.
    ///
    /// # Errors
    /// See [`AmError`].
    pub async fn finish(&mut self, status: FinalStatus, diagnostics: &str, tracking_url: &str) -> Result<(), AmError> {
        let request = FinishApplicationMasterRequestProto {
            diagnostics: Some(diagnostics.to_owned()),
            tracking_url: Some(tracking_url.to_owned()),
            final_application_status: Some(final_status(status).into()),
        };
        let started = Instant::now();
        while started.elapsed() < FINISH_PATIENCE {
            self.ensure_registered().await?;
            let outcome: Outcome<FinishApplicationMasterResponseProto> =
                self.servers.call("finishApplicationMaster", &request).await;
            match outcome.result {
                Ok(answer) if answer.is_unregistered() => {
                    self.registered = false;
                    self.introduction = None;
                    return Ok(());
                }
                Ok(_) => sleep(FINISH_POLL).await,
                Err(error) if kind(&error) == Some(ExceptionKind::ApplicationMasterNotRegistered) => self.forgotten(),
                Err(source) => return Err(failed("finishApplicationMaster", outcome.retries, source)),
            }
        }
        Err(AmError::NotUnregistered(FINISH_PATIENCE))
    }

    /// What an answer to a heartbeat means: a response, or `None` when we have to register again.
    fn heard(&mut self, outcome: Outcome<AllocateResponseProto>) -> Result<Option<AllocateResponseProto>, AmError> {
        match outcome.result {
            Ok(response) => match response
                .a_m_command
                .and_then(|command| AmCommandProto::try_from(command).ok())
            {
                Some(AmCommandProto::AmResync) => Ok(None),
                Some(AmCommandProto::AmShutdown) => Err(AmError::AttemptOver("it was told to shut down".to_owned())),
                None => Ok(Some(response)),
            },
            Err(error) if kind(&error) == Some(ExceptionKind::ApplicationMasterNotRegistered) => Ok(None),
            Err(error) => {
                if error.remote().is_some() {
                    self.exchange.refused();
                }
                Err(failed("allocate", outcome.retries, error))
            }
        }
    }

    fn news(&mut self, response: AllocateResponseProto, resynchronised: bool) -> Result<Allocation, AmError> {
        let answered = self.exchange.answered(response);
        let mut allocation = answered.map_err(|source| AmError::Answer {
            step: "allocate",
            source,
        })?;
        allocation.resynchronised = resynchronised;
        for (node, token) in &allocation.nm_tokens {
            self.nm_tokens.put(node.clone(), token.clone());
        }
        if let Some(token) = allocation.am_rm_token.take() {
            // The present connection stays valid; the next login needs the new token.
            self.servers.set_identity(&Identity::Token(token));
        }
        Ok(allocation)
    }

    fn forgotten(&mut self) {
        tracing::info!("the ResourceManager has forgotten this attempt; registering again");
        self.registered = false;
        self.exchange.resync();
    }

    /// Registers again where that is necessary; true if it was.
    async fn ensure_registered(&mut self) -> Result<bool, AmError> {
        if self.registered {
            return Ok(false);
        }
        let introduction = self.introduction.clone().ok_or(AmError::NotRegistered)?;
        match self.introduce(&introduction).await {
            // The answer to an earlier try was lost.
            Err(error) if already_registered(&error) => {}
            result => drop(result?),
        }
        self.registered = true;
        Ok(true)
    }

    async fn introduce(
        &mut self,
        introduction: &RegisterApplicationMasterRequestProto,
    ) -> Result<Registration, AmError> {
        const STEP: &str = "registerApplicationMaster";
        let outcome: Outcome<RegisterApplicationMasterResponseProto> = self.servers.call(STEP, introduction).await;
        let response = outcome.result.map_err(|source| failed(STEP, outcome.retries, source))?;
        let (registration, tokens) =
            events::registered(response).map_err(|source| AmError::Answer { step: STEP, source })?;
        for (node, token) in tokens {
            self.nm_tokens.put(node, token);
        }
        Ok(registration)
    }
}

fn kind(error: &IpcError) -> Option<ExceptionKind> {
    error.remote().map(|exception| exception.kind())
}

fn failed(step: &'static str, retries: u32, source: IpcError) -> AmError {
    match source.remote() {
        Some(exception) if exception.kind() == ExceptionKind::ApplicationAttemptNotFound => {
            AmError::AttemptOver(exception.to_string())
        }
        _ => AmError::Call { step, retries, source },
    }
}

fn already_registered(error: &AmError) -> bool {
    error.exception().is_some_and(|exception| {
        exception.kind() == ExceptionKind::InvalidApplicationMasterRequest
            && exception.message().contains("already registered")
    })
}

fn final_status(status: FinalStatus) -> FinalApplicationStatusProto {
    match status {
        FinalStatus::Succeeded => FinalApplicationStatusProto::AppSucceeded,
        FinalStatus::Failed => FinalApplicationStatusProto::AppFailed,
        FinalStatus::Killed => FinalApplicationStatusProto::AppKilled,
    }
}
